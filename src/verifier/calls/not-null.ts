import { isTrustedReg } from "../access/trust.ts";
import { baseType, mayBeNull, RegType, TypeFlag } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";

/** A pointer that is known not to be NULL (`reg_not_null`). */
export function regNotNull(reg: Register): boolean {
  const { type } = reg;
  if (mayBeNull(type)) return false;
  switch (baseType(type)) {
    case RegType.PTR_TO_SOCKET:
    case RegType.PTR_TO_TCP_SOCK:
    case RegType.PTR_TO_MAP_VALUE:
    case RegType.PTR_TO_MAP_KEY:
    case RegType.PTR_TO_SOCK_COMMON:
    case RegType.CONST_PTR_TO_MAP:
      return true;
    case RegType.PTR_TO_BTF_ID:
      return isTrustedReg(reg);
    case RegType.PTR_TO_MEM:
      return (type & TypeFlag.PTR_UNTRUSTED) === 0;
    default:
      return false;
  }
}
