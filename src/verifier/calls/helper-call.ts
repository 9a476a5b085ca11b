import type { Insn } from "../../isa/index.ts";
import { helperCount } from "../../platform/index.ts";
import { BpfAttachType, Errno, BpfFuncId as F, BpfProgType as P } from "../../uapi/index.ts";
import { checkMemAccess } from "../access/mem-access.ts";
import { registerIsNull } from "../access/register-facts.ts";
import { inRcuCs, inSleepable } from "../access/trust.ts";
import type { Environment } from "../environment/environment.ts";
import type { HelperSignature } from "../environment/helper-signature.ts";
import { Rejection } from "../environment/rejection.ts";
import { resolvedType } from "../environment/resolved-type.ts";
import { pushStack } from "../explore/pending.ts";
import { markChainPrecision } from "../explore/precision.ts";
import { regTypeStr } from "../log/reg-type-text.ts";
import { dynptrGetType, dynptrId, dynptrRefObjId, unmarkStackSlotsDynptr } from "../objects/dynptr.ts";
import { RegType, TypeFlag } from "../state/reg-type.ts";
import { DynptrType, type Register } from "../state/register.ts";
import { isStruct } from "../types/walk.ts";
import { checkFuncArg } from "./argument.ts";
import { isDynptrArgument } from "./argument-type.ts";
import { CallMeta } from "./call-meta.ts";
import {
  setFindVmaCallbackState,
  setLoopCallbackState,
  setMapElemCallbackState,
  setTimerCallbackState,
  setUserRingbufCallbackState,
} from "./callbacks.ts";
import { checkSnprintfCall } from "./constant-string.ts";
import { clearCallerSavedRegs, pushCallbackCall } from "./function-call.ts";
import { prepareFuncExit } from "./function-exit.ts";
import { funcIdName, isStorageGetFunction } from "./helper-kinds.ts";
import { setHelperResult } from "./helper-result.ts";
import { helperSignature } from "./helper-signature.ts";
import { clearAllPktPointers, markRegInvalid } from "./invalidate.ts";
import { checkResourceLeak } from "./leaks.ts";
import { checkMapFuncCompatibility } from "./map-compatibility.ts";
import { recordFuncKey, recordFuncMap } from "./map-use.ts";
import { releaseReference, releaseReferenceNomark } from "./references.ts";
import { attachesToVoid } from "./return-rule.ts";

/** One more than the highest id of a helper. */
const FUNC_ID_END = Math.max(...Object.values(F)) + 1;

/** `"bpf_map_lookup_elem#1"` */
function named(funcId: number): string {
  return `${funcIdName(funcId)}#${funcId}`;
}

/** A call of a helper (`check_helper_call`). */
export function checkHelperCall(env: Environment, insn: Insn): void {
  const funcId = insn.imm;
  const { insnIdx } = env;
  const signature = callableSignature(env, funcId);
  checkContext(env, signature, insnIdx);

  const { prototype } = signature;
  const meta = new CallMeta(funcId, prototype.packetAccess);
  for (let arg = 0; arg < signature.args.length; arg++) checkFuncArg(env, arg, meta, signature, insnIdx);
  recordFuncMap(env, meta, funcId, insnIdx);
  recordFuncKey(env, meta, funcId, insnIdx);
  // Memory that need not be initialised becomes so, a byte at a time.
  for (let i = 0; i < meta.accessSize; i++) {
    checkMemAccess(env, insnIdx, meta.regno, i, 1, "write", -1, false, false);
  }
  if (meta.releaseRegno !== 0) releaseArgument(env, signature, meta);

  const effect = applyCall(env, meta, insnIdx);
  clearCallerSavedRegs(env, env.regs);
  setHelperResult(env, signature, meta, insnIdx, effect.cpuObject);
  checkMapFuncCompatibility(env, meta.map, funcId);
  if (funcId === F.get_func_ip) checkGetFuncIp(env);
  if (funcId === F.tail_call) {
    // In 6.1 only the tail call that fails was followed.
    if (env.current.curframe !== 0 && env.release !== "6.1") leaveByTailCall(env);
    else return;
  }
  if (prototype.changesPacket || effect.changesPacket) clearAllPktPointers(env);
}

