import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { tnumText } from "../log/number-text.ts";
import { regTypeStr } from "../log/reg-type-text.ts";
import type { Register } from "../state/register.ts";
import { hasFixedOffset } from "./register-facts.ts";

/** How a pointer that must be as it was given differs from that; null: it does not. */
function ptrOffRegProblem(reg: Register, regno: number, fixedOffOk: boolean): string | null {
  if (reg.off < 0) {
    return `negative offset ${regTypeStr(reg.type)} ptr R${regno} off=${reg.off} disallowed`;
  }
  if (!fixedOffOk && reg.off !== 0) {
    return `dereference of modified ${regTypeStr(reg.type)} ptr R${regno} off=${reg.off} disallowed`;
  }
  if (!hasFixedOffset(reg.bounds)) {
    const text = tnumText(reg.bounds.value, reg.bounds.mask);
    return `variable ${regTypeStr(reg.type)} access var_off=${text} disallowed`;
  }
  return null;
}

const UNMODIFIED = { fixedOffOk: false };

/** Refuses a pointer that is not as it was given (`check_ptr_off_reg`; `__check_ptr_off_reg` with `fixedOffOk`). */
export function checkPtrOffReg(
  env: Environment,
  reg: Register,
  regno: number,
  { fixedOffOk }: { readonly fixedOffOk: boolean } = UNMODIFIED,
): void {
  const problem = ptrOffRegProblem(reg, regno, fixedOffOk);
  if (problem !== null) env.refuse(Errno.EACCES, problem);
}
