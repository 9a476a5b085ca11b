import { type Btf, BtfKind } from "../../btf/index.ts";
import { BpfFuncId, Errno } from "../../uapi/index.ts";
import { mapKptrMatchType } from "../access/kptr.ts";
import { btfStructIdsMatch } from "../access/struct-match.ts";
import type { Environment } from "../environment/environment.ts";
import { regTypeStr } from "../log/reg-type-text.ts";
import { baseType, TypeFlag as F, mayBeNull, RegType as R } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";
import { ArgType, type ArgumentTypeBits, isReleaseArgument } from "./argument-type.ts";
import type { CallMeta } from "./call-meta.ts";
import { compatibleTypes } from "./compatible-types.ts";
import { funcIdName } from "./helper-kinds.ts";

const DYNPTR_FLAGS =
  F.DYNPTR_TYPE_LOCAL |
  F.DYNPTR_TYPE_RINGBUF |
  F.DYNPTR_TYPE_SKB |
  F.DYNPTR_TYPE_XDP |
  F.DYNPTR_TYPE_SKB_META;

/**
 * Refuses a register of another kind than the argument wants (`check_reg_type`).
 *
 * @param argBtfId the kernel struct that the argument names; 0 for none
 */
export function checkRegType(
  env: Environment,
  regno: number,
  argType: ArgumentTypeBits,
  argBtfId: number,
  meta: CallMeta,
): void {
  const reg = env.reg(regno);
  const compatible = compatibleTypes(baseType(argType));
  if (compatible === undefined) {
    env.refuse(Errno.EFAULT, `verifier bug: unsupported arg type ${argType}`);
  }
  if (!compatible.types.includes(foldedType(reg, regno, argType, meta))) {
    const expected = compatible.types.map(regTypeStr).join(", ");
    env.refuse(Errno.EACCES, `R${regno} type=${regTypeStr(reg.type)} expected=${expected}`);
  }
  if (baseType(reg.type) !== R.PTR_TO_BTF_ID) return;
  if (compatible.memory === true) {
    if ((argType & F.MEM_RDONLY) !== 0) return;
    env.refuse(
      Errno.EACCES,
      `${funcIdName(meta.funcId)}() may write into memory pointed by R${regno} type=${regTypeStr(reg.type)}`,
    );
  }
  switch (reg.type) {
    case R.PTR_TO_BTF_ID:
    case R.PTR_TO_BTF_ID | F.PTR_TRUSTED:
    case R.PTR_TO_BTF_ID | F.PTR_TRUSTED | F.PTR_MAYBE_NULL:
    case R.PTR_TO_BTF_ID | F.MEM_RCU:
    case R.PTR_TO_BTF_ID | F.PTR_MAYBE_NULL:
    case R.PTR_TO_BTF_ID | F.PTR_MAYBE_NULL | F.MEM_RCU:
      checkStruct(env, reg, regno, argType, { id: argBtfId, name: compatible.struct }, meta);
      return;
    case R.PTR_TO_BTF_ID | F.MEM_ALLOC:
    case R.PTR_TO_BTF_ID | F.MEM_PERCPU | F.MEM_ALLOC:
      checkAllocated(env, reg, regno, meta);
      return;
    case R.PTR_TO_BTF_ID | F.MEM_PERCPU:
    case R.PTR_TO_BTF_ID | F.MEM_PERCPU | F.MEM_RCU:
    case R.PTR_TO_BTF_ID | F.MEM_PERCPU | F.PTR_TRUSTED:
      // The helpers that take these judge them.
      return;
    default:
      env.refuse(Errno.EFAULT, "verifier bug: invalid PTR_TO_BTF_ID register for type match");
  }
}

/** The register's type without the flags about which the argument does not care. */
function foldedType(reg: Register, regno: number, argType: ArgumentTypeBits, meta: CallMeta): number {
  let { type } = reg;
  if ((argType & F.MEM_RDONLY) !== 0) type &= ~F.MEM_RDONLY;
  if ((argType & F.PTR_MAYBE_NULL) !== 0) type &= ~F.PTR_MAYBE_NULL;
  if (baseType(argType) === ArgType.ARG_PTR_TO_MEM) type &= ~DYNPTR_FLAGS;
  // What bpf_kptr_xchg stores may be the program's own object.
  if (meta.funcId === BpfFuncId.kptr_xchg && regno === 2 && (type & F.MEM_ALLOC) !== 0) {
    type &= ~(F.MEM_ALLOC | F.MEM_PERCPU);
  }
  return type;
}

/** A pointer to a struct of the kernel, or of another BTF, has to be to the one that the argument names. */
function checkStruct(
  env: Environment,
  reg: Register,
  regno: number,
  argType: ArgumentTypeBits,
  wanted: { readonly id: number; readonly name: string | undefined },
  meta: CallMeta,
): void {
  if (mayBeNull(reg.type) && (!mayBeNull(argType) || isReleaseArgument(argType))) {
    env.refuse(Errno.EACCES, `Possibly NULL pointer passed to helper arg${regno}`);
  }
  if (meta.funcId === BpfFuncId.kptr_xchg) {
    mapKptrMatchType(env, meta.kptrField!, reg, regno);
    return;
  }
  const kernel = env.request.kernel.btf!;
  const expectedId = wanted.id || structId(env, wanted.name);
  // bpf_sk_release takes all that begins with a sock_common.
  const strict = isReleaseArgument(argType) && meta.funcId !== BpfFuncId.sk_release;
  if (!btfStructIdsMatch(env, reg.btf!, reg.btfId, reg.off, kernel, expectedId, strict)) {
    const held = typeName(reg.btf!, reg.btfId);
    env.refuse(Errno.EACCES, `R${regno} is of type ${held} but ${typeName(kernel, expectedId)} is expected`);
  }
}

function checkAllocated(env: Environment, reg: Register, regno: number, meta: CallMeta): void {
  switch (meta.funcId) {
    case BpfFuncId.spin_lock:
    case BpfFuncId.spin_unlock:
      return;
    case BpfFuncId.kptr_xchg:
      if (regno === 2) mapKptrMatchType(env, meta.kptrField!, reg, regno);
      return;
    default:
      env.refuse(Errno.EFAULT, "verifier bug: unimplemented handling of MEM_ALLOC");
  }
}

function structId(env: Environment, name: string | undefined): number {
  if (name === undefined) env.refuse(Errno.EFAULT, "verifier bug: missing arg compatible BTF ID");
  return env.request.kernel.btf!.findByName(name, BtfKind.STRUCT);
}

function typeName(btf: Btf, id: number): string {
  return btf.has(id) ? btf.name(id) : "";
}
