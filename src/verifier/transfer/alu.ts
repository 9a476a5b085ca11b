import { type Insn, type InsnRow, Operation, rowsOfOpcode } from "../../isa/index.ts";
import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { markChainPrecision } from "../explore/precision.ts";
import { type Bounds, constantOfWords, isConstant, S32_MIN } from "../ranges/bounds.ts";
import { inByteOrder } from "../ranges/byte-order.ts";
import { regBoundsSanityCheck } from "../ranges/sanity.ts";
import { isSafeToCompute, scalarAlu } from "../ranges/scalar-alu.ts";
import { checkRegArg } from "../registers/check-reg-arg.ts";
import { isPointerValue } from "../state/pointer-value.ts";
import { RegType } from "../state/reg-type.ts";
import { ADD_CONST, ADD_CONST32, ADD_CONST64, type Register } from "../state/register.ts";
import { adjustPtrMinMaxVals, kernelSymbol } from "./pointer-arithmetic.ts";
import { sanitizeNeeded, sanitizeValAlu } from "./sanitize.ts";
import { maybeForkScalars } from "./scalar-fork.ts";
import { checkMoveFields, moveImmediate, moveRegister } from "./scalar-move.ts";

/** Arithmetic, moves and byte order: what they do to the destination register (`check_alu_op`). */
export function checkAluOp(env: Environment, insn: Insn): void {
  const known = env.rows[env.insnIdx] ?? null;
  // Where reserved fields select no row, the plainest of the opcode tells what was meant.
  const row = known ?? rowsOfOpcode(insn.opcode)[0]!;
  switch (row.kind) {
    case "neg":
      checkNegate(env, insn, row);
      break;
    case "end":
      checkByteOrder(env, insn, known);
      break;
    default:
      if (row.operation === Operation.mov || row.operation === Operation.movsx || row.kind === "cast") {
        checkMove(env, insn, row, known);
      } else checkBinary(env, insn, row, known);
  }
  regBoundsSanityCheck(env, env.reg(insn.dst), "alu");
}

function checkNegate(env: Environment, insn: Insn, row: InsnRow): void {
  if (insn.src !== 0 || insn.off !== 0 || insn.imm !== 0) {
    env.refuse(Errno.EINVAL, "BPF_NEG uses reserved fields");
  }
  const dst = checkUnary(env, insn);
  if (dst === null) return;
  const { bounds } = dst;
  forgetLinks(dst);
  dst.bounds = scalarAlu(Operation.neg, bounds, bounds, row.width === 32);
}

function checkByteOrder(env: Environment, insn: Insn, row: InsnRow | null): void {
  if (row === null || insn.src !== 0 || insn.off !== 0) {
    env.refuse(Errno.EINVAL, "BPF_END uses reserved fields");
  }
  const dst = checkUnary(env, insn);
  if (dst === null) return;
  // x86-64 is little-endian.
  const swaps = row.operation !== Operation.toLe;
  if (swaps || row.width < 64) dst.unlink();
  dst.bounds = inByteOrder(dst.bounds, row.width, swaps);
}

/** The number that is operated on; null of what was a pointer, and is unknown now. */
function checkUnary(env: Environment, insn: Insn): Register | null {
  checkRegArg(env, insn.dst, "src");
  if (isPointerValue(env, insn.dst)) env.refuse(Errno.EACCES, `R${insn.dst} pointer arithmetic prohibited`);
  const dst = env.reg(insn.dst);
  const isNumber = dst.type === RegType.SCALAR_VALUE;
  checkRegArg(env, insn.dst, isNumber ? "dstNoMark" : "dst");
  return isNumber ? dst : null;
}

function checkMove(env: Environment, insn: Insn, row: InsnRow, known: InsnRow | null): void {
  if (row.source === "reg") {
    checkMoveFields(env, insn, known);
    checkRegArg(env, insn.src, "src");
  } else if (insn.src !== 0 || insn.off !== 0) {
    env.refuse(Errno.EINVAL, "BPF_MOV uses reserved fields");
  }
  checkRegArg(env, insn.dst, "dstNoMark");
  if (row.source === "reg") moveRegister(env, insn, row);
  else moveImmediate(env, insn, row);
}

function isDivision(operation: Operation): boolean {
  return operation >= Operation.div && operation <= Operation.smod;
}

function isShift(operation: Operation): boolean {
  return operation >= Operation.lsh && operation <= Operation.arsh;
}

function isBitwise(operation: Operation): boolean {
  return operation >= Operation.or && operation <= Operation.xor;
}

function checkBinary(env: Environment, insn: Insn, row: InsnRow, known: InsnRow | null): void {
  const { operation, source } = row;
  const unused = source === "reg" ? insn.imm : insn.src;
  if (known === null || unused !== 0 || (insn.off !== 0 && !isDivision(operation))) {
    env.refuse(Errno.EINVAL, "BPF_ALU uses reserved fields");
  }
  if (source === "reg") checkRegArg(env, insn.src, "src");
  checkRegArg(env, insn.dst, "src");
  if (source === "imm") {
    if (isDivision(operation) && insn.imm === 0) env.refuse(Errno.EINVAL, "div by zero");
    if (isShift(operation) && (insn.imm < 0 || insn.imm >= row.width)) {
      env.refuse(Errno.EINVAL, `invalid shift ${insn.imm}`);
    }
  }
  checkRegArg(env, insn.dst, "dstNoMark");
  adjustRegMinMaxVals(env, insn, row);
}

