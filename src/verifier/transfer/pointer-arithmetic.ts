import { aluSymbol } from "../../asm/index.ts";
import { type Insn, type InsnRow, Operation } from "../../isa/index.ts";
import { Errno } from "../../uapi/index.ts";
import { checkMapAccess } from "../access/map-access.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import { tnumText } from "../log/number-text.ts";
import { regTypeStr } from "../log/reg-type-text.ts";
import { type Bounds, draftOf, isConstant, isExact } from "../ranges/bounds.ts";
import { addPointerOffset, subtractPointerOffset } from "../ranges/pointer-offset.ts";
import { regBoundsSync } from "../ranges/sync.ts";
import { unbound32 } from "../ranges/truncate.ts";
import { below64, less64 } from "../ranges/words.ts";
import { MAX_STACK, MAX_VAR_OFF } from "../state/limits.ts";
import { baseType, isPacketPointer, RegType, TypeFlag } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";
import { refuseSanitation, type SanitizePlan, sanitizeNeeded, sanitizePtrAlu } from "./sanitize.ts";

const S32_MIN = -0x8000_0000;

/** Refuses an offset so large that sums of it might wrap around (`check_reg_sane_offset`). */
function checkRegSaneOffset(env: Environment, bounds: Bounds, off: number, type: number): void {
  if (isConstant(bounds)) {
    const value = BigInt.asIntN(64, bounds.value);
    if (value >= BigInt(MAX_VAR_OFF) || value <= BigInt(-MAX_VAR_OFF)) {
      env.refuse(Errno.EINVAL, `math between ${regTypeStr(type)} pointer and ${value} is not allowed`);
    }
  }
  if (off >= MAX_VAR_OFF || off <= -MAX_VAR_OFF) {
    env.refuse(Errno.EINVAL, `${regTypeStr(type)} pointer offset ${off} is not allowed`);
  }
  const { sminHi, sminLo } = bounds;
  if (sminHi === S32_MIN && sminLo === 0) {
    env.refuse(
      Errno.EINVAL,
      `math between ${regTypeStr(type)} pointer and register with unbounded min value is not allowed`,
    );
  }
  if (!less64(sminHi, sminLo, 0, MAX_VAR_OFF) || !less64(-1, -MAX_VAR_OFF, sminHi, sminLo)) {
    env.refuse(Errno.EINVAL, `value ${bounds.smin} makes ${regTypeStr(type)} pointer be out of bounds`);
  }
}

/** Refuses kinds of pointers that stay where they are. */
function checkMovable(env: Environment, dst: number, type: number, offset: Bounds, row: InsnRow): void {
  switch (baseType(type)) {
    case RegType.PTR_TO_CTX:
    case RegType.PTR_TO_MAP_VALUE:
    case RegType.PTR_TO_MAP_KEY:
    case RegType.PTR_TO_STACK:
    case RegType.PTR_TO_PACKET_META:
    case RegType.PTR_TO_PACKET:
    case RegType.PTR_TO_TP_BUFFER:
    case RegType.PTR_TO_BTF_ID:
    case RegType.PTR_TO_MEM:
    case RegType.PTR_TO_BUF:
    case RegType.PTR_TO_FUNC:
    case RegType.CONST_PTR_TO_DYNPTR:
      return;
    case RegType.PTR_TO_FLOW_KEYS:
      if (isConstant(offset)) return;
      break;
    case RegType.CONST_PTR_TO_MAP:
      if (isConstant(offset) && (offset.sminHi | offset.sminLo) === 0 && row.operation === Operation.add)
        return;
      break;
    default:
  }
  env.refuse(Errno.EACCES, `R${dst} pointer arithmetic on ${regTypeStr(type)} prohibited`);
}

/** The offset of an instruction that adds to a pointer. */
export interface PointerOffset {
  readonly bounds: Bounds;
  /** `off` of the register it comes from; 0 of an immediate. */
  readonly off: number;
  /** It is in the destination register, the pointer in the source. */
  readonly inDst: boolean;
}

