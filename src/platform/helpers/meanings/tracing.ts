import { type HelperMeanings, meaning } from "./meaning.ts";

const STACK = {
  BPF_F_SKIP_FIELD_MASK: "bits with the number of innermost frames to leave out",
  BPF_F_USER_STACK: "the stack of user space instead of the kernel's",
};

const BTF_TEXT = {
  BTF_F_COMPACT: "in one line, without indentation",
  BTF_F_NONAME: "without names of members and types",
  BTF_F_PTR_RAW: "pointers as they are, not hashed",
  BTF_F_ZERO: "also members that are zero",
};

/** Memory that may not be there, stacks, counters, and what a program was attached to. */
export const TRACING_MEANINGS = {
  probe_read: meaning(
    "Copies memory from an address that may be bad: EFAULT, and zeros in the buffer, where it cannot be read. Whether the address is the kernel's or the user's is told by its value; bpf_probe_read_kernel and bpf_probe_read_user say which.",
  ),
  probe_read_str: meaning(
    "Copies a string from an address that may be bad, up to its NUL or the size of the buffer. The result is the length with the NUL. Whether the address is the kernel's or the user's is told by its value.",
  ),
  probe_read_user: meaning(
    "Copies memory of the current task's user space: EFAULT, and zeros in the buffer, where a page is not there. It does not wait for pages to be brought in.",
  ),
  probe_read_kernel: meaning(
    "Copies memory of the kernel from an address that may be bad: EFAULT where it is not mapped, ERANGE where it is none of the kernel's, and zeros in the buffer.",
  ),
  probe_read_user_str: meaning(
    "Copies a string of the current task's user space, up to its NUL or the size of the buffer, in which case it is cut and ended with a NUL. The result is the length with the NUL, or EFAULT.",
  ),
  probe_read_kernel_str: meaning(
    "Copies a string of the kernel, up to its NUL or the size of the buffer, in which case it is cut and ended with a NUL. The result is the length with the NUL, or EFAULT.",
  ),
  probe_write_user: meaning(
    "Writes memory of the current task's user space: a means to try things out that warns in the kernel's log. EPERM for threads of the kernel, EFAULT where the memory cannot be written.",
  ),
  copy_from_user: meaning(
    "Copies memory of the current task's user space, and waits for pages that are not there. EFAULT, and zeros in the buffer, where it cannot all be read.",
  ),
  copy_from_user_task: meaning(
    "Copies memory of another task's user space, and waits for pages that are not there. EFAULT, and zeros in the buffer, where it cannot all be read; flags must be 0.",
  ),
  get_stackid: meaning(
    "Notes the stack that led to the program in a stack trace map and gives the number that stands for it: the same stack has the same number. EEXIST where another stack has its place, EFAULT where there is none.",
    {
      ...STACK,
      BPF_F_FAST_STACK_CMP: "compare stacks by their hash only",
      BPF_F_REUSE_STACKID: "where another stack has the place, replace it",
    },
  ),
  get_stack: meaning(
    "Copies the addresses of the functions that led to the program into a buffer, the innermost first. The result is the number of bytes.",
    {
      ...STACK,
      BPF_F_USER_BUILD_ID:
        "user space: struct bpf_stack_build_id (build id and offset in the file) instead of addresses",
    },
  ),
  get_task_stack: meaning(
    "Copies the addresses of the functions that a task is in, the innermost first. The result is the number of bytes. The stack of user space can be had of the current task only (EOPNOTSUPP).",
    {
      ...STACK,
      BPF_F_USER_BUILD_ID: "user space: struct bpf_stack_build_id instead of addresses",
    },
  ),
  perf_prog_read_value: meaning(
    "Copies out the count of the perf event that the program runs for, with the times that it was enabled and really counted.",
  ),
  read_branch_records: meaning(
    "Copies out the branches that the processor recorded for the sample that the program runs for. The result is the number of bytes; ENOENT where it recorded none.",
    { BPF_F_GET_BRANCH_RECORDS_SIZE: "only tell how many bytes there are" },
  ),
  get_branch_snapshot: meaning(
    "Copies out the branches that the processor has recorded up to now. The result is the number of bytes; ENOENT where it records none. flags must be 0.",
  ),
  override_return: meaning(
    "Has the probed function not run, and return a value instead. Only functions that allow it (ALLOW_ERROR_INJECTION), only at their beginning. Embedded kernels have it where they are not told to be without (option missingOptions), as the kernel is that they are compared with.",
  ),
  get_func_ip: meaning(
    "Gives the address of what is traced: of the function for kprobes, fentry and fexit, of the instruction for uprobes; 0 for a kprobe inside a function.",
  ),
  get_attach_cookie: meaning(
    "Gives the number that the program was attached with, so that one program can tell its places apart; 0 where none was given.",
  ),
  get_func_arg: meaning(
    "Copies an argument of the traced function by its number, counted from 0; EINVAL where it has no such argument.",
  ),
  get_func_ret: meaning(
    "Copies what the traced function returned; EOPNOTSUPP for programs that run before it.",
  ),
  get_func_arg_cnt: meaning("Tells how many arguments the traced function has."),
  task_pt_regs: meaning("Gives the registers that a task had in user space, as a struct pt_regs."),
  find_vma: meaning(
    "Finds the area of a task's address space that an address is in and calls a function of the program with it, under the lock of the address space. ENOENT where there is none, EBUSY where the lock is taken; flags must be 0.",
  ),
  d_path: meaning(
    "Writes the full name of a struct path into a buffer. The result is its length with the NUL.",
  ),
  trace_printk: meaning(
    "Writes a formatted line to the trace (/sys/kernel/tracing/trace_pipe), with up to three arguments. The result is its length. Slow, and meant for debugging.",
  ),
  trace_vprintk: meaning(
    "Writes a formatted line to the trace, with up to twelve arguments that are handed in as an array of 64-bit words.",
  ),
  snprintf: meaning(
    "Formats text into a buffer, with up to twelve arguments that are handed in as an array of 64-bit words. The result is the length that the whole text has with its NUL, also where it was cut.",
  ),
  snprintf_btf: meaning(
    "Writes a struct of the kernel as text, by its BTF type. The result is the length that the whole text has, also where it was cut.",
    BTF_TEXT,
  ),
  seq_printf: meaning(
    "Formats text into the file that an iterator's reader reads, with up to twelve arguments in an array. EOVERFLOW where its buffer is full: the element is shown again in the next one.",
  ),
  seq_write: meaning(
    "Writes bytes into the file that an iterator's reader reads. EOVERFLOW where its buffer is full.",
  ),
  seq_printf_btf: meaning(
    "Writes a struct of the kernel as text, by its BTF type, into the file that an iterator's reader reads.",
    BTF_TEXT,
  ),
  skb_output: meaning(
    "Writes bytes, and if asked the beginning of a packet, into the ring of a perf event: bpf_perf_event_output for tracing programs that were given a struct sk_buff.",
    {
      BPF_F_INDEX_MASK: "bits with the index in the perf event array",
      BPF_F_CURRENT_CPU: "as the index: the number of the CPU that the program runs on",
      BPF_F_CTXLEN_MASK: "bits with the number of bytes of the packet to append",
    },
  ),
  xdp_output: meaning(
    "Writes bytes, and if asked the beginning of a packet, into the ring of a perf event: bpf_perf_event_output for tracing programs that were given a struct xdp_buff.",
    {
      BPF_F_INDEX_MASK: "bits with the index in the perf event array",
      BPF_F_CURRENT_CPU: "as the index: the number of the CPU that the program runs on",
      BPF_F_CTXLEN_MASK: "bits with the number of bytes of the packet to append",
    },
  ),
  bprm_opts_set: meaning("Sets options of an execve that is under way.", {
    BPF_F_BPRM_SECUREEXEC: "the program starts in secure-execution mode (AT_SECURE)",
  }),
  ima_inode_hash: meaning(
    "Copies the hash that the integrity subsystem has noted for an inode. The result is the algorithm (enum hash_algo), or EOPNOTSUPP.",
  ),
  ima_file_hash: meaning(
    "Copies the hash of a file's content, and has it computed where it is not known yet. The result is the algorithm (enum hash_algo), or EOPNOTSUPP.",
  ),
} as const satisfies HelperMeanings;
