import type { Btf } from "../../btf/index.ts";
import { baseType, type RegisterType, RegType, TypeFlag } from "../state/reg-type.ts";
import { DynptrType, IteratorState } from "../state/register.ts";

const BASE_TEXT: { readonly [base: number]: string } = {
  [RegType.NOT_INIT]: "?",
  [RegType.SCALAR_VALUE]: "scalar",
  [RegType.PTR_TO_CTX]: "ctx",
  [RegType.CONST_PTR_TO_MAP]: "map_ptr",
  [RegType.PTR_TO_MAP_VALUE]: "map_value",
  [RegType.PTR_TO_MAP_KEY]: "map_key",
  [RegType.PTR_TO_STACK]: "fp",
  [RegType.PTR_TO_PACKET_META]: "pkt_meta",
  [RegType.PTR_TO_PACKET]: "pkt",
  [RegType.PTR_TO_PACKET_END]: "pkt_end",
  [RegType.PTR_TO_FLOW_KEYS]: "flow_keys",
  [RegType.PTR_TO_SOCKET]: "sock",
  [RegType.PTR_TO_SOCK_COMMON]: "sock_common",
  [RegType.PTR_TO_TCP_SOCK]: "tcp_sock",
  [RegType.PTR_TO_TP_BUFFER]: "tp_buffer",
  [RegType.PTR_TO_XDP_SOCK]: "xdp_sock",
  [RegType.PTR_TO_BTF_ID]: "ptr_",
  [RegType.PTR_TO_MEM]: "mem",
  [RegType.PTR_TO_ARENA]: "arena",
  [RegType.PTR_TO_BUF]: "buf",
  [RegType.PTR_TO_FUNC]: "func",
  [RegType.CONST_PTR_TO_DYNPTR]: "dynptr_ptr",
};

/** Flags that are written before the type, in this order. */
const PREFIXES: readonly (readonly [flag: number, text: string])[] = [
  [TypeFlag.MEM_RDONLY, "rdonly_"],
  [TypeFlag.MEM_RINGBUF, "ringbuf_"],
  [TypeFlag.MEM_USER, "user_"],
  [TypeFlag.MEM_PERCPU, "percpu_"],
  [TypeFlag.MEM_RCU, "rcu_"],
  [TypeFlag.PTR_UNTRUSTED, "untrusted_"],
  [TypeFlag.PTR_TRUSTED, "trusted_"],
];

/** A register's type in words: `"map_value_or_null"`, `"trusted_ptr_"` (`reg_type_str`). */
export function regTypeStr(type: RegisterType): string {
  let text = "";
  for (const [flag, prefix] of PREFIXES) if ((type & flag) !== 0) text += prefix;
  text += BASE_TEXT[baseType(type)] ?? "";
  if ((type & TypeFlag.PTR_MAYBE_NULL) !== 0) {
    text += baseType(type) === RegType.PTR_TO_BTF_ID ? "or_null_" : "_or_null";
  }
  return text;
}

const DYNPTR_TEXT: { readonly [type in DynptrType]: string } = {
  [DynptrType.INVALID]: "<invalid>",
  [DynptrType.LOCAL]: "local",
  [DynptrType.RINGBUF]: "ringbuf",
  [DynptrType.SKB]: "skb",
  [DynptrType.XDP]: "xdp",
  [DynptrType.SKB_META]: "skb_meta",
};

/** `dynptr_type_str` */
export function dynptrTypeStr(type: DynptrType): string {
  return DYNPTR_TEXT[type];
}

/** `"num"` of the type `struct bpf_iter_num` (`iter_type_str`). */
export function iterTypeStr(btf: Btf | null, btfId: number): string {
  return btf === null || btfId === 0 ? "<invalid>" : btf.name(btfId).slice("bpf_iter_".length);
}

const ITERATOR_TEXT: { readonly [state in IteratorState]: string } = {
  [IteratorState.INVALID]: "<invalid>",
  [IteratorState.ACTIVE]: "active",
  [IteratorState.DRAINED]: "drained",
};

/** `iter_state_str` */
export function iterStateStr(state: IteratorState): string {
  return ITERATOR_TEXT[state];
}
