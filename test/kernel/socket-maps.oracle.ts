import { afterAll, expect, it } from "vitest";
import { BpfMapFlag, BpfMapType } from "../../src/uapi/index.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { room, Twins } from "./twins.ts";

const TYPES = [BpfMapType.SOCKMAP, BpfMapType.SOCKHASH, BpfMapType.REUSEPORT_SOCKARRAY];
const FLAGS = [0, 1, 2, 3, 4, 5, 8, 1n << 32n];
const BAD_FD = 4321;

const word = (value: number) => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return bytes;
};

describeWith([liveKernel("6.18")], "maps of sockets as Linux", async () => {
  const twins = await Twins.meet();
  afterAll(() => twins[Symbol.dispose]());

  it("are made by its rules", () => {
    for (const mapType of TYPES) {
      for (const keySize of [0, 1, 4, 8, 64, 512, 513]) {
        for (const valueSize of [0, 4, 8, 12]) {
          for (const maxEntries of [0, 1, 5]) {
            const map = twins.open("MAP_CREATE", { mapType, keySize, valueSize, maxEntries });
            if (map !== null) twins.close(map);
          }
        }
      }
      for (let bit = 0; bit < 20; bit++) {
        const fields = { mapType, keySize: 4, valueSize: 4, maxEntries: 2, mapFlags: 1 << bit };
        if (1 << bit === BpfMapFlag.NUMA_NODE) continue;
        const map = twins.open("MAP_CREATE", fields);
        if (map !== null) twins.close(map);
      }
    }
    expect(twins.taken()).toEqual([]);
  });

  it("answer to commands on elements", () => {
    for (const mapType of TYPES) {
      for (const valueSize of [4, 8]) {
        const mapFd = twins.mustOpen("MAP_CREATE", { mapType, keySize: 4, valueSize, maxEntries: 3 });
        for (const at of [0, 2, 3, -1]) {
          const key = word(at);
          for (const flags of FLAGS) {
            twins.call("MAP_LOOKUP_ELEM", { mapFd, key, value: room(8), flags });
            twins.call("MAP_UPDATE_ELEM", { mapFd, key, value: word(BAD_FD), flags });
            twins.call("MAP_UPDATE_ELEM", { mapFd, key, value: word(-1), flags });
            twins.call("MAP_UPDATE_ELEM", { mapFd, key, value: new Uint8Array(8).fill(1), flags });
            twins.call("MAP_LOOKUP_AND_DELETE_ELEM", { mapFd, key, value: room(8), flags });
          }
          twins.call("MAP_DELETE_ELEM", { mapFd, key });
          twins.call("MAP_GET_NEXT_KEY", { mapFd, key, nextKey: room(4) });
        }
        twins.call("MAP_GET_NEXT_KEY", { mapFd, key: 0n, nextKey: room(4) });
        for (const command of ["MAP_LOOKUP_BATCH", "MAP_UPDATE_BATCH", "MAP_DELETE_BATCH"] as const) {
          const arrays = { keys: word(0), values: room(8), outBatch: room(4), count: 1 };
          twins.call(command, { mapFd, ...arrays });
        }
        twins.close(mapFd);
      }
    }
    expect(twins.taken()).toEqual([]);
  });
});

describeWith([liveKernel("6.18")], "arenas as Linux", async () => {
  const twins = await Twins.meet();
  afterAll(() => twins[Symbol.dispose]());

  it("are made by its rules", () => {
    const base = { mapType: BpfMapType.ARENA, keySize: 0, valueSize: 0, mapFlags: BpfMapFlag.MMAPABLE };
    for (const maxEntries of [0, 1, 7, (1 << 20) + 1]) {
      for (const mapExtra of [0n, 1n, 4096n, 0x1_0000_0000n, 0x1_ffff_f000n]) {
        const map = twins.open("MAP_CREATE", { ...base, maxEntries, mapExtra });
        if (map !== null) twins.close(map);
      }
    }
    for (let bit = 0; bit < 20; bit++) {
      if (1 << bit === BpfMapFlag.NUMA_NODE) continue;
      const map = twins.open("MAP_CREATE", { ...base, maxEntries: 2, mapFlags: base.mapFlags | (1 << bit) });
      if (map !== null) twins.close(map);
    }
    expect(twins.taken()).toEqual([]);
  });

  it("have no elements", () => {
    const mapFd = twins.mustOpen("MAP_CREATE", {
      mapType: BpfMapType.ARENA,
      keySize: 0,
      valueSize: 0,
      maxEntries: 2,
      mapFlags: BpfMapFlag.MMAPABLE,
    });
    for (const key of [0n, word(0)]) {
      for (const flags of FLAGS) {
        twins.call("MAP_LOOKUP_ELEM", { mapFd, key, value: room(8), flags });
        twins.call("MAP_UPDATE_ELEM", { mapFd, key, value: word(1), flags });
        twins.call("MAP_LOOKUP_AND_DELETE_ELEM", { mapFd, key, value: room(8), flags });
      }
      twins.call("MAP_DELETE_ELEM", { mapFd, key });
      twins.call("MAP_GET_NEXT_KEY", { mapFd, key, nextKey: room(4) });
    }
    expect(twins.taken()).toEqual([]);
  });
});
