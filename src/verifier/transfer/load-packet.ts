import type { Insn } from "../../isa/index.ts";
import { BpfProgType, Errno } from "../../uapi/index.ts";
import { checkPtrOffReg } from "../access/pointer-offset.ts";
import { prepareFuncExit } from "../calls/function-exit.ts";
import { checkResourceLeak } from "../calls/leaks.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import { resolvedType } from "../environment/resolved-type.ts";
import { pushStack } from "../explore/pending.ts";
import { checkRegArg } from "../registers/check-reg-arg.ts";
import { RegType } from "../state/reg-type.ts";

/** r6, in which such loads expect the socket buffer. */
const CONTEXT_REGISTER = 6;
/** r0 to r5. */
const CALLER_SAVED = 6;

/** `may_access_skb` */
const ON_SOCKET_BUFFERS: ReadonlySet<number> = new Set([
  BpfProgType.SOCKET_FILTER,
  BpfProgType.SCHED_CLS,
  BpfProgType.SCHED_ACT,
]);

/** A packet load of classic BPF, which works like a call: r6 is the context, r0 gets the value (`check_ld_abs`). */
export function checkLdAbs(env: Environment, insn: Insn): void {
  if (!ON_SOCKET_BUFFERS.has(resolvedType(env).type)) {
    env.refuse(Errno.EINVAL, "BPF_LD_[ABS|IND] instructions not allowed for this program type");
  }
  const row = env.rows[env.insnIdx];
  const indirect = row?.source === "reg";
  if (row === undefined || insn.dst !== 0 || insn.off !== 0 || (!indirect && insn.src !== 0)) {
    env.refuse(Errno.EINVAL, "BPF_LD_[ABS|IND] uses reserved fields");
  }
  checkRegArg(env, CONTEXT_REGISTER, "src");
  // The load may end the program, and then nothing is given back.
  checkResourceLeak(env, false, true, "BPF_LD_[ABS|IND]");
  const context = env.reg(CONTEXT_REGISTER);
  if (context.type !== RegType.PTR_TO_CTX) {
    env.refuse(Errno.EINVAL, "at the time of BPF_LD_ABS|IND R6 != pointer to skb");
  }
  if (indirect) checkRegArg(env, insn.src, "src");
  checkPtrOffReg(env, context, CONTEXT_REGISTER);
  for (let regno = 0; regno < CALLER_SAVED; regno++) {
    env.markNotInit(regno);
    checkRegArg(env, regno, "dstNoMark");
  }
  env.markUnknown(0);
  env.reg(0).subregDef = env.insnIdx + 1;
  if (env.current.curframe !== 0) leaveWithZero(env);
}

/** The load of a subprogram succeeds, or lies outside the packet: then the function ends, and returns 0. */
function leaveWithZero(env: Environment): void {
  env.scratchReg(0);
  if (pushStack(env, env.insnIdx + 1, env.insnIdx, false) === null) throw new Rejection(Errno.ENOMEM, "");
  env.reg(0).markKnownZero();
  prepareFuncExit(env);
  env.insnIdx--;
}
