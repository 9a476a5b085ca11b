import { type Insn, WideKind, wideImm } from "../../isa/index.ts";
import { BpfMapType, Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import { findSubprog } from "../program/subprograms.ts";
import { constantBounds } from "../ranges/bounds.ts";
import { checkRegArg } from "../registers/check-reg-arg.ts";
import { baseType, RegType } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";

/** A 64-bit immediate: a number, or what its kind makes of it (`check_ld_imm`). */
export function checkLdImm(env: Environment, insn: Insn): void {
  if (insn.off !== 0) env.refuse(Errno.EINVAL, "BPF_LD_IMM64 uses reserved fields");
  checkRegArg(env, insn.dst, "dst");
  const dst = env.reg(insn.dst);
  if (insn.src === WideKind.imm) {
    dst.bounds = constantBounds(wideImm(env.insns, env.insnIdx));
    return;
  }
  dst.markKnownZero();
  switch (insn.src) {
    case WideKind.btfId:
      loadVariable(env, dst);
      break;
    case WideKind.func:
      loadFunction(env, insn, dst);
      break;
    case WideKind.mapFd:
    case WideKind.mapIdx:
      dst.map = env.currentAux.map;
      dst.type = RegType.CONST_PTR_TO_MAP;
      break;
    case WideKind.mapValue:
    case WideKind.mapIdxValue:
      loadMapValue(env, dst);
      break;
    default:
      env.refuse(Errno.EFAULT, "verifier bug: unexpected src reg value for ldimm64");
  }
}

/** The address of a variable of the kernel. */
function loadVariable(env: Environment, dst: Register): void {
  const variable = env.currentAux.variable;
  if (variable === null) throw new Rejection(Errno.EFAULT, "");
  dst.type = variable.regType;
  switch (baseType(variable.regType)) {
    case RegType.PTR_TO_MEM:
      dst.memSize = variable.memSize;
      break;
    case RegType.PTR_TO_BTF_ID:
      dst.btf = variable.btf;
      dst.btfId = variable.btfId;
      break;
    default:
      env.refuse(Errno.EFAULT, "verifier bug: pseudo btf id: unexpected dst reg type");
  }
}

/** The address of a function of the program, to be called back. */
function loadFunction(env: Environment, insn: Insn, dst: Register): void {
  const subprogno = findSubprog(env, env.insnIdx + insn.imm + 1);
  if ((env.debug?.functions.length ?? 0) === 0) env.refuse(Errno.EINVAL, "missing btf func_info");
  if (env.subprograms[subprogno]!.global) env.refuse(Errno.EINVAL, "callback function not static");
  dst.type = RegType.PTR_TO_FUNC;
  dst.subprogno = subprogno;
}

/** An address in the only value of a map. All loads of one give the same value, so that it needs no id. */
function loadMapValue(env: Environment, dst: Register): void {
  const { map, mapOffset } = env.currentAux;
  dst.map = map;
  if (map?.type === BpfMapType.ARENA) {
    dst.markUnknown(env.unknownIsPrecise);
    return;
  }
  dst.type = RegType.PTR_TO_MAP_VALUE;
  dst.off = mapOffset;
}
