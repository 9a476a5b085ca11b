import { BpfProgType, Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { resolvedType } from "../environment/resolved-type.ts";
import { RefType } from "../state/reference.ts";

/** Writes down what was taken and not given back (`check_reference_leak`). @returns true where there is any */
export function checkReferenceLeak(env: Environment, exceptionExit: boolean): boolean {
  const state = env.current;
  // Only with its last frame does a program lose what it holds.
  if (!exceptionExit && state.curframe !== 0) return false;
  // A struct_ops function may return an object: check_return_code judges that.
  const mayReturn = !exceptionExit && resolvedType(env).type === BpfProgType.STRUCT_OPS;
  const returned = mayReturn ? state.regs[0]!.refObjId : 0;
  let lingering = false;
  for (const { type, id, insnIdx } of state.refs) {
    if (type !== RefType.PTR || (mayReturn && id === returned)) continue;
    env.log.write(`Unreleased reference id=${id} alloc_insn=${insnIdx}\n`);
    lingering = true;
  }
  return lingering;
}

/**
 * Refuses to go on while something is held (`check_resource_leak`).
 *
 * @param checkLock locks, and sections without interrupts, preemption or the end of RCU's grace, count
 * @param prefix what would be done: `"tail_call"`
 */
export function checkResourceLeak(
  env: Environment,
  exceptionExit: boolean,
  checkLock: boolean,
  prefix: string,
): void {
  const state = env.current;
  if (checkLock && state.activeLocks !== 0) {
    env.refuse(Errno.EINVAL, `${prefix} cannot be used inside bpf_spin_lock-ed region`);
  }
  if (checkReferenceLeak(env, exceptionExit)) {
    env.refuse(Errno.EINVAL, `${prefix} would lead to reference leak`);
  }
  if (!checkLock) return;
  if (state.activeIrqId !== 0) {
    env.refuse(Errno.EINVAL, `${prefix} cannot be used inside bpf_local_irq_save-ed region`);
  }
  if (state.activeRcuLock) {
    env.refuse(Errno.EINVAL, `${prefix} cannot be used inside bpf_rcu_read_lock-ed region`);
  }
  if (state.activePreemptLocks !== 0) {
    env.refuse(Errno.EINVAL, `${prefix} cannot be used inside bpf_preempt_disable-ed region`);
  }
}
