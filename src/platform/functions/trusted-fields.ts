/**
 * Members of kernel structs whose pointers may be relied on (`BTF_TYPE_SAFE_*`), by struct. Linux compares the name of
 * the member and its type.
 */
export type TrustedFields = ReadonlyMap<string, readonly string[]>;

/** Trusted inside an RCU section, never null (`BTF_TYPE_SAFE_RCU`). */
export const RCU_FIELDS: TrustedFields = new Map([
  ["task_struct", ["cpus_ptr", "cgroups", "real_parent", "group_leader"]],
  ["cgroup", ["kn"]],
  ["css_set", ["dfl_cgrp"]],
  ["cgroup_subsys_state", ["cgroup"]],
]);

/** Trusted inside an RCU section, perhaps null (`BTF_TYPE_SAFE_RCU_OR_NULL`). */
export const RCU_OR_NULL_FIELDS: TrustedFields = new Map([
  ["mm_struct", ["exe_file"]],
  ["sk_buff", ["sk"]],
  ["request_sock", ["sk"]],
]);

/** Trusted everywhere, never null (`BTF_TYPE_SAFE_TRUSTED`). */
export const TRUSTED_FIELDS: TrustedFields = new Map([
  ["bpf_iter_meta", ["seq"]],
  ["bpf_iter__task", ["meta", "task"]],
  ["linux_binprm", ["file"]],
  ["file", ["f_inode"]],
]);

/** Trusted everywhere, perhaps null (`BTF_TYPE_SAFE_TRUSTED_OR_NULL`). */
export const TRUSTED_OR_NULL_FIELDS: TrustedFields = new Map([
  ["dentry", ["d_inode"]],
  ["socket", ["sk"]],
]);

/** Structs whose objects live at least until the end of an RCU section (`rcu_protected_types`). */
export const RCU_PROTECTED_STRUCTS: ReadonlySet<string> = new Set([
  "prog_test_ref_kfunc",
  "cgroup",
  "bpf_cpumask",
  "task_struct",
  "bpf_crypto_ctx",
]);
