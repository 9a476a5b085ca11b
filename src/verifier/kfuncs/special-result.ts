import { BtfKind } from "../../btf/index.ts";
import { Errno } from "../../uapi/index.ts";
import { mayAccessDirectPktData } from "../access/packet-access.ts";
import { btfFindStructMeta } from "../btf-fields/reg-btf-record.ts";
import type { Environment } from "../environment/environment.ts";
import type { InsnAux } from "../environment/insn-aux.ts";
import { Rejection } from "../environment/rejection.ts";
import { getDynptrTypeFlag } from "../objects/dynptr-kind.ts";
import { markRegGraphNode } from "../objects/graph-node.ts";
import { RegType, TypeFlag } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";
import { isStruct } from "../types/walk.ts";
import { isScalarStruct } from "./argument-kind.ts";
import type { KfuncCall } from "./kfunc-meta.ts";
import { SpecialStruct } from "./signature.ts";
import { SpecialKfunc } from "./special-kfunc.ts";

/** `BPF_GLOBAL_PERCPU_MA_MAX_SIZE` */
const PERCPU_MAX_SIZE = 512;
const U32_MAX = 0xffff_ffffn;
const ALLOCATED = RegType.PTR_TO_BTF_ID | TypeFlag.MEM_ALLOC;

/**
 * What r0 is after one of the functions whose result the arguments decide (`check_special_kfunc`).
 *
 * @returns false: it is as the function's types say
 */
export function setSpecialResult(env: Environment, meta: KfuncCall, aux: InsnAux): boolean {
  if (meta.btf !== env.request.kernel.btf) return false;
  const r0 = env.reg(0);
  switch (meta.special) {
    case SpecialKfunc.bpf_obj_new_impl:
    case SpecialKfunc.bpf_percpu_obj_new_impl:
      setNewObject(env, meta, r0, aux);
      return true;
    case SpecialKfunc.bpf_refcount_acquire_impl:
      r0.markKnownZero();
      r0.type = ALLOCATED;
      r0.btf = meta.argBtf;
      r0.btfId = meta.argBtfId;
      aux.structMeta = btfFindStructMeta(env, meta.argBtf, meta.argBtfId);
      return true;
  }
  const { struct } = meta.signature.result;
  if (struct === SpecialStruct.LIST_NODE) {
    markRegGraphNode(r0, meta.listHead!.root!);
    return true;
  }
  if (struct === SpecialStruct.RB_NODE) {
    markRegGraphNode(r0, meta.rbtreeRoot!.root!);
    return true;
  }
  switch (meta.special) {
    case SpecialKfunc.bpf_cast_to_kern_ctx:
      r0.markKnownZero();
      r0.type = RegType.PTR_TO_BTF_ID | TypeFlag.PTR_TRUSTED;
      r0.btf = meta.btf;
      r0.btfId = meta.retBtfId;
      return true;
    case SpecialKfunc.bpf_rdonly_cast:
      setCastResult(env, meta, r0);
      return true;
    case SpecialKfunc.bpf_dynptr_slice:
    case SpecialKfunc.bpf_dynptr_slice_rdwr:
      setSlice(env, meta, r0);
      return true;
    default:
      return false;
  }
}

function setNewObject(env: Environment, meta: KfuncCall, r0: Register, aux: InsnAux): void {
  const percpu = meta.special === SpecialKfunc.bpf_percpu_obj_new_impl;
  const id = meta.constant ?? 0n;
  if (id > U32_MAX) {
    env.refuse(Errno.EINVAL, "local type ID argument must be in range [0, U32_MAX]");
  }
  const btf = env.debug?.btf;
  if (btf === undefined) {
    env.refuse(Errno.EINVAL, "bpf_obj_new/bpf_percpu_obj_new requires prog BTF");
  }
  const btfId = Number(id);
  if (!btf.has(btfId) || btf.kind(btfId) !== BtfKind.STRUCT) {
    env.refuse(Errno.EINVAL, "bpf_obj_new/bpf_percpu_obj_new type ID argument must be of a struct");
  }
  const size = btf.size(btfId);
  if (percpu && size > PERCPU_MAX_SIZE) {
    env.refuse(Errno.EINVAL, `bpf_percpu_obj_new type size (${size}) is greater than ${PERCPU_MAX_SIZE}`);
  }
  // There is no cache of nothing (`bpf_mem_alloc_percpu_unit_init`).
  if (percpu && size === 0) throw new Rejection(Errno.EINVAL, "");
  const structMeta = btfFindStructMeta(env, btf, btfId);
  if (percpu) {
    if (!isScalarStruct(env, btf, btfId, 0)) {
      env.refuse(Errno.EINVAL, "bpf_percpu_obj_new type ID argument must be of a struct of scalars");
    }
    if (structMeta !== null) {
      env.refuse(Errno.EINVAL, "bpf_percpu_obj_new type ID argument must not contain special fields");
    }
  }
  r0.markKnownZero();
  r0.type = percpu ? ALLOCATED | TypeFlag.MEM_PERCPU : ALLOCATED;
  r0.btf = btf;
  r0.btfId = btfId;
  aux.objNewSize = size;
  aux.structMeta = structMeta;
}

function setCastResult(env: Environment, meta: KfuncCall, r0: Register): void {
  const { btf } = meta;
  const value = meta.constant ?? 0n;
  const id = Number(BigInt.asUintN(32, value));
  if (!btf.has(id)) {
    env.refuse(Errno.EINVAL, `Unknown type ID ${BigInt.asIntN(64, value)} passed to kfunc bpf_rdonly_cast`);
  }
  if (isStruct(btf, id)) {
    r0.markKnownZero();
    r0.type = RegType.PTR_TO_BTF_ID | TypeFlag.PTR_UNTRUSTED;
    r0.btf = btf;
    r0.btfId = id;
  } else if (id === 0) {
    r0.markKnownZero();
    r0.type = RegType.PTR_TO_MEM | TypeFlag.MEM_RDONLY | TypeFlag.PTR_UNTRUSTED;
    r0.memSize = 0;
  } else {
    env.refuse(Errno.EINVAL, "kfunc bpf_rdonly_cast type ID argument must be of a struct or void");
  }
}

function setSlice(env: Environment, meta: KfuncCall, r0: Register): void {
  r0.markKnownZero();
  if (meta.constant === null) {
    env.refuse(Errno.EFAULT, "verifier bug: bpf_dynptr_slice(_rdwr) no constant size");
  }
  r0.memSize = Number(BigInt.asUintN(32, meta.constant));
  r0.type = RegType.PTR_TO_MEM | getDynptrTypeFlag(meta.dynptrType);
  if (meta.special === SpecialKfunc.bpf_dynptr_slice) {
    r0.type |= TypeFlag.MEM_RDONLY;
  } else if (!mayAccessDirectPktData(env, null, "write")) {
    env.refuse(Errno.EINVAL, "the prog does not allow writes to packet data");
  }
  if (meta.dynptrId === 0) env.refuse(Errno.EFAULT, "verifier bug: no dynptr id");
  r0.dynptrId = meta.dynptrId;
}
