import { TypeFlag as F, RegType as R, type RegisterType } from "../state/reg-type.ts";
import { ArgType } from "./argument-type.ts";

/** Kinds of registers that an argument accepts, in the order in which a refusal names them (`struct bpf_reg_types`). */
export interface CompatibleTypes {
  readonly types: readonly RegisterType[];
  /** They are memory, whatever it belongs to. */
  readonly memory?: boolean;
  /** The kernel struct behind a PTR_TO_BTF_ID where the argument names none. */
  readonly struct?: string;
}

const SOCKETS = [R.PTR_TO_SOCK_COMMON, R.PTR_TO_SOCKET, R.PTR_TO_TCP_SOCK, R.PTR_TO_XDP_SOCK];

const SOCK: CompatibleTypes = { types: SOCKETS };
const BTF_ID_SOCK_COMMON: CompatibleTypes = {
  types: [...SOCKETS, R.PTR_TO_BTF_ID, R.PTR_TO_BTF_ID | F.PTR_TRUSTED],
  struct: "sock_common",
};
const MEMORY: CompatibleTypes = {
  types: [
    R.PTR_TO_STACK,
    R.PTR_TO_PACKET,
    R.PTR_TO_PACKET_META,
    R.PTR_TO_MAP_KEY,
    R.PTR_TO_MAP_VALUE,
    R.PTR_TO_MEM,
    R.PTR_TO_MEM | F.MEM_RINGBUF,
    R.PTR_TO_BUF,
    R.PTR_TO_BTF_ID | F.PTR_TRUSTED,
  ],
  memory: true,
};
const LOCAL_OBJECT: CompatibleTypes = { types: [R.PTR_TO_MAP_VALUE, R.PTR_TO_BTF_ID | F.MEM_ALLOC] };
const SCALAR: CompatibleTypes = { types: [R.SCALAR_VALUE] };
const MAP_VALUE: CompatibleTypes = { types: [R.PTR_TO_MAP_VALUE] };

const BY_ARGUMENT: { readonly [base: number]: CompatibleTypes } = {
  [ArgType.ARG_PTR_TO_MAP_KEY]: MEMORY,
  [ArgType.ARG_PTR_TO_MAP_VALUE]: MEMORY,
  [ArgType.ARG_CONST_SIZE]: SCALAR,
  [ArgType.ARG_CONST_SIZE_OR_ZERO]: SCALAR,
  [ArgType.ARG_CONST_ALLOC_SIZE_OR_ZERO]: SCALAR,
  [ArgType.ARG_CONST_MAP_PTR]: { types: [R.CONST_PTR_TO_MAP] },
  [ArgType.ARG_PTR_TO_CTX]: { types: [R.PTR_TO_CTX] },
  [ArgType.ARG_PTR_TO_SOCK_COMMON]: SOCK,
  [ArgType.ARG_PTR_TO_BTF_ID_SOCK_COMMON]: BTF_ID_SOCK_COMMON,
  [ArgType.ARG_PTR_TO_SOCKET]: { types: [R.PTR_TO_SOCKET] },
  [ArgType.ARG_PTR_TO_BTF_ID]: {
    types: [R.PTR_TO_BTF_ID, R.PTR_TO_BTF_ID | F.PTR_TRUSTED, R.PTR_TO_BTF_ID | F.MEM_RCU],
  },
  [ArgType.ARG_PTR_TO_SPIN_LOCK]: LOCAL_OBJECT,
  [ArgType.ARG_PTR_TO_MEM]: MEMORY,
  [ArgType.ARG_PTR_TO_RINGBUF_MEM]: { types: [R.PTR_TO_MEM | F.MEM_RINGBUF] },
  [ArgType.ARG_PTR_TO_PERCPU_BTF_ID]: {
    types: [
      R.PTR_TO_BTF_ID | F.MEM_PERCPU,
      R.PTR_TO_BTF_ID | F.MEM_PERCPU | F.MEM_RCU,
      R.PTR_TO_BTF_ID | F.MEM_PERCPU | F.PTR_TRUSTED,
    ],
  },
  [ArgType.ARG_PTR_TO_FUNC]: { types: [R.PTR_TO_FUNC] },
  [ArgType.ARG_PTR_TO_STACK]: { types: [R.PTR_TO_STACK] },
  [ArgType.ARG_PTR_TO_CONST_STR]: MAP_VALUE,
  [ArgType.ARG_PTR_TO_TIMER]: MAP_VALUE,
  [ArgType.ARG_KPTR_XCHG_DEST]: LOCAL_OBJECT,
  [ArgType.ARG_PTR_TO_DYNPTR]: { types: [R.PTR_TO_STACK, R.CONST_PTR_TO_DYNPTR] },
};

/** By the base of an argument's type; undefined for what accepts anything. */
export function compatibleTypes(argumentBase: number): CompatibleTypes | undefined {
  return BY_ARGUMENT[argumentBase];
}
