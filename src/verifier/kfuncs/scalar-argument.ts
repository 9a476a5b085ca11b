import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { markChainPrecision } from "../explore/precision.ts";
import { isConstant } from "../ranges/bounds.ts";
import { RegType } from "../state/reg-type.ts";
import type { KfuncCall } from "./kfunc-meta.ts";
import { type KfuncParameter, ParameterMark } from "./signature.ts";

/** Checks an argument that is a number: it may have to be a constant, or the size of the memory that is given back. */
export function checkScalarArgument(
  env: Environment,
  regno: number,
  param: KfuncParameter,
  meta: KfuncCall,
): void {
  const reg = env.reg(regno);
  if (reg.type !== RegType.SCALAR_VALUE) env.refuse(Errno.EINVAL, `R${regno} is not a scalar`);
  if ((param.marks & ParameterMark.CONSTANT) !== 0) {
    noteConstant(env, regno, meta);
    markChainPrecision(env, regno);
    return;
  }
  const readOnly = param.name === "rdonly_buf_size";
  if (readOnly) meta.r0Rdonly = true;
  if (!readOnly && param.name !== "rdwr_buf_size") return;
  if (meta.r0Size !== 0) {
    env.log.write("2 or more rdonly/rdwr_buf_size parameters for kfunc");
    env.refuse(Errno.EINVAL, "");
  }
  if (!isConstant(reg.bounds)) env.refuse(Errno.EINVAL, `R${regno} is not a const`);
  meta.r0Size = Number(BigInt.asUintN(32, reg.bounds.value));
  markChainPrecision(env, regno);
}

/** The argument has to be known; its value is kept. */
export function noteConstant(env: Environment, regno: number, meta: KfuncCall): void {
  if (meta.constant !== null) {
    env.refuse(Errno.EFAULT, "verifier bug: only one constant argument permitted");
  }
  const { bounds } = env.reg(regno);
  if (!isConstant(bounds)) env.refuse(Errno.EINVAL, `R${regno} must be a known constant`);
  meta.constant = bounds.value;
}
