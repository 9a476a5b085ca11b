/** Structs whose objects live at least until the end of an RCU section (`rcu_protected_types`). */
export const RCU_PROTECTED_STRUCTS: ReadonlySet<string> = new Set([
  "prog_test_ref_kfunc",
  "cgroup",
  "bpf_cpumask",
  "task_struct",
  "bpf_crypto_ctx",
]);
