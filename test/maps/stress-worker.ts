import { parentPort, workerData } from "node:worker_threads";
import { MapCode, type MapShape } from "../../src/maps/index.ts";
import { attachKernelMemory, type MemoryHandle } from "../../src/mem/index.ts";
import { meet } from "../mem/meet.ts";

/** What each executor of the maps' stress test is given. */
export interface MapStressData {
  readonly handle: MemoryHandle;
  readonly executor: number;
  readonly shape: MapShape;
  /** Offset of the map. */
  readonly map: number;
  /** Keys 0 to `stable` are there throughout, and replaced now and then. */
  readonly stable: number;
  /** Keys from `stable` on are entered and deleted by all. */
  readonly churned: number;
  /** Keys of this executor alone, from `own` on: entered once. */
  readonly own: number;
  readonly steps: number;
  readonly gate: number;
}

/** What an executor saw. */
export interface MapStressResult {
  /** By churned key: entries that it made, less those that it deleted. */
  readonly balance: readonly number[];
  /** Lookups, updates or deletions that gave what they cannot give. */
  readonly wrong: readonly string[];
}

const data = workerData as MapStressData;
const { executor, map, stable, churned, own } = data;
const memory = attachKernelMemory(data.handle, data.executor);
const { lookup, update, delete: remove, nextKey } = new MapCode(memory).operations(data.shape);
memory.executors.online(executor);
const key = memory.alloc(data.shape.keySize + 8);
const next = memory.alloc(data.shape.keySize + 8);
const value = memory.alloc(data.shape.valueSize + 8);
const balance = new Array<number>(churned).fill(0);
const wrong: string[] = [];
let entered = 0;

let state = 0x9e37_79b9 * (executor + 1);
const random = (below: number) => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};
const use = (number: number) => {
  memory.words()[key >>> 2] = number;
  memory.words()[value >>> 2] = number;
};
const expectResult = (what: string, got: number, ...allowed: number[]) => {
  if (!allowed.includes(got)) wrong.push(`${what}: ${got}`);
};

meet(memory, data.gate, 2);
for (let step = 0; step < data.steps && wrong.length < 10; step++) {
  const dice = random(100);
  if (dice < 30) {
    const number = random(stable);
    use(number);
    if (lookup(map, key, executor) === 0) wrong.push(`lost the stable key ${number}`);
  } else if (dice < 45) {
    use(random(stable));
    expectResult("replace", update(map, key, value, 2, executor), 0);
  } else if (dice < 70) {
    const index = random(churned);
    use(stable + index);
    const error = update(map, key, value, 1, executor);
    expectResult("enter", error, 0, -17);
    if (error === 0) balance[index]!++;
  } else if (dice < 95) {
    const index = random(churned);
    use(stable + index);
    const error = remove(map, key);
    expectResult("delete", error, 0, -2);
    if (error === 0) balance[index]!--;
  } else if (dice < 98) {
    use(random(stable + churned));
    expectResult("next", nextKey(map, key, next), 0, -2);
    if (memory.words()[next >>> 2]! >>> 0 >= 2 ** 24) wrong.push("a key that never was");
  } else if (entered < 40) {
    use(own + entered++);
    expectResult("own", update(map, key, value, 1, executor), 0);
  }
}
memory.executors.offline(executor);
parentPort!.postMessage({ balance, wrong } satisfies MapStressResult);
