import type { Random } from "../random.ts";
import type { Code, Label } from "./code.ts";
import type { FuzzType } from "./program.ts";

/** What programs of one seed have: each leaves out some of it, so that what is there meets more often. */
export interface Features {
  /** Counts of rounds that the live kernel's verifier goes through in good time. */
  readonly live: boolean;
  readonly calls: boolean;
  readonly callbacks: boolean;
  readonly maps: boolean;
  readonly tails: boolean;
  readonly loops: boolean;
  readonly mayGoto: boolean;
  readonly atomics: boolean;
  /** The frame's address in registers, on the stack, one of several. */
  readonly pointers: boolean;
  readonly ladders: boolean;
  /** Most arithmetic is done with 32 bits. */
  readonly narrow: boolean;
  /** Maps that evict, queues, filters. */
  readonly containers: boolean;
  /** What lies under a spin lock: words, a list, a tree. */
  readonly locks: boolean;
  readonly arena: boolean;
  /** `bpf_throw`, which functions that are called back may not call. */
  readonly throws: boolean;
  readonly iterators: boolean;
  readonly dynptrs: boolean;
  readonly strings: boolean;
  /** Between `bpf_rcu_read_lock` and its counterpart, and the like. */
  readonly sections: boolean;
  readonly cpumasks: boolean;
  readonly type: FuzzType;
}

/** Memory that a register leads to. */
export interface Base {
  readonly register: number;
  readonly from: number;
  readonly to: number;
  /** Whether accesses have to be aligned to their size. */
  readonly aligned: boolean;
  readonly atomics: boolean;
  /** Code that accesses it can access nothing else. */
  readonly alone?: true;
}

/** How a word of the own stack is accessed: always in pieces of so many bytes, or (0) in any. */
export type WordKind = 8 | 4 | 2 | 1 | 0;

/** What calls a function: the program, `bpf_loop`, … for each element of a map; `hop` may go on to another program. */
export type FunctionKind = "sub" | "hop" | "loop" | "each" | "eachHash" | "eachRecent" | "less" | "catcher";

/** A function that something calls and that is still to be written. */
export interface Pending {
  readonly label: Label;
  readonly kind: FunctionKind;
  readonly depth: number;
}

/** Bytes of the stack for iterators, dynptrs and the like, below the words. */
export const OBJECTS = 48;

/** Registers that statements compute with, as bits: all that hold no pointer. */
const SCALARS = 0b1_1011_1111;
export const FRAME = 10;

/** A function while it is written: what its registers and its stack hold. */
export class Draft {
  readonly random: Random;
  readonly code: Code;
  readonly features: Features;
  /** How deep below the main function. */
  readonly depth: number;
  /** Kinds of the stack's words, from the lowest. */
  readonly words: readonly WordKind[];
  /** Offset of the lowest one. */
  readonly low: number;
  readonly bases: Base[] = [];
  readonly pending: Pending[];
  /** Offsets of the last accesses, by register. */
  readonly recent = new Map<number, number[]>();
  /** Registers with numbers, and those that are not to be written, as bits. */
  scalars = 0;
  locked = 0;
  /** Instructions that may still come, about. */
  left: number;
  /** How deep statements are in each other. */
  nesting = 0;
  loops = 0;
  /** The slot for a pointer is in use. */
  spilled = false;
  /** No calls: a register that calls do not keep is needed, or a lock is held. */
  busy = false;
  /** Something is held that has to be given back: no way out of the function but its end. */
  sealed = false;
  /** Bytes of those for objects that are in use. */
  objects = 0;
  /** Where the loop around is left to, and what registers hold there on all ways. */
  exit: { readonly label: Label; scalars: number } | null = null;

  constructor(
    code: Code,
    random: Random,
    options: {
      readonly features: Features;
      readonly depth: number;
      readonly words: readonly WordKind[];
      readonly top: number;
      readonly left: number;
      readonly pending: Pending[];
    },
  ) {
    this.code = code;
    this.random = random;
    this.features = options.features;
    this.depth = options.depth;
    this.words = options.words;
    this.low = options.top - 8 * options.words.length;
    this.left = options.left;
    this.pending = options.pending;
  }

