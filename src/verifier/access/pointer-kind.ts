import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { baseType, type RegisterType, RegType, TypeFlag } from "../state/reg-type.ts";

/** Accesses through such a pointer are rewritten: the instruction must get the same on all paths. */
function isRewritten(type: RegisterType): boolean {
  switch (baseType(type)) {
    case RegType.PTR_TO_CTX:
    case RegType.PTR_TO_SOCKET:
    case RegType.PTR_TO_SOCK_COMMON:
    case RegType.PTR_TO_TCP_SOCK:
    case RegType.PTR_TO_XDP_SOCK:
    case RegType.PTR_TO_BTF_ID:
    case RegType.PTR_TO_ARENA:
      return true;
    default:
      return false;
  }
}

function isMemory(type: RegisterType): boolean {
  return baseType(type) === RegType.PTR_TO_MEM;
}

function isMemoryOrStruct(type: RegisterType): boolean {
  return isMemory(type) || baseType(type) === RegType.PTR_TO_BTF_ID;
}

/** Notes through what kind of pointer the current instruction accesses memory (`save_aux_ptr_type`). */
export function saveAuxPtrType(env: Environment, type: RegisterType, allowTrustMismatch: boolean): void {
  const aux = env.currentAux;
  const previous = aux.ptrType;
  if (previous === RegType.NOT_INIT) {
    aux.ptrType = type;
    return;
  }
  if (type === previous) return;
  if (!isRewritten(type) && !isRewritten(previous)) {
    if (((type | previous) & TypeFlag.PTR_UNTRUSTED) !== 0) aux.mayFault = true;
    return;
  }
  if (!allowTrustMismatch || !isMemoryOrStruct(type) || !isMemoryOrStruct(previous)) {
    env.refuse(Errno.EINVAL, "same insn cannot be used with different pointers");
  }
  // The load is made so that no bad pointer harms it.
  const base = isMemory(type) || isMemory(previous) ? RegType.PTR_TO_MEM : RegType.PTR_TO_BTF_ID;
  aux.ptrType = base | ((type | previous) & (TypeFlag.PTR_UNTRUSTED | TypeFlag.MEM_RDONLY));
}
