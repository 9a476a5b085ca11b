import { parentPort, workerData } from "node:worker_threads";
import { attachKernelMemory, type MemoryHandle } from "../../src/mem/index.ts";
import { meet } from "./meet.ts";

/** What each executor of the allocator's stress test is given. */
export interface StressData {
  readonly handle: MemoryHandle;
  readonly executor: number;
  readonly steps: number;
  /** Offset of a word in which the workers meet before they start. */
  readonly gate: number;
}

const { handle, executor, steps, gate } = workerData as StressData;
const memory = attachKernelMemory(handle, executor);
memory.executors.online(executor);
meet(memory, gate, 2);

let state = 0x9e37_79b9 * (executor + 1);
const random = (below: number) => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};

interface Block {
  readonly at: number;
  readonly words: number;
  readonly mark: number;
  readonly region: number;
}
const blocks: Block[] = [];
let wrong = 0;

const drop = ({ at, words, mark, region }: Block) => {
  const all = memory.words();
  for (let i = 0; i < words; i++) if (all[(at >>> 2) + i] !== mark) wrong++;
  if (region !== 0) {
    if (!memory.regions.allows(at, words * 4, 3)) wrong++;
    memory.regions.remove(region);
  }
  if (random(2) === 0) memory.free(at);
  else memory.retire(at);
};

for (let step = 1; step <= steps; step++) {
  if (blocks.length > 0 && random(100) < 48) {
    drop(blocks.splice(random(blocks.length), 1)[0]!);
  } else {
    const words = 1 + random(random(20) === 0 ? 5000 : 60);
    const at = memory.alloc(words * 4, random(10) === 0 ? 4096 : 8);
    if (at === 0) {
      wrong++;
      continue;
    }
    const all = memory.words();
    const mark = executor * 0x100_0000 + step;
    for (let i = 0; i < words; i++) {
      if (all[(at >>> 2) + i] !== 0) wrong++;
      all[(at >>> 2) + i] = mark;
    }
    const region =
      random(20) === 0
        ? memory.regions.add({
            start: at,
            end: at + words * 4,
            access: 3,
            stride: 0,
            size: 0,
            what: "stress",
          })
        : 0;
    blocks.push({ at, words, mark, region });
  }
  if (step % 16 === 0) memory.executors.quiesce(executor);
}
for (const block of blocks) drop(block);
memory.executors.offline(executor);
parentPort!.postMessage(wrong);