function callableSignature(env: Environment, funcId: number): HelperSignature {
  if (funcId < 0 || funcId >= FUNC_ID_END) env.refuse(Errno.EINVAL, `invalid func ${named(funcId)}`);
  if (funcId > helperCount(env.release)) env.refuse(Errno.EINVAL, `invalid func unknown#${funcId}`);
  const signature = helperSignature(env, funcId);
  if (signature === null) {
    const problem = env.release === "6.1" ? "unknown func" : "program of this type cannot use helper";
    env.refuse(Errno.EINVAL, `${problem} ${named(funcId)}`);
  }
  const { prototype } = signature;
  if (prototype.gplOnly && !env.request.gplCompatible) {
    env.refuse(Errno.EINVAL, "cannot call GPL-restricted function from non-GPL compatible program");
  }
  if (!signature.allowed) env.refuse(Errno.EINVAL, "helper call is not allowed in probe");
  if (prototype.mightSleep && !inSleepable(env)) {
    env.refuse(Errno.EINVAL, "helper call might sleep in a non-sleepable prog");
  }
  return signature;
}

/** What the section that the call is in asks of helpers. */
function checkContext(env: Environment, { prototype }: HelperSignature, insnIdx: number): void {
  const { activeRcuLock, activePreemptLocks, activeIrqId } = env.current;
  const { id, mightSleep } = prototype;
  if (mightSleep) {
    const helper = `sleepable helper ${named(id)}`;
    if (activeRcuLock) env.refuse(Errno.EINVAL, `${helper} in rcu_read_lock region`);
    if (activePreemptLocks !== 0) env.refuse(Errno.EINVAL, `${helper} in non-preemptible region`);
    if (activeIrqId !== 0) env.refuse(Errno.EINVAL, `${helper} in IRQ-disabled region`);
  }
  const atomic = activeRcuLock || activePreemptLocks !== 0 || activeIrqId !== 0 || !inSleepable(env);
  if (atomic && isStorageGetFunction(id)) env.aux[insnIdx]!.storageGetFuncAtomic = true;
}

function releaseArgument(env: Environment, signature: HelperSignature, meta: CallMeta): void {
  const { funcId, refObjId } = meta;
  const reg = env.reg(meta.releaseRegno);
  let released: boolean;
  if (isDynptrArgument(signature.args[meta.releaseRegno - 1]!.type)) {
    if (reg.type === RegType.CONST_PTR_TO_DYNPTR) {
      env.refuse(Errno.EFAULT, "verifier bug: CONST_PTR_TO_DYNPTR cannot be released");
    }
    unmarkStackSlotsDynptr(env, reg);
    released = true;
  } else if (refObjId === 0) {
    released = registerIsNull(reg);
  } else if (funcId === F.kptr_xchg) {
    released = giveToField(env, refObjId);
  } else {
    released = releaseReference(env, refObjId);
  }
  if (!released) {
    env.refuse(Errno.EINVAL, `func ${named(funcId)} reference has not been acquired before`);
  }
}

/** What bpf_kptr_xchg stores is the field's; under RCU a per-CPU object may still be read. */
function giveToField(env: Environment, refObjId: number): boolean {
  if (!releaseReferenceNomark(env.current, refObjId)) return false;
  const inRcu = inRcuCs(env);
  const cpuObject = TypeFlag.MEM_ALLOC | TypeFlag.MEM_PERCPU;
  env.current.forEachRegister((reg) => {
    if (reg.refObjId !== refObjId) return;
    if (inRcu && (reg.type & cpuObject) === cpuObject) {
      reg.refObjId = 0;
      reg.type = (reg.type & ~TypeFlag.MEM_ALLOC) | TypeFlag.MEM_RCU;
    } else {
      markRegInvalid(env, reg);
    }
  });
  return true;
}

interface Effect {
  readonly changesPacket: boolean;
  /** The object that is asked for a CPU's part of is the program's own. */
  readonly cpuObject: boolean;
}
const NO_EFFECT: Effect = { changesPacket: false, cpuObject: false };

