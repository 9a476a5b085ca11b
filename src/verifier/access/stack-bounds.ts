import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { tnumText } from "../log/number-text.ts";
import { isConstant } from "../ranges/bounds.ts";
import { MAX_STACK, MAX_VAR_OFF } from "../state/limits.ts";
import type { AccessType } from "./access-type.ts";
import { growStackState } from "./stack-growth.ts";

const UNBOUNDED_FROM = BigInt(MAX_VAR_OFF);

/**
 * Refuses an access that leaves the stack, and grows the stack to what is accessed
 * (`check_stack_access_within_bounds`). `off` includes the register's fixed offset.
 */
export function checkStackAccessWithinBounds(
  env: Environment,
  regno: number,
  off: number,
  accessSize: number,
  type: AccessType,
): void {
  const reg = env.reg(regno);
  const { bounds } = reg;
  const frame = env.current.frames[reg.frameno]!;
  const verb = type === "read" ? " read from" : " write to";
  const constant = isConstant(bounds);
  let minOff: number;
  let maxOff: number;
  if (constant) {
    const { tnum } = bounds;
    minOff = off + tnum.valueHi * 2 ** 32 + (tnum.valueLo >>> 0);
    maxOff = minOff + accessSize;
  } else {
    if (bounds.smax >= UNBOUNDED_FROM || bounds.smin <= -UNBOUNDED_FROM) {
      env.refuse(Errno.EACCES, `invalid unbounded variable-offset${verb} stack R${regno}`);
    }
    minOff = Number(bounds.smin) + off;
    maxOff = Number(bounds.smax) + off + accessSize;
  }

  const lowest = type === "write" || env.allowUninitStack ? -MAX_STACK : -frame.allocatedStack;
  let errno = 0;
  if (minOff < lowest || minOff > -1) errno = Errno.EACCES;
  else if (maxOff > 0) errno = Errno.EINVAL;
  else if (accessSize < 0) errno = Errno.EFAULT;
  if (errno !== 0) {
    env.refuse(
      errno,
      constant
        ? `invalid${verb} stack R${regno} off=${off} size=${accessSize}`
        : `invalid variable-offset${verb} stack R${regno} var_off=${tnumText(bounds.value, bounds.mask)} off=${off} size=${accessSize}`,
    );
  }
  growStackState(env, frame, -minOff);
}
