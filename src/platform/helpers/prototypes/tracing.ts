import { btf, prototype } from "../prototype.ts";

/** Stacks, perf events, functions under trace, output of iterators. */
export const TRACING_PROTOTYPES = {
  bpf_trace_printk: prototype("trace_printk", ["mem", "size"], { gplOnly: true }),
  bpf_perf_event_read: prototype("perf_event_read", ["map", "any"], { gplOnly: true }),
  bpf_event_output_data: prototype("perf_event_output", ["ctx", "map", "any", "mem", "sizeOrZero"], {
    gplOnly: true,
  }),
  bpf_perf_event_output: prototype("perf_event_output", ["ctx", "map", "any", "mem", "sizeOrZero"], {
    gplOnly: true,
  }),
  bpf_perf_event_output_raw_tp: prototype("perf_event_output", ["ctx", "map", "any", "mem", "sizeOrZero"], {
    gplOnly: true,
  }),
  bpf_perf_event_output_tp: prototype("perf_event_output", ["ctx", "map", "any", "mem", "sizeOrZero"], {
    gplOnly: true,
  }),
  bpf_skb_event_output: prototype("perf_event_output", ["ctx", "map", "any", "mem", "sizeOrZero"], {
    gplOnly: true,
  }),
  bpf_xdp_event_output: prototype("perf_event_output", ["ctx", "map", "any", "mem", "sizeOrZero"], {
    gplOnly: true,
  }),
  bpf_get_stackid: prototype("get_stackid", ["ctx", "map", "any"], { gplOnly: true }),
  bpf_get_stackid_pe: prototype("get_stackid", ["ctx", "map", "any"]),
  bpf_get_stackid_raw_tp: prototype("get_stackid", ["ctx", "map", "any"], { gplOnly: true }),
  bpf_get_stackid_tp: prototype("get_stackid", ["ctx", "map", "any"], { gplOnly: true }),
  bpf_perf_event_read_value: prototype("perf_event_read_value", ["map", "any", "out", "size"], {
    gplOnly: true,
  }),
  bpf_perf_prog_read_value: prototype("perf_prog_read_value", ["ctx", "out", "size"], { gplOnly: true }),
  bpf_override_return: prototype("override_return", ["ctx", "any"], { gplOnly: true }),
  bpf_get_stack: prototype("get_stack", ["ctx", "out", "sizeOrZero", "any"], { gplOnly: true }),
  bpf_get_stack_pe: prototype("get_stack", ["ctx", "out", "sizeOrZero", "any"], { gplOnly: true }),
  bpf_get_stack_raw_tp: prototype("get_stack", ["ctx", "out", "sizeOrZero", "any"], { gplOnly: true }),
  bpf_get_stack_sleepable: prototype("get_stack", ["ctx", "out", "sizeOrZero", "any"], { gplOnly: true }),
  bpf_get_stack_tp: prototype("get_stack", ["ctx", "out", "sizeOrZero", "any"], { gplOnly: true }),
  bpf_send_signal: prototype("send_signal", ["any"]),
  bpf_send_signal_thread: prototype("send_signal_thread", ["any"]),
  bpf_read_branch_records: prototype("read_branch_records", ["ctx", "inOutOrNull", "sizeOrZero", "any"], {
    gplOnly: true,
  }),
  bpf_seq_printf: prototype("seq_printf", ["seqFile", "mem", "size", "memOrNull", "sizeOrZero"], {
    gplOnly: true,
  }),
  bpf_seq_write: prototype("seq_write", ["seqFile", "mem", "sizeOrZero"], { gplOnly: true }),
  bpf_get_task_stack: prototype("get_task_stack", ["task", "out", "sizeOrZero", "any"]),
  bpf_get_task_stack_sleepable: prototype("get_task_stack", ["task", "out", "sizeOrZero", "any"]),
  bpf_seq_printf_btf: prototype("seq_printf_btf", ["seqFile", "mem", "sizeOrZero", "any"], { gplOnly: true }),
  bpf_get_func_ip_kprobe: prototype("get_func_ip", ["ctx"], { gplOnly: true }),
  bpf_get_func_ip_kprobe_multi: prototype("get_func_ip", ["ctx"]),
  bpf_get_func_ip_tracing: prototype("get_func_ip", ["ctx"], { gplOnly: true }),
  bpf_get_func_ip_uprobe_multi: prototype("get_func_ip", ["ctx"]),
  bpf_get_attach_cookie: prototype("get_attach_cookie", ["ctx"]),
  bpf_get_attach_cookie_kprobe_multi: prototype("get_attach_cookie", ["ctx"]),
  bpf_get_attach_cookie_pe: prototype("get_attach_cookie", ["ctx"]),
  bpf_get_attach_cookie_trace: prototype("get_attach_cookie", ["ctx"]),
  bpf_get_attach_cookie_tracing: prototype("get_attach_cookie", ["ctx"]),
  bpf_get_attach_cookie_uprobe_multi: prototype("get_attach_cookie", ["ctx"]),
  bpf_task_pt_regs: prototype("task_pt_regs", ["task"], { returns: btf("pt_regs"), gplOnly: true }),
  bpf_get_branch_snapshot: prototype("get_branch_snapshot", ["out", "sizeOrZero"], { gplOnly: true }),
  bpf_trace_vprintk: prototype("trace_vprintk", ["mem", "size", "memOrNull", "sizeOrZero"], {
    gplOnly: true,
  }),
  bpf_find_vma: prototype("find_vma", ["task", "any", "func", "stackOrNull", "any"]),
  get_func_arg: prototype("get_func_arg", ["ctx", "any", "longOut"]),
  get_func_ret: prototype("get_func_ret", ["ctx", "longOut"]),
  get_func_arg_cnt: prototype("get_func_arg_cnt", ["ctx"]),
};
