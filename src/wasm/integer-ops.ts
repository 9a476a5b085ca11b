import { WasmError } from "./errors.ts";
import { OP } from "./instructions.ts";

/** Where instructions go: the function builder `F`, which each method returns. */
export interface InstructionSink<F> {
  op(code: number): F;
  access(code: number, offset?: number, align?: number): F;
  i32Const(value: number): F;
  i64Const(value: number | bigint): F;
  i64ConstPair(low: number, high: number): F;
}

/** Width of a memory access in bits. */
export type Bits = 8 | 16 | 32 | 64;

/** The operation of an atomic read-modify-write. */
export type AtomicOperation = "add" | "sub" | "and" | "or" | "xor" | "xchg" | "cmpxchg";

const RMW: Readonly<Record<AtomicOperation, number>> = {
  add: OP["i32.atomic.rmw.add"],
  sub: OP["i32.atomic.rmw.sub"],
  and: OP["i32.atomic.rmw.and"],
  or: OP["i32.atomic.rmw.or"],
  xor: OP["i32.atomic.rmw.xor"],
  xchg: OP["i32.atomic.rmw.xchg"],
  cmpxchg: OP["i32.atomic.rmw.cmpxchg"],
};

/**
 * The instructions that `i32` and `i64` share, so that code for either width can be emitted by one routine:
 * `(wide ? f.i64 : f.i32).add()`. Comparisons give an i32. Each returns the function builder, for chaining.
 *
 * Opcodes of i64 repeat the order of those of i32 at a fixed distance (specification 5.4.7).
 * Offsets are unsigned 32-bit bytes added to the address; alignments are in bytes and default to the natural one.
 */
export abstract class IntegerOps<F> {
  protected readonly f: InstructionSink<F>;
  readonly #arithmetic: number;
  readonly #comparison: number;
  readonly #wide: boolean;

  constructor(f: InstructionSink<F>, wide: boolean) {
    this.f = f;
    this.#wide = wide;
    this.#arithmetic = wide ? OP["i64.add"] - OP["i32.add"] : 0;
    this.#comparison = wide ? OP["i64.eqz"] - OP["i32.eqz"] : 0;
  }

  /** A constant: a signed or unsigned integer of this width (numbers must be safe integers). */
  abstract const(value: number): F;

