import { afterAll, expect, it } from "vitest";
import { hexOf } from "../../src/base/index.ts";
import type { MapBatch, MapBatchArguments } from "../../src/sys/index.ts";
import { BpfMapType } from "../../src/uapi/index.ts";
import { onCpu } from "../support/on-cpu.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { type Fields, type Pair, room, Twins } from "./twins.ts";

const ARRAYS = [BpfMapType.ARRAY, BpfMapType.PERCPU_ARRAY];
const HASHES = [BpfMapType.HASH, BpfMapType.PERCPU_HASH, BpfMapType.LRU_HASH, BpfMapType.LRU_PERCPU_HASH];
const COMMANDS = [
  "MAP_LOOKUP_BATCH",
  "MAP_LOOKUP_AND_DELETE_BATCH",
  "MAP_UPDATE_BATCH",
  "MAP_DELETE_BATCH",
] as const;
const ENTRIES = 8;

const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
const values = (count: number, seed: number) => new Uint8Array(count).map((_, i) => (seed + i * 7) & 0xff);

describeWith([liveKernel("6.18")], "batches as Linux", async () => {
  const twins = await Twins.meet();
  afterAll(() => twins[Symbol.dispose]());

  const make = (mapType: number, maxEntries = ENTRIES) =>
    twins.mustOpen("MAP_CREATE", { mapType, keySize: 4, valueSize: 8, maxEntries });
  const fill = (map: Pair, keys: readonly number[]) =>
    twins.call("MAP_UPDATE_BATCH", {
      mapFd: map,
      keys: words(...keys),
      values: values(512, 3),
      count: keys.length,
    });
  const batch = (command: (typeof COMMANDS)[number], fields: Fields, ignore: string[] = []) =>
    twins.call(
      command,
      { inBatch: 0, outBatch: room(16), keys: room(128), values: room(512), ...fields },
      { ignore },
    );
  /** Key, value pairs of a hash in any order. */
  const entries = (map: Pair) =>
    twins.both("entries", (side) => {
      const found: string[] = [];
      const mapFd = side.of(map);
      for (let at: Uint8Array | null = null; ; ) {
        at = side.sys.mapGetNextKey({ mapFd, key: at, keySize: 4 });
        if (at === null) return found.sort();
        found.push(`${hexOf(at)} ${hexOf(side.sys.mapLookupElem({ mapFd, key: at }) ?? new Uint8Array(0))}`);
      }
    });

  it("arrays: counts, positions, ends", () => {
    for (const type of ARRAYS) {
      const map = make(type);
      fill(map, [0, 1, 2, 3, 4, 5, 6, 7]);
      for (const inBatch of [
        0,
        words(0),
        words(3),
        words(6),
        words(7),
        words(8),
        words(99),
        words(0xffff_ffff),
      ]) {
        for (const count of [0, 1, 3, 7, 8, 9, 20]) {
          for (const command of ["MAP_LOOKUP_BATCH", "MAP_LOOKUP_AND_DELETE_BATCH"] as const)
            batch(command, { mapFd: map, inBatch, count });
        }
      }
      for (const bad of ["inBatch", "outBatch", "keys", "values"]) {
        for (const count of [0, 2, 20]) batch("MAP_LOOKUP_BATCH", { mapFd: map, count, [bad]: 0x10 });
        for (const count of [0, 2, 20]) batch("MAP_LOOKUP_BATCH", { mapFd: map, count, [bad]: 0 });
        for (const count of [0, 2, 20])
          batch("MAP_LOOKUP_BATCH", { mapFd: map, count, [bad]: 0, inBatch: words(7) });
      }
      twins.close(map);
    }
    expect(twins.taken()).toEqual([]);
  });

  it("flags", () => {
    for (const type of [...ARRAYS, ...HASHES]) {
      const map = make(type);
      fill(map, [1, 2, 3]);
      for (const command of COMMANDS) {
        for (const elemFlags of [0n, 1n, 2n, 3n, 4n, 5n, 8n, 16n, 1n << 32n, 1n << 63n]) {
          for (const flags of [0n, 1n, 4n, 1n << 40n]) {
            for (const count of [0, 3]) {
              const fields = { mapFd: map, count, elemFlags, flags, keys: words(1, 2, 3) };
              batch(command, fields, HASHES.includes(type as 1) ? ["keys", "values", "outBatch"] : []);
            }
          }
        }
      }
      entries(map);
      twins.close(map);
    }
    expect(twins.taken()).toEqual([]);
  });

  // On one CPU: which element a full LRU table gives up depends on whose free list runs dry.
  it("updates and deletions that stop half-way", async () => {
    await onCpu(0, () => {
      for (const type of [...ARRAYS, ...HASHES]) {
        const map = make(type);
        for (const keys of [[0, 1, 99, 2], [99], [], [5, 5, 5], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]]) {
          const fields = { mapFd: map, keys: words(...keys, 0), count: keys.length };
          batch("MAP_UPDATE_BATCH", { ...fields, values: values(512, 9) });
          entries(map);
          batch("MAP_DELETE_BATCH", {
            ...fields,
            keys: words(...keys.slice(0, 2), 77, 3),
            count: Math.min(4, keys.length),
          });
          entries(map);
        }
        for (const bad of [0, 0x10]) {
          for (const command of ["MAP_UPDATE_BATCH", "MAP_DELETE_BATCH"] as const) {
            batch(command, { mapFd: map, keys: bad, count: 2 });
            batch(command, { mapFd: map, keys: words(1, 2), values: bad, count: 2 });
          }
        }
        entries(map);
        twins.close(map);
      }
    });
    expect(twins.taken()).toEqual([]);
  });

  it("hash tables: whole ones", () => {
    const any = ["keys", "values", "outBatch"];
    for (const type of HASHES) {
      const map = make(type);
      batch("MAP_LOOKUP_BATCH", { mapFd: map, count: 5 });
      fill(map, [1, 2, 3, 4, 5]);
      for (const count of [5, 6, 8, 16]) batch("MAP_LOOKUP_BATCH", { mapFd: map, count }, any);
      batch("MAP_LOOKUP_BATCH", { mapFd: map, count: 0 });
      for (const inBatch of [words(8), words(9), words(0xffff_ffff)]) {
        batch("MAP_LOOKUP_BATCH", { mapFd: map, count: 5, inBatch });
        batch("MAP_LOOKUP_BATCH", { mapFd: map, count: 0, inBatch });
      }
      for (const bad of ["inBatch", "outBatch", "keys", "values"]) {
        for (const address of [0, 0x10]) {
          for (const command of ["MAP_LOOKUP_BATCH", "MAP_LOOKUP_AND_DELETE_BATCH"] as const) {
            batch(command, { mapFd: map, count: 8, [bad]: address }, any);
            // Whole buckets are lost with a bad buffer, and which elements share one depends on the seed.
            if (command === "MAP_LOOKUP_BATCH") entries(map);
            fill(map, [1, 2, 3, 4, 5]);
          }
        }
      }
      batch("MAP_LOOKUP_AND_DELETE_BATCH", { mapFd: map, count: 8 }, any);
      entries(map);
      batch("MAP_LOOKUP_AND_DELETE_BATCH", { mapFd: map, count: 8 });
      twins.close(map);
    }
    expect(twins.taken()).toEqual([]);
  });

  it("hash tables: in parts, nothing twice and nothing missed", () => {
    for (const type of HASHES) {
      for (const keys of [[1], [1, 2, 3], [...Array(40).keys()]]) {
        const map = make(type, 64);
        twins.call("MAP_UPDATE_BATCH", {
          mapFd: map,
          keys: words(...keys),
          values: values(4096, 1),
          count: keys.length,
        });
        for (const remove of [false, true]) {
          for (const count of [8, 16]) {
            twins.both(`walk by ${count}`, (side) => {
              const mapFd = side.of(map);
              const seen: string[] = [];
              for (let position: Uint8Array | null = null; ; ) {
                const args: MapBatchArguments = { mapFd, position, count };
                const part: MapBatch = remove
                  ? side.sys.mapLookupAndDeleteBatch(args)
                  : side.sys.mapLookupBatch(args);
                const size = part.values.length / Math.max(1, part.count);
                for (let i = 0; i < part.count; i++) {
                  const value = part.values.subarray(i * size, (i + 1) * size);
                  seen.push(`${hexOf(part.keys.subarray(i * 4, i * 4 + 4))} ${hexOf(value)}`);
                }
                position = part.next;
                if (position === null) return seen.sort();
              }
            });
            entries(map);
          }
        }
        twins.close(map);
      }
    }
    expect(twins.taken()).toEqual([]);
  });

  it("a bucket larger than the batch", () => {
    // One bucket only: all elements collide.
    const map = twins.mustOpen("MAP_CREATE", {
      mapType: BpfMapType.HASH,
      keySize: 4,
      valueSize: 8,
      maxEntries: 1,
    });
    fill(map, [7]);
    for (const count of [0, 1, 2]) batch("MAP_LOOKUP_BATCH", { mapFd: map, count });
    batch("MAP_LOOKUP_BATCH", { mapFd: map, count: 1, inBatch: words(1) });
    batch("MAP_LOOKUP_BATCH", { mapFd: map, count: 1, inBatch: words(0) });
    batch("MAP_LOOKUP_AND_DELETE_BATCH", { mapFd: map, count: 1 });
    batch("MAP_LOOKUP_AND_DELETE_BATCH", { mapFd: map, count: 1 });
    twins.close(map);
    expect(twins.taken()).toEqual([]);
  });
});
