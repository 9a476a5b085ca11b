import { afterAll, expect, it } from "vitest";
import { BpfMapType } from "../../src/uapi/index.ts";
import { onCpu } from "../support/on-cpu.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { type Pair, room, Twins } from "./twins.ts";

const TYPES = [
  BpfMapType.HASH,
  BpfMapType.ARRAY,
  BpfMapType.PERCPU_HASH,
  BpfMapType.PERCPU_ARRAY,
  BpfMapType.LRU_HASH,
  BpfMapType.LRU_PERCPU_HASH,
];
const FLAGS = [
  0n,
  1n,
  2n,
  3n,
  4n,
  5n,
  6n,
  7n,
  8n,
  9n,
  16n,
  24n,
  32n,
  1n << 31n,
  1n << 32n,
  (1n << 32n) | 1n,
  (1n << 32n) | 8n,
  1n << 63n,
  (1n << 64n) - 1n,
];
const BAD = 0x10n;
/** More than any value of these tests has, on all CPUs. */
const ROOM = 512;

const key = (value: number) => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
};
const value = (fill: number) => new Uint8Array(ROOM).map((_, i) => (fill * 31 + i) & 0xff);

describeWith([liveKernel("6.18")], "element commands as Linux", async () => {
  const twins = await Twins.meet();
  afterAll(() => twins[Symbol.dispose]());

  const make = (mapType: number, more: Record<string, number> = {}) =>
    twins.mustOpen("MAP_CREATE", { mapType, keySize: 4, valueSize: 8, maxEntries: 4, ...more });
  const update = (mapFd: Pair, at: number, fill: number, flags: number | bigint = 0) =>
    twins.call("MAP_UPDATE_ELEM", { mapFd, key: key(at), value: value(fill), flags });
  const lookup = (mapFd: Pair, at: number, flags: number | bigint = 0) =>
    twins.call("MAP_LOOKUP_ELEM", { mapFd, key: key(at), value: room(ROOM), flags });
  const every = (act: (map: Pair, type: number) => void, more: Record<string, number> = {}) => {
    for (const type of TYPES) {
      const map = make(type, more);
      act(map, type);
      twins.close(map);
    }
    expect(twins.taken()).toEqual([]);
  };

  it("flags of updates, on elements that are there and that are not", () => {
    every((map) => {
      for (const flags of FLAGS) {
        update(map, 1, 1, flags);
        lookup(map, 1);
        update(map, 1, 2, flags);
        lookup(map, 1);
        twins.call("MAP_DELETE_ELEM", { mapFd: map, key: key(1) });
        update(map, 4, 2, flags);
        update(map, 0xffff_ffff, 2, flags);
        lookup(map, 0);
        lookup(map, 4);
      }
    });
  });

  it("flags of look-ups", () => {
    every((map) => {
      update(map, 1, 1);
      for (const flags of FLAGS) {
        lookup(map, 1, flags);
        lookup(map, 2, flags);
        lookup(map, 9, flags);
        for (const at of [1, 2]) {
          twins.call("MAP_LOOKUP_AND_DELETE_ELEM", { mapFd: map, key: key(at), value: room(ROOM), flags });
          update(map, 1, 3);
        }
      }
    });
  });

  it("value sizes and their padding", () => {
    for (const valueSize of [1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 63, 64, 65]) {
      for (const keySize of [1, 3, 4, 8, 13]) {
        for (const type of TYPES) {
          if (keySize !== 4 && (type === BpfMapType.ARRAY || type === BpfMapType.PERCPU_ARRAY)) continue;
          const map = make(type, { keySize, valueSize });
          const long = { mapFd: map, key: new Uint8Array(16).fill(3 & (keySize === 4 ? 0 : 3)) };
          twins.call("MAP_UPDATE_ELEM", { ...long, value: value(valueSize) });
          twins.call("MAP_LOOKUP_ELEM", { ...long, value: room(ROOM) });
          twins.call("MAP_GET_NEXT_KEY", { mapFd: map, key: 0, nextKey: room(16) });
          twins.close(map);
        }
      }
    }
    expect(twins.taken()).toEqual([]);
  });

  it("full maps", async () => {
    // What is evicted depends on the CPU.
    await onCpu(0, () => {
      every((map) => {
        for (let i = 0; i < 7; i++) update(map, i, i);
        for (let i = 0; i < 7; i++) update(map, i, i + 1);
        for (let i = 0; i < 7; i++) update(map, i, i + 2, 1);
        for (let i = 0; i < 7; i++) update(map, i, i + 3, 2);
        twins.call("MAP_DELETE_ELEM", { mapFd: map, key: key(2) });
        twins.call("MAP_DELETE_ELEM", { mapFd: map, key: key(77) });
        update(map, 5, 5);
        update(map, 6, 6);
        for (let i = 0; i < 7; i++) lookup(map, i);
      });
      every(
        (map) => {
          for (let i = 0; i < 7; i++) update(map, i, i);
          for (let i = 0; i < 7; i++) lookup(map, i);
        },
        { mapFlags: 0, maxEntries: 1 },
      );
      for (const type of [BpfMapType.HASH, BpfMapType.PERCPU_HASH]) {
        const map = make(type, { mapFlags: 1 });
        for (let i = 0; i < 7; i++) update(map, i, i);
        for (let i = 0; i < 7; i++) update(map, i, i + 9);
        for (let i = 0; i < 7; i++) lookup(map, i);
        twins.close(map);
      }
      expect(twins.taken()).toEqual([]);
    });
  });

  it("pointers", () => {
    every((map) => {
      update(map, 1, 1);
      for (const bad of [0n, BAD]) {
        for (const at of [1, 3, 99]) {
          for (const flags of [0n, 1n, 2n, 8n]) {
            const pair = { mapFd: map, flags };
            twins.call("MAP_LOOKUP_ELEM", { ...pair, key: bad, value: room(ROOM) });
            twins.call("MAP_LOOKUP_ELEM", { ...pair, key: key(at), value: bad });
            twins.call("MAP_LOOKUP_ELEM", { ...pair, key: bad, value: bad });
            twins.call("MAP_UPDATE_ELEM", { ...pair, key: bad, value: value(1) });
            twins.call("MAP_UPDATE_ELEM", { ...pair, key: key(at), value: bad });
            twins.call("MAP_LOOKUP_AND_DELETE_ELEM", { ...pair, key: bad, value: room(ROOM) });
            twins.call("MAP_LOOKUP_AND_DELETE_ELEM", { ...pair, key: key(at), value: bad });
            lookup(map, 1);
            update(map, 1, 1);
          }
        }
        twins.call("MAP_DELETE_ELEM", { mapFd: map, key: bad });
        twins.call("MAP_GET_NEXT_KEY", { mapFd: map, key: bad, nextKey: room(16) });
        twins.call("MAP_GET_NEXT_KEY", { mapFd: map, key: key(9), nextKey: bad });
        twins.call("MAP_GET_NEXT_KEY", { mapFd: map, key: key(3), nextKey: bad });
      }
    });
  });

  it("descriptors that are no maps", () => {
    for (const mapFd of [0, 1, 2, 7777, 0xffff_ffff, 0x7fff_ffff]) {
      const fields = { mapFd, key: key(1), value: room(ROOM) };
      twins.call("MAP_LOOKUP_ELEM", fields);
      twins.call("MAP_LOOKUP_ELEM", { ...fields, flags: 8 });
      twins.call("MAP_UPDATE_ELEM", fields);
      twins.call("MAP_UPDATE_ELEM", { ...fields, flags: 99 });
      twins.call("MAP_LOOKUP_AND_DELETE_ELEM", fields);
      twins.call("MAP_LOOKUP_AND_DELETE_ELEM", { ...fields, flags: 99 });
      twins.call("MAP_DELETE_ELEM", { mapFd, key: key(1) });
      twins.call("MAP_GET_NEXT_KEY", { mapFd, key: key(1), nextKey: room(8) });
      twins.call("MAP_FREEZE", { mapFd });
      twins.call("MAP_LOOKUP_BATCH", { mapFd, count: 3 });
      twins.call("MAP_LOOKUP_BATCH", { mapFd, count: 0 });
      twins.call("MAP_UPDATE_BATCH", { mapFd, count: 3 });
    }
    expect(twins.taken()).toEqual([]);
  });

  it("next keys: the same set, and the same ends", () => {
    every((map, type) => {
      twins.call("MAP_GET_NEXT_KEY", { mapFd: map, key: 0, nextKey: room(8) }, { ignore: ["nextKey"] });
      for (const at of [3, 0, 2]) update(map, at, at);
      twins.both("keys", (side) => {
        const keys: string[] = [];
        let at: Uint8Array | null = null;
        while ((at = side.sys.mapGetNextKey({ mapFd: side.of(map), key: at, keySize: 4 })) !== null) {
          keys.push(at.join("."));
        }
        return keys.sort();
      });
      const ordered = type === BpfMapType.ARRAY || type === BpfMapType.PERCPU_ARRAY;
      const ignore = ordered ? [] : ["nextKey"];
      // A key that is not there starts over.
      for (const at of [1, 4, 5, 99, 0xffff_ffff])
        twins.call("MAP_GET_NEXT_KEY", { mapFd: map, key: key(at), nextKey: room(8) }, { ignore });
    });
  });

  it("frozen maps, and maps that system calls may only read or write", () => {
    const use = (map: Pair) => {
      update(map, 1, 1);
      update(map, 1, 1, 99);
      lookup(map, 1);
      lookup(map, 1, 99);
      twins.call("MAP_LOOKUP_ELEM", { mapFd: map, key: 0, value: 0 });
      twins.call("MAP_UPDATE_ELEM", { mapFd: map, key: 0, value: 0 });
      twins.call("MAP_DELETE_ELEM", { mapFd: map, key: key(1) });
      twins.call("MAP_DELETE_ELEM", { mapFd: map, key: 0 });
      twins.call("MAP_GET_NEXT_KEY", { mapFd: map, key: 0, nextKey: room(8) }, { ignore: ["nextKey"] });
      twins.call("MAP_LOOKUP_AND_DELETE_ELEM", { mapFd: map, key: key(1), value: room(ROOM) });
      twins.call("MAP_LOOKUP_AND_DELETE_ELEM", { mapFd: map, key: key(1), value: room(ROOM), flags: 64 });
      for (const command of [
        "MAP_LOOKUP_BATCH",
        "MAP_LOOKUP_AND_DELETE_BATCH",
        "MAP_UPDATE_BATCH",
        "MAP_DELETE_BATCH",
      ] as const) {
        for (const count of [0, 2]) {
          const fields = { mapFd: map, keys: key(1), values: room(ROOM), outBatch: room(8), count };
          twins.call(command, fields, { ignore: ["outBatch"] });
        }
      }
    };
    every((map) => {
      twins.call("MAP_FREEZE", { mapFd: map });
      twins.call("MAP_FREEZE", { mapFd: map });
      use(map);
    });
    for (const mapFlags of [8, 16, 128, 256]) {
      every(
        (map) => {
          use(map);
          twins.call("MAP_FREEZE", { mapFd: map });
          twins.call("MAP_FREEZE", { mapFd: map });
          use(map);
        },
        { mapFlags },
      );
    }
  });

  it("tails and sizes of the attribute", () => {
    const map = make(BpfMapType.HASH);
    update(map, 1, 1);
    for (let at = 0; at < 64; at++) {
      const tail = new Uint8Array(at + 1);
      tail[at] = 1;
      twins.call("MAP_LOOKUP_ELEM", { mapFd: map, key: key(1), value: room(ROOM) }, { tail });
      twins.call("MAP_DELETE_ELEM", { mapFd: map, key: key(9) }, { tail });
      twins.call("MAP_GET_NEXT_KEY", { mapFd: map, key: 0, nextKey: room(8) }, { tail });
      twins.call("MAP_FREEZE", { mapFd: map }, { tail });
      twins.call("MAP_LOOKUP_BATCH", { mapFd: map }, { tail });
    }
    // Sizes that would cut a pointer in two are left out.
    for (const size of [0, 1, 3, 4, 5, 8, 16, 24, 25, 28, 32, 33, 40]) {
      twins.call("MAP_LOOKUP_ELEM", { mapFd: map, key: key(1), value: room(ROOM) }, { size });
      twins.call("MAP_DELETE_ELEM", { mapFd: map, key: key(9) }, { size });
    }
    twins.close(map);
    expect(twins.taken()).toEqual([]);
  });
});
