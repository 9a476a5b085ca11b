import { ARGUMENTS, type ArgumentName, type HelperArgument } from "./arguments.ts";

/** `enum bpf_return_type` with its flags, as far as helpers have them. */
export type ReturnType =
  | "RET_INTEGER"
  | "RET_VOID"
  | "RET_PTR_TO_MAP_VALUE_OR_NULL"
  | "RET_PTR_TO_RINGBUF_MEM_OR_NULL"
  | "RET_PTR_TO_BTF_ID"
  | "RET_PTR_TO_BTF_ID_OR_NULL"
  | "RET_PTR_TO_MEM_OR_BTF_ID";

/** What a helper is and who may call it: Linux's `struct bpf_func_proto` and the `get_func_proto` of the types. */
export interface HelperPrototype {
  /** `BPF_FUNC_*` */
  readonly id: number;
  readonly name: string;
  readonly args: readonly HelperArgument[];
  readonly returns: ReturnType;
  /** Only for programs whose licence is compatible with the GPL. */
  readonly gplOnly: boolean;
  /** Names of the program types that may call it, or `"base"`: all of them. */
  readonly programTypes: "base" | readonly string[];
  /** The capability without which even such a type may not (`bpf_base_func_proto`). */
  readonly capability: "bpf" | "perfmon" | null;
  /** It may move packet data: pointers into the packet are worthless afterwards (`bpf_helper_changes_pkt_data`). */
  readonly changesPacket: boolean;
  /** A function of the program that it calls, and what is handed on to it. */
  readonly callback: HelperCallback | null;
  /** The kernel function behind it, by program type; `*` for all others. */
  readonly symbols: { readonly [programType: string]: string };
}

export interface HelperCallback {
  /** Argument that holds the function, counted from 1. */
  readonly function: number;
  /** Argument that is handed on, and the parameter that it becomes. */
  readonly context: number;
  readonly parameter: number;
}

interface Options {
  readonly returns?: ReturnType;
  readonly gplOnly?: boolean;
  readonly types?: readonly string[];
  readonly capability?: "bpf" | "perfmon";
  readonly changesPacket?: boolean;
  readonly callback?: HelperCallback;
  readonly symbols?: { readonly [programType: string]: string };
}

function helper(
  id: number,
  name: string,
  args: readonly ArgumentName[],
  options: Options = {},
): HelperPrototype {
  return {
    id,
    name,
    args: args.map((arg) => ARGUMENTS[arg]),
    returns: options.returns ?? "RET_INTEGER",
    gplOnly: options.gplOnly ?? false,
    programTypes: options.types ?? "base",
    capability: options.capability ?? null,
    changesPacket: options.changesPacket ?? false,
    callback: options.callback ?? null,
    symbols: { "*": name, ...options.symbols },
  };
}

const CLS_ACT = ["sched_cls", "sched_act"];
const LWT_INOUT = ["lwt_in", "lwt_out", "lwt_xmit", "lwt_seg6local"];
const TC_XMIT = [...CLS_ACT, "lwt_xmit"];
const TRACING = [
  "kprobe",
  "tracepoint",
  "perf_event",
  "raw_tracepoint",
  "raw_tracepoint_writable",
  "tracing",
  "lsm",
  "syscall",
];
const VALUE = { returns: "RET_PTR_TO_MAP_VALUE_OR_NULL" } as const;
const VOID = { returns: "RET_VOID" } as const;

/**
 * Prototypes of Linux 6.18, by family. A row says what the verifier, checked mode and fixups need to know; bodies
 * are elsewhere.
 */
