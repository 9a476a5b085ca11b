import type { Insn } from "../../isa/index.ts";
import type { Environment } from "../environment/environment.ts";
import { kfuncKey } from "../environment/kfunc-description.ts";
import { SpecialKfunc as K, type SpecialKfunc } from "./special-kfunc.ts";

/** Which special function a call of the kernel's functions names. */
export function specialOf(env: Environment, insn: Insn): SpecialKfunc {
  return env.kfuncs.get(kfuncKey(insn.imm, insn.off))?.special ?? K.NONE;
}

/** `is_bpf_list_api_kfunc` */
export function isBpfListApiKfunc(kfunc: SpecialKfunc): boolean {
  return kfunc >= K.bpf_list_push_front_impl && kfunc <= K.bpf_list_back;
}

/** `is_bpf_rbtree_api_kfunc` */
export function isBpfRbtreeApiKfunc(kfunc: SpecialKfunc): boolean {
  return kfunc >= K.bpf_rbtree_remove && kfunc <= K.bpf_rbtree_right;
}

/** `is_bpf_res_spin_lock_kfunc` */
export function isBpfResSpinLockKfunc(kfunc: SpecialKfunc): boolean {
  return kfunc >= K.bpf_res_spin_lock && kfunc <= K.bpf_res_spin_unlock_irqrestore;
}

/** `is_task_work_add_kfunc` */
export function isTaskWorkAddKfunc(kfunc: SpecialKfunc): boolean {
  return kfunc === K.bpf_task_work_schedule_signal_impl || kfunc === K.bpf_task_work_schedule_resume_impl;
}

/** A function of the program is called before the call returns (`is_sync_callback_calling_kfunc`). */
export function isSyncCallbackCallingKfunc(kfunc: SpecialKfunc): boolean {
  return kfunc === K.bpf_rbtree_add_impl;
}

/** A function of the program is called later (`is_async_callback_calling_kfunc`). */
export function isAsyncCallbackCallingKfunc(kfunc: SpecialKfunc): boolean {
  return kfunc === K.bpf_wq_set_callback_impl || isTaskWorkAddKfunc(kfunc);
}

/** The call may stand where a spin lock is held (`kfunc_spin_allowed`). */
export function kfuncSpinAllowed(env: Environment, insn: Insn): boolean {
  const kfunc = specialOf(env, insn);
  return (
    isBpfListApiKfunc(kfunc) ||
    isBpfRbtreeApiKfunc(kfunc) ||
    kfunc === K.bpf_refcount_acquire_impl ||
    (kfunc >= K.bpf_iter_num_new && kfunc <= K.bpf_iter_num_destroy) ||
    isBpfResSpinLockKfunc(kfunc)
  );
}

/** The instruction, a call of a kernel function, throws (`is_bpf_throw_kfunc`). */
export function isBpfThrowKfunc(env: Environment, insn: Insn): boolean {
  return insn.off === 0 && specialOf(env, insn) === K.bpf_throw;
}