  eqz(): F {
    return this.f.op(OP["i32.eqz"] + this.#comparison);
  }
  eq(): F {
    return this.f.op(OP["i32.eq"] + this.#comparison);
  }
  ne(): F {
    return this.f.op(OP["i32.ne"] + this.#comparison);
  }
  ltS(): F {
    return this.f.op(OP["i32.lt_s"] + this.#comparison);
  }
  ltU(): F {
    return this.f.op(OP["i32.lt_u"] + this.#comparison);
  }
  gtS(): F {
    return this.f.op(OP["i32.gt_s"] + this.#comparison);
  }
  gtU(): F {
    return this.f.op(OP["i32.gt_u"] + this.#comparison);
  }
  leS(): F {
    return this.f.op(OP["i32.le_s"] + this.#comparison);
  }
  leU(): F {
    return this.f.op(OP["i32.le_u"] + this.#comparison);
  }
  geS(): F {
    return this.f.op(OP["i32.ge_s"] + this.#comparison);
  }
  geU(): F {
    return this.f.op(OP["i32.ge_u"] + this.#comparison);
  }

  clz(): F {
    return this.f.op(OP["i32.clz"] + this.#arithmetic);
  }
  ctz(): F {
    return this.f.op(OP["i32.ctz"] + this.#arithmetic);
  }
  popcnt(): F {
    return this.f.op(OP["i32.popcnt"] + this.#arithmetic);
  }
  add(): F {
    return this.f.op(OP["i32.add"] + this.#arithmetic);
  }
  sub(): F {
    return this.f.op(OP["i32.sub"] + this.#arithmetic);
  }
  mul(): F {
    return this.f.op(OP["i32.mul"] + this.#arithmetic);
  }
  /** Traps on zero and on the overflow of the least value by -1. */
  divS(): F {
    return this.f.op(OP["i32.div_s"] + this.#arithmetic);
  }
  /** Traps on zero. */
  divU(): F {
    return this.f.op(OP["i32.div_u"] + this.#arithmetic);
  }
  /** Traps on zero. */
  remS(): F {
    return this.f.op(OP["i32.rem_s"] + this.#arithmetic);
  }
  /** Traps on zero. */
  remU(): F {
    return this.f.op(OP["i32.rem_u"] + this.#arithmetic);
  }
  and(): F {
    return this.f.op(OP["i32.and"] + this.#arithmetic);
  }
  or(): F {
    return this.f.op(OP["i32.or"] + this.#arithmetic);
  }
  xor(): F {
    return this.f.op(OP["i32.xor"] + this.#arithmetic);
  }
  /** Shift counts are taken modulo the width. */
  shl(): F {
    return this.f.op(OP["i32.shl"] + this.#arithmetic);
  }
  shrS(): F {
    return this.f.op(OP["i32.shr_s"] + this.#arithmetic);
  }
  shrU(): F {
    return this.f.op(OP["i32.shr_u"] + this.#arithmetic);
  }
  rotl(): F {
    return this.f.op(OP["i32.rotl"] + this.#arithmetic);
  }
  rotr(): F {
    return this.f.op(OP["i32.rotr"] + this.#arithmetic);
  }
  extend8S(): F {
    return this.f.op(this.#wide ? OP["i64.extend8_s"] : OP["i32.extend8_s"]);
  }
  extend16S(): F {
    return this.f.op(this.#wide ? OP["i64.extend16_s"] : OP["i32.extend16_s"]);
  }

  load(offset = 0, align?: number): F {
    return this.f.access(this.#wide ? OP["i64.load"] : OP["i32.load"], offset, align);
  }
  load8S(offset = 0): F {
    return this.f.access(this.#wide ? OP["i64.load8_s"] : OP["i32.load8_s"], offset);
  }
  load8U(offset = 0): F {
    return this.f.access(this.#wide ? OP["i64.load8_u"] : OP["i32.load8_u"], offset);
  }
  load16S(offset = 0, align?: number): F {
    return this.f.access(this.#wide ? OP["i64.load16_s"] : OP["i32.load16_s"], offset, align);
  }
  load16U(offset = 0, align?: number): F {
    return this.f.access(this.#wide ? OP["i64.load16_u"] : OP["i32.load16_u"], offset, align);
  }
  store(offset = 0, align?: number): F {
    return this.f.access(this.#wide ? OP["i64.store"] : OP["i32.store"], offset, align);
  }
  store8(offset = 0): F {
    return this.f.access(this.#wide ? OP["i64.store8"] : OP["i32.store8"], offset);
  }
  store16(offset = 0, align?: number): F {
    return this.f.access(this.#wide ? OP["i64.store16"] : OP["i32.store16"], offset, align);
  }

  /** A sequentially consistent load, zero-extended from `bits`; traps where the address is not aligned. */
  atomicLoad(offset = 0, bits: Bits = this.#wide ? 64 : 32): F {
    return this.f.access(OP["i32.atomic.load"] + this.#slot(bits), offset);
  }
  /** A sequentially consistent store of the low `bits`; traps where the address is not aligned. */
  atomicStore(offset = 0, bits: Bits = this.#wide ? 64 : 32): F {
    return this.f.access(OP["i32.atomic.store"] + this.#slot(bits), offset);
  }
  /**
   * A sequentially consistent read-modify-write of `bits`, giving the old value zero-extended; traps where the
   * address is not aligned. `cmpxchg` takes address, expected value (zero-extended from `bits`) and replacement.
   */
  atomicRmw(operation: AtomicOperation, offset = 0, bits: Bits = this.#wide ? 64 : 32): F {
    return this.f.access(RMW[operation] + this.#slot(bits), offset);
  }

  /** Atomic opcodes come in groups of seven: i32, i64, i32 8 and 16 bits, i64 8, 16 and 32 bits. */
  #slot(bits: Bits): number {
    if (this.#wide) return bits === 64 ? 1 : bits === 32 ? 6 : bits === 16 ? 5 : 4;
    if (bits === 64) throw new WasmError("expected an i32 access of at most 32 bits, got 64");
    return bits === 32 ? 0 : bits === 16 ? 3 : 2;
  }
}

/** Instructions of 32-bit integers. */
export class I32Ops<F> extends IntegerOps<F> {
  constructor(f: InstructionSink<F>) {
    super(f, false);
  }

  const(value: number): F {
    return this.f.i32Const(value);
  }
  /** The low 32 bits of an i64. */
  wrapI64(): F {
    return this.f.op(OP["i32.wrap_i64"]);
  }
}

/** Instructions of 64-bit integers. */
export class I64Ops<F> extends IntegerOps<F> {
  constructor(f: InstructionSink<F>) {
    super(f, true);
  }

  const(value: number | bigint): F {
    return this.f.i64Const(value);
  }
  /** A constant from its halves (of either sign): no bigint on hot paths. */
  constPair(low: number, high: number): F {
    return this.f.i64ConstPair(low, high);
  }
  extendI32S(): F {
    return this.f.op(OP["i64.extend_i32_s"]);
  }
  extendI32U(): F {
    return this.f.op(OP["i64.extend_i32_u"]);
  }
  extend32S(): F {
    return this.f.op(OP["i64.extend32_s"]);
  }
  load32S(offset = 0, align?: number): F {
    return this.f.access(OP["i64.load32_s"], offset, align);
  }
  load32U(offset = 0, align?: number): F {
    return this.f.access(OP["i64.load32_u"], offset, align);
  }
  store32(offset = 0, align?: number): F {
    return this.f.access(OP["i64.store32"], offset, align);
  }
}
