import { parentPort, workerData } from "node:worker_threads";
import { attachKernelMemory, type MemoryHandle, VERSION_STEP } from "../../src/mem/index.ts";
import { meet } from "./meet.ts";

/** What each executor that counts under a lock with a version is given. */
export interface LockData {
  readonly handle: MemoryHandle;
  readonly executor: number;
  readonly executors: number;
  readonly rounds: number;
  /** Offset of a word in which the workers meet before they start. */
  readonly gate: number;
  /** Offset of the lock, with the number that it guards in the word behind it. */
  readonly lock: number;
}

const { handle, executor, executors, rounds, gate, lock } = workerData as LockData;
const memory = attachKernelMemory(handle, executor);
const words = memory.words();
const { lock_version, wake } = memory.functions;
meet(memory, gate, executors);
for (let round = 0; round < rounds; round++) {
  const version = lock_version(lock);
  const seen = words[(lock >>> 2) + 1]!;
  // Now and then it is held for longer than anybody spins.
  const until = performance.now() + (round % 64 === 0 ? 0.3 : 0);
  while (performance.now() < until);
  words[(lock >>> 2) + 1] = seen + 1;
  if ((Atomics.exchange(words, lock >>> 2, version + VERSION_STEP) & 2) !== 0) wake(lock);
}
parentPort!.postMessage(null);
