import type { Environment } from "../environment/environment.ts";
import { RegType } from "./reg-type.ts";
import type { Register } from "./register.ts";

/** The register holds something other than a number (`__is_pointer_value` of one who may not leak pointers). */
export function holdsPointer(reg: Register): boolean {
  return reg.type !== RegType.SCALAR_VALUE;
}

/** The register holds what the loader must not learn (`is_pointer_value`). */
export function isPointerValue(env: Environment, regno: number): boolean {
  return !env.allowPtrLeaks && env.reg(regno).type !== RegType.SCALAR_VALUE;
}
