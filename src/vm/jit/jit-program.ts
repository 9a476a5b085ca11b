import { TsbpfError } from "../../base/index.ts";
import { KERNEL_BASE_HIGH } from "../../mem/index.ts";
import type { CodeImage, CompiledProgram } from "../engine.ts";
import type { BpfExecutor } from "../executor.ts";
import { placeOf } from "../place.ts";
import type { KnownMaps } from "./call-facts.ts";
import { emitProgram, type ProgramModule } from "./emit-program.ts";
import { JitCode } from "./jit-code.ts";
import type { ProgramInput } from "./program-input.ts";
import type { CallTargets, Linkable } from "./targets.ts";

/** A program as the engine is given it. */
export type JitInput = Omit<ProgramInput, "codeAt" | "optimised" | "counting">;

/** What a program's calls reach, but for what only the programs of its executor together know. */
export type JitTargets = Omit<CallTargets, "callback" | "linkable">;

/** A block that names a program where callbacks are looked up: its offset is all that matters. */
const NAME_SIZE = 16;

/** Milliseconds after which a program has run for long: about what it costs to optimise it. */
const LONG = 2;

/** A program as a module of its own, and the functions through which others reach it. */
export class JitProgram implements CompiledProgram {
  readonly #executor: BpfExecutor;
  readonly #block: number;
  readonly #callbacks = new Map<number, number>();
  /** Programs that others reach, by function index. */
  readonly #programs: Map<number, JitProgram>;
  #code: JitCode | null = null;
  #source: {
    readonly input: Omit<ProgramInput, "optimised" | "counting">;
    readonly targets: CallTargets;
  } | null = null;
  #maps: KnownMaps | null = null;
  #throws = false;
  /** Function indices that the code compares with: no other program may get them. */
  #linked: readonly number[] = [];
  /** Until the optimised code takes over; 0: it has. */
  #runsLeft = 0;
  /** Milliseconds that runs have taken so far. */
  #spent = 0;
  #entry = 0;
  #closed = false;

  /** @param programs of the executor, by function index, where it enters itself. */
  constructor(executor: BpfExecutor, programs: Map<number, JitProgram>) {
    this.#executor = executor;
    this.#programs = programs;
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
   * Emits and compiles, straight from the instructions at first, and as long as the executor counts them.
   *
   * @param maps those whose addresses are in the code; null for code that is never optimised.
   * @param after runs after which the optimised code takes over; 0: it does from the start.
   */
  load(input: JitInput, targets: JitTargets, maps: KnownMaps | null, after: number): void {
    this.#source = {
      input: { ...input, codeAt: this.#block },
      targets: {
        ...targets,
        linkable: (index) => this.#programs.get(index)?.linkable ?? null,
        callback: (entry) => this.#callback(entry),
      },
    };
    this.#maps = maps;
    this.#runsLeft = maps === null ? Number.POSITIVE_INFINITY : after;
    this.#emit();
    this.#executor.programs.add(this);
  }

  /** Somebody has begun to count instructions, or has ceased to. */
  countingChanged(): void {
    this.#emit();
  }

  /** How its code stands in another's module; null where it cannot: where it throws, a run has more around it. */
  get linkable(): Linkable | null {
    if (this.#source === null || this.#maps === null || this.#throws) return null;
    const { input, targets } = this.#source;
    return { input: { ...input, counting: false, optimised: this.#maps }, targets };
  }

  /** The optimised code takes over, where there is one and it has not yet. */
  #optimise(): void {
    if (this.#runsLeft === Number.POSITIVE_INFINITY || this.#runsLeft === 0) return;
    this.#runsLeft = 0;
    if (!this.#executor.counting) this.#emit();
  }

  #emit(): void {
    const { input, targets } = this.#source!;
    const { memory, indices, counting } = this.#executor;
    const place = placeOf(this.#executor);
    const optimised = this.#runsLeft === 0 && !counting ? this.#maps : null;
    const module = emitProgram({ ...input, counting, optimised }, place, memory, targets);
    this.#use(module);
    this.#throws = module.throws;
    for (const index of module.linked) indices.hold(index);
    for (const index of this.#linked) indices.release(index);
    this.#linked = module.linked;
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
      this.#programs.set(this.#entry, this);
    }
    return this.#entry;
  }

  owns(index: number): boolean {
    return this.#executor.callbacks.get(this.#block)?.has(index) === true;
  }

  run(context: number): number {
    return this.#runsLeft > 0 ? this.#runNew(1, () => this.#run(context)) : this.#run(context);
  }

  runMany(context: number, count: number): number {
    return this.#runsLeft > 0
      ? this.#runNew(count, () => this.#runMany(context, count))
      : this.#runMany(context, count);
  }

  #run(context: number): number {
    const executor = this.#executor;
    const high = context === 0 ? 0 : KERNEL_BASE_HIGH;
    const { depth } = executor;
    executor.depth = depth + 1;
    let result = 0;
    try {
      result = depth === 0 ? this.#code!.alone(context, high) : this.#code!.start(0, context, high, 0, 0);
    } catch (error) {
      executor.depth = depth;
      executor.trapped(error);
      return 0;
    }
    executor.depth = depth;
    return result;
  }

  #runMany(context: number, count: number): number {
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
    executor.programs.delete(this);
    executor.indirect.delete(this.#block);
    executor.callbacks.delete(this.#block);
    this.#programs.delete(this.#entry);
    for (const index of this.#linked) executor.indices.release(index);
    for (const index of [this.#entry, ...this.#callbacks.values()]) {
      if (index === 0) continue;
      executor.remove(index);
      executor.indices.release(index);
    }
    executor.memory.retire(this.#block);
  }

  /**
   * Runs code that is optimised some day: when it has run often, or for a while. Not while one of its runs is under way:
   * that goes on in the code that it began in.
   */
  #runNew(runs: number, act: () => number): number {
    if (this.#executor.depth > 0 || this.#maps === null) return act();
    if (this.#runsLeft <= runs || this.#spent > LONG) {
      this.#optimise();
      return act();
    }
    this.#runsLeft -= runs;
    const started = performance.now();
    const result = act();
    this.#spent += performance.now() - started;
    return result;
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
