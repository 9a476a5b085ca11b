import { Errno, BpfFuncId as F } from "../../uapi/index.ts";
import { btfIsKernel } from "../access/btf-owner.ts";
import type { Environment } from "../environment/environment.ts";
import type { HelperSignature } from "../environment/helper-signature.ts";
import { FieldType, hasField } from "../environment/record.ts";
import { withBounds } from "../ranges/bounds.ts";
import { regBoundsSanityCheck } from "../ranges/sanity.ts";
import { regBoundsSync } from "../ranges/sync.ts";
import { baseType, mayBeNull, RegType, TypeFlag, typeFlags } from "../state/reg-type.ts";
import { DEF_NOT_SUBREG, type Register } from "../state/register.ts";
import { isStruct, skipModifiers, typeName } from "../types/walk.ts";
import { RetType } from "./argument-type.ts";
import type { CallMeta } from "./call-meta.ts";
import {
  canElideValueNullness,
  funcIdName,
  isAcquireFunction,
  isDynptrRefFunction,
  isPtrCastFunction,
} from "./helper-kinds.ts";
import { acquireReference } from "./references.ts";

const MAX_ERRNO = 4095;

/**
 * Sets r0 to what the helper returns: the second half of `check_helper_call`.
 *
 * @param cpuObject per_cpu_ptr and this_cpu_ptr were given an object of the program's own
 */
export function setHelperResult(
  env: Environment,
  signature: HelperSignature,
  meta: CallMeta,
  insnIdx: number,
  cpuObject: boolean,
): void {
  const { funcId } = meta;
  const r0 = env.reg(0);
  r0.subregDef = DEF_NOT_SUBREG;
  markReturned(env, r0, signature, meta, cpuObject);
  if (mayBeNull(r0.type)) r0.id = ++env.idGen;
  if (isDynptrRefFunction(funcId)) r0.dynptrId = meta.dynptrId;
  if (isPtrCastFunction(funcId) || isDynptrRefFunction(funcId)) {
    r0.refObjId = meta.refObjId;
  } else if (isAcquireFunction(funcId, meta.map)) {
    const id = acquireReference(env, insnIdx);
    r0.id = id;
    r0.refObjId = id;
  }
  if (signature.returns === RetType.RET_INTEGER) refineRetvalRange(env, r0, meta);
}

function markReturned(
  env: Environment,
  r0: Register,
  signature: HelperSignature,
  meta: CallMeta,
  cpuObject: boolean,
): void {
  const flags = typeFlags(signature.returns);
  switch (baseType(signature.returns)) {
    case RetType.RET_INTEGER:
      env.markUnknown(0);
      return;
    case RetType.RET_VOID:
      r0.type = RegType.NOT_INIT;
      return;
    case RetType.RET_PTR_TO_MAP_VALUE:
      markMapValue(env, r0, flags, meta);
      return;
    case RetType.RET_PTR_TO_SOCKET:
      markPointer(r0, RegType.PTR_TO_SOCKET | flags);
      return;
    case RetType.RET_PTR_TO_SOCK_COMMON:
      markPointer(r0, RegType.PTR_TO_SOCK_COMMON | flags);
      return;
    case RetType.RET_PTR_TO_TCP_SOCK:
      markPointer(r0, RegType.PTR_TO_TCP_SOCK | flags);
      return;
    case RetType.RET_PTR_TO_MEM:
      markPointer(r0, RegType.PTR_TO_MEM | flags);
      r0.memSize = meta.memSize;
      return;
    case RetType.RET_PTR_TO_MEM_OR_BTF_ID:
      markCpuVariable(env, r0, flags, meta, cpuObject);
      return;
    default:
      markKernelObject(env, r0, flags, signature, meta);
  }
}

function markPointer(reg: Register, type: number): void {
  reg.markKnownZero();
  reg.type = type;
}

