import { type HelperMeanings, meaning } from "./meaning.ts";

/** Time, tasks, control groups, text, loops, memory of several kinds, and system calls. */
export const SYSTEM_MEANINGS = {
  ktime_get_ns: meaning("Nanoseconds since boot, without the time that the machine slept (CLOCK_MONOTONIC)."),
  ktime_get_boot_ns: meaning(
    "Nanoseconds since boot, with the time that the machine slept (CLOCK_BOOTTIME).",
  ),
  ktime_get_coarse_ns: meaning(
    "Nanoseconds since boot as of the last tick: cheaper than bpf_ktime_get_ns and some milliseconds behind it (CLOCK_MONOTONIC_COARSE).",
  ),
  ktime_get_tai_ns: meaning(
    "Nanoseconds of International Atomic Time since 1970: the time of day without leap seconds, which may be set (CLOCK_TAI).",
  ),
  jiffies64: meaning("The number of ticks since boot, with the offset that the kernel starts counting at."),
  get_prandom_u32: meaning(
    "A pseudo-random number of 32 bits, of a generator that is not user space's. Not for secrets.",
  ),
  get_smp_processor_id: meaning(
    "The number of the CPU that the program runs on, which stays the same until it ends.",
  ),
  get_numa_node_id: meaning("The number of the memory node of the CPU that the program runs on."),
  get_current_pid_tgid: meaning(
    "Of the current task the process id (tgid) in the upper and the thread id (pid) in the lower half, as the initial pid namespace numbers them.",
  ),
  get_current_uid_gid: meaning(
    "Of the current task the group id in the upper and the user id in the lower half.",
  ),
  get_current_comm: meaning(
    "Copies the name of the current task, at most 15 bytes, and fills the buffer up with zeros.",
  ),
  get_current_task: meaning(
    "The address of the current task's struct task_struct, as a number to read from with bpf_probe_read_kernel.",
  ),
  get_current_task_btf: meaning(
    "The current task's struct task_struct, as a pointer whose members can be read directly.",
  ),
  get_ns_current_pid_tgid: meaning(
    "Fills in thread and process id of the current task as its own pid namespace numbers them, where that is the one that a device and inode number name; EINVAL otherwise.",
  ),
  get_current_cgroup_id: meaning("The id of the control group (cgroup2) that the current task is in."),
  get_current_ancestor_cgroup_id: meaning(
    "The id of the control group at a level above the one that the current task is in, the root being level 0; 0 where it is not that deep.",
  ),
  current_task_under_cgroup: meaning(
    "Tells whether the current task is in the control group at an index of a cgroup array, or below it: 1 or 0; EAGAIN where the index is empty.",
  ),
  send_signal: meaning(
    "Sends a signal to the process of the current task: any of its threads may get it. EPERM for threads of the kernel.",
  ),
  send_signal_thread: meaning("Sends a signal to the current thread. EPERM for threads of the kernel."),
  get_retval: meaning(
    "Gives what the hook of the control group is to return to user space, as earlier programs left it.",
  ),
  set_retval: meaning(
    "Sets what the hook of the control group is to return to user space; a number that is no error has it succeed or fail as the hook's rules say.",
  ),
  strtol: meaning(
    "Reads a signed number at the beginning of a text. flags is its base: 8, 10 or 16, or 0 to tell it by the prefix. The result is the number of characters used; EINVAL without a digit, ERANGE where the number is too large.",
  ),
  strtoul: meaning(
    "Reads an unsigned number at the beginning of a text. flags is its base: 8, 10 or 16, or 0 to tell it by the prefix. The result is the number of characters used; EINVAL without a digit, ERANGE where the number is too large.",
  ),
  strncmp: meaning(
    "Compares a text of at most so many bytes with a constant one: less than, equal to or greater than 0.",
  ),
  loop: meaning(
    "Calls a function of the program up to 8,388,608 times, with the round and a context of the caller's. The function returns 0 to go on and 1 to stop. The result is the number of calls; E2BIG for more rounds; flags must be 0.",
  ),
  dynptr_from_mem: meaning(
    "Makes a dynptr of memory of a map value whose size need not be a constant. flags must be 0.",
  ),
  dynptr_read: meaning("Copies bytes out of a dynptr; E2BIG where they are not all in it. flags must be 0."),
  dynptr_write: meaning(
    "Copies bytes into a dynptr; E2BIG where they do not all fit, EINVAL where it is read-only.",
    {
      BPF_F_RECOMPUTE_CSUM: "packets: keep the checksum of the device right",
      BPF_F_INVALIDATE_HASH: "packets: forget the packet's hash",
    },
  ),
  dynptr_data: meaning(
    "Gives a pointer to bytes of a dynptr, whose number is a constant, or NULL where they are not all in it or it is read-only.",
  ),
  per_cpu_ptr: meaning(
    "Gives the address of a per-CPU variable of the kernel, or of a per-CPU object, for a CPU; NULL where there is no such CPU.",
  ),
  this_cpu_ptr: meaning(
    "Gives the address of a per-CPU variable of the kernel, or of a per-CPU object, for this CPU.",
  ),
  sys_bpf: meaning(
    "Makes a bpf(2) system call: what the light skeletons of loaders that are BPF programs themselves do. Only a few commands are allowed; the attributes lie in memory of the program.",
  ),
  btf_find_by_name_kind: meaning(
    "Finds a type by name and kind in the BTF of the kernel and its modules. The result is its id, for a module with the descriptor of its BTF in the upper half; ENOENT. flags must be 0.",
  ),
  sys_close: meaning("Closes a descriptor of the process that runs the program, as close(2) does."),
  kallsyms_lookup_name: meaning(
    "Finds the address of a symbol of the kernel by name; ENOENT where there is none, EPERM for callers that may not see addresses. flags must be 0.",
  ),
} as const satisfies HelperMeanings;
