import type { Environment } from "../environment/environment.ts";
import { baseType, isNonOwningReference, isPacketPointer, RegType, TypeFlag } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";

/** What a register holds is no longer a pointer that may be used: a number, or nothing for who must not see addresses. */
export function markRegInvalid(env: Environment, reg: Register): void {
  if (env.allowPtrLeaks) reg.markUnknown(env.unknownIsPrecise);
  else reg.markNotInit(env.unknownIsPrecise);
}

const PACKET_DYNPTR = TypeFlag.DYNPTR_TYPE_SKB | TypeFlag.DYNPTR_TYPE_XDP | TypeFlag.DYNPTR_TYPE_SKB_META;

/** `reg_is_pkt_pointer_any`, `reg_is_dynptr_slice_pkt` */
function pointsIntoPacket(reg: Register): boolean {
  if (isPacketPointer(reg.type) || reg.type === RegType.PTR_TO_PACKET_END) return true;
  return baseType(reg.type) === RegType.PTR_TO_MEM && (reg.type & PACKET_DYNPTR) !== 0;
}

/** The packet may have moved: pointers and slices of dynptrs into it are worthless. */
export function clearAllPktPointers(env: Environment): void {
  env.current.forEachRegister((reg) => {
    if (pointsIntoPacket(reg)) markRegInvalid(env, reg);
  });
}

/** A lock is gone: references that a list or tree owns are worthless. */
export function invalidateNonOwningRefs(env: Environment): void {
  env.current.forEachRegister((reg) => {
    if (isNonOwningReference(reg.type)) markRegInvalid(env, reg);
  });
}
