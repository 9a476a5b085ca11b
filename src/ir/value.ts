/** What a value is computed by. Comparisons give an i32, 0 or 1; the rest has the type that the value says. */
export const Op = {
  /** `imm` (and for i64 `high`): the halves, signed. */
  const: 0,
  /** Number `imm` of the function's parameters: r1 to r5; as i32, the offset that r1 is the address of. */
  param: 1,
  /** One argument for each predecessor of its block, in their order. */
  phi: 2,
  /** Offset of the first byte of the function's stack frame (i32). */
  frame: 3,
  add: 4,
  sub: 5,
  mul: 6,
  /** RFC 9669: by zero gives 0. */
  divU: 7,
  /** By zero gives 0; the least value by -1 itself. */
  divS: 8,
  /** By zero gives the dividend. */
  remU: 9,
  remS: 10,
  and: 11,
  or: 12,
  xor: 13,
  shl: 14,
  shrU: 15,
  shrS: 16,
  /** Bits `imm` reversed byte by byte, the rest 0. */
  bswap: 17,
  /** Sign-extends from the low `imm` bits. */
  extend: 18,
  /** i64 → i32. */
  wrap: 19,
  /** i32 → i64, zero-extended. */
  extendU: 20,
  /** i32 → i64, sign-extended. */
  extendS: 21,
  eq: 22,
  ne: 23,
  ltU: 24,
  ltS: 25,
  leU: 26,
  leS: 27,
  /** `(condition i32, where it holds, otherwise)` */
  select: 28,
  /** The address of an offset (i32 → i64): KERNEL_BASE above it. Never NULL. */
  address: 29,
  /** Memory: `(address i32)`; `imm` bytes are added to it, `size` are read, sign-extended where `signed`. */
  load: 30,
  /** `(address i32, value)` */
  store: 31,
  /** `(address i64)`: as Linux's BPF_PROBE_MEM: 0 where the address leads nowhere. */
  probe: 32,
  /** `(address i64)`: 0 where none of the program's arena is there. */
  arenaLoad: 33,
  /** `(address i64)`: the user's address of what the program's arena has there. */
  userAddress: 34,
  /** An atomic or ordered access `(address i32, value?, expected?)`, as `row` says: gives what was there. */
  atomic: 35,
  /**
   * Any other access to the program's arena than a load, as `row` says: `(address i64, value?, expected?)`, all of 64
   * bits. Where nothing is there, it does nothing, and gives what the register has that it would have written.
   */
  arena: 36,
  /** A helper or kfunc in slot `imm`: `(r1 … r5)`. */
  call: 37,
  /** A function of the program, whose first slot is `imm`: `(r1 … r5)`. */
  callLocal: 38,
  /** `bpf_tail_call` in slot `imm`: `(r1, r2, r3)`. */
  tailCall: 39,
  /** `bpf_throw`: `(r1)`. */
  throw: 40,
  /** Whether the frame has used up its loops (i32); counts. */
  mayGoto: 41,
  /** The CPU that the executor runs as (i32). */
  cpu: 42,
  /** Whether somebody interrupts the executor's run (i32). */
  interrupted: 43,
} as const;
export type Op = (typeof Op)[keyof typeof Op];

export const OP_NAMES: readonly string[] = Object.keys(Op);

export type IrType = "i32" | "i64" | "void";

declare const VALUE: unique symbol;

/** A value of a function in SSA form, or something that is done: its number in the function's {@link ValueTable}. */
export type Value = number & { readonly [VALUE]: true };

/** The place of a value where there is none. */
export const NONE = -1 as Value;

/** A value that has one argument for each predecessor of its block, in their order. */
export class Phi {
  readonly value: Value;
  args: Value[] = [];

  constructor(value: Value) {
    this.value = value;
  }
}

/** How a block ends. */
export type Terminator =
  /** On to its only successor. */
  | { readonly kind: "goto" }
  /** To the second successor where the condition (i32) is not 0, else to the first. */
  | { readonly kind: "branch"; condition: Value }
  | { readonly kind: "return"; value: Value };

/** A straight piece of a function: phis, then values in the order in which they are computed. */
export class Block {
  /** Until blocks come or go, see `IrFunction.rebuild`. */
  id: number;
  phis: Phi[] = [];
  values: Value[] = [];
  terminator: Terminator = { kind: "goto" };
  successors: Block[] = [];
  predecessors: Block[] = [];

  constructor(id: number) {
    this.id = id;
  }
}

/** What is a value by its arguments alone: it may be computed anywhere, any number of times, or not at all. */
export function isPure(op: Op): boolean {
  return (
    (op >= Op.add && op <= Op.address) ||
    op === Op.const ||
    op === Op.param ||
    op === Op.frame ||
    op === Op.cpu
  );
}

/** Compares its arguments: an i32, 0 or 1. */
export function isComparison(op: Op): boolean {
  return op >= Op.eq && op <= Op.leS;
}

/** Whether it may change what a load gives. */
export function isClobber(op: Op): boolean {
  return op === Op.store || (op >= Op.atomic && op <= Op.throw);
}

/** Reads memory and does nothing else. */
export function isRead(op: Op): boolean {
  return op === Op.load || (op >= Op.probe && op <= Op.userAddress);
}

/** Whether the row of its instruction says what it does. */
export function hasRow(op: Op): boolean {
  return op === Op.atomic || op === Op.arena;
}
