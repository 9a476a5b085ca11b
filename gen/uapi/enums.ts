import { type Btf, BtfKind } from "../../src/btf/index.ts";
import { constants } from "./source.ts";

/** An enum of the kernel: its BTF name, or its first enumerator where it has none; what to cut off its names. */
interface EnumRow {
  readonly enum: string;
  readonly as: string;
  readonly prefix: string;
  readonly doc: string;
}

const row = (name: string, as: string, prefix: string, doc: string): EnumRow => ({
  enum: name,
  as,
  prefix,
  doc,
});

const BPF_ENUMS: readonly EnumRow[] = [
  row("bpf_cmd", "BpfCmd", "BPF_", "Commands of bpf(2): `enum bpf_cmd`."),
  row("bpf_map_type", "BpfMapType", "BPF_MAP_TYPE_", "`enum bpf_map_type`."),
  row("bpf_prog_type", "BpfProgType", "BPF_PROG_TYPE_", "`enum bpf_prog_type`."),
  row("bpf_attach_type", "BpfAttachType", "BPF_", "`enum bpf_attach_type`."),
  row("bpf_link_type", "BpfLinkType", "BPF_LINK_TYPE_", "`enum bpf_link_type`."),
  row(
    "bpf_perf_event_type",
    "BpfPerfEventType",
    "BPF_PERF_EVENT_",
    "What a perf event link is on: `enum bpf_perf_event_type`.",
  ),
  row(
    "bpf_task_fd_type",
    "BpfTaskFdType",
    "BPF_FD_TYPE_",
    "Answers of TASK_FD_QUERY: `enum bpf_task_fd_type`.",
  ),
  row("bpf_stats_type", "BpfStatsType", "BPF_STATS_", "`enum bpf_stats_type`."),
  row("bpf_stream_id", "BpfStreamId", "BPF_", "`enum bpf_stream_id`."),
  row("bpf_cgroup_iter_order", "BpfCgroupIterOrder", "BPF_CGROUP_ITER_", "`enum bpf_cgroup_iter_order`."),
  row("bpf_ret_code", "BpfRetCode", "BPF_", "Generic return codes of programs: `enum bpf_ret_code`."),
  row("xdp_action", "XdpAction", "XDP_", "Return codes of XDP programs: `enum xdp_action`."),
  row("tcx_action_base", "TcxAction", "TCX_", "Return codes of tcx programs: `enum tcx_action_base`."),
  row("bpf_core_relo_kind", "BpfCoreReloKind", "BPF_CORE_", "`enum bpf_core_relo_kind`."),
  row("bpf_adj_room_mode", "BpfAdjRoomMode", "BPF_ADJ_ROOM_", "`enum bpf_adj_room_mode`."),
  row("bpf_hdr_start_off", "BpfHdrStart", "BPF_HDR_START_", "`enum bpf_hdr_start_off`."),
  row("bpf_lwt_encap_mode", "BpfLwtEncapMode", "BPF_LWT_ENCAP_", "`enum bpf_lwt_encap_mode`."),
  row("bpf_check_mtu_flags", "BpfCheckMtuFlag", "BPF_MTU_CHK_", "`enum bpf_check_mtu_flags`."),
  row("bpf_check_mtu_ret", "BpfCheckMtuRet", "BPF_MTU_CHK_RET_", "`enum bpf_check_mtu_ret`."),
  row("bpf_func_id", "BpfFuncId", "BPF_FUNC_", "Ids of helpers: `enum bpf_func_id`."),
];

