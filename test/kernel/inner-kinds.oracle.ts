import { afterAll, expect, it } from "vitest";
import { BpfMapFlag, BpfMapType } from "../../src/uapi/index.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { type Pair, room, Twins } from "./twins.ts";

const {
  HASH,
  LRU_HASH,
  LRU_PERCPU_HASH,
  LPM_TRIE,
  QUEUE,
  STACK,
  BLOOM_FILTER,
  STACK_TRACE,
  USER_RINGBUF,
  RINGBUF,
  CGROUP_ARRAY,
} = BpfMapType;

/** Maps that differ from each other, of every type that can be in another. */
const KINDS: readonly Record<string, number | bigint>[] = [
  { mapType: HASH, keySize: 4, valueSize: 8, maxEntries: 4 },
  { mapType: LRU_HASH, keySize: 4, valueSize: 8, maxEntries: 4 },
  { mapType: LRU_HASH, keySize: 4, valueSize: 8, maxEntries: 8 },
  { mapType: LRU_HASH, keySize: 4, valueSize: 8, maxEntries: 4, mapFlags: BpfMapFlag.NO_COMMON_LRU },
  { mapType: LRU_PERCPU_HASH, keySize: 4, valueSize: 8, maxEntries: 4 },
  { mapType: LPM_TRIE, keySize: 8, valueSize: 8, maxEntries: 4, mapFlags: BpfMapFlag.NO_PREALLOC },
  { mapType: LPM_TRIE, keySize: 12, valueSize: 8, maxEntries: 4, mapFlags: BpfMapFlag.NO_PREALLOC },
  { mapType: QUEUE, keySize: 0, valueSize: 8, maxEntries: 4 },
  { mapType: QUEUE, keySize: 0, valueSize: 8, maxEntries: 5 },
  { mapType: STACK, keySize: 0, valueSize: 8, maxEntries: 4 },
  { mapType: BLOOM_FILTER, keySize: 0, valueSize: 8, maxEntries: 4 },
  { mapType: BLOOM_FILTER, keySize: 0, valueSize: 8, maxEntries: 4, mapExtra: 3n },
  { mapType: STACK_TRACE, keySize: 4, valueSize: 64, maxEntries: 4 },
  { mapType: USER_RINGBUF, keySize: 0, valueSize: 0, maxEntries: 4096 },
  { mapType: RINGBUF, keySize: 0, valueSize: 0, maxEntries: 4096 },
  { mapType: CGROUP_ARRAY, keySize: 4, valueSize: 4, maxEntries: 2 },
];

describeWith([liveKernel("6.18")], "which maps may stand for which in another, as Linux", async () => {
  const twins = await Twins.meet();
  afterAll(() => twins[Symbol.dispose]());

  it("by every pair", () => {
    const maps = KINDS.map((fields) => twins.mustOpen("MAP_CREATE", fields));
    for (const innerMapFd of maps) {
      for (const mapType of [BpfMapType.ARRAY_OF_MAPS, BpfMapType.HASH_OF_MAPS]) {
        const fields = { mapType, keySize: 4, valueSize: 4, maxEntries: 2, innerMapFd };
        const mapFd = twins.open("MAP_CREATE", fields);
        if (mapFd === null) continue;
        for (const other of maps) {
          const value = (side: { of(pair: Pair): number }) =>
            new Uint8Array(Uint32Array.of(side.of(other)).buffer);
          twins.call("MAP_UPDATE_ELEM", { mapFd, key: new Uint8Array(4), value }, { ignore: ["value"] });
          twins.call(
            "MAP_LOOKUP_ELEM",
            { mapFd, key: new Uint8Array(4), value: room(4) },
            { ignore: ["value"] },
          );
        }
        twins.close(mapFd);
      }
    }
    for (const map of maps) twins.close(map);
    expect(twins.taken()).toEqual([]);
  });
});
