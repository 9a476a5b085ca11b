import type { HelperArgument } from "../../platform/index.ts";
import { baseType, TypeFlag } from "../state/reg-type.ts";

/** `enum bpf_arg_type`: bases, over which the bits of {@link TypeFlag} stand. */
export const ArgType = {
  ARG_DONTCARE: 0,
  ARG_CONST_MAP_PTR: 1,
  ARG_PTR_TO_MAP_KEY: 2,
  ARG_PTR_TO_MAP_VALUE: 3,
  ARG_PTR_TO_MEM: 4,
  ARG_PTR_TO_ARENA: 5,
  ARG_CONST_SIZE: 6,
  ARG_CONST_SIZE_OR_ZERO: 7,
  ARG_PTR_TO_CTX: 8,
  ARG_ANYTHING: 9,
  ARG_PTR_TO_SPIN_LOCK: 10,
  ARG_PTR_TO_SOCK_COMMON: 11,
  ARG_PTR_TO_SOCKET: 12,
  ARG_PTR_TO_BTF_ID: 13,
  ARG_PTR_TO_RINGBUF_MEM: 14,
  ARG_CONST_ALLOC_SIZE_OR_ZERO: 15,
  ARG_PTR_TO_BTF_ID_SOCK_COMMON: 16,
  ARG_PTR_TO_PERCPU_BTF_ID: 17,
  ARG_PTR_TO_FUNC: 18,
  ARG_PTR_TO_STACK: 19,
  ARG_PTR_TO_CONST_STR: 20,
  ARG_PTR_TO_TIMER: 21,
  ARG_KPTR_XCHG_DEST: 22,
  ARG_PTR_TO_DYNPTR: 23,
} as const;
/** A base of {@link ArgType}, with or without flags. */
export type ArgumentTypeBits = number;

/** `enum bpf_return_type`: bases, over which the bits of {@link TypeFlag} stand. */
export const RetType = {
  RET_INTEGER: 0,
  RET_VOID: 1,
  RET_PTR_TO_MAP_VALUE: 2,
  RET_PTR_TO_SOCKET: 3,
  RET_PTR_TO_TCP_SOCK: 4,
  RET_PTR_TO_SOCK_COMMON: 5,
  RET_PTR_TO_MEM: 6,
  RET_PTR_TO_MEM_OR_BTF_ID: 7,
  RET_PTR_TO_BTF_ID: 8,
} as const;

export function flagBits(flags: readonly (keyof typeof TypeFlag)[]): number {
  let bits = 0;
  for (const flag of flags) bits |= TypeFlag[flag];
  return bits;
}

/** An argument of platform's tables as a number. */
export function argumentTypeBits(argument: HelperArgument): ArgumentTypeBits {
  return ArgType[argument.type] | flagBits(argument.flags);
}

/** `arg_type_is_release` */
export function isReleaseArgument(type: ArgumentTypeBits): boolean {
  return (type & TypeFlag.OBJ_RELEASE) !== 0;
}

/** `arg_type_is_dynptr` */
export function isDynptrArgument(type: ArgumentTypeBits): boolean {
  return baseType(type) === ArgType.ARG_PTR_TO_DYNPTR;
}
