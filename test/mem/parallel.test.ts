import { describe, expect, it } from "vitest";
import { createKernelMemory, memoryHandle, VERSION_STEP } from "../../src/mem/index.ts";
import type { LockData } from "./lock-worker.ts";
import type { StressData } from "./stress-worker.ts";
import { runWorkers } from "./worker.ts";

describe("two executors on one memory", () => {
  it("allocate, free, retire and change regions at once", async () => {
    const memory = createKernelMemory({ maximumPages: 4096, checking: true });
    const gate = memory.alloc(8);
    const data: StressData[] = [1, 2].map((executor) => {
      expect(memory.executors.add()).toBe(executor);
      return { handle: memoryHandle(memory), executor, steps: 150_000, gate };
    });
    memory.executors.offline(0);
    expect(await runWorkers(new URL("stress-worker.ts", import.meta.url), data)).toEqual([0, 0]);
    memory.executors.online(0);
    memory.free(gate);
    memory.executors.quiesce(0);
    expect(memory.regions.count).toBe(0);
    expect(memory.used).toBe(0);
    // Nothing was lost: the whole heap is one block again.
    expect(memory.alloc(memory.bytes().length - 0x2_0000 - 8)).toBe(0x2_0000);
  });

  it("take turns under a lock with a version, asleep where it takes long", async () => {
    const memory = createKernelMemory();
    const [gate, lock] = [memory.alloc(8), memory.alloc(8)];
    const executors = 3;
    const rounds = 2000;
    const data: LockData[] = Array.from({ length: executors }, () => ({
      handle: memoryHandle(memory),
      executor: memory.executors.add(),
      executors,
      rounds,
      gate,
      lock,
    }));
    await runWorkers(new URL("lock-worker.ts", import.meta.url), data);
    const words = memory.words();
    expect(words[(lock >>> 2) + 1]).toBe(executors * rounds);
    expect(words[lock >>> 2]).toBe(executors * rounds * VERSION_STEP);
  });
});
