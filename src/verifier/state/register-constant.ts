import { isConstant } from "../ranges/bounds.ts";
import { tnumSubregIsConst } from "../ranges/tnum.ts";
import { RegType } from "./reg-type.ts";
import type { Register } from "./register.ts";

/** The register is a known number; with `subreg32` its low 32 bits are known (`is_reg_const`). */
export function isRegConst(reg: Register, subreg32: boolean): boolean {
  return (
    reg.type === RegType.SCALAR_VALUE &&
    (subreg32 ? tnumSubregIsConst(reg.bounds.tnum) : isConstant(reg.bounds))
  );
}

/** The number, unsigned, of a register that {@link isRegConst} (`reg_const_value`). */
export function regConstValue(reg: Register, subreg32: boolean): bigint {
  return subreg32 ? BigInt(reg.bounds.tnum.valueLo >>> 0) : reg.bounds.value;
}
