import { parentPort, workerData } from "node:worker_threads";
import { MapCode, type MapShape } from "../../src/maps/index.ts";
import { attachKernelMemory, type MemoryHandle } from "../../src/mem/index.ts";
import { meet } from "../mem/meet.ts";

/** What each executor that counts in a common map is given. */
export interface AddData {
  readonly handle: MemoryHandle;
  readonly executor: number;
  readonly shape: MapShape;
  readonly map: number;
  readonly keys: number;
  readonly rounds: number;
  readonly gate: number;
}

const { handle, executor, shape, map, keys, rounds, gate } = workerData as AddData;
const memory = attachKernelMemory(handle, executor);
const { lookup, update } = new MapCode(memory).operations(shape);
memory.executors.online(executor);
const key = memory.alloc(8);
const zero = memory.alloc(8);

// As programs count: find or enter, then add.
meet(memory, gate, 2);
for (let round = 0; round < rounds; round++) {
  const number = (round * 7) % keys;
  memory.words()[key >>> 2] = number;
  let value = lookup(map, key, 0) >>> 0;
  if (value === 0) {
    update(map, key, zero, 1, 0);
    value = lookup(map, key, 0) >>> 0;
  }
  Atomics.add(memory.words(), value >>> 2, 1);
}
memory.executors.offline(executor);
parentPort!.postMessage(null);
