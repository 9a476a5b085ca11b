import { BpfFuncId } from "../../uapi/index.ts";
import { ARGUMENTS, type ArgumentName, type HelperArgument, type TypeFlag } from "./arguments.ts";

/** A helper's name without `bpf_`: `"map_lookup_elem"`. */
export type HelperName = Exclude<keyof typeof BpfFuncId, "unspec">;

/** `enum bpf_return_type` without its flags and without the names that stand for a type with flags. */
export type ReturnType =
  | "RET_INTEGER"
  | "RET_VOID"
  | "RET_PTR_TO_MAP_VALUE"
  | "RET_PTR_TO_SOCKET"
  | "RET_PTR_TO_TCP_SOCK"
  | "RET_PTR_TO_SOCK_COMMON"
  | "RET_PTR_TO_MEM"
  | "RET_PTR_TO_MEM_OR_BTF_ID"
  | "RET_PTR_TO_BTF_ID";

export interface HelperReturn {
  readonly type: ReturnType;
  readonly flags: readonly TypeFlag[];
  /** The kernel struct behind `RET_PTR_TO_BTF_ID`; null where the arguments decide it (`bpf_kptr_xchg`). */
  readonly btf: string | null;
}

/**
 * A condition on the program that only some prototypes have (`bpf_func_proto.allowed`):
 *
 * - `dPath`: an iterator, a sleepable LSM hook, or one of the functions of `D_PATH_FUNCTIONS`.
 * - `sleepableLsmHook`: an LSM hook that may sleep.
 * - `skStorageTracing`: what is traced is no function of socket storage itself.
 */
export type AllowedRule = "dPath" | "sleepableLsmHook" | "skStorageTracing";

/** A helper as some program types see it: Linux's `struct bpf_func_proto`. */
export interface HelperPrototype {
  /** `BPF_FUNC_*` */
  readonly id: number;
  /** `"bpf_map_lookup_elem"` */
  readonly name: string;
  /** The kernel function behind it, which calls are relocated to: `"bpf_user_rnd_u32"`. */
  readonly function: string;
  readonly args: readonly HelperArgument[];
  readonly returns: HelperReturn;
  /** Only for programs whose licence is compatible with the GPL. */
  readonly gplOnly: boolean;
  /** Packet pointers may be passed as memory (`pkt_access`). */
  readonly packetAccess: boolean;
  /** Linux inlines it and keeps the caller's registers (`allow_fastcall`). */
  readonly fastcall: boolean;
  /** Only sleepable programs may call it. */
  readonly mightSleep: boolean;
  readonly allowed: AllowedRule | null;
  /** It may move packet data: pointers into the packet are worthless afterwards (`bpf_helper_changes_pkt_data`). */
  readonly changesPacket: boolean;
  /** A function of the program that it calls, and what is handed on to it. */
  readonly callback: HelperCallback | null;
}

export interface HelperCallback {
  /** Argument that holds the function, counted from 1. */
  readonly function: number;
  /** Argument that is handed on, and the parameter that it becomes. */
  readonly context: number;
  readonly parameter: number;
}

export interface PrototypeOptions {
  readonly returns?: HelperReturn;
  readonly gplOnly?: boolean;
  readonly packetAccess?: boolean;
  readonly fastcall?: boolean;
  readonly mightSleep?: boolean;
  readonly allowed?: AllowedRule;
  /** The kernel function, where the row is not called by it. */
  readonly function?: string;
}

/** A row of a table of prototypes, which is called by the kernel function. */
export interface PrototypeRow extends PrototypeOptions {
  readonly helper: HelperName;
  readonly args: readonly HelperArgument[];
}

export function prototype(
  helper: HelperName,
  args: readonly ArgumentName[],
  options: PrototypeOptions = {},
): PrototypeRow {
  return { ...options, helper, args: args.map((arg) => ARGUMENTS[arg]) };
}

function returning(type: ReturnType, ...flags: readonly TypeFlag[]): HelperReturn {
  return { type, flags, btf: null };
}

