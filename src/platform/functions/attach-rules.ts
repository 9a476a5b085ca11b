/**
 * Functions of the kernel that programs may not be attached to, or only in some ways. By name: ids differ from kernel to
 * kernel, and a name that a kernel does not have is no member there.
 */

/** No tracing program at all (`btf_id_deny`). */
export const UNTRACEABLE_FUNCTIONS: ReadonlySet<string> = new Set([
  "___migrate_enable",
  "migrate_disable",
  "migrate_enable",
  "rcu_read_unlock_strict",
  "preempt_count_add",
  "preempt_count_sub",
  "__rcu_read_lock",
  "__rcu_read_unlock",
]);

/** They never return: no fexit and no fmod_ret (`noreturn_deny`). */
export const NORETURN_FUNCTIONS: ReadonlySet<string> = new Set([
  "__ia32_sys_exit",
  "__ia32_sys_exit_group",
  "__kunit_abort",
  "kunit_try_catch_throw",
  "__module_put_and_kthread_exit",
  "__x64_sys_exit",
  "__x64_sys_exit_group",
  "do_exit",
  "do_group_exit",
  "kthread_complete_and_exit",
  "kthread_exit",
  "make_task_dead",
]);

/** Errors may be injected, but not by a program that sleeps (`btf_non_sleepable_error_inject`). */
export const NON_SLEEPABLE_ERROR_INJECTION: ReadonlySet<string> = new Set([
  "__filemap_add_folio",
  "should_fail_alloc_page",
  "should_failslab",
]);

/** Functions that offer their return value to fmod_ret (`register_btf_fmodret_id_set`), and whether to programs that sleep. */
export const MODIFY_RETURN_FUNCTIONS: ReadonlyMap<string, { readonly sleepable: boolean }> = new Map([
  ["bpf_modify_return_test", { sleepable: false }],
  ["bpf_modify_return_test2", { sleepable: false }],
  ["bpf_modify_return_test_tp", { sleepable: false }],
  ["bpf_fentry_test1", { sleepable: true }],
]);
