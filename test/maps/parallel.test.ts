import { describe, expect, it } from "vitest";
import { createKernelMemory, memoryHandle } from "../../src/mem/index.ts";
import { BpfMapFlag, BpfMapType } from "../../src/uapi/index.ts";
import { runWorkers } from "../mem/worker.ts";
import type { AddData } from "./add-worker.ts";
import type { BucketData } from "./bucket-worker.ts";
import type { MapStressData, MapStressResult } from "./stress-worker.ts";
import { attributes, keyOf, patternOf, TestMap } from "./support.ts";

const STABLE = 20;
const CHURNED = 24;

function parallelMap(fields: Parameters<typeof attributes>[0]): TestMap {
  const memory = createKernelMemory({ maximumPages: 1024 });
  expect([memory.executors.add(), memory.executors.add()]).toEqual([1, 2]);
  return new TestMap(attributes(fields), memory);
}

const number = (n: number, size: number) => {
  const key = new Uint8Array(size);
  new DataView(key.buffer).setUint32(0, n, true);
  return key;
};

/** Numbers whose keys fall into one bucket. */
function colliding(map: TestMap, bucket: number, count: number): number[] {
  const found: number[] = [];
  for (let n = 0; found.length < count; n++) {
    map.update(number(n, 8), patternOf(0, 8));
    if (map.storage.keysOf(bucket).length > 0) found.push(n);
    map.delete(number(n, 8));
  }
  return found;
}

describe("two executors on one map", () => {
  const cases: [string, number, number, number][] = [
    ["hash, 4-byte keys", BpfMapType.HASH, 0, 4],
    ["hash, 24-byte keys", BpfMapType.HASH, 0, 24],
    ["hash, not preallocated", BpfMapType.HASH, BpfMapFlag.NO_PREALLOC, 8],
    ["per-CPU hash", BpfMapType.PERCPU_HASH, 0, 8],
    ["per-CPU hash, not preallocated", BpfMapType.PERCPU_HASH, BpfMapFlag.NO_PREALLOC, 8],
  ];
  it.each(cases)("%s: nothing is lost, found wrongly, or entered twice", async (_, type, flags, keySize) => {
    const map = parallelMap({ type, flags, keySize, valueSize: 16, maxEntries: 128 });
    const { memory, storage } = map;
    for (let i = 0; i < STABLE; i++) expect(map.update(number(i, keySize), patternOf(i, 16))).toBe(0);
    const gate = memory.alloc(8);
    const data: MapStressData[] = [1, 2].map((executor) => ({
      handle: memoryHandle(memory),
      executor,
      shape: storage.shape,
      map: storage.offset,
      stable: STABLE,
      churned: CHURNED,
      own: 1000 * executor,
      steps: 300_000,
      gate,
    }));
    memory.executors.offline(0);
    const results = await runWorkers<MapStressData, MapStressResult>(
      new URL("stress-worker.ts", import.meta.url),
      data,
    );
    expect(results.map(({ wrong }) => wrong)).toEqual([[], []]);
    const present = results[0]!.balance.map((mine, i) => mine + results[1]!.balance[i]!);
    let count = STABLE + 80;
    for (const [i, there] of present.entries()) {
      expect([0, 1]).toContain(there);
      expect(map.find(number(STABLE + i, keySize)) !== 0).toBe(there === 1);
      count += there;
    }
    for (const executor of [1, 2]) {
      for (let i = 0; i < 40; i++) expect(map.find(number(1000 * executor + i, keySize))).not.toBe(0);
    }
    expect(storage.count).toBe(count);
    expect(new Set(map.keys()).size).toBe(count);
    expect(map.keys().length).toBe(count);
  });

  it.each([
    ["preallocated", 0],
    ["not preallocated", BpfMapFlag.NO_PREALLOC],
  ])("hash, %s: a key that stays is found while its bucket changes", async (_, flags) => {
    const map = parallelMap({ keySize: 8, maxEntries: 32, flags });
    const { memory, storage } = map;
    const [stay, change] = [
      colliding(map, 0, 8),
      [...colliding(map, 0, 16).slice(8), ...colliding(map, 1, 8)],
    ];
    for (const each of [...change, ...stay]) expect(map.update(number(each, 8), patternOf(0, 8))).toBe(0);
    const gate = memory.alloc(8);
    const data: BucketData[] = [1, 2].map((executor) => ({
      handle: memoryHandle(memory),
      executor,
      shape: storage.shape,
      map: storage.offset,
      role: executor === 1 ? "read" : "change",
      stay,
      change,
      rounds: 300_000,
      gate,
    }));
    memory.executors.offline(0);
    expect(await runWorkers(new URL("bucket-worker.ts", import.meta.url), data)).toEqual([0, 0]);
  });

  it.each([
    ["hash", BpfMapType.HASH],
    ["array", BpfMapType.ARRAY],
  ])("%s: counters are exact", async (_, type) => {
    const map = parallelMap({ type, maxEntries: 64 });
    const { memory, storage } = map;
    const gate = memory.alloc(8);
    const rounds = 256_000;
    const data: AddData[] = [1, 2].map((executor) => ({
      handle: memoryHandle(memory),
      executor,
      shape: storage.shape,
      map: storage.offset,
      keys: 64,
      rounds,
      gate,
    }));
    memory.executors.offline(0);
    await runWorkers(new URL("add-worker.ts", import.meta.url), data);
    for (let i = 0; i < 64; i++) {
      const value = map.lookup(keyOf(i, 4))!;
      expect(new DataView(value.buffer).getUint32(0, true)).toBe((2 * rounds) / 64);
    }
  });
});
