import { Errno } from "../../uapi/index.ts";
import { checkPtrOffReg } from "../access/pointer-offset.ts";
import type { Environment } from "../environment/environment.ts";
import { TypeFlag as F, RegType as R } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";
import { type ArgumentTypeBits, isDynptrArgument, isReleaseArgument } from "./argument-type.ts";

/** Refuses an offset that the callee would not expect on such a pointer (`check_func_arg_reg_off`). */
export function checkFuncArgRegOff(
  env: Environment,
  reg: Register,
  regno: number,
  argType: ArgumentTypeBits,
): void {
  if (isReleaseArgument(argType)) {
    // The dynptr may be anywhere on the stack; what it holds is what is given back.
    if (isDynptrArgument(argType) && reg.type === R.PTR_TO_STACK) return;
    if (reg.off !== 0) {
      env.refuse(
        Errno.EINVAL,
        `R${regno} must have zero offset when passed to release func or trusted arg to kfunc`,
      );
    }
    checkPtrOffReg(env, reg, regno, { fixedOffOk: false });
    return;
  }
  switch (reg.type) {
    case R.PTR_TO_STACK:
    case R.PTR_TO_PACKET:
    case R.PTR_TO_PACKET_META:
    case R.PTR_TO_MAP_KEY:
    case R.PTR_TO_MAP_VALUE:
    case R.PTR_TO_MEM:
    case R.PTR_TO_MEM | F.MEM_RDONLY:
    case R.PTR_TO_MEM | F.MEM_RINGBUF:
    case R.PTR_TO_BUF:
    case R.PTR_TO_BUF | F.MEM_RDONLY:
    case R.PTR_TO_ARENA:
    case R.SCALAR_VALUE:
      return;
    case R.PTR_TO_BTF_ID:
    case R.PTR_TO_BTF_ID | F.MEM_ALLOC:
    case R.PTR_TO_BTF_ID | F.PTR_TRUSTED:
    case R.PTR_TO_BTF_ID | F.MEM_RCU:
    case R.PTR_TO_BTF_ID | F.MEM_ALLOC | F.NON_OWN_REF:
    case R.PTR_TO_BTF_ID | F.MEM_ALLOC | F.NON_OWN_REF | F.MEM_RCU:
      checkPtrOffReg(env, reg, regno, { fixedOffOk: true });
      return;
    default:
      checkPtrOffReg(env, reg, regno, { fixedOffOk: false });
  }
}
