import { TsbpfError } from "../../base/index.ts";
import { KERNEL_BASE_HIGH } from "../../mem/index.ts";
import type { CodeImage, CompiledProgram } from "../engine.ts";
import type { BpfExecutor } from "../executor.ts";
import { placeOf } from "../place.ts";
import type { KnownMaps } from "./call-facts.ts";
import { emitProgram, type ProgramInput, type ProgramModule } from "./emit-program.ts";
import { JitCode } from "./jit-code.ts";
import type { CallTargets } from "./targets.ts";

/** A program as the engine is given it. */
export type JitInput = Omit<ProgramInput, "codeAt" | "optimised">;

/** A block that names a program where callbacks are looked up: its offset is all that matters. */
const NAME_SIZE = 16;

/** A program as a module of its own, and the functions through which others reach it. */
export class JitProgram implements CompiledProgram {
  readonly #executor: BpfExecutor;
  readonly #block: number;
  readonly #callbacks = new Map<number, number>();
  #code: JitCode | null = null;
  #emit: ((optimised: KnownMaps | null) => ProgramModule) | null = null;
  #maps: KnownMaps | null = null;
  /** Until the optimised code takes over; 0: it has. */
  #runsLeft = 0;
  #entry = 0;
  #closed = false;

  constructor(executor: BpfExecutor) {
    this.#executor = executor;
    this.#block = executor.memory.alloc(NAME_SIZE, NAME_SIZE);
    if (this.#block === 0) throw new TsbpfError(`jit: no memory is left for ${NAME_SIZE} bytes`);
  }

  get codeSize(): number {
    return this.#code?.image.bytes.length ?? 0;
  }

  get image(): CodeImage | null {
    return this.#code?.image ?? null;
  }

  /**
   * Emits and compiles, straight from the instructions at first.
   *
   * @param maps those whose addresses are in the code; null for code that is never optimised.
   * @param after runs after which the optimised code takes over; 0: it does from the start.
   */
  load(input: JitInput, targets: Omit<CallTargets, "callback">, maps: KnownMaps | null, after: number): void {
    this.#emit = (optimised) =>
      emitProgram(
        { ...input, codeAt: this.#block, optimised },
        placeOf(this.#executor),
        this.#executor.memory,
        {
          helper: (id) => targets.helper(id),
          kfunc: (slot) => targets.kfunc(slot),
          tailCall: () => targets.tailCall(),
          callback: (entry) => this.#callback(entry),
        },
      );
    this.#maps = maps;
    this.#runsLeft = maps === null ? Number.POSITIVE_INFINITY : after;
    this.#use(this.#emit(this.#runsLeft === 0 ? maps : null));
  }

  /** The optimised code takes over, where there is one and it has not yet. */
  #optimise(): void {
    if (this.#runsLeft === Number.POSITIVE_INFINITY || this.#emit === null) return;
    const emit = this.#emit;
    // What it was emitted from is needed no more.
    this.#emit = null;
    this.#runsLeft = 0;
    this.#use(emit(this.#maps));
  }

  #use(module: ProgramModule): void {
    const executor = this.#executor;
    const code = new JitCode(executor, module);
    this.#code = code;
    for (const [entry, index] of this.#callbacks) executor.install(index, code.callback(entry));
    if (this.#entry !== 0) executor.install(this.#entry, code.entry);
    executor.callbacks.set(this.#block, new Set(this.#callbacks.values()));
  }

  /** Lets calls through registers find helpers by number; `indexOf` gives 0 where there is none. */
  callThrough(indexOf: (id: number) => number): void {
    this.#executor.indirect.set(this.#block, indexOf);
  }

  get entry(): number {
    if (this.#entry === 0) {
      // Others run it from now on, and nobody counts.
      this.#optimise();
      this.#entry = this.#executor.indices.allocate();
      this.#executor.install(this.#entry, this.#code!.entry);
    }
    return this.#entry;
  }

  owns(index: number): boolean {
    return this.#executor.callbacks.get(this.#block)?.has(index) === true;
  }

  run(context: number): number {
    if (this.#runsLeft > 0) this.#count(1);
    const executor = this.#executor;
    const outermost = executor.depth++ === 0 ? 1 : 0;
    try {
      return this.#code!.start(0, context, context === 0 ? 0 : KERNEL_BASE_HIGH, 0, outermost);
    } catch (error) {
      executor.trapped(error);
      return 0;
    } finally {
      executor.depth--;
    }
  }

  runMany(context: number, count: number): number {
    if (this.#runsLeft > 0) this.#count(count);
    const executor = this.#executor;
    if (executor.depth === 0 && count > 0) {
      executor.depth++;
      try {
        return this.#code!.batch(context, context === 0 ? 0 : KERNEL_BASE_HIGH, count);
      } catch (error) {
        executor.trapped(error);
        return 0;
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

  /** Not while one of its runs is under way: that goes on in the code that it began in. */
  #count(runs: number): void {
    if (this.#executor.depth > 0) return;
    if (this.#runsLeft > runs) this.#runsLeft -= runs;
    else this.#optimise();
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
