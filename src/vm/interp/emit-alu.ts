import { CAST_TO_USER, type InsnRow } from "../../isa/index.ts";
import type { FunctionBuilder, I32Ops, I64Ops, Local } from "../../wasm/index.ts";
import { Frame } from "../state.ts";
import type { Arms } from "./arms.ts";
import { Record } from "./record.ts";

type Ops = I32Ops<FunctionBuilder> | I64Ops<FunctionBuilder>;

/** Emits what is between the operands on the stack and the result. */
type Binary = (ops: Ops) => void;

/** dst = dst op operand; 32-bit results are zero-extended (RFC 9669 section 4.1). */
export function binary(operation: Binary) {
  return (arms: Arms, row: InsnRow): void => {
    const { f, address } = arms;
    const wide = row.width === 64;
    arms.dst().tee(address).get(address);
    if (wide) {
      f.i64.load();
      arms.operand64(row.source);
      operation(f.i64);
      f.i64.store();
    } else {
      f.i32.load();
      arms.operand32(row.source);
      operation(f.i32);
      f.i64.extendI32U().i64.store();
    }
    f.br(arms.next);
  };
}

type Division = (parts: {
  f: FunctionBuilder;
  ops: Ops;
  type: "i32" | "i64";
  dividend: Local;
  divisor: Local;
}) => void;

/** As {@link binary}, for operations whose special cases Wasm would trap on. */
export function division(operation: Division) {
  return (arms: Arms, row: InsnRow): void => {
    const { f, address } = arms;
    const wide = row.width === 64;
    const ops: Ops = wide ? f.i64 : f.i32;
    const type = wide ? "i64" : "i32";
    const dividend = wide ? arms.i64A : arms.i32A;
    const divisor = wide ? arms.i64B : arms.distance;
    arms.dst().tee(address).get(address);
    ops.load().set(dividend);
    if (wide) arms.operand64(row.source);
    else arms.operand32(row.source);
    f.set(divisor);
    operation({ f, ops, type, dividend, divisor });
    if (!wide) f.i64.extendI32U();
    f.i64.store().br(arms.next);
  };
}

/** Division by zero gives 0. */
export const div = division(({ f, ops, type, dividend, divisor }) => {
  f.get(divisor);
  ops.eqz();
  f.if(
    () => ops.const(0),
    () => {
      f.get(dividend).get(divisor);
      ops.divU();
    },
    type,
  );
});

/** Division by zero gives 0; the least value by -1 gives itself. */
export const sdiv = division(({ f, ops, type, dividend, divisor }) => {
  f.get(divisor);
  ops.const(1);
  ops.add();
  ops.const(1);
  ops.leU();
  // Divisor 0 or -1: the product with it is the quotient.
  f.if(
    () => {
      f.get(dividend).get(divisor);
      ops.mul();
    },
    () => {
      f.get(dividend).get(divisor);
      ops.divS();
    },
    type,
  );
});

/** The remainder by zero leaves dst (its low half, zero-extended). */
function remainder(emit: (ops: Ops) => void) {
  return division(({ f, ops, type, dividend, divisor }) => {
    f.get(divisor);
    ops.eqz();
    f.if(
      () => f.get(dividend),
      () => {
        f.get(dividend).get(divisor);
        emit(ops);
      },
      type,
    );
  });
}

export const mod = remainder((ops) => ops.remU());
export const smod = remainder((ops) => ops.remS());

export function mov(arms: Arms, row: InsnRow): void {
  const { f } = arms;
  arms.dst();
  if (row.width === 64) arms.operand64(row.source);
  else arms.operand32(row.source).i64.extendI32U();
  f.i64.store().br(arms.next);
}

export function movsx(arms: Arms, row: InsnRow): void {
  const { f } = arms;
  arms.dst();
  if (row.width === 64) {
    arms.src().i64.load();
    if (row.extend === 8) f.i64.extend8S();
    else if (row.extend === 16) f.i64.extend16S();
    else f.i64.extend32S();
  } else {
    arms.src().i32.load();
    if (row.extend === 8) f.i32.extend8S();
    else f.i32.extend16S();
    f.i64.extendI32U();
  }
  f.i64.store().br(arms.next);
}

export function neg(arms: Arms, row: InsnRow): void {
  const { f, address } = arms;
  arms.dst().set(address);
  f.get(address);
  if (row.width === 64) f.i64.const(0).get(address).i64.load().i64.sub();
  else f.i32.const(0).get(address).i32.load().i32.sub().i64.extendI32U();
  f.i64.store().br(arms.next);
}

/** The machine is little-endian: its conversions to that order only cut off. */
export function toLe(arms: Arms, row: InsnRow): void {
  const { f, address } = arms;
  if (row.width !== 64) {
    arms.dst().tee(address).get(address);
    if (row.width === 16) f.i64.load16U();
    else f.i64.load32U();
    f.i64.store();
  }
  f.br(arms.next);
}

export function swap(arms: Arms, row: InsnRow): void {
  const { f, address } = arms;
  arms.dst().tee(address).get(address);
  f.i64.load().call(arms.callees.swap64);
  if (row.width !== 64) f.i64.const(64 - row.width).i64.shrU();
  f.i64.store().br(arms.next);
}

/**
 * Between address spaces (`BPF_ADDR_SPACE_CAST`, imm = dst space << 16 | src space). Programs know an arena's addresses
 * by their low halves (space 1 to 0); the other way the high half is the same for all but NULL.
 */
export function addrSpaceCast(arms: Arms): void {
  const { f } = arms;
  f.get(arms.pc).i32.load(Record.IMM).i32.const(CAST_TO_USER).i32.eq();
  f.if(
    () => {
      arms.dst();
      arms.frame(Frame.CODE);
      arms.src().i64.load32U().call(arms.callees.arenaCast).i64.store();
    },
    () => {
      arms.dst();
      arms.src().i64.load32U().i64.store();
    },
  );
  f.br(arms.next);
}
