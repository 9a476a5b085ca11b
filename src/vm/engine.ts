import type { Helper, Kfunc } from "../helpers/index.ts";
import type { Insn } from "../isa/index.ts";
import type { KernelMemory } from "../mem/index.ts";

/**
 * Code as engines take it: fixed up for the target `tsbpf` (DESIGN: context accesses rewritten, division guarded, map
 * addresses in place; map and helper calls still by number).
 */
export interface EngineInput {
  /** For messages and listings. */
  readonly name: string;
  /** The slots of the main function and all subprograms. Engines give RFC 9669 semantics to every instruction. */
  readonly insns: readonly Insn[];
  /** Helper by id; a call of an absent one is refused at compile time. */
  readonly helpers: ReadonlyMap<number, Helper>;
  /** Kfunc by name; none unless told. A call of an absent one is refused at compile time. */
  readonly kfuncs?: ReadonlyMap<string, Kfunc>;
  /** The name of the kfunc that each call slot calls, where it calls one. */
  readonly kfuncOfSlot?: ReadonlyMap<number, string>;
  /**
   * First slot of the function that `bpf_throw` ends the program with, in the main function's frame; where there is
   * none, the program's result is what was thrown.
   */
  readonly exceptionCallback?: number;
  /**
   * `verified`: every access is known to be safe, and no test is made.
   * `checked`: nothing is known; each access and each pointer argument is tested against live regions, and the run ends
   * with a fault where one fails.
   */
  readonly mode: "verified" | "checked";
  /** Offset of the words of the arena that the program's accesses go to (`ArenaField`); 0 where it has none. */
  readonly arena?: number;
  /** Offset of the map whose address each LD_IMM64 slot loads, where it loads one: what lets a JIT inline the map's operations. */
  readonly mapOfSlot: ReadonlyMap<number, number>;
}

/** Why a run in checked mode, or one with a budget, ended without a result. */
export interface Fault {
  readonly kind: "access" | "argument" | "call" | "budget" | "interrupted" | "stack" | "instruction" | "trap";
  /** The slot that was running; 0 for a trap, which says no place. */
  readonly slot: number;
  /** The address that was refused, where one was. */
  readonly address: bigint | null;
  /** One sentence: "expected 8 readable bytes, got an address outside every region". */
  readonly message: string;
}

/** What was made of a program, for whoever looks at it. */
export interface CodeImage {
  /** A WebAssembly module. */
  readonly bytes: Uint8Array;
  /** Functions of the program by first slot, in the order of the module, which defines them before all others. */
  readonly functions: readonly CodeImageFunction[];
}

export interface CodeImageFunction {
  /** Its first slot. */
  readonly slot: number;
  /** Pairs: an offset from the function's first instruction, and the slot that code from there on is for. */
  readonly marks: Uint32Array;
}

/** A program prepared for one executor. */
export interface CompiledProgram {
  /** Index of its function in the executor's table: how tail calls, callbacks and batch drivers reach it. */
  readonly entry: number;
  /**
   * Runs once, synchronously.
   *
   * @param context offset of the context: r1 is its address, and NULL for 0.
   * @returns the low half of r0 (signed); the high half is in {@link Executor.resultHigh}. Where the run ended with a
   *   fault the result is 0 and {@link Executor.fault} says why.
   */
  run(context: number): number;
  /**
   * Runs `count` times on the same context, one run after the other, and stops at a fault.
   *
   * @returns the low half of the last r0 (signed), as {@link run}.
   */
  runMany(context: number, count: number): number;
  /** Whether a function index is that of one of its functions that helpers call back. */
  owns(index: number): boolean;
  /** Bytes of machine code or Wasm made for it. */
  readonly codeSize: number;
  /** What runs now; null of an interpreter. */
  readonly image: CodeImage | null;
  /** Frees its table slot and its memory, after a quiescent point. */
  close(): void;
}

/**
 * What runs programs: the main thread or a worker. A CPU is only an id and a per-CPU area; an executor runs as one CPU
 * at a time.
 *
 * Function indices (programs, callbacks, operations of map shapes) are allocated once for the whole kernel; each
 * executor fills its own table lazily.
 */
export interface Executor {
  readonly id: number;
  readonly memory: KernelMemory;
  readonly table: WebAssembly.Table;
  /** The CPU it runs as; set before a run. */
  cpu: number;
  /** High half of r0 after a run. */
  readonly resultHigh: number;
  /** Why the last run ended without a result, or null. */
  readonly fault: Fault | null;
}

/** Turns code into something that runs. Compiling is synchronous and never awaits. */
export interface Engine {
  readonly name: "interp" | "jit";
  compile(input: EngineInput, executor: Executor): CompiledProgram;
}
