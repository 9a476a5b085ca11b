import { prototype, trustedBtf } from "../prototype.ts";

/** Time, CPUs, tasks, the system call programs, LSM, infrared receivers. */
export const SYSTEM_PROTOTYPES = {
  bpf_ktime_get_ns: prototype("ktime_get_ns", []),
  bpf_user_rnd_u32: prototype("get_prandom_u32", []),
  bpf_get_raw_cpu_id: prototype("get_smp_processor_id", []),
  bpf_get_smp_processor_id: prototype("get_smp_processor_id", [], { fastcall: true }),
  bpf_get_current_pid_tgid: prototype("get_current_pid_tgid", []),
  bpf_get_current_uid_gid: prototype("get_current_uid_gid", []),
  bpf_get_current_comm: prototype("get_current_comm", ["out", "size"]),
  bpf_get_cgroup_classid: prototype("get_cgroup_classid", ["ctx"]),
  bpf_get_cgroup_classid_curr: prototype("get_cgroup_classid", []),
  bpf_get_current_task: prototype("get_current_task", [], { gplOnly: true }),
  bpf_current_task_under_cgroup: prototype("current_task_under_cgroup", ["map", "any"]),
  bpf_get_numa_node_id: prototype("get_numa_node_id", []),
  bpf_get_current_cgroup_id: prototype("get_current_cgroup_id", []),
  bpf_jiffies64: prototype("jiffies64", []),
  bpf_get_ns_current_pid_tgid: prototype("get_ns_current_pid_tgid", ["any", "any", "out", "size"]),
  bpf_get_current_ancestor_cgroup_id: prototype("get_current_ancestor_cgroup_id", ["any"]),
  bpf_ktime_get_boot_ns: prototype("ktime_get_boot_ns", []),
  bpf_d_path: prototype("d_path", ["path", "inOut", "sizeOrZero"], { allowed: "dPath" }),
  bpf_get_current_task_btf: prototype("get_current_task_btf", [], {
    returns: trustedBtf("task_struct"),
    gplOnly: true,
  }),
  bpf_bprm_opts_set: prototype("bprm_opts_set", ["linuxBinprm", "any"]),
  bpf_ktime_get_coarse_ns: prototype("ktime_get_coarse_ns", []),
  bpf_ima_inode_hash: prototype("ima_inode_hash", ["inode", "out", "size"], {
    mightSleep: true,
    allowed: "sleepableLsmHook",
  }),
  bpf_sys_bpf: prototype("sys_bpf", ["any", "mem", "size"], { mightSleep: true }),
  bpf_btf_find_by_name_kind: prototype("btf_find_by_name_kind", ["mem", "size", "any", "any"], {
    mightSleep: true,
  }),
  bpf_sys_close: prototype("sys_close", ["any"], { mightSleep: true }),
  bpf_kallsyms_lookup_name: prototype("kallsyms_lookup_name", ["mem", "sizeOrZero", "any", "longOut"]),
  bpf_ima_file_hash: prototype("ima_file_hash", ["file", "out", "size"], {
    mightSleep: true,
    allowed: "sleepableLsmHook",
  }),
  bpf_ktime_get_tai_ns: prototype("ktime_get_tai_ns", []),
  bpf_rc_repeat: prototype("rc_repeat", ["ctx"], { gplOnly: true }),
  bpf_rc_keydown: prototype("rc_keydown", ["ctx", "any", "any", "any"], { gplOnly: true }),
  bpf_rc_pointer_rel: prototype("rc_pointer_rel", ["ctx", "any", "any"], { gplOnly: true }),
};