const BPF_FLAGS: readonly EnumRow[] = [
  row("BPF_ANY", "BpfUpdateFlag", "BPF_", "Flags of MAP_UPDATE_ELEM and other element commands."),
  row("BPF_F_NO_PREALLOC", "BpfMapFlag", "BPF_F_", "Flags of MAP_CREATE."),
  row(
    "BPF_F_KPROBE_MULTI_RETURN",
    "BpfKprobeMultiFlag",
    "BPF_F_KPROBE_MULTI_",
    "`link_create.kprobe_multi.flags`.",
  ),
  row(
    "BPF_F_UPROBE_MULTI_RETURN",
    "BpfUprobeMultiFlag",
    "BPF_F_UPROBE_MULTI_",
    "`link_create.uprobe_multi.flags`.",
  ),
  row(
    "BPF_F_INDEX_MASK",
    "BpfPerfOutputFlag",
    "BPF_F_",
    "Flags of bpf_perf_event_output and bpf_perf_event_read.",
  ),
  row("BPF_F_GET_BRANCH_RECORDS_SIZE", "BpfBranchFlag", "BPF_F_", "Flags of bpf_read_branch_records."),
  row("BTF_F_COMPACT", "BtfPrintFlag", "BTF_F_", "Flags of bpf_snprintf_btf and bpf_seq_printf_btf."),
  row("BPF_F_TIMER_ABS", "BpfTimerFlag", "BPF_F_TIMER_", "Flags of bpf_timer_start."),
  row("BPF_RB_NO_WAKEUP", "BpfRingbufFlag", "BPF_RB_", "Flags of bpf_ringbuf_output and bpf_ringbuf_submit."),
  row("BPF_RB_AVAIL_DATA", "BpfRingbufQuery", "BPF_RB_", "What bpf_ringbuf_query asks for."),
  row(
    "BPF_RINGBUF_BUSY_BIT",
    "BpfRingbufHeader",
    "BPF_RINGBUF_",
    "Bits and size of a ring buffer record's header.",
  ),
  row(
    "BPF_LOCAL_STORAGE_GET_F_CREATE",
    "BpfLocalStorageFlag",
    "BPF_LOCAL_STORAGE_GET_F_",
    "Flags of the storage getters.",
  ),
  row(
    "BPF_F_INGRESS",
    "BpfRedirectFlag",
    "BPF_F_",
    "Flags of bpf_redirect, bpf_redirect_map and bpf_clone_redirect.",
  ),
  row("BPF_F_SKIP_FIELD_MASK", "BpfStackFlag", "BPF_F_", "Flags of bpf_get_stackid and bpf_get_stack."),
  row("BPF_F_SYSCTL_BASE_NAME", "BpfSysctlFlag", "BPF_F_SYSCTL_", "Flags of bpf_sysctl_get_name."),
  row("BPF_F_RECOMPUTE_CSUM", "BpfStoreBytesFlag", "BPF_F_", "Flags of bpf_skb_store_bytes."),
  row("BPF_F_HDR_FIELD_MASK", "BpfCsumFieldFlag", "BPF_F_", "The size in the flags of the checksum helpers."),
  row("BPF_F_PSEUDO_HDR", "BpfCsumFlag", "BPF_F_", "Flags of bpf_l4_csum_replace."),
  row(
    "BPF_F_TUNINFO_IPV6",
    "BpfTunnelInfoFlag",
    "BPF_F_",
    "Flags of bpf_skb_set_tunnel_key and bpf_skb_get_tunnel_key.",
  ),
  row("BPF_F_ZERO_CSUM_TX", "BpfTunnelKeyFlag", "BPF_F_", "Flags of bpf_skb_set_tunnel_key."),
  row("BPF_F_TUNINFO_FLAGS", "BpfGetTunnelKeyFlag", "BPF_F_", "Flags of bpf_skb_get_tunnel_key."),
  row("BPF_CSUM_LEVEL_QUERY", "BpfCsumLevel", "BPF_CSUM_LEVEL_", "Levels of bpf_csum_level."),
  row("BPF_F_ADJ_ROOM_FIXED_GSO", "BpfAdjRoomFlag", "BPF_F_ADJ_ROOM_", "Flags of bpf_skb_adjust_room."),
  row("BPF_SK_LOOKUP_F_REPLACE", "BpfSkLookupFlag", "BPF_SK_LOOKUP_F_", "Flags of bpf_sk_assign."),
  row("BPF_SKB_TSTAMP_UNSPEC", "BpfSkbTstampType", "BPF_SKB_", "Types of bpf_skb_set_tstamp."),
  row(
    "BPF_SOCK_OPS_VOID",
    "BpfSockOps",
    "BPF_SOCK_OPS_",
    "Operations that a sock_ops program is called for.",
  ),
  row(
    "BPF_SOCK_OPS_RTO_CB_FLAG",
    "BpfSockOpsCbFlag",
    "BPF_SOCK_OPS_",
    "Callbacks that a sock_ops program asks for.",
  ),
  row("BPF_TCP_ESTABLISHED", "BpfTcpState", "BPF_TCP_", "States of a TCP socket."),
  row("TCP_BPF_IW", "TcpBpfOption", "TCP_BPF_", "Options of bpf_setsockopt at level SOL_TCP for BPF alone."),
  row("TCP_BPF_IW", "SkBpfOption", "SK_BPF_", "Options of bpf_setsockopt at level SOL_SOCKET for BPF alone."),
  row("BPF_LOAD_HDR_OPT_TCP_SYN", "BpfLoadHdrOptFlag", "BPF_LOAD_HDR_OPT_", "Flags of bpf_load_hdr_opt."),
  row("BPF_FIB_LOOKUP_DIRECT", "BpfFibLookupFlag", "BPF_FIB_LOOKUP_", "Flags of bpf_fib_lookup."),
  row("BPF_FIB_LKUP_RET_SUCCESS", "BpfFibLookupRet", "BPF_FIB_LKUP_RET_", "Answers of bpf_fib_lookup."),
  row(
    "BPF_FLOW_DISSECTOR_F_PARSE_1ST_FRAG",
    "BpfFlowDissectorFlag",
    "BPF_FLOW_DISSECTOR_F_",
    "`bpf_flow_keys.flags`.",
  ),
  row("BPF_F_CURRENT_NETNS", "BpfNetns", "BPF_F_", "A network namespace id that means the caller's."),
];

