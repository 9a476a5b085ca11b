import { Operation } from "../../isa/index.ts";
import { addUnsynced, multiply, subtract } from "./arithmetic.ts";
import { bitAnd, bitOr, bitXor } from "./bitwise.ts";
import { type Bounds, constantOfWords, draftOf, isConstant, isExact, ZERO } from "./bounds.ts";
import {
  shiftArithmetic32,
  shiftArithmetic64,
  shiftLeft32,
  shiftLeft64,
  shiftRight32,
  shiftRight64,
} from "./shift.ts";
import { synced } from "./sync.ts";
import { zeroExtend } from "./truncate.ts";
import { borrowOf, carryOf } from "./words.ts";

/**
 * Whether a range can be computed: of divisions never, of shifts only by a constant within the width
 * (`is_safe_to_compute_dst_reg_range`).
 */
export function isSafeToCompute(operation: Operation, src: Bounds, alu32: boolean): boolean {
  switch (operation) {
    case Operation.add:
    case Operation.sub:
    case Operation.neg:
    case Operation.and:
    case Operation.xor:
    case Operation.or:
    case Operation.mul:
      return true;
    case Operation.lsh:
    case Operation.rsh:
    case Operation.arsh:
      return (
        (alu32
          ? src.tnum.maskLo === 0 && src.s32min === src.s32max && src.u32minWord === src.u32maxWord
          : isConstant(src) &&
            src.sminHi === src.smaxHi &&
            src.sminLo === src.smaxLo &&
            src.uminHi === src.umaxHi &&
            src.uminLo === src.umaxLo) &&
        src.umaxHi === 0 &&
        src.umaxLo >>> 0 < (alu32 ? 32 : 64)
      );
    default:
      return false;
  }
}

/** Two known values: their result is known. Null for what is left to the general way. */
function onConstants(operation: Operation, a: Bounds, b: Bounds, alu32: boolean): Bounds | null {
  const aLo = a.uminLo;
  const bLo = b.uminLo;
  switch (operation) {
    case Operation.add: {
      const lo = (aLo + bLo) | 0;
      return constantOfWords(alu32 ? 0 : (a.uminHi + b.uminHi + carryOf(aLo, lo)) | 0, lo);
    }
    case Operation.sub: {
      const lo = (aLo - bLo) | 0;
      return constantOfWords(alu32 ? 0 : (a.uminHi - b.uminHi - borrowOf(aLo, bLo)) | 0, lo);
    }
    case Operation.and:
      return constantOfWords(alu32 ? 0 : a.uminHi & b.uminHi, aLo & bLo);
    case Operation.or:
      return constantOfWords(alu32 ? 0 : a.uminHi | b.uminHi, aLo | bLo);
    case Operation.xor:
      return constantOfWords(alu32 ? 0 : a.uminHi ^ b.uminHi, aLo ^ bLo);
    default:
      return null;
  }
}

/**
 * The bounds of `dst operation src`, of an operation that {@link isSafeToCompute}
 * (the ranges of `adjust_scalar_min_max_vals`).
 */
export function scalarAlu(operation: Operation, dst: Bounds, src: Bounds, alu32: boolean): Bounds {
  if (isExact(dst) && isExact(src)) {
    const known = onConstants(operation, dst, src, alu32);
    if (known !== null) return known;
  }
  const draft = draftOf(operation === Operation.neg ? ZERO : dst);
  switch (operation) {
    case Operation.add:
      addUnsynced(draft, src);
      break;
    case Operation.sub:
      subtract(draft, src);
      break;
    case Operation.neg:
      subtract(draft, dst);
      break;
    case Operation.mul:
      multiply(draft, src);
      break;
    case Operation.and:
      bitAnd(draft, src);
      break;
    case Operation.or:
      bitOr(draft, src);
      break;
    case Operation.xor:
      bitXor(draft, src);
      break;
    case Operation.lsh:
      if (alu32) shiftLeft32(draft, src.u32minWord);
      else shiftLeft64(draft, src.uminLo);
      break;
    case Operation.rsh:
      if (alu32) shiftRight32(draft, src.u32minWord);
      else shiftRight64(draft, src.uminLo);
      break;
    case Operation.arsh:
      if (alu32) shiftArithmetic32(draft, src.u32minWord);
      else shiftArithmetic64(draft, src.uminLo);
      break;
    default:
      throw new Error(`no range of operation ${operation}`);
  }
  if (alu32) zeroExtend(draft);
  return synced(draft);
}
