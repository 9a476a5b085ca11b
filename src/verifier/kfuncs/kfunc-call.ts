import type { Insn } from "../../isa/index.ts";
import { KfuncFlag } from "../../platform/index.ts";
import { Errno } from "../../uapi/index.ts";
import { inSleepable } from "../access/trust.ts";
import { btfFindStructMeta } from "../btf-fields/reg-btf-record.ts";
import {
  type SetCalleeState,
  setRbtreeAddCallbackState,
  setTaskWorkScheduleCallbackState,
  setTimerCallbackState,
} from "../calls/callbacks.ts";
import { type CallbackTime, pushCallbackCall } from "../calls/function-call.ts";
import { clearAllPktPointers } from "../calls/invalidate.ts";
import { releaseReference } from "../calls/references.ts";
import { checkReturnCode } from "../calls/return-code.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import { pushStack } from "../explore/pending.ts";
import { refConvertOwningNonOwning } from "../objects/graph-node.ts";
import { processIterNextCall } from "../objects/iterator-next.ts";
import { markRegS32Range } from "../ranges/sanity.ts";
import { markInsnZext } from "../registers/zext.ts";
import { checkKfuncArgs } from "./check-arguments.ts";
import { calledKfunc, fetchKfuncMeta, isIterNextKfunc, type KfuncCall } from "./kfunc-meta.ts";
import { markResultSize, setKfuncResult } from "./result.ts";
import { checkSections } from "./sections.ts";
import { isTaskWorkAddKfunc } from "./special.ts";
import { SpecialKfunc as K } from "./special-kfunc.ts";

const MAX_ERRNO = 4095;
/** r0 to r5. */
const CALLER_SAVED_REGS = 6;

/** A call of a kernel function (`check_kfunc_call`). */
export function checkKfuncCall(env: Environment, insn: Insn): void {
  // A call that names nothing is an error only if it is still there when dead code is gone.
  if (insn.imm === 0) return;
  const { insnIdx } = env;
  const meta = fetchKfuncMeta(env, insn);
  if (meta === null) {
    const name = calledKfunc(env, insn)?.name;
    if (name === undefined) throw new Rejection(Errno.EINVAL, "");
    env.refuse(Errno.EACCES, `calling kernel function ${name} is not allowed`);
  }
  env.aux[insnIdx]!.isIterNext = isIterNextKfunc(meta);
  if (meta.special === K.bpf_res_spin_lock || meta.special === K.bpf_res_spin_lock_irqsave) {
    pushFailedLock(env);
  } else if (meta.special === K.__bpf_trap) {
    env.refuse(Errno.EFAULT, "unexpected __bpf_trap() due to uninitialized variable?");
  }
  if (meta.has(KfuncFlag.DESTRUCTIVE) && !env.capabilities.sysAdmin) {
    const what = env.release === "6.1" ? "capabilities" : "capability";
    env.refuse(Errno.EACCES, `destructive kfunc calls require CAP_SYS_BOOT ${what}`);
  }
  const mustSleep = meta.has(KfuncFlag.SLEEPABLE) && !inSleepable(env);
  if (mustSleep && env.release !== "6.1") {
    env.refuse(Errno.EACCES, `program must be sleepable to call sleepable kfunc ${meta.name}`);
  }
  checkKfuncArgs(env, meta, insnIdx);
  if (mustSleep) {
    env.refuse(Errno.EINVAL, `kernel function ${meta.name} is sleepable but the program is not`);
  }
  pushCallback(env, meta, insnIdx);
  if (meta.special === K.bpf_session_cookie) {
    meta.r0Size = 8;
    meta.r0Rdonly = false;
  }
  checkSections(env, meta);
  releaseArguments(env, meta, insnIdx);
  if (meta.special === K.bpf_throw) {
    env.seenException = true;
    // Without a callback the value thrown is what the program returns.
    if (env.exceptionCallback === 0) checkReturnCode(env, 1, "R1");
  }
  for (let regno = 0; regno < CALLER_SAVED_REGS; regno++) env.markNotInit(regno);
  setKfuncResult(env, meta, insnIdx);
  if (meta.special === K.bpf_xdp_pull_data) clearAllPktPointers(env);
  const { params } = meta.signature;
  for (let argno = 0; argno < params.length; argno++) {
    if (params[argno]!.size === 8) markInsnZext(env, env.reg(argno + 1));
  }
  if (isIterNextKfunc(meta)) processIterNextCall(env, insnIdx, meta);
}

/** The path on which the lock was not taken: r0 is an errno. */
function pushFailedLock(env: Environment): void {
  const branch = pushStack(env, env.insnIdx + 1, env.insnIdx, false);
  if (branch === null) {
    env.refuse(Errno.ENOMEM, "failed to push state for failed lock acquisition");
  }
  const { regs } = branch;
  for (let regno = 0; regno < CALLER_SAVED_REGS; regno++) regs[regno]!.markNotInit(env.unknownIsPrecise);
  const r0 = regs[0]!;
  r0.markUnknown(env.unknownIsPrecise);
  try {
    markRegS32Range(env, r0, -MAX_ERRNO, -1);
  } catch (error) {
    if (error instanceof Rejection) {
      env.log.write("failed to mark s32 range for retval in forked state for lock\n");
    }
    throw error;
  }
  markResultSize(env, r0, 4);
}

/** The callback that the function calls, or has called later, is explored too. */
function pushCallback(env: Environment, meta: KfuncCall, insnIdx: number): void {
  let set: SetCalleeState;
  let time: CallbackTime = "asyncSleepable";
  if (meta.special === K.bpf_rbtree_add_impl) {
    set = setRbtreeAddCallbackState;
    time = "sync";
  } else if (meta.special === K.bpf_wq_set_callback_impl) set = setTimerCallbackState;
  else if (isTaskWorkAddKfunc(meta.special)) set = setTaskWorkScheduleCallbackState;
  else return;
  try {
    pushCallbackCall(env, insnIdx, meta.subprogno, set, time);
  } catch (error) {
    if (error instanceof Rejection) env.log.write(`${callText(meta)} failed callback verification\n`);
    throw error;
  }
}

function callText(meta: KfuncCall): string {
  return `kfunc ${meta.name}#${meta.kfunc.funcId}`;
}

/** Gives back what the call takes: a reference, or the ownership of a node, which the list or tree has from now on. */
function releaseArguments(env: Environment, meta: KfuncCall, insnIdx: number): void {
  if (meta.releaseRegno !== 0) release(env, meta, env.reg(meta.releaseRegno).refObjId);
  if (
    meta.special !== K.bpf_list_push_front_impl &&
    meta.special !== K.bpf_list_push_back_impl &&
    meta.special !== K.bpf_rbtree_add_impl
  ) {
    return;
  }
  const node = env.reg(2);
  const { refObjId } = node;
  const aux = env.aux[insnIdx]!;
  aux.insertOffset = node.off;
  aux.structMeta = btfFindStructMeta(env, meta.argBtf, meta.argBtfId);
  try {
    refConvertOwningNonOwning(env, refObjId);
  } catch (error) {
    if (error instanceof Rejection) {
      env.log.write(`${callText(meta)} conversion of owning ref to non-owning failed\n`);
    }
    throw error;
  }
  release(env, meta, refObjId);
}

function release(env: Environment, meta: KfuncCall, refObjId: number): void {
  if (releaseReference(env, refObjId)) return;
  env.refuse(Errno.EINVAL, `${callText(meta)} reference has not been acquired before`);
}
