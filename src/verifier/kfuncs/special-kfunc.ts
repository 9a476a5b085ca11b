/** Functions of vmlinux that the verifier has rules of its own for (`special_kfunc_list`). */
export const SpecialKfunc = {
  NONE: 0,
  bpf_obj_new_impl: 1,
  bpf_obj_drop_impl: 2,
  bpf_refcount_acquire_impl: 3,
  bpf_list_push_front_impl: 4,
  bpf_list_push_back_impl: 5,
  bpf_list_pop_front: 6,
  bpf_list_pop_back: 7,
  bpf_list_front: 8,
  bpf_list_back: 9,
  bpf_cast_to_kern_ctx: 10,
  bpf_rdonly_cast: 11,
  bpf_rcu_read_lock: 12,
  bpf_rcu_read_unlock: 13,
  bpf_rbtree_remove: 14,
  bpf_rbtree_add_impl: 15,
  bpf_rbtree_first: 16,
  bpf_rbtree_root: 17,
  bpf_rbtree_left: 18,
  bpf_rbtree_right: 19,
  bpf_dynptr_from_skb: 20,
  bpf_dynptr_from_xdp: 21,
  bpf_dynptr_from_skb_meta: 22,
  bpf_xdp_pull_data: 23,
  bpf_dynptr_slice: 24,
  bpf_dynptr_slice_rdwr: 25,
  bpf_dynptr_clone: 26,
  bpf_percpu_obj_new_impl: 27,
  bpf_percpu_obj_drop_impl: 28,
  bpf_throw: 29,
  bpf_wq_set_callback_impl: 30,
  bpf_preempt_disable: 31,
  bpf_preempt_enable: 32,
  bpf_iter_css_task_new: 33,
  bpf_session_cookie: 34,
  bpf_get_kmem_cache: 35,
  bpf_local_irq_save: 36,
  bpf_local_irq_restore: 37,
  bpf_iter_num_new: 38,
  bpf_iter_num_next: 39,
  bpf_iter_num_destroy: 40,
  bpf_res_spin_lock: 41,
  bpf_res_spin_unlock: 42,
  bpf_res_spin_lock_irqsave: 43,
  bpf_res_spin_unlock_irqrestore: 44,
  __bpf_trap: 45,
  bpf_task_work_schedule_signal_impl: 46,
  bpf_task_work_schedule_resume_impl: 47,
} as const;
export type SpecialKfunc = (typeof SpecialKfunc)[keyof typeof SpecialKfunc];

const BY_NAME: ReadonlyMap<string, SpecialKfunc> = new Map(Object.entries(SpecialKfunc));

/** Which special function of vmlinux has the name. */
export function specialKfuncNamed(name: string): SpecialKfunc {
  return BY_NAME.get(name) ?? SpecialKfunc.NONE;
}
