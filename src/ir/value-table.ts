import type { InsnRow } from "../isa/index.ts";
import { type Block, hasRow, type IrType, NONE, Op, Phi, type Value } from "./value.ts";

/** What accesses to memory, calls and constants have beside their arguments. */
export interface ValueFields {
  readonly imm?: number;
  readonly high?: number;
  /** Bytes of a memory access. */
  readonly size?: number;
  readonly signed?: boolean;
  /** Of an access that is more than a load or a store. */
  readonly row?: InsnRow;
}

const NOTHING: ValueFields = {};

const TYPES: readonly IrType[] = ["void", "i32", "i64"];

/** Beside the bytes of an access: it extends the sign. */
const SIGNED = 0x80;

/** Arguments of a value, more or less. */
const FEW_ARGS = 2;

/**
 * The values of a function, as columns: what is known of a value stands at its number in each. A function of ten
 * thousand instructions has some fifty thousand values, and each pass looks at all of them: as objects they would be
 * several times as large, and the garbage collector's work.
 */
export class ValueTable {
  #count = 0;
  #args = 0;
  #ops: Uint8Array;
  #types: Uint8Array;
  #sizes: Uint8Array;
  #imms: Int32Array;
  #highs: Int32Array;
  #slots: Int32Array;
  #forwards: Int32Array;
  #chains: Int32Array;
  /** Where a value's arguments begin; those of the next one begin behind its last. */
  #firsts: Uint32Array;
  #pool: Int32Array;
  readonly #blocks: (Block | undefined)[] = [];
  readonly #phis: Phi[] = [];
  readonly #rows: InsnRow[] = [];
  /** The slot that values which are made now are for: listings show them under its source line. */
  slot = 0;

  /** @param values how many there will be, more or less. */
  constructor(values: number) {
    const capacity = Math.max(16, values);
    this.#ops = new Uint8Array(capacity);
    this.#types = new Uint8Array(capacity);
    this.#sizes = new Uint8Array(capacity);
    this.#imms = new Int32Array(capacity);
    this.#highs = new Int32Array(capacity);
    this.#slots = new Int32Array(capacity);
    this.#forwards = new Int32Array(capacity);
    this.#chains = new Int32Array(capacity);
    this.#firsts = new Uint32Array(capacity + 1);
    this.#pool = new Int32Array(FEW_ARGS * capacity);
  }

  /** One more than the largest number of a value. */
  get valueCount(): number {
    return this.#count;
  }

  op(value: Value): Op {
    return this.#ops[value] as Op;
  }

