import { prototype, RETURNS } from "../prototype.ts";

/** Memory, text, locks, timers, callbacks. */
export const MEMORY_PROTOTYPES = {
  bpf_probe_read_compat: prototype("probe_read", ["out", "sizeOrZero", "any"], { gplOnly: true }),
  bpf_probe_write_user: prototype("probe_write_user", ["any", "mem", "size"], { gplOnly: true }),
  bpf_probe_read_compat_str: prototype("probe_read_str", ["out", "sizeOrZero", "any"], { gplOnly: true }),
  bpf_spin_lock: prototype("spin_lock", ["spinLock"], { returns: RETURNS.nothing }),
  bpf_spin_unlock: prototype("spin_unlock", ["spinLock"], { returns: RETURNS.nothing }),
  bpf_strtol: prototype("strtol", ["mem", "size", "any", "longOut"]),
  bpf_strtoul: prototype("strtoul", ["mem", "size", "any", "longOut"]),
  bpf_probe_read_user: prototype("probe_read_user", ["out", "sizeOrZero", "any"], { gplOnly: true }),
  bpf_probe_read_kernel: prototype("probe_read_kernel", ["out", "sizeOrZero", "any"], { gplOnly: true }),
  bpf_probe_read_user_str: prototype("probe_read_user_str", ["out", "sizeOrZero", "any"], { gplOnly: true }),
  bpf_probe_read_kernel_str: prototype("probe_read_kernel_str", ["out", "sizeOrZero", "any"], {
    gplOnly: true,
  }),
  bpf_copy_from_user: prototype("copy_from_user", ["out", "sizeOrZero", "any"], { mightSleep: true }),
  bpf_snprintf_btf: prototype("snprintf_btf", ["inOut", "size", "mem", "size", "any"]),
  bpf_per_cpu_ptr: prototype("per_cpu_ptr", ["percpu", "any"], { returns: RETURNS.percpuOrNull }),
  bpf_this_cpu_ptr: prototype("this_cpu_ptr", ["percpu"], { returns: RETURNS.percpu }),
  bpf_snprintf: prototype(
    "snprintf",
    ["inOutOrNull", "sizeOrZero", "constString", "memOrNull", "sizeOrZero"],
    { gplOnly: true },
  ),
  bpf_timer_init: prototype("timer_init", ["timer", "map", "any"], { gplOnly: true }),
  bpf_timer_set_callback: prototype("timer_set_callback", ["timer", "func"], { gplOnly: true }),
  bpf_timer_start: prototype("timer_start", ["timer", "any", "any"], { gplOnly: true }),
  bpf_timer_cancel: prototype("timer_cancel", ["timer"], { gplOnly: true }),
  bpf_loop: prototype("loop", ["any", "func", "stackOrNull", "any"]),
  bpf_strncmp: prototype("strncmp", ["mem", "size", "constString"]),
  bpf_copy_from_user_task: prototype("copy_from_user_task", ["out", "sizeOrZero", "any", "task", "any"], {
    gplOnly: true,
    mightSleep: true,
  }),
  bpf_kptr_xchg: prototype("kptr_xchg", ["kptr", "kptrValue"], { returns: RETURNS.kptrOrNull }),
};
