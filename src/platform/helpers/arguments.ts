/** `enum bpf_arg_type` without its flags. */
export type ArgumentType =
  | "ARG_ANYTHING"
  | "ARG_CONST_MAP_PTR"
  | "ARG_PTR_TO_MAP_KEY"
  | "ARG_PTR_TO_MAP_VALUE"
  | "ARG_PTR_TO_MEM"
  | "ARG_PTR_TO_FIXED_SIZE_MEM"
  | "ARG_CONST_SIZE"
  | "ARG_CONST_SIZE_OR_ZERO"
  | "ARG_CONST_ALLOC_SIZE_OR_ZERO"
  | "ARG_PTR_TO_CTX"
  | "ARG_PTR_TO_FUNC"
  | "ARG_PTR_TO_STACK"
  | "ARG_PTR_TO_RINGBUF_MEM"
  | "ARG_PTR_TO_SPIN_LOCK"
  | "ARG_PTR_TO_TIMER"
  | "ARG_PTR_TO_CONST_STR"
  | "ARG_KPTR_XCHG_DEST"
  | "ARG_PTR_TO_BTF_ID";

/** `enum bpf_type_flag`, as far as arguments of helpers have them. */
export type ArgumentFlag =
  | "PTR_MAYBE_NULL"
  | "MEM_RDONLY"
  | "MEM_UNINIT"
  | "MEM_WRITE"
  | "MEM_ALIGNED"
  | "OBJ_RELEASE";

export interface HelperArgument {
  readonly type: ArgumentType;
  readonly flags: readonly ArgumentFlag[];
  /** Bytes of a memory of fixed size; 0 otherwise. */
  readonly size: number;
}

function argument(type: ArgumentType, flags: readonly ArgumentFlag[] = [], size = 0): HelperArgument {
  return { type, flags, size };
}

/** The arguments that helpers have, by short names: the vocabulary of the table of prototypes. */
export const ARGUMENTS = {
  any: argument("ARG_ANYTHING"),
  ctx: argument("ARG_PTR_TO_CTX"),
  map: argument("ARG_CONST_MAP_PTR"),
  key: argument("ARG_PTR_TO_MAP_KEY"),
  value: argument("ARG_PTR_TO_MAP_VALUE"),
  valueOut: argument("ARG_PTR_TO_MAP_VALUE", ["MEM_UNINIT", "MEM_WRITE"]),
  /** Memory that is read. */
  mem: argument("ARG_PTR_TO_MEM", ["MEM_RDONLY"]),
  memOrNull: argument("ARG_PTR_TO_MEM", ["PTR_MAYBE_NULL", "MEM_RDONLY"]),
  /** Memory that is filled and need not be initialized. */
  out: argument("ARG_PTR_TO_MEM", ["MEM_UNINIT", "MEM_WRITE"]),
  outOrNull: argument("ARG_PTR_TO_MEM", ["PTR_MAYBE_NULL", "MEM_UNINIT", "MEM_WRITE"]),
  /** Memory that is read and written. */
  inOut: argument("ARG_PTR_TO_MEM", ["MEM_WRITE"]),
  longOut: argument("ARG_PTR_TO_FIXED_SIZE_MEM", ["MEM_UNINIT", "MEM_WRITE", "MEM_ALIGNED"], 8),
  size: argument("ARG_CONST_SIZE"),
  sizeOrZero: argument("ARG_CONST_SIZE_OR_ZERO"),
  allocSize: argument("ARG_CONST_ALLOC_SIZE_OR_ZERO"),
  func: argument("ARG_PTR_TO_FUNC"),
  stackOrNull: argument("ARG_PTR_TO_STACK", ["PTR_MAYBE_NULL"]),
  record: argument("ARG_PTR_TO_RINGBUF_MEM", ["OBJ_RELEASE"]),
  spinLock: argument("ARG_PTR_TO_SPIN_LOCK"),
  timer: argument("ARG_PTR_TO_TIMER"),
  constString: argument("ARG_PTR_TO_CONST_STR"),
  kptr: argument("ARG_KPTR_XCHG_DEST"),
  kptrValue: argument("ARG_PTR_TO_BTF_ID", ["PTR_MAYBE_NULL", "OBJ_RELEASE"]),
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
  return args.map(({ type, flags, size }, index) => {
    const write = flags.includes("MEM_WRITE");
    switch (type) {
      case "ARG_PTR_TO_CTX":
        return { kind: "context" };
      case "ARG_CONST_MAP_PTR":
        return { kind: "map" };
      case "ARG_PTR_TO_MAP_KEY":
        return { kind: "mapKey" };
      case "ARG_PTR_TO_MAP_VALUE":
        return { kind: "mapValue", write };
      case "ARG_PTR_TO_MEM":
        return { kind: "memory", size: index + 2, write, nullable: flags.includes("PTR_MAYBE_NULL") };
      case "ARG_PTR_TO_FIXED_SIZE_MEM":
        return { kind: "fixedMemory", bytes: size, write };
      default:
        return { kind: "anything" };
    }
  });
}
