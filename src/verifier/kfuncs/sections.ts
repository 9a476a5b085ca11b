import { KfuncFlag } from "../../platform/index.ts";
import { Errno } from "../../uapi/index.ts";
import { inRcuCs } from "../access/trust.ts";
import { inRbtreeLockRequiredCb } from "../calls/rbtree-callback.ts";
import type { Environment } from "../environment/environment.ts";
import { TypeFlag } from "../state/reg-type.ts";
import { SlotType } from "../state/stack-slot.ts";
import type { KfuncCall } from "./kfunc-meta.ts";
import { SpecialKfunc } from "./special-kfunc.ts";

/** Enters and leaves sections in which nothing sleeps, and refuses what must not be called in them. */
export function checkSections(env: Environment, meta: KfuncCall): void {
  checkRcuSection(env, meta);
  checkPreemptSection(env, meta);
  if (env.current.activeIrqId !== 0 && meta.has(KfuncFlag.SLEEPABLE)) {
    env.refuse(Errno.EACCES, `kernel func ${meta.name} is sleepable within IRQ-disabled region`);
  }
  if (meta.has(KfuncFlag.RCU_PROTECTED) && !inRcuCs(env)) {
    env.refuse(Errno.EACCES, `kernel func ${meta.name} requires RCU critical section protection`);
  }
}

function checkRcuSection(env: Environment, meta: KfuncCall): void {
  const state = env.current;
  const locks = meta.special === SpecialKfunc.bpf_rcu_read_lock;
  const unlocks = meta.special === SpecialKfunc.bpf_rcu_read_unlock;
  if (!state.activeRcuLock) {
    if (locks) state.activeRcuLock = true;
    else if (unlocks) {
      env.refuse(Errno.EINVAL, `unmatched rcu read unlock (kernel function ${meta.name})`);
    }
    return;
  }
  if ((locks || unlocks) && inRbtreeLockRequiredCb(env)) {
    env.refuse(Errno.EACCES, "Calling bpf_rcu_read_{lock,unlock} in unnecessary rbtree callback");
  }
  if (locks) env.refuse(Errno.EINVAL, `nested rcu read lock (kernel function ${meta.name})`);
  if (unlocks) {
    forgetProtectedPointers(env);
    state.activeRcuLock = false;
  } else if (meta.has(KfuncFlag.SLEEPABLE)) {
    env.refuse(Errno.EACCES, `kernel func ${meta.name} is sleepable within rcu_read_lock region`);
  }
}

/** What the section kept alive may be gone: such pointers, and iterators over such objects, are not trusted any more. */
function forgetProtectedPointers(env: Environment): void {
  env.current.forEachRegister(
    (reg) => {
      if ((reg.type & TypeFlag.MEM_RCU) === 0) return;
      reg.type &= ~(TypeFlag.MEM_RCU | TypeFlag.PTR_MAYBE_NULL);
      reg.type |= TypeFlag.PTR_UNTRUSTED;
    },
    (1 << SlotType.SPILL) | (1 << SlotType.ITER),
  );
}

function checkPreemptSection(env: Environment, meta: KfuncCall): void {
  const state = env.current;
  if (meta.special === SpecialKfunc.bpf_preempt_disable) {
    state.activePreemptLocks++;
  } else if (meta.special === SpecialKfunc.bpf_preempt_enable) {
    if (state.activePreemptLocks === 0) {
      env.refuse(Errno.EINVAL, `unmatched attempt to enable preemption (kernel function ${meta.name})`);
    }
    state.activePreemptLocks--;
  } else if (state.activePreemptLocks !== 0 && meta.has(KfuncFlag.SLEEPABLE)) {
    env.refuse(Errno.EACCES, `kernel func ${meta.name} is sleepable within non-preemptible region`);
  }
}
