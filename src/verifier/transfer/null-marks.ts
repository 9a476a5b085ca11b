import { BpfMapType } from "../../uapi/index.ts";
import { regMayPointToSpinLock } from "../btf-fields/reg-btf-record.ts";
import { releaseReferenceNomark } from "../calls/references.ts";
import type { Environment } from "../environment/environment.ts";
import { FieldType, hasField } from "../environment/record.ts";
import { isZeroOffset } from "../ranges/bounds.ts";
import {
  baseType,
  isAllocatedObject,
  isNonOwningReference,
  mayBeNull,
  RegType,
  TypeFlag,
} from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";
import type { VerifierState } from "../state/verifier-state.ts";

const OUTLIVES_LOOKUP = FieldType.TIMER | FieldType.WORKQUEUE | FieldType.TASK_WORK;

/** The pointer was compared with NULL and is not; a value of some maps is then the object itself (`mark_ptr_not_null_reg`). */
export function markPtrNotNullReg(reg: Register): void {
  if (baseType(reg.type) !== RegType.PTR_TO_MAP_VALUE) {
    reg.type &= ~TypeFlag.PTR_MAYBE_NULL;
    return;
  }
  const map = reg.map!;
  const inner = map.inner ?? null;
  if (inner !== null) {
    reg.type = RegType.CONST_PTR_TO_MAP;
    reg.map = inner;
    if (hasField(inner.record, OUTLIVES_LOOKUP)) reg.mapUid = reg.id;
    return;
  }
  switch (map.type) {
    case BpfMapType.XSKMAP:
      reg.type = RegType.PTR_TO_XDP_SOCK;
      break;
    case BpfMapType.SOCKMAP:
    case BpfMapType.SOCKHASH:
      reg.type = RegType.PTR_TO_SOCKET;
      break;
    default:
      reg.type = RegType.PTR_TO_MAP_VALUE;
  }
}

/** `mark_ptr_or_null_reg` */
function markPtrOrNullReg(env: Environment, reg: Register, id: number, isNull: boolean): void {
  if (!mayBeNull(reg.type) || reg.id !== id) return;
  if ((reg.type & TypeFlag.MEM_RCU) === 0 && reg.id === 0) return;
  // No arithmetic is allowed before the comparison; only allocated objects come with an offset, to their node.
  if (!isZeroOffset(reg.bounds)) return;
  if (!isAllocatedObject(reg.type) && !isNonOwningReference(reg.type) && reg.off !== 0) return;
  if (isNull) {
    reg.type = RegType.SCALAR_VALUE;
    reg.id = 0;
    reg.refObjId = 0;
    return;
  }
  markPtrNotNullReg(reg);
  // Locks of the same object are told by its id.
  if (!regMayPointToSpinLock(env, reg)) reg.id = 0;
}

/**
 * All copies of the pointer in `regno` are NULL, or are not (`mark_ptr_or_null_regs`). What was never got need not be
 * given back.
 */
export function markPtrOrNullRegs(
  env: Environment,
  state: VerifierState,
  regno: number,
  isNull: boolean,
): void {
  const { id, refObjId } = state.regs[regno]!;
  if (refObjId !== 0 && refObjId === id && isNull) releaseReferenceNomark(state, id);
  state.forEachRegister((reg) => markPtrOrNullReg(env, reg, id, isNull));
}