/** `adjust_reg_min_max_vals`: numbers, or a pointer and a number. */
function adjustRegMinMaxVals(env: Environment, insn: Insn, row: InsnRow): void {
  const dst = env.reg(insn.dst);
  const other = row.source === "reg" ? env.reg(insn.src) : null;
  if (dst.type === RegType.PTR_TO_ARENA || other?.type === RegType.PTR_TO_ARENA) {
    if (dst.type !== RegType.PTR_TO_ARENA) dst.copyFrom(other!);
    // Such a pointer is 32 bits wide.
    if (row.width === 64) env.currentAux.needsZext = true;
    dst.subregDef = env.insnIdx + 1;
    return;
  }
  const dstIsNumber = dst.type === RegType.SCALAR_VALUE;
  let srcBounds: Bounds;
  if (other !== null) {
    const src = other;
    srcBounds = src.bounds;
    if (src.type !== RegType.SCALAR_VALUE) {
      if (dstIsNumber) {
        markChainPrecision(env, insn.dst);
        adjustPtrMinMaxVals(env, insn, row, src, { bounds: dst.bounds, off: dst.off, inDst: true });
      } else combinePointers(env, insn, row, dst);
      return;
    }
    if (!dstIsNumber) {
      markChainPrecision(env, insn.src);
      adjustPtrMinMaxVals(env, insn, row, dst, { bounds: srcBounds, off: src.off, inDst: false });
      return;
    }
    if (dst.precise) markChainPrecision(env, insn.src);
  } else {
    srcBounds = constantOfWords(insn.imm >> 31, insn.imm);
    if (!dstIsNumber) {
      adjustPtrMinMaxVals(env, insn, row, dst, { bounds: srcBounds, off: 0, inDst: false });
      return;
    }
  }
  const wasLow = dst.bounds.umaxHi === 0;
  adjustScalarMinMaxVals(env, insn, row, dst, srcBounds);
  linkAtDistance(env, insn, row, dst, srcBounds, wasLow);
}

/** Two pointers: only their distance makes sense. */
function combinePointers(env: Environment, insn: Insn, row: InsnRow, dst: Register): void {
  if (row.operation === Operation.sub && env.allowPtrLeaks) {
    dst.markUnknown(env.unknownIsPrecise);
    return;
  }
  env.refuse(Errno.EACCES, `R${insn.dst} pointer ${kernelSymbol(row)} pointer prohibited`);
}

/** `adjust_scalar_min_max_vals` */
function adjustScalarMinMaxVals(
  env: Environment,
  insn: Insn,
  row: InsnRow,
  dst: Register,
  src: Bounds,
): void {
  const { operation } = row;
  const alu32 = row.width === 32;
  if (!isSafeToCompute(operation, src, alu32)) {
    dst.markUnknown(env.unknownIsPrecise);
    return;
  }
  if (sanitizeNeeded(operation)) sanitizeValAlu(env, insn, row);
  if ((operation === Operation.and || operation === Operation.or) && isConstant(src)) {
    maybeForkScalars(env, insn, dst);
  }
  dst.bounds = scalarAlu(operation, dst.bounds, src, alu32);
  // Linux marks the register known here, and with that as a fresh one.
  if (isBitwise(operation) && isConstant(src) && isConstant(dst.bounds)) forgetLinks(dst);
}

/** A number that became another one shares it with no register. */
function forgetLinks(reg: Register): void {
  reg.unlink();
  reg.refObjId = 0;
}

/**
 * Remembers that the register is now at a constant distance from those with its id. Distances are not added up; one
 * that a 32-bit addition makes holds only where there was nothing in the upper half (`wasLow`). Other operations end
 * the link, with the distance since 6.18.y.
 */
function linkAtDistance(
  env: Environment,
  insn: Insn,
  { operation, width, source }: InsnRow,
  dst: Register,
  src: Bounds,
  wasLow: boolean,
): void {
  const alu32 = width === 32;
  if (
    !env.bpfCapable ||
    dst.id === 0 ||
    (operation !== Operation.add && operation !== Operation.sub) ||
    (alu32 ? src.tnum.maskLo !== 0 : !isConstant(src)) ||
    (source === "reg" && insn.src === insn.dst)
  ) {
    dst.unlink();
    return;
  }
  const { valueHi, valueLo } = src.tnum;
  const fits = alu32 ? wasLow : valueHi === valueLo >> 31;
  const cannotNegate = operation === Operation.sub && valueLo === S32_MIN;
  if (!fits || cannotNegate || (dst.id & ADD_CONST) !== 0) {
    dst.unlink();
    return;
  }
  dst.off = operation === Operation.sub ? -valueLo | 0 : valueLo;
  // The sum, not the bit set: ids are compared as unsigned numbers.
  dst.id += alu32 ? ADD_CONST32 : ADD_CONST64;
}
