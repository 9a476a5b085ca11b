/** `enum bpf_arg_type` without its flags and without the names that stand for a type with flags. */
export type ArgumentType =
  | "ARG_ANYTHING"
  | "ARG_CONST_MAP_PTR"
  | "ARG_PTR_TO_MAP_KEY"
  | "ARG_PTR_TO_MAP_VALUE"
  | "ARG_PTR_TO_MEM"
  | "ARG_PTR_TO_ARENA"
  | "ARG_CONST_SIZE"
  | "ARG_CONST_SIZE_OR_ZERO"
  | "ARG_CONST_ALLOC_SIZE_OR_ZERO"
  | "ARG_PTR_TO_CTX"
  | "ARG_PTR_TO_SPIN_LOCK"
  | "ARG_PTR_TO_SOCK_COMMON"
  | "ARG_PTR_TO_SOCKET"
  | "ARG_PTR_TO_BTF_ID"
  | "ARG_PTR_TO_BTF_ID_SOCK_COMMON"
  | "ARG_PTR_TO_PERCPU_BTF_ID"
  | "ARG_PTR_TO_RINGBUF_MEM"
  | "ARG_PTR_TO_FUNC"
  | "ARG_PTR_TO_STACK"
  | "ARG_PTR_TO_CONST_STR"
  | "ARG_PTR_TO_TIMER"
  | "ARG_KPTR_XCHG_DEST"
  | "ARG_PTR_TO_DYNPTR";

/** `enum bpf_type_flag`. */
export type TypeFlag =
  | "PTR_MAYBE_NULL"
  | "MEM_RDONLY"
  | "MEM_RINGBUF"
  | "MEM_USER"
  | "MEM_PERCPU"
  | "OBJ_RELEASE"
  | "PTR_UNTRUSTED"
  | "MEM_UNINIT"
  | "DYNPTR_TYPE_LOCAL"
  | "DYNPTR_TYPE_RINGBUF"
  | "MEM_FIXED_SIZE"
  | "MEM_ALLOC"
  | "PTR_TRUSTED"
  | "MEM_RCU"
  | "NON_OWN_REF"
  | "DYNPTR_TYPE_SKB"
  | "DYNPTR_TYPE_XDP"
  | "MEM_ALIGNED"
  | "MEM_WRITE"
  | "DYNPTR_TYPE_SKB_META";

export interface HelperArgument {
  readonly type: ArgumentType;
  readonly flags: readonly TypeFlag[];
  /** Bytes of a memory of fixed size (`MEM_FIXED_SIZE`); 0 otherwise. */
  readonly size: number;
  /**
   * The kernel struct that `ARG_PTR_TO_BTF_ID` asks for. null in other types, and where the verifier finds it
   * elsewhere: in the map's fields (`bpf_kptr_xchg`).
   */
  readonly btf: string | null;
}

function argument(type: ArgumentType, flags: readonly TypeFlag[] = [], size = 0): HelperArgument {
  return { type, flags, size, btf: null };
}

function ofFixedSize(size: number, ...flags: readonly TypeFlag[]): HelperArgument {
  return argument("ARG_PTR_TO_MEM", ["MEM_FIXED_SIZE", ...flags], size);
}

function ofStruct(btf: string, ...flags: readonly TypeFlag[]): HelperArgument {
  return { ...argument("ARG_PTR_TO_BTF_ID", flags), btf };
}