/** A pointer and a number give a pointer into the same object, or are refused (`adjust_ptr_min_max_vals`). */
export function adjustPtrMinMaxVals(
  env: Environment,
  insn: Insn,
  row: InsnRow,
  pointer: Register,
  offset: PointerOffset,
): void {
  const dst = env.reg(insn.dst);
  const { bounds } = offset;
  if (isContradictory(bounds)) {
    // The offset comes from a branch that is dead.
    dst.markUnknown(env.unknownIsPrecise);
    return;
  }
  if (row.width !== 64) {
    if (row.operation === Operation.sub && env.allowPtrLeaks) {
      dst.markUnknown(env.unknownIsPrecise);
      return;
    }
    env.refuse(Errno.EACCES, `R${insn.dst} 32-bit pointer arithmetic prohibited`);
  }
  const { type } = pointer;
  if ((type & TypeFlag.PTR_MAYBE_NULL) !== 0) {
    env.refuse(
      Errno.EACCES,
      `R${insn.dst} pointer arithmetic on ${regTypeStr(type)} prohibited, null-check it first`,
    );
  }
  // Accesses to such memory are probed: offsets do not matter.
  if (baseType(type) === RegType.PTR_TO_MEM && (type & TypeFlag.PTR_UNTRUSTED) !== 0) return;
  checkMovable(env, insn.dst, type, bounds, row);

  dst.type = type;
  dst.id = pointer.id;
  checkRegSaneOffset(env, bounds, offset.off, type);
  checkRegSaneOffset(env, pointer.bounds, pointer.off, type);

  const plan: SanitizePlan = { aluState: 0, aluLimit: 0, maskToLeft: false };
  const sanitize = sanitizeNeeded(row.operation);
  if (sanitize) {
    const problem = sanitizePtrAlu(env, row, { pointer, offset: bounds, dst }, plan, false);
    if (problem !== 0) refuseSanitation(env, insn, row, problem, offset.inDst);
  }
  move(env, insn, row, pointer, offset, dst);
  checkRegSaneOffset(env, dst.bounds, dst.off, type);
  regBoundsSync(dst);
  sanitizeCheckBounds(env, insn.dst, dst);
  if (sanitize) {
    const problem = sanitizePtrAlu(env, row, { pointer: dst, offset: bounds, dst }, plan, true);
    if (problem !== 0) refuseSanitation(env, insn, row, problem, offset.inDst);
  }
}

/** Ranges that no value has. */
function isContradictory(b: Bounds): boolean {
  if (isConstant(b)) {
    return b.sminHi !== b.smaxHi || b.sminLo !== b.smaxLo || b.uminHi !== b.umaxHi || b.uminLo !== b.umaxLo;
  }
  return less64(b.smaxHi, b.smaxLo, b.sminHi, b.sminLo) || below64(b.umaxHi, b.umaxLo, b.uminHi, b.uminLo);
}

/** Known distance of an offset, or null: where the sum of the fixed offsets stays in 32 bits. */
function fixedOffset(off: number, bounds: Bounds, sign: 1 | -1): number | null {
  if (!isConstant(bounds) || bounds.sminHi !== bounds.sminLo >> 31) return null;
  const sum = off + sign * bounds.sminLo;
  return (sum | 0) === sum ? sum : null;
}