const PERF_ENUMS: readonly EnumRow[] = [
  row("perf_type_id", "PerfType", "PERF_TYPE_", "`perf_event_attr.type`."),
  row("perf_hw_id", "PerfCountHw", "PERF_COUNT_HW_", "`perf_event_attr.config` of PERF_TYPE_HARDWARE."),
  row("perf_sw_ids", "PerfCountSw", "PERF_COUNT_SW_", "`perf_event_attr.config` of PERF_TYPE_SOFTWARE."),
  row(
    "perf_hw_cache_id",
    "PerfCacheId",
    "PERF_COUNT_HW_CACHE_",
    "Caches: bits 0 to 7 of the config of PERF_TYPE_HW_CACHE.",
  ),
  row("perf_hw_cache_op_id", "PerfCacheOp", "PERF_COUNT_HW_CACHE_OP_", "Operations: bits 8 to 15."),
  row(
    "perf_hw_cache_op_result_id",
    "PerfCacheResult",
    "PERF_COUNT_HW_CACHE_RESULT_",
    "Results: bits 16 to 23.",
  ),
  row("perf_event_sample_format", "PerfSample", "PERF_SAMPLE_", "`perf_event_attr.sample_type`."),
  row(
    "perf_branch_sample_type",
    "PerfBranchSample",
    "PERF_SAMPLE_BRANCH_",
    "`perf_event_attr.branch_sample_type`.",
  ),
  row("perf_event_read_format", "PerfFormat", "PERF_FORMAT_", "`perf_event_attr.read_format`."),
  row("perf_event_type", "PerfRecord", "PERF_RECORD_", "`perf_event_header.type`."),
  row("perf_event_ioc_flags", "PerfIocFlag", "PERF_IOC_FLAG_", "Argument of the group ioctls."),
  row(
    "perf_record_ksymbol_type",
    "PerfKsymbolType",
    "PERF_RECORD_KSYMBOL_TYPE_",
    "Types in PERF_RECORD_KSYMBOL.",
  ),
  row("perf_bpf_event_type", "PerfBpfEventType", "PERF_BPF_EVENT_", "Types in PERF_RECORD_BPF_EVENT."),
];

const ALL_ROWS = [...BPF_ENUMS, ...BPF_FLAGS, ...PERF_ENUMS];

/** Second names of a value that stands under its own. */
const ALIASES = new Set(["BPF_SK_STORAGE_GET_F_CREATE"]);

