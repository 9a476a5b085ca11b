import { FRAME_POINTER } from "../../isa/index.ts";
import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { MAX_BPF_REG } from "../state/limits.ts";
import { RegType } from "../state/reg-type.ts";
import { DEF_NOT_SUBREG, type Register } from "../state/register.ts";
import { isReg64, markInsnZext } from "./zext.ts";

/** How an instruction uses a register: reads it, writes an unknown value, or writes what the caller says later. */
export type RegArg = "src" | "dst" | "dstNoMark";

/** Checks that the current instruction may use a register of the current frame so (`check_reg_arg`). */
export function checkRegArg(env: Environment, regno: number, access: RegArg): void {
  checkRegArgOf(env, env.current.regs, regno, access);
}

/** The same for the registers of any frame (`__check_reg_arg`). */
export function checkRegArgOf(
  env: Environment,
  regs: readonly Register[],
  regno: number,
  access: RegArg,
): void {
  if (regno >= MAX_BPF_REG) env.refuse(Errno.EINVAL, `R${regno} is invalid`);
  env.scratchReg(regno);
  const reg = regs[regno]!;
  const source = access === "src";
  const whole = isReg64(env.rows[env.insnIdx], reg.type, source);
  if (source) {
    if (reg.type === RegType.NOT_INIT) env.refuse(Errno.EACCES, `R${regno} !read_ok`);
    if (whole && regno !== FRAME_POINTER) markInsnZext(env, reg);
    return;
  }
  if (regno === FRAME_POINTER) env.refuse(Errno.EACCES, "frame pointer is read only");
  reg.subregDef = whole ? DEF_NOT_SUBREG : env.insnIdx + 1;
  if (access === "dst") reg.markUnknown(env.unknownIsPrecise);
}