/** Puts the moved pointer into `dst`: known distances go to `off`, others to the bounds. */
function move(
  env: Environment,
  insn: Insn,
  row: InsnRow,
  pointer: Register,
  offset: PointerOffset,
  dst: Register,
): void {
  const { bounds } = offset;
  switch (row.operation) {
    case Operation.add: {
      const fixed = fixedOffset(pointer.off, bounds, 1);
      if (fixed !== null) {
        takeFixed(pointer, fixed, dst);
        break;
      }
      const sum = addPointerOffset(pointer.bounds, bounds);
      takeVariable(pointer, sum, dst);
      if (isPacketPointer(pointer.type)) {
        dst.id = ++env.idGen;
        dst.clearTarget();
      }
      break;
    }
    case Operation.sub: {
      if (offset.inDst) env.refuse(Errno.EACCES, `R${insn.dst} tried to subtract pointer from scalar`);
      // JITs may not be able to.
      if (pointer.type === RegType.PTR_TO_STACK) {
        env.refuse(Errno.EACCES, `R${insn.dst} subtraction from stack pointer prohibited`);
      }
      const fixed = fixedOffset(pointer.off, bounds, -1);
      if (fixed !== null) {
        takeFixed(pointer, fixed, dst);
        dst.id = pointer.id;
        break;
      }
      const difference = subtractPointerOffset(pointer.bounds, bounds);
      takeVariable(pointer, difference, dst);
      if (isPacketPointer(pointer.type)) {
        dst.id = ++env.idGen;
        // What could be read before can still be, if it moved down.
        if (bounds.sminHi < 0) dst.clearTarget();
      }
      break;
    }
    case Operation.and:
    case Operation.or:
    case Operation.xor:
      env.refuse(Errno.EACCES, `R${insn.dst} bitwise operator ${aluSymbol(row)} on pointer prohibited`);
      break;
    default:
      env.refuse(
        Errno.EACCES,
        `R${insn.dst} pointer arithmetic with ${kernelSymbol(row)} operator prohibited`,
      );
  }
}

/** Linux says the same of signed and unsigned division. */
export function kernelSymbol(row: InsnRow): string {
  switch (row.operation) {
    case Operation.sdiv:
      return "/=";
    case Operation.smod:
      return "%=";
    default:
      return aluSymbol(row);
  }
}

/** Pointers carry no 32-bit ranges but those that follow from the others. */
function withoutRange32(bounds: Bounds): Bounds {
  if (isExact(bounds)) return bounds;
  const draft = draftOf(bounds);
  unbound32(draft);
  return draft;
}

function takeFixed(pointer: Register, off: number, dst: Register): void {
  dst.bounds = withoutRange32(pointer.bounds);
  dst.off = off;
  if (dst !== pointer) dst.copyTarget(pointer);
}

function takeVariable(pointer: Register, bounds: Bounds, dst: Register): void {
  dst.bounds = bounds;
  dst.off = pointer.off;
  if (dst !== pointer) dst.copyTarget(pointer);
}

/** Without rights the moved pointer must still be in its object, so that accesses can be masked (`sanitize_check_bounds`). */
function sanitizeCheckBounds(env: Environment, regno: number, dst: Register): void {
  if (env.bypassSpecV1) return;
  if (dst.type === RegType.PTR_TO_STACK) {
    checkStackAccessForPtrArithmetic(env, regno, dst);
  } else if (dst.type === RegType.PTR_TO_MAP_VALUE) {
    try {
      checkMapAccess(env, regno, dst.off, 1, false, "helper");
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
      env.refuse(
        Errno.EACCES,
        `R${regno} pointer arithmetic of map value goes out of range, prohibited for !root`,
      );
    }
  }
}

function checkStackAccessForPtrArithmetic(env: Environment, regno: number, reg: Register): void {
  const { bounds } = reg;
  const off = (reg.off + bounds.tnum.valueLo) | 0;
  if (!isConstant(bounds)) {
    const text = tnumText(bounds.value, bounds.mask);
    env.refuse(
      Errno.EACCES,
      `R${regno} variable stack access prohibited for !root, var_off=${text} off=${off}`,
    );
  }
  if (off >= 0 || off < -MAX_STACK) {
    env.refuse(
      Errno.EACCES,
      `R${regno} stack pointer arithmetic goes out of range, prohibited for !root; off=${off}`,
    );
  }
}
