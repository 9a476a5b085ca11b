import { BpfAttachType as A, BpfProgType } from "../../../uapi/index.ts";
import { SOCKOPT_ITERATORS } from "../../functions/hooks.ts";
import { plain, table, when } from "../grant.ts";
import { BASE } from "./base.ts";

const KPROBE_MULTI = [A.TRACE_KPROBE_MULTI, A.TRACE_KPROBE_SESSION];
const UPROBE_MULTI = [A.TRACE_UPROBE_MULTI, A.TRACE_UPROBE_SESSION];

/** `bpf_tracing_func_proto`: what all tracing programs have. */
export const TRACING_BASE = table(
  {
    get_smp_processor_id: "bpf_get_smp_processor_id",
    probe_read: when({ lockdown: "readKernel" }, "bpf_probe_read_compat"),
    probe_read_str: when({ lockdown: "readKernel" }, "bpf_probe_read_compat_str"),
    get_func_ip: "bpf_get_func_ip_tracing",
    probe_write_user: when({ capability: "sysAdmin", lockdown: "writeUser" }, "bpf_probe_write_user"),
  },
  BASE,
);

/** `kprobe_prog_func_proto` */
export const KPROBE = table(
  {
    perf_event_output: "bpf_perf_event_output",
    get_stackid: "bpf_get_stackid",
    get_stack: [{ sleepable: true, prototype: "bpf_get_stack_sleepable" }, { prototype: "bpf_get_stack" }],
    override_return: when({ config: "BPF_KPROBE_OVERRIDE" }, "bpf_override_return"),
    get_func_ip: [
      { attachTypes: KPROBE_MULTI, prototype: "bpf_get_func_ip_kprobe_multi" },
      { attachTypes: UPROBE_MULTI, prototype: "bpf_get_func_ip_uprobe_multi" },
      { prototype: "bpf_get_func_ip_kprobe" },
    ],
    get_attach_cookie: [
      { attachTypes: KPROBE_MULTI, prototype: "bpf_get_attach_cookie_kprobe_multi" },
      { attachTypes: UPROBE_MULTI, prototype: "bpf_get_attach_cookie_uprobe_multi" },
      { prototype: "bpf_get_attach_cookie_trace" },
    ],
  },
  TRACING_BASE,
);

/** `tp_prog_func_proto` */
export const TRACEPOINT = table(
  {
    perf_event_output: "bpf_perf_event_output_tp",
    get_stackid: "bpf_get_stackid_tp",
    get_stack: "bpf_get_stack_tp",
    get_attach_cookie: "bpf_get_attach_cookie_trace",
  },
  TRACING_BASE,
);

/** `pe_prog_func_proto` */
export const PERF_EVENT = table(
  {
    perf_event_output: "bpf_perf_event_output_tp",
    get_stackid: "bpf_get_stackid_pe",
    get_stack: "bpf_get_stack_pe",
    get_attach_cookie: "bpf_get_attach_cookie_pe",
    ...plain(["perf_prog_read_value", "read_branch_records"]),
  },
  TRACING_BASE,
);

/** `raw_tp_prog_func_proto` */
export const RAW_TRACEPOINT = table(
  {
    perf_event_output: "bpf_perf_event_output_raw_tp",
    get_stackid: "bpf_get_stackid_raw_tp",
    get_stack: "bpf_get_stack_raw_tp",
    get_attach_cookie: "bpf_get_attach_cookie_tracing",
  },
  TRACING_BASE,
);

/** The `get_func_proto` of iterators over sockets, which only they ask after everything else. */
const ITERATOR = { attachTypes: [A.TRACE_ITER], targets: SOCKOPT_ITERATORS } as const;

/** `tracing_prog_func_proto` */
export const TRACING = table(
  {
    skb_output: "bpf_skb_output",
    xdp_output: "bpf_xdp_output",
    ...plain([
      "skc_to_tcp6_sock",
      "skc_to_tcp_sock",
      "skc_to_tcp_timewait_sock",
      "skc_to_tcp_request_sock",
      "skc_to_udp6_sock",
      "skc_to_unix_sock",
      "skc_to_mptcp_sock",
      "sock_from_file",
      "d_path",
    ]),
    sk_storage_get: "bpf_sk_storage_get_tracing",
    sk_storage_delete: "bpf_sk_storage_delete_tracing",
    get_socket_cookie: "bpf_get_socket_ptr_cookie",
    xdp_get_buff_len: "bpf_xdp_get_buff_len_trace",
    ...plain(["seq_printf", "seq_write", "seq_printf_btf"], { attachTypes: [A.TRACE_ITER] }),
    get_func_arg: when({ trampoline: true }, "get_func_arg"),
    get_func_ret: when({ trampoline: true }, "get_func_ret"),
    get_func_arg_cnt: when({ trampoline: true }, "get_func_arg_cnt"),
    get_attach_cookie: [
      {
        programTypes: [BpfProgType.TRACING],
        attachTypes: [A.TRACE_RAW_TP],
        prototype: "bpf_get_attach_cookie_tracing",
      },
      { trampoline: true, prototype: "bpf_get_attach_cookie_tracing" },
    ],
    setsockopt: when(ITERATOR, "bpf_sk_setsockopt"),
    getsockopt: when(ITERATOR, "bpf_sk_getsockopt"),
  },
  RAW_TRACEPOINT,
);

/** `syscall_prog_func_proto` */
export const SYSCALL = table(
  {
    sys_bpf: when({ capability: "perfmon" }, "bpf_sys_bpf"),
    ...plain(["btf_find_by_name_kind", "sys_close", "kallsyms_lookup_name"]),
  },
  TRACING,
);
