import { TsbpfError } from "../../base/index.ts";
import { KERNEL_BASE_HIGH } from "../../mem/index.ts";
import type { CompiledProgram } from "../engine.ts";
import type { BpfExecutor } from "../executor.ts";
import { emitProgram, type ProgramInput } from "./emit-program.ts";
import { JitCode, placeOf } from "./jit-code.ts";
import type { CallTargets } from "./targets.ts";

/** A block that names a program where callbacks are looked up: its offset is all that matters. */
const NAME_SIZE = 16;

/** A program as a module of its own, and the functions through which others reach it. */
export class JitProgram implements CompiledProgram {
  readonly #executor: BpfExecutor;
  readonly #block: number;
  readonly #callbacks = new Map<number, number>();
  #code: JitCode | null = null;
  #entry = 0;
  #closed = false;

  constructor(executor: BpfExecutor) {
    this.#executor = executor;
    this.#block = executor.memory.alloc(NAME_SIZE, NAME_SIZE);
    if (this.#block === 0) throw new TsbpfError(`jit: no memory is left for ${NAME_SIZE} bytes`);
  }

  get codeSize(): number {
    return this.#code?.size ?? 0;
  }

  /** Emits and compiles. */
  load(input: Omit<ProgramInput, "codeAt">, targets: Omit<CallTargets, "callback">): void {
    const executor = this.#executor;
    const module = emitProgram({ ...input, codeAt: this.#block }, placeOf(executor), executor.memory, {
      helper: (slot, id) => targets.helper(slot, id),
      kfunc: (slot) => targets.kfunc(slot),
      callback: (entry) => this.#callback(entry),
    });
    const code = new JitCode(executor, module);
    this.#code = code;
    for (const [entry, index] of this.#callbacks) executor.install(index, code.callback(entry));
    executor.callbacks.set(this.#block, new Set(this.#callbacks.values()));
  }

  /** Lets calls through registers find helpers by number; `indexOf` gives 0 where there is none. */
  callThrough(indexOf: (id: number) => number): void {
    this.#executor.indirect.set(this.#block, indexOf);
  }

  get entry(): number {
    if (this.#entry === 0) {
      this.#entry = this.#executor.indices.allocate();
      this.#executor.install(this.#entry, this.#code!.entry);
    }
    return this.#entry;
  }

  owns(index: number): boolean {
    return this.#executor.callbacks.get(this.#block)?.has(index) === true;
  }

  run(context: number): number {
    const executor = this.#executor;
    const outermost = executor.depth++ === 0 ? 1 : 0;
    try {
      return this.#code!.start(0, context, context === 0 ? 0 : KERNEL_BASE_HIGH, 0, outermost);
    } finally {
      executor.depth--;
    }
  }

  runMany(context: number, count: number): number {
    const executor = this.#executor;
    if (executor.depth === 0 && count > 0) {
      executor.depth++;
      try {
        return this.#code!.batch(context, context === 0 ? 0 : KERNEL_BASE_HIGH, count);
      } finally {
        executor.depth--;
      }
    }
    let result = 0;
    for (let i = 0; i < count && !executor.stopped; i++) result = this.run(context);
    return result;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const executor = this.#executor;
    executor.indirect.delete(this.#block);
    executor.callbacks.delete(this.#block);
    for (const index of [this.#entry, ...this.#callbacks.values()]) {
      if (index === 0) continue;
      executor.remove(index);
      executor.indices.release(index);
    }
    executor.memory.retire(this.#block);
  }

  #callback(entry: number): number {
    let index = this.#callbacks.get(entry);
    if (index === undefined) {
      index = this.#executor.indices.allocate();
      this.#callbacks.set(entry, index);
    }
    return index;
  }
}
