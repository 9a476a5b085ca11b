import { BtfKind } from "../../btf/index.ts";
import { KfuncFlag } from "../../platform/index.ts";
import { Errno } from "../../uapi/index.ts";
import { btfFindStructMeta, regMayPointToSpinLock } from "../btf-fields/reg-btf-record.ts";
import { acquireReference } from "../calls/references.ts";
import type { Environment } from "../environment/environment.ts";
import type { InsnAux } from "../environment/insn-aux.ts";
import { refSetNonOwning } from "../objects/graph-node.ts";
import { getIterFromState } from "../objects/iterator-next.ts";
import { RegType, TypeFlag } from "../state/reg-type.ts";
import { DEF_NOT_SUBREG, type Register } from "../state/register.ts";
import { isStruct } from "../types/walk.ts";
import { typeText } from "./argument-kind.ts";
import { isIterNextKfunc, type KfuncCall } from "./kfunc-meta.ts";
import { SpecialStruct } from "./signature.ts";
import { SpecialKfunc as K, type SpecialKfunc } from "./special-kfunc.ts";
import { setSpecialResult } from "./special-result.ts";

/** Functions that give a reference to something of the program's own, which their types cannot say. */
const ACQUIRES_OWN: ReadonlySet<SpecialKfunc> = new Set<SpecialKfunc>([
  K.bpf_obj_new_impl,
  K.bpf_percpu_obj_new_impl,
  K.bpf_refcount_acquire_impl,
]);

/** The upper half of r0 is defined by the call, or left zero by it (`mark_btf_func_reg_size` of r0). */
export function markResultSize(env: Environment, r0: Register, size: number): void {
  r0.subregDef = size === 8 ? DEF_NOT_SUBREG : env.insnIdx + 1;
}

/** Sets r0 to what a call of a kernel function gives. */
export function setKfuncResult(env: Environment, meta: KfuncCall, insnIdx: number): void {
  const { result } = meta.signature;
  const { btf, special } = meta;
  const aux = env.aux[insnIdx]!;
  if (meta.has(KfuncFlag.ACQUIRE) && !(result.pointer && isStruct(btf, result.target))) {
    if (!ACQUIRES_OWN.has(special)) {
      env.refuse(Errno.EINVAL, "acquire kernel function does not return PTR_TO_BTF_ID");
    }
  }
  if (result.scalar) {
    env.markUnknown(0);
    if (special === K.bpf_res_spin_lock || special === K.bpf_res_spin_lock_irqsave) {
      env.reg(0).markConstant(0n, env.unknownIsPrecise);
    }
    markResultSize(env, env.reg(0), result.size);
  } else if (result.pointer) {
    setPointerResult(env, meta, insnIdx, aux);
  } else if (special === K.bpf_obj_drop_impl || special === K.bpf_percpu_obj_drop_impl) {
    aux.structMeta = btfFindStructMeta(env, meta.argBtf, meta.argBtfId);
  }
}

function setPointerResult(env: Environment, meta: KfuncCall, insnIdx: number, aux: InsnAux): void {
  const { result } = meta.signature;
  const r0 = env.reg(0);
  if (!setSpecialResult(env, meta, aux)) setTypedResult(env, meta, r0);
  if (meta.mayReturnNull) {
    r0.type |= TypeFlag.PTR_MAYBE_NULL;
    r0.id = ++env.idGen;
  }
  markResultSize(env, r0, 8);
  if (meta.has(KfuncFlag.ACQUIRE)) {
    const id = acquireReference(env, insnIdx);
    if (meta.mayReturnNull) r0.id = id;
    r0.refObjId = id;
  } else if (result.struct === SpecialStruct.RB_NODE || result.struct === SpecialStruct.LIST_NODE) {
    refSetNonOwning(env, r0);
  }
  if (r0.id === 0 && regMayPointToSpinLock(env, r0)) r0.id = ++env.idGen;
}

/** What the function's type says. */
function setTypedResult(env: Environment, meta: KfuncCall, r0: Register): void {
  const { btf } = meta;
  const { target } = meta.signature.result;
  if (target === 0) {
    // A `void *` is a number.
    env.markUnknown(0);
    return;
  }
  if (btf.kind(target) !== BtfKind.STRUCT) {
    setMemory(env, meta, r0);
    return;
  }
  r0.markKnownZero();
  r0.btf = btf;
  r0.type = RegType.PTR_TO_BTF_ID;
  r0.btfId = target;
  if (meta.special === K.bpf_get_kmem_cache) r0.type |= TypeFlag.PTR_UNTRUSTED;
  else if (meta.has(KfuncFlag.RCU_PROTECTED)) r0.type |= TypeFlag.MEM_RCU;
  if (isIterNextKfunc(meta)) {
    const protectedByRcu = (getIterFromState(env.current, meta).type & TypeFlag.MEM_RCU) !== 0;
    r0.type |= protectedByRcu ? TypeFlag.MEM_RCU : TypeFlag.PTR_TRUSTED;
  }
}

function setMemory(env: Environment, meta: KfuncCall, r0: Register): void {
  const { btf } = meta;
  const { target } = meta.signature.result;
  if (meta.r0Size === 0) {
    const size = btf.sizeOf(target);
    if (size > 0) meta.r0Size = size;
    if (size >= 0) meta.r0Rdonly = true;
  }
  if (meta.r0Size === 0) {
    env.refuse(
      Errno.EINVAL,
      `kernel function ${meta.name} returns pointer type ${typeText(btf, target)} is not supported`,
    );
  }
  r0.markKnownZero();
  r0.type = RegType.PTR_TO_MEM;
  r0.memSize = meta.r0Size;
  if (meta.r0Rdonly) r0.type |= TypeFlag.MEM_RDONLY;
  // The memory goes with the object that it belongs to.
  if (meta.refObjId !== 0) r0.refObjId = meta.refObjId;
  if (meta.has(KfuncFlag.RCU_PROTECTED)) r0.type |= TypeFlag.MEM_RCU;
}