/** What was cut off the names of each object of constants. */
export const ENUM_PREFIXES: readonly (readonly [string, string])[] = [
  ...ALL_ROWS.map(({ as, prefix }) => [as, prefix] as const),
  ["NetkitAction", "NETKIT_"],
];

/** Markers of the end of an enum, which are no values. */
const isMarker = (name: string) => /^(__|MAX_|NR_)|^PERF_.*_MAX$|^BPF_TCP_MAX_STATES$/.test(name);

/** Enumerators by enum name, and of nameless enums by their first enumerator. */
export class KernelEnums {
  readonly #btf: Btf;
  readonly #nameless = new Map<string, number>();

  constructor(btf: Btf) {
    this.#btf = btf;
    for (let id = btf.firstId; id < btf.count; id++) {
      if (btf.kind(id) !== BtfKind.ENUM && btf.kind(id) !== BtfKind.ENUM64) continue;
      if (btf.name(id) !== "") continue;
      const type = btf.type(id);
      if ((type.kind === "ENUM" || type.kind === "ENUM64") && type.values[0] !== undefined) {
        this.#nameless.set(type.values[0].name, id);
      }
    }
  }

  values(name: string): (readonly [string, bigint | number])[] {
    const id = [BtfKind.ENUM, BtfKind.ENUM64]
      .map((kind) => this.#btf.findByName(name, kind))
      .find((found) => found > 0);
    const type = this.#btf.type(id ?? this.#nameless.get(name) ?? 0);
    if (type.kind !== "ENUM" && type.kind !== "ENUM64")
      throw new Error(`no enum ${name} in the kernel's BTF`);
    return type.values.map((enumerator) => [enumerator.name, enumerator.value] as const);
  }
}

/** The enumerators that a row takes: those with its prefix. None may be lost. */
function entriesOf(
  enums: KernelEnums,
  { enum: name, prefix }: EnumRow,
): (readonly [string, bigint | number])[] {
  const others = ALL_ROWS.filter((other) => other.enum === name).map((other) => other.prefix);
  return enums.values(name).flatMap(([full, value]) => {
    if (full.startsWith(prefix)) return isMarker(full) ? [] : [[full.slice(prefix.length), value] as const];
    if (isMarker(full) || ALIASES.has(full) || others.some((other) => full.startsWith(other))) return [];
    throw new Error(`${full} of enum ${name} does not begin with ${prefix}`);
  });
}

function declarations(enums: KernelEnums, rows: readonly EnumRow[]): string[] {
  return rows.map((one) => constants(one.as, one.doc, entriesOf(enums, one)));
}

/** `enum netkit_action` of include/uapi/linux/if_link.h (6.7): in BTF only where the kernel has netkit devices. */
const NETKIT = constants("NetkitAction", "Return codes of netkit programs: `enum netkit_action`.", [
  ["NEXT", -1],
  ["PASS", 0],
  ["DROP", 2],
  ["REDIRECT", 7],
]);

export function enumFiles(enums: KernelEnums): Record<string, string[]> {
  return {
    "bpf-enums.ts": [...declarations(enums, BPF_ENUMS), NETKIT],
    "bpf-flags.ts": declarations(enums, BPF_FLAGS),
    "perf-enums.ts": declarations(enums, PERF_ENUMS),
  };
}

/** The spellings of dense enums by number, in the kernel's words. */
export function nameTables(enums: KernelEnums): string[] {
  return BPF_ENUMS.filter(({ as }) =>
    ["BpfCmd", "BpfMapType", "BpfProgType", "BpfAttachType", "BpfLinkType"].includes(as),
  ).map(({ enum: name, as }) => {
    const names: string[] = [];
    for (const [full, value] of enums.values(name)) {
      if (isMarker(full)) continue;
      const index = Number(value);
      // Of two names for one value the first is the kernel's own, unless it is the one given up.
      if (names[index] === undefined || names[index].endsWith("_DEPRECATED")) names[index] = full;
    }
    const body = names.map((full) => `  ${JSON.stringify(full)},\n`).join("");
    return `/** Names of {@link ${as}} by number, as the kernel's headers spell them. */\nexport const ${as}Names: readonly string[] = [\n${body}];`;
  });
}
