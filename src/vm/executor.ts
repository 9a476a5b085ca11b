import { TsbpfError } from "../base/index.ts";
import type { HelperCall, HelperServices } from "../helpers/index.ts";
import { interruptWord, type KernelMemory } from "../mem/index.ts";
import type { Executor, Fault } from "./engine.ts";
import { faultOf } from "./fault.ts";
import type { FunctionIndices } from "./function-indices.ts";
import { createInvoke, type Invoke } from "./invoke.ts";
import { CODE_BASE_HIGH } from "./signatures.ts";
import { FaultCode, FRAMES_SIZE, Frame, REGISTER_SIZE, STACK_SIZE, STATE_SIZE, State } from "./state.ts";

type Adapter = (window: number, argument: number) => number;

export interface ExecutorOptions {
  /** Of the whole kernel. */
  readonly indices: FunctionIndices;
  /** What host bodies of helpers may ask for; none where no such helper is ever compiled against. */
  readonly services?: HelperServices;
  /** As the memory's epochs know it; 0, the thread that made the memory, unless told. */
  readonly id?: number;
}

/** An executor on this thread. */
export class BpfExecutor implements Executor {
  readonly id: number;
  readonly memory: KernelMemory;
  readonly table: WebAssembly.Table;
  readonly indices: FunctionIndices;
  readonly #services: HelperServices | undefined;
  /** Offset of the state block. */
  readonly stateAt: number;
  /** Lowest offset of the stack area, and the one behind it. */
  readonly stackLow: number;
  readonly stackEnd: number;
  readonly framesAt: number;
  readonly framesEnd: number;
  /** What host bodies of helpers see. */
  readonly call: HelperCall;
  /** Adapters that calls through a register reach, by the offset of the calling program's first record. */
  readonly indirect = new Map<number, (id: number) => number>();
  /** What faults call kfuncs, by number. */
  readonly calleeNames = new Map<number, string>();
  /** What the `host` adapter does: `(window, argument) → FaultCode or 0`. */
  callHost: (window: number, argument: number) => number = () => 0;
  /** Function indices of the subprograms that each program lets helpers call back, by the offset of its first record. */
  readonly callbacks = new Map<number, ReadonlySet<number>>();
  /** Whether `callHost` knows a number that a call through a register names. */
  callHostThrough: (id: number) => boolean = () => false;
  /** Programs whose code depends on {@link counting}. */
  readonly programs = new Set<{ countingChanged(): void }>();
  #counting = false;
  #invoke: Invoke | undefined;
  /** Runs under way: a helper may run a program. */
  depth = 0;
  /** What WebAssembly said of the last trap. */
  trap = "";

  constructor(memory: KernelMemory, options: ExecutorOptions) {
    this.memory = memory;
    this.id = options.id ?? 0;
    this.indices = options.indices;
    this.#services = options.services;
    this.table = new WebAssembly.Table({ element: "anyfunc", initial: Math.max(64, this.indices.end) });
    this.stateAt = this.#allocate(STATE_SIZE);
    this.stackLow = this.#allocate(STACK_SIZE);
    this.stackEnd = this.stackLow + STACK_SIZE;
    this.framesAt = this.#allocate(FRAMES_SIZE);
    this.framesEnd = this.framesAt + FRAMES_SIZE;
    this.call = new ExecutorCall(this);
    this.budget = Number.POSITIVE_INFINITY;
  }