  put(row: Parameters<Code["put"]>[0], dst = 0, src = 0, off = 0, imm = 0): void {
    this.left--;
    this.code.put(row, dst, src, off, imm);
  }

  /** A register with a number. */
  scalar(): number {
    const { random } = this;
    if (this.scalars === 0) this.define(this.target());
    for (;;) {
      const register = random.below(9);
      if ((this.scalars & (1 << register)) !== 0) return register;
    }
  }

  /** A register that may be written. */
  target(...not: readonly number[]): number {
    for (;;) {
      const register = this.random.below(9);
      if ((SCALARS & ~this.locked & (1 << register)) !== 0 && !not.includes(register)) return register;
    }
  }

  /** A register that holds a number and may be written. */
  variable(): number {
    const open = this.scalars & ~this.locked;
    if (open !== 0)
      for (let tries = 0; tries < 40; tries++) {
        const register = this.random.below(9);
        if ((open & (1 << register)) !== 0) return register;
      }
    const register = this.target();
    this.define(register);
    return register;
  }

  has(register: number): boolean {
    return (this.scalars & (1 << register)) !== 0;
  }

  sets(register: number): void {
    this.scalars |= 1 << register;
  }

  loses(register: number): void {
    this.scalars &= ~(1 << register);
  }

  /** A register holds a pointer, and is not to be written until it is freed. */
  holds(register: number): void {
    this.loses(register);
    this.locked |= 1 << register;
  }

  frees(register: number): void {
    this.recent.delete(register);
    this.locked &= ~(1 << register);
  }

  /** Gives a register a number. */
  define(register: number): void {
    const { random } = this;
    if (random.oneIn(5)) this.code.wide(register, this.quad());
    else this.put(random.oneIn(2) ? "mov64_k" : "mov32_k", register, 0, 0, this.word());
    this.sets(register);
  }

  /** After a call: r1 to r5 hold nothing, r0 a result. */
  called(): void {
    this.scalars = (this.scalars & ~0b11_1110) | 1;
  }

  remember(register: number, offset: number): void {
    const offsets = this.recent.get(register) ?? [];
    this.recent.set(register, [...offsets.slice(-2), offset]);
  }

  word(): number {
    return this.random.interesting() | 0;
  }

  quad(): bigint {
    const { random } = this;
    const high = random.oneIn(3) ? 0 : random.oneIn(2) ? -1 : random.interesting();
    return BigInt.asUintN(64, (BigInt(high) << 32n) | BigInt(random.interesting()));
  }

  /** Registers that hold numbers in `scalars` do so again. */
  restore(scalars: number): void {
    for (let register = 0; register < 9; register++)
      if ((scalars & ~this.scalars & (1 << register)) !== 0) this.define(register);
    this.scalars = scalars;
  }

  /** Bytes of the own stack that pointers may lead to: its lowest words. */
  get shared(): number {
    const end = this.words.findIndex((kind) => kind !== 0);
    return 8 * (end < 0 ? this.words.length : end);
  }

  /**
   * Does something with bytes of the stack for an object of the kernel, at an offset from the frame pointer; nothing
   * where there are none left.
   */
  withObject(size: number, act: (offset: number) => void): void {
    if (this.objects + size > OBJECTS) return;
    this.objects += size;
    act(this.low - this.objects);
    this.objects -= size;
  }

  /** Writes what happens while something is held: no calls (but where told), and no way out. */
  holding(act: () => void, calls = false): void {
    const { busy, sealed, exit } = this;
    this.busy ||= !calls;
    this.sealed = true;
    this.exit = null;
    act();
    this.busy = busy;
    this.sealed = sealed;
    this.exit = exit;
  }

  /** A register that calls keep, and that nothing else is kept in; undefined where there is none. */
  keeper(): 7 | 8 | undefined {
    return ([7, 8] as const).find((register) => (this.locked & (1 << register)) === 0);
  }

  /** An 8-aligned offset from the frame pointer, with so many bytes that pointers may lead to. */
  sharedPlace(size: number): number {
    return this.low + 8 * this.random.below((this.shared - size) / 8 + 1);
  }
}
