import { type KernelMemory, RegionAccess } from "../../mem/index.ts";
import { Errno } from "../../uapi/index.ts";
import { refuse } from "../refusal.ts";

/** `PERF_MAX_TRACE_SIZE`: the longest record of a trace event. */
export const CONTEXT_SIZE = 8192;

/** Memory for contexts of programs at events: blocks that are used one inside the other, kept for the next time. */
export class ContextBlocks {
  readonly #memory: KernelMemory;
  readonly #free: number[] = [];

  constructor(memory: KernelMemory) {
    this.#memory = memory;
  }

  /** Zeroes the first `size` bytes of a block, at most {@link CONTEXT_SIZE}, and lends it while `act` runs. ENOMEM. */
  use<T>(size: number, act: (offset: number) => T): T {
    const block = this.#free.pop() ?? this.#make();
    this.#memory.bytes().fill(0, block, block + size);
    try {
      return act(block);
    } finally {
      this.#free.push(block);
    }
  }

  #make(): number {
    const start = this.#memory.alloc(CONTEXT_SIZE, 64);
    if (start === 0) refuse(Errno.ENOMEM);
    this.#memory.regions.add({
      start,
      end: start + CONTEXT_SIZE,
      access: RegionAccess.READ_WRITE,
      stride: 0,
      size: 0,
      what: "context of an event",
    });
    return start;
  }
}