/** What single helpers ask for and do, between their arguments and their result. */
function applyCall(env: Environment, meta: CallMeta, insnIdx: number): Effect {
  const { subprogno } = meta;
  switch (meta.funcId) {
    case F.tail_call:
      checkResourceLeak(env, false, true, "tail_call");
      return NO_EFFECT;
    case F.get_local_storage:
      if (!registerIsNull(env.reg(2))) {
        env.refuse(Errno.EINVAL, "get_local_storage() doesn't support non-zero flags");
      }
      return NO_EFFECT;
    case F.for_each_map_elem:
      pushCallbackCall(env, insnIdx, subprogno, setMapElemCallbackState, "sync");
      return NO_EFFECT;
    case F.timer_set_callback:
      pushCallbackCall(env, insnIdx, subprogno, setTimerCallbackState, "async");
      return NO_EFFECT;
    case F.find_vma:
      pushCallbackCall(env, insnIdx, subprogno, setFindVmaCallbackState, "sync");
      return NO_EFFECT;
    case F.user_ringbuf_drain:
      pushCallbackCall(env, insnIdx, subprogno, setUserRingbufCallbackState, "sync");
      return NO_EFFECT;
    case F.loop:
      iterate(env, subprogno, insnIdx);
      return NO_EFFECT;
    case F.snprintf:
      checkSnprintfCall(env);
      return NO_EFFECT;
    case F.dynptr_from_mem:
      if (env.reg(1).type !== RegType.PTR_TO_MAP_VALUE) {
        const type = regTypeStr(env.reg(1).type);
        env.refuse(Errno.EACCES, `Unsupported reg type ${type} for bpf_dynptr_from_mem data`);
      }
      return NO_EFFECT;
    case F.set_retval:
      checkSetRetval(env);
      return NO_EFFECT;
    case F.dynptr_data: {
      if (meta.refObjId !== 0) env.refuse(Errno.EFAULT, "verifier bug: meta.ref_obj_id already set");
      const reg = env.reg(1);
      meta.dynptrId = dynptrId(env, reg);
      meta.refObjId = dynptrRefObjId(env, reg);
      return NO_EFFECT;
    }
    case F.dynptr_write: {
      const type = dynptrGetType(env, env.reg(1));
      if (type === DynptrType.INVALID) throw new Rejection(Errno.EFAULT, "");
      // The helper writes to the packet itself: slices of it may have moved.
      const moves = type === DynptrType.SKB || type === DynptrType.SKB_META;
      return { changesPacket: moves, cpuObject: false };
    }
    case F.per_cpu_ptr:
    case F.this_cpu_ptr:
      return { changesPacket: false, cpuObject: isOwnCpuObject(env, env.reg(1), insnIdx) };
    default:
      return NO_EFFECT;
  }
}

/** A call of bpf_loop: its callback is simulated until it was as often as r1 says, or nothing new is met. */
function iterate(env: Environment, subprogno: number, insnIdx: number): void {
  updateLoopInlineState(env, subprogno);
  markChainPrecision(env, 1);
  const { frame } = env;
  if (BigInt(frame.callbackDepth) < env.reg(1).bounds.umax) {
    pushCallbackCall(env, insnIdx, subprogno, setLoopCallbackState, "sync");
    return;
  }
  frame.callbackDepth = 0;
  if (env.log.level2) env.log.write(`frame${env.current.curframe} bpf_loop iteration limit reached\n`);
}

/** `update_loop_inline_state` */
function updateLoopInlineState(env: Environment, subprogno: number): void {
  const aux = env.currentAux;
  const { loop } = aux;
  if (loop === null) {
    aux.loop = { fits: loopFlagIsZero(env), callback: subprogno };
  } else if (loop.fits) {
    const fits = loopFlagIsZero(env) && loop.callback === subprogno;
    aux.loop = { fits, callback: loop.callback };
  }
}

function loopFlagIsZero(env: Environment): boolean {
  const zero = registerIsNull(env.reg(4));
  if (zero) markChainPrecision(env, 4);
  return zero;
}

function checkSetRetval(env: Environment): void {
  if (resolvedType(env).type !== P.LSM || env.request.expectedAttachType !== BpfAttachType.LSM_CGROUP) return;
  if (attachesToVoid(env)) {
    env.refuse(Errno.EINVAL, "BPF_LSM_CGROUP that attach to void LSM hooks can't modify return value!");
  }
}

function isOwnCpuObject(env: Environment, reg: Register, insnIdx: number): boolean {
  if ((reg.type & TypeFlag.MEM_RCU) === 0) return false;
  if (reg.btf === null || !isStruct(reg.btf, reg.btfId)) {
    env.refuse(Errno.EFAULT, "Helper has invalid btf/btf_id in R1");
  }
  env.aux[insnIdx]!.callWithPercpuAllocPtr = true;
  return true;
}

/** `check_get_func_ip` */
function checkGetFuncIp(env: Environment): void {
  const { type } = resolvedType(env);
  const func = `func ${named(F.get_func_ip)}`;
  if (type === P.KPROBE) return;
  if (type !== P.TRACING) {
    env.refuse(Errno.ENOTSUPP, `${func} not supported for program type ${type}`);
  }
  switch (env.request.expectedAttachType) {
    case BpfAttachType.TRACE_FENTRY:
    case BpfAttachType.TRACE_FEXIT:
    case BpfAttachType.MODIFY_RETURN:
      return;
    default:
      env.refuse(Errno.ENOTSUPP, `${func} supported only for fentry/fexit/fmod_ret programs`);
  }
}

/** The tail call happens, and the function ends with what the other program returned; or it does not. */
function leaveByTailCall(env: Environment): void {
  env.scratchReg(0);
  if (pushStack(env, env.insnIdx + 1, env.insnIdx, false) === null) throw new Rejection(Errno.ENOMEM, "");
  clearAllPktPointers(env);
  env.markUnknown(0);
  prepareFuncExit(env);
  env.insnIdx--;
}