/** The arguments that helpers have, by short names: the vocabulary of the tables of prototypes. */
export const ARGUMENTS = {
  any: argument("ARG_ANYTHING"),
  ctx: argument("ARG_PTR_TO_CTX"),
  ctxOrNull: argument("ARG_PTR_TO_CTX", ["PTR_MAYBE_NULL"]),
  map: argument("ARG_CONST_MAP_PTR"),
  key: argument("ARG_PTR_TO_MAP_KEY"),
  value: argument("ARG_PTR_TO_MAP_VALUE"),
  valueOrNull: argument("ARG_PTR_TO_MAP_VALUE", ["PTR_MAYBE_NULL"]),
  valueOut: argument("ARG_PTR_TO_MAP_VALUE", ["MEM_UNINIT", "MEM_WRITE"]),
  /** Memory that is read. */
  mem: argument("ARG_PTR_TO_MEM", ["MEM_RDONLY"]),
  memOrNull: argument("ARG_PTR_TO_MEM", ["PTR_MAYBE_NULL", "MEM_RDONLY"]),
  /** Memory that is filled and need not be initialized. */
  out: argument("ARG_PTR_TO_MEM", ["MEM_UNINIT", "MEM_WRITE"]),
  /** Memory that is read and written. */
  inOut: argument("ARG_PTR_TO_MEM", ["MEM_WRITE"]),
  inOutOrNull: argument("ARG_PTR_TO_MEM", ["PTR_MAYBE_NULL", "MEM_WRITE"]),
  longOut: ofFixedSize(8, "MEM_UNINIT", "MEM_WRITE", "MEM_ALIGNED"),
  wordOut: ofFixedSize(4, "MEM_UNINIT", "MEM_WRITE", "MEM_ALIGNED"),
  wordInOut: ofFixedSize(4, "MEM_WRITE", "MEM_ALIGNED"),
  /** `sizeof(struct iphdr)`, `ipv6hdr`, `tcphdr`. */
  ipHeader: ofFixedSize(20, "MEM_RDONLY"),
  ip6Header: ofFixedSize(40, "MEM_RDONLY"),
  tcpHeader: ofFixedSize(20, "MEM_RDONLY"),
  size: argument("ARG_CONST_SIZE"),
  sizeOrZero: argument("ARG_CONST_SIZE_OR_ZERO"),
  allocSize: argument("ARG_CONST_ALLOC_SIZE_OR_ZERO"),
  func: argument("ARG_PTR_TO_FUNC"),
  stackOrNull: argument("ARG_PTR_TO_STACK", ["PTR_MAYBE_NULL"]),
  record: argument("ARG_PTR_TO_RINGBUF_MEM", ["OBJ_RELEASE"]),
  dynptr: argument("ARG_PTR_TO_DYNPTR", ["MEM_RDONLY"]),
  localDynptrOut: argument("ARG_PTR_TO_DYNPTR", ["DYNPTR_TYPE_LOCAL", "MEM_UNINIT", "MEM_WRITE"]),
  ringbufDynptrOut: argument("ARG_PTR_TO_DYNPTR", ["DYNPTR_TYPE_RINGBUF", "MEM_UNINIT", "MEM_WRITE"]),
  ringbufDynptr: argument("ARG_PTR_TO_DYNPTR", ["DYNPTR_TYPE_RINGBUF", "OBJ_RELEASE"]),
  spinLock: argument("ARG_PTR_TO_SPIN_LOCK"),
  timer: argument("ARG_PTR_TO_TIMER"),
  constString: argument("ARG_PTR_TO_CONST_STR"),
  kptr: argument("ARG_KPTR_XCHG_DEST"),
  kptrValue: argument("ARG_PTR_TO_BTF_ID", ["PTR_MAYBE_NULL", "OBJ_RELEASE"]),
  percpu: argument("ARG_PTR_TO_PERCPU_BTF_ID"),
  sockCommon: argument("ARG_PTR_TO_SOCK_COMMON"),
  socketOrNull: argument("ARG_PTR_TO_SOCKET", ["PTR_MAYBE_NULL"]),
  btfSock: argument("ARG_PTR_TO_BTF_ID_SOCK_COMMON"),
  btfSockOrNull: argument("ARG_PTR_TO_BTF_ID_SOCK_COMMON", ["PTR_MAYBE_NULL"]),
  btfSockRelease: argument("ARG_PTR_TO_BTF_ID_SOCK_COMMON", ["OBJ_RELEASE"]),
  sockCommonBtf: ofStruct("sock_common"),
  sockCommonBtfOrNull: ofStruct("sock_common", "PTR_MAYBE_NULL"),
  task: ofStruct("task_struct"),
  taskOrNull: ofStruct("task_struct", "PTR_MAYBE_NULL"),
  cgroupOrNull: ofStruct("cgroup", "PTR_MAYBE_NULL"),
  inode: ofStruct("inode"),
  inodeOrNull: ofStruct("inode", "PTR_MAYBE_NULL"),
  file: ofStruct("file"),
  path: ofStruct("path"),
  linuxBinprm: ofStruct("linux_binprm"),
  seqFile: ofStruct("seq_file"),
  skBuff: ofStruct("sk_buff"),
  xdpBuff: ofStruct("xdp_buff"),
  tcpSock: ofStruct("tcp_sock"),
} as const satisfies { readonly [name: string]: HelperArgument };

export type ArgumentName = keyof typeof ARGUMENTS;

/** What has to hold of an argument before a helper's body may run: the part of its type that is about memory. */
export type ArgumentRule =
  | { readonly kind: "anything" }
  | { readonly kind: "context" }
  | { readonly kind: "map" }
  | { readonly kind: "mapKey" }
  | { readonly kind: "mapValue"; readonly write: boolean }
  | {
      readonly kind: "memory";
      /** The argument that holds the size, counted from 1. */
      readonly size: number;
      readonly write: boolean;
      readonly nullable: boolean;
    }
  | { readonly kind: "fixedMemory"; readonly bytes: number; readonly write: boolean };

/** The rules of a list of arguments, in order. A memory's size is the argument after it. */
export function argumentRules(args: readonly HelperArgument[]): ArgumentRule[] {
  return args.map(({ type, flags, size }, index): ArgumentRule => {
    const nullable = flags.includes("PTR_MAYBE_NULL");
    switch (type) {
      case "ARG_PTR_TO_CTX":
        return nullable ? { kind: "anything" } : { kind: "context" };
      case "ARG_CONST_MAP_PTR":
        return { kind: "map" };
      case "ARG_PTR_TO_MAP_KEY":
        return { kind: "mapKey" };
      case "ARG_PTR_TO_MAP_VALUE":
        return nullable ? { kind: "anything" } : { kind: "mapValue", write: flags.includes("MEM_WRITE") };
      case "ARG_PTR_TO_MEM": {
        const write = !flags.includes("MEM_RDONLY");
        if (flags.includes("MEM_FIXED_SIZE")) return { kind: "fixedMemory", bytes: size, write };
        return { kind: "memory", size: index + 2, write, nullable };
      }
      default:
        return { kind: "anything" };
    }
  });
}