  /** @throws TsbpfError where the executor was given none. */
  get services(): HelperServices {
    if (this.#services === undefined)
      throw new TsbpfError(`executor ${this.id}: expected services of a kernel, got none`);
    return this.#services;
  }

  get cpu(): number {
    return this.word(State.CPU);
  }

  set cpu(cpu: number) {
    this.setWord(State.CPU, cpu);
  }

  get resultHigh(): number {
    return this.word(State.RESULT_HIGH);
  }

  get fault(): Fault | null {
    return this.word(State.FAULT) === 0 ? null : faultOf(this);
  }

  /** Instructions that a run in checked mode may have; Infinity where there is no limit. */
  get budget(): number {
    const [low, high] = [this.word(State.BUDGET) >>> 0, this.word(State.BUDGET + 4)];
    return high === 0x7fff_ffff ? Number.POSITIVE_INFINITY : high * 2 ** 32 + low;
  }

  set budget(instructions: number) {
    const limited = instructions <= Number.MAX_SAFE_INTEGER;
    this.setWord(State.BUDGET, limited ? instructions | 0 : -1);
    this.setWord(State.BUDGET + 4, limited ? Math.floor(instructions / 2 ** 32) : 0x7fff_ffff);
  }

  /** Whether verified code counts its instructions, too: its programs are compiled anew where that changes. */
  get counting(): boolean {
    return this.#counting;
  }

  set counting(counting: boolean) {
    if (counting === this.#counting) return;
    this.#counting = counting;
    for (const program of this.programs) program.countingChanged();
  }

  /** Instructions that the last run had, in checked mode and where they are counted ({@link counting}). */
  get executed(): number {
    return (this.word(State.EXECUTED) >>> 0) + this.word(State.EXECUTED + 4) * 2 ** 32;
  }

  /** Runs of the last batch that did not come to their end: 0, unless it ended with a fault. */
  get left(): number {
    return this.fault === null ? 0 : this.word(State.LEFT);
  }

  /** Gives back the locks that the last run ended with: a fault in the midst of what they protect. */
  releaseLocks(): void {
    this.memory.executors.releaseLocks(this.id);
    const lock = this.word(State.LOCK);
    if (lock === 0) return;
    this.setWord(State.LOCK, 0);
    this.memory.functions.unlock(lock);
  }

  /** Notes that a run ended in a trap, as its fault. @throws whatever else was thrown. */
  trapped(error: unknown): void {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    this.trap = error.message;
    this.setWord(State.FAULT, FaultCode.trap);
    this.setWord(State.FAULT_PC, 0);
    this.setWord(State.FAULT_CODE, 0);
  }

  /** A word of the state block, signed. */
  word(at: number): number {
    return this.memory.words()[(this.stateAt + at) >>> 2]!;
  }

  setWord(at: number, value: number): void {
    this.memory.words()[(this.stateAt + at) >>> 2] = value;
  }

  /** What faults call a helper or kfunc. */
  calleeName(number: number): string {
    return this.calleeNames.get(number) ?? `helper ${number}`;
  }

  /** Puts a function into the table under an index of {@link FunctionIndices}. */
  install(index: number, func: unknown): void {
    this.#reach(index);
    this.table.set(index, func);
  }

  remove(index: number): void {
    this.table.set(index, null);
  }

  /** A call through a register, which holds a subprogram's address or a helper's number. @returns FaultCode or 0. */
  callThrough(window: number, low: number, high: number): number {
    const view = this.memory.view();
    if (high === CODE_BASE_HIGH) {
      // The table holds all functions of the kernel; a program may reach its own.
      if (this.ownsCallback(window, low) === 0) return this.#noCall();
      const func = this.table.get(low) as (...args: bigint[]) => bigint;
      const args = [1, 2, 3, 4, 5].map((register) =>
        view.getBigInt64(window + register * REGISTER_SIZE, true),
      );
      const result = func(...args);
      this.memory.view().setBigInt64(window, result, true);
      return this.word(State.FAULT);
    }
    if (high === 0 && this.callHostThrough(low)) return this.callHost(window, low);
    const adapter =
      high === 0 ? (this.indirect.get(view.getUint32(window + Frame.CODE, true))?.(low) ?? 0) : 0;
    return adapter === 0 ? this.#noCall() : (this.table.get(adapter) as Adapter)(window, 0);
  }

  /** Whether a function index is that of a callback of the program whose frame is in a window. @returns 1 or 0. */
  ownsCallback(window: number, index: number): number {
    const code = this.memory.view().getUint32(window + Frame.CODE, true);
    return this.callbacks.get(code)?.has(index) === true ? 1 : 0;
  }

  /** The index of the function of a name, the same in every executor: a new one for a new name. */
  index(name: string): number {
    const index = this.indices.named(name);
    this.#reach(index);
    return index;
  }

  #reach(index: number): void {
    const missing = index + 1 - this.table.length;
    if (missing > 0) this.table.grow(Math.max(missing, this.table.length));
  }

  #noCall(): number {
    this.setWord(State.FAULT, FaultCode.call);
    return FaultCode.call;
  }

  /** A run that a callback, a fault in it or an interruption has ended. */
  get stopped(): boolean {
    return (
      this.word(State.FAULT) !== 0 || Atomics.load(this.memory.words(), interruptWord(this.id) >>> 2) !== 0
    );
  }

  /** Calls back a function of a program that runs. @returns whether it returned something else than 0. */
  callBack(index: number, first: number, second: number, third: number): boolean {
    this.#invoke ??= createInvoke(this.table);
    return this.#invoke(index, first, second, third) !== 0;
  }

  /**
   * Runs a function of a program by itself, as timers do, with pointers to a map, to a copy of `key` and to a value.
   * {@link fault} says afterwards whether it came to its end.
   */
  runCallback(index: number, map: number, key: Uint8Array, value: number): void {
    if (this.depth !== 0) throw new TsbpfError(`executor ${this.id}: expected no run under way, got one`);
    this.depth++;
    try {
      for (const word of [State.FAULT, State.FAULT_PC, State.EXECUTED, State.EXECUTED + 4, State.TAIL_CALLS])
        this.setWord(word, 0);
      this.setWord(State.CONTEXT, 0);
      const keyAt = this.stackEnd - ((key.length + 15) & -16);
      this.memory.bytes().set(key, keyAt);
      this.setWord(State.FRAME_TOP, this.framesAt);
      this.setWord(State.STACK_TOP, keyAt);
      this.callBack(index, map, keyAt, value);
    } finally {
      this.depth--;
    }
    this.memory.executors.quiesce(this.id);
  }

  /** Frees what the executor holds in memory. No run may be under way, and none may follow. */
  close(): void {
    for (const block of [this.stateAt, this.stackLow, this.framesAt]) this.memory.free(block);
  }

  #allocate(size: number): number {
    const offset = this.memory.alloc(size, 16);
    if (offset === 0) throw new TsbpfError(`executor ${this.id}: no memory is left for ${size} bytes`);
    return offset;
  }
}

/** A new executor of a kernel. */
export function createExecutor(memory: KernelMemory, options: ExecutorOptions): BpfExecutor {
  return new BpfExecutor(memory, options);
}

class ExecutorCall implements HelperCall {
  readonly memory: KernelMemory;
  readonly #executor: BpfExecutor;

  constructor(executor: BpfExecutor) {
    this.#executor = executor;
    this.memory = executor.memory;
  }

  get services(): HelperServices {
    return this.#executor.services;
  }

  get cpu(): number {
    return this.#executor.word(State.CPU);
  }

  get stopped(): boolean {
    return this.#executor.stopped;
  }

  callBack(index: number, first: number, second: number, third: number): boolean {
    return this.#executor.callBack(index, first, second, third);
  }

  get context(): number {
    return this.#executor.word(State.CONTEXT) >>> 0;
  }

  get resultHigh(): number {
    return this.#executor.word(State.HELPER_HIGH);
  }

  set resultHigh(value: number) {
    this.#executor.setWord(State.HELPER_HIGH, value);
  }
}
