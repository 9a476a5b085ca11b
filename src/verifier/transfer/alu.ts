import { type Insn, type InsnRow, Operation, rowsOfOpcode } from "../../isa/index.ts";
import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { markChainPrecision } from "../explore/precision.ts";
import { type Bounds, constantOfWords, isConstant } from "../ranges/bounds.ts";
import { regBoundsSanityCheck } from "../ranges/sanity.ts";
import { isSafeToCompute, scalarAlu } from "../ranges/scalar-alu.ts";
import { checkRegArg } from "../registers/check-reg-arg.ts";
import { isPointerValue } from "../state/pointer-value.ts";
import { RegType } from "../state/reg-type.ts";
import { ADD_CONST, type Register } from "../state/register.ts";
import { adjustPtrMinMaxVals, kernelSymbol } from "./pointer-arithmetic.ts";
import { sanitizeNeeded, sanitizeValAlu } from "./sanitize.ts";
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
  checkUnary(env, insn);
  const dst = env.reg(insn.dst);
  if (dst.type !== RegType.SCALAR_VALUE) {
    checkRegArg(env, insn.dst, "dst");
    return;
  }
  checkRegArg(env, insn.dst, "dstNoMark");
  const { bounds } = dst;
  forgetLinks(dst);
  dst.bounds = scalarAlu(Operation.neg, bounds, bounds, row.width === 32);
}

function checkByteOrder(env: Environment, insn: Insn, row: InsnRow | null): void {
  if (row === null || insn.src !== 0 || insn.off !== 0) {
    env.refuse(Errno.EINVAL, "BPF_END uses reserved fields");
  }
  checkUnary(env, insn);
  checkRegArg(env, insn.dst, "dst");
}

function checkUnary(env: Environment, insn: Insn): void {
  checkRegArg(env, insn.dst, "src");
  if (isPointerValue(env, insn.dst)) env.refuse(Errno.EACCES, `R${insn.dst} pointer arithmetic prohibited`);
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
  const { operation } = row;
  const dst = env.reg(insn.dst);
  if (dst.type === RegType.PTR_TO_ARENA) {
    // Such a pointer is 32 bits wide.
    if (row.width === 64) env.currentAux.needsZext = true;
    return;
  }
  const dstIsNumber = dst.type === RegType.SCALAR_VALUE;
  let srcBounds: Bounds;
  if (row.source === "reg") {
    const src = env.reg(insn.src);
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
  adjustScalarMinMaxVals(env, insn, row, dst, srcBounds);
  if (
    env.bpfCapable &&
    operation === Operation.add &&
    row.width === 64 &&
    dst.id !== 0 &&
    isConstant(srcBounds)
  ) {
    linkAtDistance(dst, srcBounds);
  } else dst.id = 0;
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
  dst.bounds = scalarAlu(operation, dst.bounds, src, alu32);
  // Linux marks the register known here, and with that as a fresh one.
  if (isBitwise(operation) && isConstant(src) && isConstant(dst.bounds)) forgetLinks(dst);
}

/** A number that became another one shares it with no register. */
function forgetLinks(reg: Register): void {
  reg.off = 0;
  reg.id = 0;
  reg.refObjId = 0;
}

/** Remembers that the register is at a constant distance from those with its id. Distances are not added up. */
function linkAtDistance(dst: Register, distance: Bounds): void {
  const { valueHi, valueLo } = distance.tnum;
  if ((dst.id & ADD_CONST) !== 0 || valueHi !== 0 || valueLo < 0) {
    dst.off = 0;
    dst.id = 0;
  } else {
    // Unsigned: ids are compared as numbers.
    dst.id = (dst.id | ADD_CONST) >>> 0;
    dst.off = valueLo;
  }
}
