import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { tnumText } from "../log/number-text.ts";
import { isReadOnlyMemory } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";
import { hasFixedOffset } from "./register-facts.ts";

/** `__check_buffer_access` */
function checkBuffer(
  env: Environment,
  kind: string,
  reg: Register,
  regno: number,
  off: number,
  size: number,
): void {
  if (off < 0) {
    env.refuse(Errno.EACCES, `R${regno} invalid ${kind} buffer access: off=${off}, size=${size}`);
  }
  if (!hasFixedOffset(reg.bounds)) {
    const text = tnumText(reg.bounds.value, reg.bounds.mask);
    env.refuse(Errno.EACCES, `R${regno} invalid variable buffer offset: off=${off}, var_off=${text}`);
  }
}

/** The buffer of a raw tracepoint; whether it is as large is asked when attaching (`check_tp_buffer_access`). */
export function checkTpBufferAccess(
  env: Environment,
  reg: Register,
  regno: number,
  off: number,
  size: number,
): void {
  checkBuffer(env, "tracepoint", reg, regno, off, size);
  if (off + size > env.maxTpAccess) env.maxTpAccess = off + size;
}

/** A buffer of an iterator or of a helper's caller; whether it is as large is asked later (`check_buffer_access`). */
export function checkBufferAccess(
  env: Environment,
  reg: Register,
  regno: number,
  off: number,
  size: number,
): void {
  const readOnly = isReadOnlyMemory(reg.type);
  checkBuffer(env, readOnly ? "rdonly" : "rdwr", reg, regno, off, size);
  const end = off + size;
  if (readOnly) {
    if (end > env.maxRdonlyAccess) env.maxRdonlyAccess = end;
  } else if (end > env.maxRdwrAccess) env.maxRdwrAccess = end;
}