  type(value: Value): IrType {
    return TYPES[this.#types[value]!]!;
  }

  isWide(value: Value): boolean {
    return this.#types[value] === 2;
  }

  /** See {@link Op}. */
  imm(value: Value): number {
    return this.#imms[value]!;
  }

  high(value: Value): number {
    return this.#highs[value]!;
  }

  /** Bytes of a memory access. */
  size(value: Value): number {
    return this.#sizes[value]! & ~SIGNED;
  }

  /** Whether a memory access extends the sign. */
  isSigned(value: Value): boolean {
    return this.#sizes[value]! >= SIGNED;
  }

  /** The slot whose instruction it was made for. */
  slotOf(value: Value): number {
    return this.#slots[value]!;
  }

  /** What an access is, see `hasRow`. */
  rowOf(value: Value): InsnRow {
    return this.#rows[this.#highs[value]!]!;
  }

  /** The block that a value is in; undefined for constants that stand nowhere. */
  blockOf(value: Value): Block | undefined {
    return this.#blocks[value];
  }

  setBlock(value: Value, block: Block): void {
    this.#blocks[value] = block;
  }

  /** The phi that a value is. */
  phiOf(value: Value): Phi {
    return this.#phis[this.#imms[value]!]!;
  }

  /** Arguments; phis have theirs elsewhere. */
  argCount(value: Value): number {
    return this.#firsts[value + 1]! - this.#firsts[value]!;
  }

  arg(value: Value, index: number): Value {
    return this.#pool[this.#firsts[value]! + index] as Value;
  }

  argsOf(value: Value): Value[] {
    const args: Value[] = [];
    for (let i = 0; i < this.argCount(value); i++) args.push(this.arg(value, i));
    return args;
  }

  setArg(value: Value, index: number, arg: Value): void {
    this.#pool[this.#firsts[value]! + index] = arg;
  }

  /** The address of an access goes on from another base. */
  rebase(access: Value, base: Value, offset: number): void {
    this.setArg(access, 0, base);
    this.#imms[access] = offset;
  }

  /** The next value of the same hash, in a table of values. */
  chain(value: Value): Value {
    return this.#chains[value] as Value;
  }

  setChain(value: Value, next: Value): void {
    this.#chains[value] = next;
  }

  isConst(value: Value): boolean {
    return this.#ops[value] === Op.const;
  }

  /** Whether a value is a constant with these halves (the high one for i64 alone). */
  isConstOf(value: Value, low: number, high = 0): boolean {
    return (
      this.#ops[value] === Op.const &&
      this.#imms[value] === low &&
      (this.#types[value] === 1 || this.#highs[value] === high)
    );
  }

  /** Whether a value is what {@link plain} would make. */
  isSame(
    value: Value,
    op: Op,
    type: IrType,
    imm: number,
    high: number,
    a: Value,
    b: Value,
    c: Value,
  ): boolean {
    if (this.#ops[value] !== op || this.#imms[value] !== imm || this.#highs[value] !== high) return false;
    if (this.type(value) !== type) return false;
    const count = (a === NONE ? 0 : 1) + (b === NONE ? 0 : 1) + (c === NONE ? 0 : 1);
    const first = this.#firsts[value]!;
    const pool = this.#pool;
    return (
      this.#firsts[value + 1]! - first === count &&
      (count < 1 || pool[first] === a) &&
      (count < 2 || pool[first + 1] === b) &&
      (count < 3 || pool[first + 2] === c)
    );
  }

  /** Makes a value that has no more than this: of up to three arguments, the rest of them {@link NONE}. */
  plain(op: Op, type: IrType, imm: number, high: number, a: Value, b: Value, c: Value): Value {
    const value = this.#next(op, type, imm, high);
    let args = this.#args;
    if (args + 3 > this.#pool.length) this.#growPool();
    const pool = this.#pool;
    if (a !== NONE) pool[args++] = a;
    if (b !== NONE) pool[args++] = b;
    if (c !== NONE) pool[args++] = c;
    this.#args = args;
    this.#firsts[value + 1] = args;
    return value;
  }

  /** Makes a value of any kind but a phi. */
  value(op: Op, type: IrType, args: readonly Value[], fields: ValueFields = NOTHING): Value {
    const { imm = 0, high = 0, size = 0, signed = false, row } = fields;
    const value = this.#next(op, type, imm, row === undefined ? high : this.#rows.push(row) - 1);
    this.#sizes[value] = signed ? size | SIGNED : size;
    while (this.#args + args.length > this.#pool.length) this.#growPool();
    for (const arg of args) this.#pool[this.#args++] = arg;
    this.#firsts[value + 1] = this.#args;
    return value;
  }

  constant(type: IrType, imm: number, high = 0): Value {
    return this.plain(Op.const, type, imm, high, NONE, NONE, NONE);
  }

  /** Makes a phi of a block, which has it in its list when it is put there; its arguments are to be set. */
  phi(type: IrType, block: Block): Phi {
    const value = this.plain(Op.phi, type, this.#phis.length, 0, NONE, NONE, NONE);
    const phi = new Phi(value);
    this.#phis.push(phi);
    this.#blocks[value] = block;
    return phi;
  }

  /** Makes what another function's value is, but for its arguments, which are to be set. */
  copy(from: ValueTable, original: Value): Value {
    const row = hasRow(from.op(original)) ? from.rowOf(original) : undefined;
    const args = new Array<Value>(from.argCount(original)).fill(NONE);
    return this.value(from.op(original), from.type(original), args, {
      imm: from.imm(original),
      high: from.high(original),
      size: from.size(original),
      signed: from.isSigned(original),
      ...(row === undefined ? {} : { row }),
    });
  }

  /** A value was found to be another one. */
  forward(value: Value, to: Value): void {
    this.#forwards[value] = to;
  }

  /** The value that a value was found to be. */
  resolve(value: Value): Value {
    const forwards = this.#forwards;
    let at = value;
    while (forwards[at] !== NONE) at = forwards[at] as Value;
    // Paths are made short, so that long chains of replacements stay linear.
    for (let step = value; step !== at; ) {
      const next = forwards[step] as Value;
      forwards[step] = at;
      step = next;
    }
    return at;
  }

  /** Arguments are what they were found to be. */
  resolveArgs(value: Value): void {
    const end = this.#firsts[value + 1]!;
    const pool = this.#pool;
    for (let i = this.#firsts[value]!; i < end; i++) {
      const arg = pool[i] as Value;
      if (this.#forwards[arg] !== NONE) pool[i] = this.resolve(arg);
    }
  }

  resolvePhi({ args }: Phi): void {
    for (let i = 0; i < args.length; i++) args[i] = this.resolve(args[i]!);
  }

  #next(op: Op, type: IrType, imm: number, high: number): Value {
    const value = this.#count++ as Value;
    if (value >= this.#ops.length) this.#grow();
    this.#ops[value] = op;
    this.#types[value] = type === "i64" ? 2 : type === "i32" ? 1 : 0;
    this.#sizes[value] = 0;
    this.#imms[value] = imm;
    this.#highs[value] = high;
    this.#slots[value] = this.slot;
    this.#forwards[value] = NONE;
    this.#blocks.push(undefined);
    return value;
  }

  #grow(): void {
    const capacity = 2 * this.#ops.length;
    this.#ops = grown(this.#ops, new Uint8Array(capacity));
    this.#types = grown(this.#types, new Uint8Array(capacity));
    this.#sizes = grown(this.#sizes, new Uint8Array(capacity));
    this.#imms = grown(this.#imms, new Int32Array(capacity));
    this.#highs = grown(this.#highs, new Int32Array(capacity));
    this.#slots = grown(this.#slots, new Int32Array(capacity));
    this.#forwards = grown(this.#forwards, new Int32Array(capacity));
    this.#chains = grown(this.#chains, new Int32Array(capacity));
    this.#firsts = grown(this.#firsts, new Uint32Array(capacity + 1));
  }

  #growPool(): void {
    this.#pool = grown(this.#pool, new Int32Array(2 * this.#pool.length));
  }
}

function grown<Column extends Uint8Array | Int32Array | Uint32Array>(from: Column, to: Column): Column {
  to.set(from);
  return to;
}
