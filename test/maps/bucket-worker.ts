import { parentPort, workerData } from "node:worker_threads";
import { MapCode, type MapShape } from "../../src/maps/index.ts";
import { attachKernelMemory, type MemoryHandle } from "../../src/mem/index.ts";
import { meet } from "../mem/meet.ts";

/** One executor reads keys that stay, the other changes keys around them, all in one or two buckets. */
export interface BucketData {
  readonly handle: MemoryHandle;
  readonly executor: number;
  readonly shape: MapShape;
  readonly map: number;
  readonly role: "read" | "change";
  readonly stay: readonly number[];
  readonly change: readonly number[];
  readonly rounds: number;
  readonly gate: number;
}

const data = workerData as BucketData;
const memory = attachKernelMemory(data.handle, data.executor);
const { lookup, update, delete: remove } = new MapCode(memory).operations(data.shape);
memory.executors.online(data.executor);
const stay = data.stay.map(keyBlock);
const change = data.change.map(keyBlock);
const value = memory.alloc(8);
let lost = 0;
const { map, executor } = data;

function keyBlock(number: number): number {
  const block = memory.alloc(8);
  memory.words()[block >>> 2] = number;
  return block;
}

const stop = data.gate + 4;
meet(memory, data.gate, 2);
if (data.role === "read") {
  for (let round = 0; round < data.rounds; round++) {
    for (const key of stay) if (lookup(map, key, executor) === 0) lost++;
  }
  Atomics.store(memory.words(), stop >>> 2, 1);
} else {
  while (Atomics.load(memory.words(), stop >>> 2) === 0) {
    for (const key of change) {
      remove(map, key);
      update(map, key, value, 0, executor);
      update(map, key, value, 2, executor);
    }
    for (const key of stay) update(map, key, value, 2, executor);
  }
}
memory.executors.offline(executor);
parentPort!.postMessage(lost);
