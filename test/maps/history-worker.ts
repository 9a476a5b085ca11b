import { parentPort, workerData } from "node:worker_threads";
import { MapCode, type MapShape } from "../../src/maps/index.ts";
import { attachKernelMemory, type MemoryHandle } from "../../src/mem/index.ts";
import { meet } from "../mem/meet.ts";
import { ABSENT, LOG_WORDS, OperationCode, SOMETHING } from "./history.ts";

/** What a process of a history is given. */
export interface HistoryData {
  readonly handle: MemoryHandle;
  /** Its executor, and as which CPU it runs. */
  readonly executor: number;
  readonly cpu: number;
  readonly processes: number;
  readonly shape: MapShape;
  readonly map: number;
  /** Keys 0 to `keys` are used by all. */
  readonly keys: number;
  /** Where the bytes of a key are that tell it from others. */
  readonly keyAt: number;
  /** What a key has in its first word, where that is none of its number; -1: nothing. */
  readonly prefix: number;
  readonly steps: number;
  readonly seed: number;
  readonly gate: number;
}

const data = workerData as HistoryData;
const { map, cpu } = data;
const memory = attachKernelMemory(data.handle, data.executor);
const { lookup, update, delete: remove } = new MapCode(memory).operations(data.shape);
memory.executors.online(data.executor);
const key = memory.alloc(data.shape.keySize + 8);
const value = memory.alloc(data.shape.valueSize + 8);
const log = new Int32Array(LOG_WORDS * data.steps);
let words = memory.words();
const clock = (data.gate + 4) >>> 2;

let state = data.seed >>> 0;
const random = (below: number) => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};

/** The value of a number: whose it is, and of which key, which no other key's values have. */
function taggedValue(number: number, step: number): number {
  return ((number + 1) << 24) | (cpu << 22) | (step & 0x3f_ffff);
}

/**
 * Looks a value up, and once more when it was read: where both found the same element, the value was there between the
 * two, or the other element's that it was used for meanwhile, which its key tells.
 */
function read(number: number): number {
  for (let attempt = 0; attempt < 4; attempt++) {
    const at = lookup(map, key, cpu) >>> 0;
    if (at === 0) return ABSENT;
    if (at >>> 2 >= words.length) words = memory.words();
    const found = Atomics.load(words, at >>> 2);
    if (lookup(map, key, cpu) >>> 0 === at && (found === 0 || found >>> 24 === number + 1)) return found;
  }
  return lookup(map, key, cpu) === 0 ? ABSENT : SOMETHING;
}

/** Does something, and notes all of it but the moments. */
function act(step: number, at: number): void {
  const number = random(data.keys);
  if (data.prefix >= 0) words[key >>> 2] = data.prefix;
  words[(key + data.keyAt) >>> 2] = number;
  log[at + 1] = number;
  const dice = random(100);
  if (dice < 35) {
    log[at] = OperationCode.LOOKUP;
    log[at + 4] = read(number);
  } else if (dice < 60) {
    log[at] = OperationCode.DELETE;
    log[at + 4] = remove(map, key);
  } else {
    const flags = dice < 78 ? 1 : dice < 90 ? 0 : 2;
    const written = taggedValue(number, step);
    words[value >>> 2] = written;
    log[at] = OperationCode.UPDATE;
    log[at + 2] = written;
    log[at + 3] = flags;
    log[at + 4] = update(map, key, value, flags, cpu);
  }
}

meet(memory, data.gate, data.processes);
for (let step = 0; step < data.steps; step++) {
  const at = step * LOG_WORDS;
  log[at + 5] = Atomics.add(words, clock, 1);
  act(step, at);
  log[at + 6] = Atomics.add(words, clock, 1);
  if (step % 64 === 0) memory.executors.quiesce(data.executor);
}
memory.executors.offline(data.executor);
parentPort!.postMessage(log);