/** What helpers return, by short names. */
export const RETURNS = {
  integer: returning("RET_INTEGER"),
  nothing: returning("RET_VOID"),
  mapValue: returning("RET_PTR_TO_MAP_VALUE"),
  mapValueOrNull: returning("RET_PTR_TO_MAP_VALUE", "PTR_MAYBE_NULL"),
  socketOrNull: returning("RET_PTR_TO_SOCKET", "PTR_MAYBE_NULL"),
  sockCommonOrNull: returning("RET_PTR_TO_SOCK_COMMON", "PTR_MAYBE_NULL"),
  tcpSockOrNull: returning("RET_PTR_TO_TCP_SOCK", "PTR_MAYBE_NULL"),
  ringbufMemOrNull: returning("RET_PTR_TO_MEM", "PTR_MAYBE_NULL", "MEM_RINGBUF"),
  memOrNull: returning("RET_PTR_TO_MEM", "PTR_MAYBE_NULL"),
  percpu: returning("RET_PTR_TO_MEM_OR_BTF_ID", "MEM_RDONLY"),
  percpuOrNull: returning("RET_PTR_TO_MEM_OR_BTF_ID", "PTR_MAYBE_NULL", "MEM_RDONLY"),
  kptrOrNull: returning("RET_PTR_TO_BTF_ID", "PTR_MAYBE_NULL"),
} as const satisfies { readonly [name: string]: HelperReturn };

export function btf(name: string): HelperReturn {
  return { ...returning("RET_PTR_TO_BTF_ID"), btf: name };
}

export function btfOrNull(name: string): HelperReturn {
  return { ...returning("RET_PTR_TO_BTF_ID", "PTR_MAYBE_NULL"), btf: name };
}

export function trustedBtf(name: string): HelperReturn {
  return { ...returning("RET_PTR_TO_BTF_ID", "PTR_TRUSTED"), btf: name };
}

/** `bpf_helper_changes_pkt_data`: by helper, whatever the prototype. */
const CHANGES_PACKET: ReadonlySet<HelperName> = new Set<HelperName>([
  "clone_redirect",
  "l3_csum_replace",
  "l4_csum_replace",
  "lwt_push_encap",
  "lwt_seg6_action",
  "lwt_seg6_adjust_srh",
  "lwt_seg6_store_bytes",
  "msg_pop_data",
  "msg_pull_data",
  "msg_push_data",
  "skb_adjust_room",
  "skb_change_head",
  "skb_change_proto",
  "skb_change_tail",
  "skb_pull_data",
  "skb_store_bytes",
  "skb_vlan_pop",
  "skb_vlan_push",
  "store_hdr_opt",
  "xdp_adjust_head",
  "xdp_adjust_meta",
  "xdp_adjust_tail",
  // The program that is called next may call any of the others.
  "tail_call",
]);

/** `set_*_callback_state`: where a callback gets what its caller handed in. */
const CALLBACKS: ReadonlyMap<HelperName, HelperCallback> = new Map<HelperName, HelperCallback>([
  ["for_each_map_elem", { function: 2, context: 3, parameter: 4 }],
  ["loop", { function: 2, context: 3, parameter: 2 }],
  ["find_vma", { function: 3, context: 4, parameter: 3 }],
  ["user_ringbuf_drain", { function: 2, context: 3, parameter: 2 }],
]);

/** The prototype that a row describes. */
export function prototypeOfRow(key: string, row: PrototypeRow): HelperPrototype {
  return {
    id: BpfFuncId[row.helper],
    name: `bpf_${row.helper}`,
    function: row.function ?? key,
    args: row.args,
    returns: row.returns ?? RETURNS.integer,
    gplOnly: row.gplOnly ?? false,
    packetAccess: row.packetAccess ?? false,
    fastcall: row.fastcall ?? false,
    mightSleep: row.mightSleep ?? false,
    allowed: row.allowed ?? null,
    changesPacket: CHANGES_PACKET.has(row.helper),
    callback: CALLBACKS.get(row.helper) ?? null,
  };
}
