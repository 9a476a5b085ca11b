import type { Bounds } from "../ranges/bounds.ts";
import { baseType, type RegisterType, RegType } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";

/** The register is the scalar 0 (`register_is_null`). */
export function registerIsNull(reg: Register): boolean {
  return reg.type === RegType.SCALAR_VALUE && hasFixedOffset(reg.bounds);
}

/** The known bits say 0: a pointer with nothing variable in it. */
export function hasFixedOffset({ tnum }: Bounds): boolean {
  return (tnum.valueLo | tnum.valueHi | tnum.maskLo | tnum.maskHi) === 0;
}

/** Kept whole, with its type, where it is stored to the stack (`is_spillable_regtype`). */
export function isSpillableRegtype(type: RegisterType): boolean {
  switch (baseType(type)) {
    case RegType.PTR_TO_MAP_VALUE:
    case RegType.PTR_TO_STACK:
    case RegType.PTR_TO_CTX:
    case RegType.PTR_TO_PACKET:
    case RegType.PTR_TO_PACKET_META:
    case RegType.PTR_TO_PACKET_END:
    case RegType.PTR_TO_FLOW_KEYS:
    case RegType.CONST_PTR_TO_MAP:
    case RegType.PTR_TO_SOCKET:
    case RegType.PTR_TO_SOCK_COMMON:
    case RegType.PTR_TO_TCP_SOCK:
    case RegType.PTR_TO_XDP_SOCK:
    case RegType.PTR_TO_BTF_ID:
    case RegType.PTR_TO_BUF:
    case RegType.PTR_TO_MEM:
    case RegType.PTR_TO_FUNC:
    case RegType.PTR_TO_MAP_KEY:
    case RegType.PTR_TO_ARENA:
      return true;
    default:
      return false;
  }
}