function markMapValue(env: Environment, r0: Register, flags: number, meta: CallMeta): void {
  const { map } = meta;
  if (map === null) env.refuse(Errno.EFAULT, "verifier bug: unexpected null map_ptr");
  const key = meta.constMapKey;
  if (
    meta.funcId === F.map_lookup_elem &&
    canElideValueNullness(map, env.release) &&
    key >= 0n &&
    key < BigInt(map.maxEntries)
  ) {
    flags &= ~TypeFlag.PTR_MAYBE_NULL;
  }
  markPointer(r0, RegType.PTR_TO_MAP_VALUE | flags);
  r0.map = map;
  r0.mapUid = meta.mapUid;
  if (!mayBeNull(flags) && hasField(map.record, FieldType.SPIN_LOCK | FieldType.RES_SPIN_LOCK)) {
    r0.id = ++env.idGen;
  }
}

/** What a per-CPU variable's pointer for one CPU points to. */
function markCpuVariable(
  env: Environment,
  r0: Register,
  flags: number,
  meta: CallMeta,
  cpuObject: boolean,
): void {
  const btf = meta.retBtf!;
  const type = skipModifiers(btf, meta.retBtfId);
  if (!isStruct(btf, type)) {
    const size = btf.sizeOf(type);
    if (size < 0) {
      env.refuse(
        Errno.EINVAL,
        `unable to resolve the size of type '${typeName(btf, type)}': ${-Errno.EINVAL}`,
      );
    }
    markPointer(r0, RegType.PTR_TO_MEM | flags);
    r0.memSize = size;
    return;
  }
  // Of a struct every field says for itself whether it may be written.
  markPointer(
    r0,
    cpuObject
      ? RegType.PTR_TO_BTF_ID | TypeFlag.MEM_ALLOC | TypeFlag.MEM_RCU
      : RegType.PTR_TO_BTF_ID | (flags & ~TypeFlag.MEM_RDONLY),
  );
  r0.btf = btf;
  r0.btfId = meta.retBtfId;
}

function markKernelObject(
  env: Environment,
  r0: Register,
  flags: number,
  signature: HelperSignature,
  meta: CallMeta,
): void {
  const { funcId, kptrField } = meta;
  let type = RegType.PTR_TO_BTF_ID | flags;
  let btf = env.request.kernel.btf;
  let btfId = signature.returnBtfId;
  if (funcId === F.kptr_xchg) {
    const pointer = kptrField!.pointer!;
    btf = pointer.btf;
    btfId = pointer.btfId;
    if (!btfIsKernel(env, btf)) {
      type |= TypeFlag.MEM_ALLOC;
      if (kptrField!.type === FieldType.KPTR_PERCPU) type |= TypeFlag.MEM_PERCPU;
    }
  }
  if (btfId === 0) {
    env.refuse(
      Errno.EINVAL,
      `invalid return type ${RetType.RET_PTR_TO_BTF_ID} of func ${funcIdName(funcId)}#${funcId}`,
    );
  }
  markPointer(r0, type);
  r0.btf = btf;
  r0.btfId = btfId;
}

/** What is known of the number that some helpers return (`do_refine_retval_range`). */
function refineRetvalRange(env: Environment, r0: Register, meta: CallMeta): void {
  switch (meta.funcId) {
    case F.get_stack:
    case F.get_task_stack:
    case F.probe_read_str:
    case F.probe_read_kernel_str:
    case F.probe_read_user_str: {
      const most = meta.msizeMaxValue;
      r0.bounds = withBounds(r0.bounds, {
        smin: BigInt(-MAX_ERRNO),
        smax: BigInt.asIntN(64, most),
        s32min: -MAX_ERRNO,
        s32max: Number(BigInt.asIntN(32, most)),
      });
      regBoundsSync(r0);
      break;
    }
    case F.get_smp_processor_id: {
      const last = env.request.kernel.cpus - 1;
      r0.bounds = withBounds(r0.bounds, {
        smin: 0n,
        smax: BigInt(last),
        umin: 0n,
        umax: BigInt(last),
        s32min: 0,
        s32max: last,
        u32min: 0,
        u32max: last,
      });
      regBoundsSync(r0);
      break;
    }
    default:
      break;
  }
  regBoundsSanityCheck(env, r0, "retval");
}