const ROWS: readonly HelperPrototype[] = [
  // Maps.
  helper(1, "bpf_map_lookup_elem", ["map", "key"], VALUE),
  helper(2, "bpf_map_update_elem", ["map", "key", "value", "any"]),
  helper(3, "bpf_map_delete_elem", ["map", "key"]),
  helper(87, "bpf_map_push_elem", ["map", "value", "any"]),
  helper(88, "bpf_map_pop_elem", ["map", "valueOut"]),
  helper(89, "bpf_map_peek_elem", ["map", "valueOut"]),
  helper(195, "bpf_map_lookup_percpu_elem", ["map", "key", "any"], { ...VALUE, capability: "bpf" }),
  helper(164, "bpf_for_each_map_elem", ["map", "func", "stackOrNull", "any"], {
    capability: "bpf",
    callback: { function: 2, context: 3, parameter: 4 },
  }),
  helper(12, "bpf_tail_call", ["ctx", "map", "any"], VOID),

  // Time, CPU, randomness.
  helper(5, "bpf_ktime_get_ns", []),
  helper(125, "bpf_ktime_get_boot_ns", []),
  helper(208, "bpf_ktime_get_tai_ns", []),
  helper(118, "bpf_jiffies64", [], { capability: "bpf" }),
  helper(7, "bpf_get_prandom_u32", [], { symbols: { "*": "bpf_user_rnd_u32" } }),
  helper(8, "bpf_get_smp_processor_id", []),
  helper(42, "bpf_get_numa_node_id", []),

  // The current task.
  helper(14, "bpf_get_current_pid_tgid", []),
  helper(15, "bpf_get_current_uid_gid", []),
  helper(16, "bpf_get_current_comm", ["out", "size"]),
  helper(35, "bpf_get_current_task", [], { gplOnly: true, capability: "perfmon" }),
  helper(158, "bpf_get_current_task_btf", [], { returns: "RET_PTR_TO_BTF_ID", capability: "perfmon" }),
  helper(80, "bpf_get_current_cgroup_id", []),

  // Memory, text, output.
  helper(4, "bpf_probe_read", ["out", "sizeOrZero", "any"], {
    gplOnly: true,
    types: TRACING,
    symbols: { "*": "bpf_probe_read_compat" },
  }),
  helper(45, "bpf_probe_read_str", ["out", "sizeOrZero", "any"], {
    gplOnly: true,
    types: TRACING,
    symbols: { "*": "bpf_probe_read_compat_str" },
  }),
  helper(112, "bpf_probe_read_user", ["out", "sizeOrZero", "any"], { gplOnly: true, capability: "perfmon" }),
  helper(113, "bpf_probe_read_kernel", ["out", "sizeOrZero", "any"], {
    gplOnly: true,
    capability: "perfmon",
  }),
  helper(114, "bpf_probe_read_user_str", ["out", "sizeOrZero", "any"], {
    gplOnly: true,
    capability: "perfmon",
  }),
  helper(115, "bpf_probe_read_kernel_str", ["out", "sizeOrZero", "any"], {
    gplOnly: true,
    capability: "perfmon",
  }),
  helper(105, "bpf_strtol", ["mem", "size", "any", "longOut"], { capability: "bpf" }),
  helper(106, "bpf_strtoul", ["mem", "size", "any", "longOut"], { capability: "bpf" }),
  helper(182, "bpf_strncmp", ["mem", "size", "constString"], { capability: "bpf" }),
  helper(165, "bpf_snprintf", ["outOrNull", "sizeOrZero", "constString", "memOrNull", "sizeOrZero"], {
    capability: "perfmon",
  }),
  helper(6, "bpf_trace_printk", ["mem", "size", "any", "any", "any"], {
    gplOnly: true,
    capability: "perfmon",
  }),
  helper(177, "bpf_trace_vprintk", ["mem", "size", "memOrNull", "sizeOrZero"], {
    gplOnly: true,
    capability: "perfmon",
  }),
  helper(25, "bpf_perf_event_output", ["ctx", "map", "any", "mem", "sizeOrZero"], {
    gplOnly: true,
    types: [
      "socket_filter",
      ...CLS_ACT,
      "cgroup_skb",
      "cgroup_sock",
      "cgroup_sock_addr",
      "cgroup_device",
      "cgroup_sysctl",
      "cgroup_sockopt",
      ...LWT_INOUT,
      "sock_ops",
      "sk_skb",
      "sk_msg",
      "sk_lookup",
      "xdp",
      ...TRACING,
    ],
    symbols: {
      "*": "bpf_event_output_data",
      socket_filter: "bpf_skb_event_output",
      sched_cls: "bpf_skb_event_output",
      sched_act: "bpf_skb_event_output",
      cgroup_skb: "bpf_skb_event_output",
      lwt_in: "bpf_skb_event_output",
      lwt_out: "bpf_skb_event_output",
      lwt_xmit: "bpf_skb_event_output",
      lwt_seg6local: "bpf_skb_event_output",
      sk_skb: "bpf_skb_event_output",
      xdp: "bpf_xdp_event_output",
      kprobe: "bpf_perf_event_output",
      perf_event: "bpf_perf_event_output_tp",
      syscall: "bpf_perf_event_output",
      tracepoint: "bpf_perf_event_output_tp",
      raw_tracepoint: "bpf_perf_event_output_raw_tp",
      raw_tracepoint_writable: "bpf_perf_event_output_raw_tp",
      tracing: "bpf_perf_event_output_raw_tp",
      lsm: "bpf_perf_event_output",
    },
  }),
  helper(130, "bpf_ringbuf_output", ["map", "mem", "sizeOrZero", "any"], { capability: "bpf" }),
  helper(131, "bpf_ringbuf_reserve", ["map", "allocSize", "any"], {
    returns: "RET_PTR_TO_RINGBUF_MEM_OR_NULL",
    capability: "bpf",
  }),
  helper(132, "bpf_ringbuf_submit", ["record", "any"], { ...VOID, capability: "bpf" }),
  helper(133, "bpf_ringbuf_discard", ["record", "any"], { ...VOID, capability: "bpf" }),
  helper(134, "bpf_ringbuf_query", ["map", "any"], { capability: "bpf" }),

  // Control.
  helper(93, "bpf_spin_lock", ["spinLock"], { ...VOID, capability: "bpf" }),
  helper(94, "bpf_spin_unlock", ["spinLock"], { ...VOID, capability: "bpf" }),
  helper(181, "bpf_loop", ["any", "func", "stackOrNull", "any"], {
    capability: "bpf",
    callback: { function: 2, context: 3, parameter: 2 },
  }),
  helper(194, "bpf_kptr_xchg", ["kptr", "kptrValue"], {
    returns: "RET_PTR_TO_BTF_ID_OR_NULL",
    capability: "bpf",
  }),

  // Packets.
  helper(26, "bpf_skb_load_bytes", ["ctx", "any", "out", "size"], {
    types: [
      "socket_filter",
      ...CLS_ACT,
      "cgroup_skb",
      ...LWT_INOUT,
      "sk_skb",
      "sk_reuseport",
      "flow_dissector",
    ],
    symbols: {
      sk_reuseport: "sk_reuseport_load_bytes",
      flow_dissector: "bpf_flow_dissector_load_bytes",
    },
  }),
  helper(68, "bpf_skb_load_bytes_relative", ["ctx", "any", "out", "size", "any"], {
    types: ["socket_filter", ...CLS_ACT, "cgroup_skb", "sk_reuseport"],
    symbols: { sk_reuseport: "sk_reuseport_load_bytes_relative" },
  }),
  helper(9, "bpf_skb_store_bytes", ["ctx", "any", "mem", "size", "any"], {
    types: [...TC_XMIT, "sk_skb"],
    changesPacket: true,
  }),
  helper(10, "bpf_l3_csum_replace", ["ctx", "any", "any", "any", "any"], {
    types: TC_XMIT,
    changesPacket: true,
  }),
  helper(11, "bpf_l4_csum_replace", ["ctx", "any", "any", "any", "any"], {
    types: TC_XMIT,
    changesPacket: true,
  }),
  helper(28, "bpf_csum_diff", ["memOrNull", "sizeOrZero", "memOrNull", "sizeOrZero", "any"], {
    types: [...CLS_ACT, "xdp", ...LWT_INOUT],
  }),
  helper(40, "bpf_csum_update", ["ctx", "any"], { types: TC_XMIT }),
  helper(34, "bpf_get_hash_recalc", ["ctx"], { types: [...CLS_ACT, ...LWT_INOUT] }),
  helper(41, "bpf_set_hash_invalid", ["ctx"], { types: TC_XMIT }),
  helper(48, "bpf_set_hash", ["ctx", "any"], { types: CLS_ACT }),
  helper(39, "bpf_skb_pull_data", ["ctx", "any"], {
    types: [...CLS_ACT, ...LWT_INOUT, "sk_skb"],
    changesPacket: true,
    symbols: { sk_skb: "sk_skb_pull_data" },
  }),
  helper(32, "bpf_skb_change_type", ["ctx", "any"], { types: CLS_ACT, changesPacket: true }),
  helper(23, "bpf_redirect", ["any", "any"], {
    types: [...TC_XMIT, "xdp"],
    symbols: { xdp: "bpf_xdp_redirect" },
  }),
  helper(13, "bpf_clone_redirect", ["ctx", "any", "any"], { types: TC_XMIT, changesPacket: true }),
  helper(44, "bpf_xdp_adjust_head", ["ctx", "any"], { types: ["xdp"], changesPacket: true }),
  helper(54, "bpf_xdp_adjust_meta", ["ctx", "any"], { types: ["xdp"], changesPacket: true }),
  helper(65, "bpf_xdp_adjust_tail", ["ctx", "any"], { types: ["xdp"], changesPacket: true }),
  helper(188, "bpf_xdp_get_buff_len", ["ctx"], { types: ["xdp", "tracing"] }),
  helper(189, "bpf_xdp_load_bytes", ["ctx", "any", "out", "size"], { types: ["xdp"] }),
  helper(190, "bpf_xdp_store_bytes", ["ctx", "any", "out", "size"], { types: ["xdp"] }),
  helper(51, "bpf_redirect_map", ["map", "any", "any"], {
    types: ["xdp"],
    symbols: { "*": "bpf_xdp_redirect_map" },
  }),
];

/** Prototypes by id. */
export const HELPER_PROTOTYPES: ReadonlyMap<number, HelperPrototype> = new Map(
  ROWS.map((row) => [row.id, row]),
);

/** The kernel function that a helper is in programs of a type: `bpf_user_rnd_u32` for bpf_get_prandom_u32. */
export function helperSymbol(prototype: HelperPrototype, programType: string): string {
  return prototype.symbols[programType] ?? prototype.symbols["*"]!;
}

/** Whether programs of a type (by its name) may call a helper, given every capability. */
export function mayCall(prototype: HelperPrototype, programType: string): boolean {
  return prototype.programTypes === "base" || prototype.programTypes.includes(programType);
}
