import { type Insn, type InsnRow, Operation } from "../../isa/index.ts";
import { BpfMapType, Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { constantOfWords } from "../ranges/bounds.ts";
import { getRegWidth, signExtended, signExtended32, zeroExtended } from "../ranges/truncate.ts";
import { isPointerValue } from "../state/pointer-value.ts";
import { RegType } from "../state/reg-type.ts";
import { DEF_NOT_SUBREG, type Register } from "../state/register.ts";
import { assignScalarIdBeforeMov } from "./linked-registers.ts";

/** `off` and `imm` of a move from a register, as they must be. `row`: null where `off` selects none. */
export function checkMoveFields(env: Environment, insn: Insn, row: InsnRow | null): void {
  if (row?.operation === Operation.addrSpaceCast) {
    if (insn.imm !== 1 && insn.imm !== 1 << 16) {
      env.refuse(Errno.EINVAL, "addr_space_cast insn can only convert between address space 1 and 0");
    }
    if (!env.usedMaps.some((map) => map.type === BpfMapType.ARENA)) {
      env.refuse(
        Errno.EINVAL,
        "addr_space_cast insn can only be used in a program that has an associated arena",
      );
    }
    return;
  }
  if (row === null || row.operation === Operation.percpuAddress || insn.imm !== 0) {
    env.refuse(Errno.EINVAL, "BPF_MOV uses reserved fields");
  }
}

/** dst = imm */
export function moveImmediate(env: Environment, insn: Insn, row: InsnRow): void {
  const dst = env.reg(insn.dst);
  dst.markUnknown(env.unknownIsPrecise);
  dst.bounds = constantOfWords(row.width === 64 ? insn.imm >> 31 : 0, insn.imm);
}

/** dst = src, whole, of the low half, or sign-extended from its low bits. */
export function moveRegister(env: Environment, insn: Insn, row: InsnRow): void {
  const src = env.reg(insn.src);
  const dst = env.reg(insn.dst);
  if (row.operation === Operation.addrSpaceCast) castAddress(env, insn, dst);
  else if (row.width === 32) move32(env, insn, row, src, dst);
  else if (row.operation === Operation.movsx) extend64(env, insn, row, src, dst);
  else {
    assignScalarIdBeforeMov(env, src);
    dst.copyFrom(src);
    dst.subregDef = DEF_NOT_SUBREG;
  }
}

/** From address space 1, an arena, to 0, or back. */
function castAddress(env: Environment, insn: Insn, dst: Register): void {
  dst.markUnknown(env.unknownIsPrecise);
  if (insn.imm !== 1) return;
  dst.type = RegType.PTR_TO_ARENA;
  dst.subregDef = env.insnIdx + 1;
}

/** Copies a number; it stays linked with the copy where its value is the same. */
function copyScalar(env: Environment, src: Register, dst: Register, sameValue: boolean): void {
  if (sameValue) assignScalarIdBeforeMov(env, src);
  dst.copyFrom(src);
  if (!sameValue) dst.unlink();
}

/** r1 = (s8, s16, s32)r2 */
function extend64(env: Environment, insn: Insn, row: InsnRow, src: Register, dst: Register): void {
  if (isPointerValue(env, insn.src)) {
    env.refuse(Errno.EACCES, `R${insn.src} sign-extension part of pointer`);
  }
  if (src.type !== RegType.SCALAR_VALUE) {
    dst.markUnknown(env.unknownIsPrecise);
    return;
  }
  copyScalar(env, src, dst, getRegWidth(src) < row.extend);
  dst.bounds = signExtended(dst.bounds, row.extend >> 3);
  dst.subregDef = DEF_NOT_SUBREG;
}

/** w1 = w2, w1 = (s8, s16)w2 */
function move32(env: Environment, insn: Insn, row: InsnRow, src: Register, dst: Register): void {
  if (isPointerValue(env, insn.src)) env.refuse(Errno.EACCES, `R${insn.src} partial copy of pointer`);
  if (src.type !== RegType.SCALAR_VALUE) {
    dst.markUnknown(env.unknownIsPrecise);
    dst.bounds = zeroExtended(dst.bounds);
    return;
  }
  if (row.operation === Operation.movsx) {
    copyScalar(env, src, dst, getRegWidth(src) < row.extend);
    dst.subregDef = env.insnIdx + 1;
    dst.bounds = signExtended32(dst.bounds, row.extend >> 3);
    return;
  }
  copyScalar(env, src, dst, getRegWidth(src) <= 32);
  dst.subregDef = env.insnIdx + 1;
  dst.bounds = zeroExtended(dst.bounds);
}
