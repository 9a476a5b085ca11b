/**
 * What a register holds: `enum bpf_reg_type` of include/linux/bpf.h, with the flags of `enum bpf_type_flag` above it.
 *
 * ```text
 *  31            8 7            0
 * +---------------+--------------+
 * | TypeFlag bits | RegType      |
 * +---------------+--------------+
 * ```
 *
 * Types of arguments and of return values carry the same flags over bases of their own.
 */
export const RegType = {
  NOT_INIT: 0,
  SCALAR_VALUE: 1,
  PTR_TO_CTX: 2,
  CONST_PTR_TO_MAP: 3,
  PTR_TO_MAP_VALUE: 4,
  PTR_TO_MAP_KEY: 5,
  PTR_TO_STACK: 6,
  PTR_TO_PACKET_META: 7,
  PTR_TO_PACKET: 8,
  PTR_TO_PACKET_END: 9,
  PTR_TO_FLOW_KEYS: 10,
  PTR_TO_SOCKET: 11,
  PTR_TO_SOCK_COMMON: 12,
  PTR_TO_TCP_SOCK: 13,
  PTR_TO_TP_BUFFER: 14,
  PTR_TO_XDP_SOCK: 15,
  PTR_TO_BTF_ID: 16,
  PTR_TO_MEM: 17,
  PTR_TO_ARENA: 18,
  PTR_TO_BUF: 19,
  PTR_TO_FUNC: 20,
  CONST_PTR_TO_DYNPTR: 21,
} as const;
/** A base of {@link RegType}, with or without flags. */
export type RegisterType = number;

/** `enum bpf_type_flag` */
export const TypeFlag = {
  /** Not yet compared with 0. */
  PTR_MAYBE_NULL: 1 << 8,
  MEM_RDONLY: 1 << 9,
  MEM_RINGBUF: 1 << 10,
  MEM_USER: 1 << 11,
  MEM_PERCPU: 1 << 12,
  /** Of an argument: the callee gives the object back. */
  OBJ_RELEASE: 1 << 13,
  PTR_UNTRUSTED: 1 << 14,
  /** Of an argument: the callee writes the memory, it need not be initialised. */
  MEM_UNINIT: 1 << 15,
  DYNPTR_TYPE_LOCAL: 1 << 16,
  DYNPTR_TYPE_RINGBUF: 1 << 17,
  MEM_FIXED_SIZE: 1 << 18,
  /** Allocated by the program (`bpf_obj_new`). */
  MEM_ALLOC: 1 << 19,
  PTR_TRUSTED: 1 << 20,
  MEM_RCU: 1 << 21,
  /** A reference that a list or tree owns. */
  NON_OWN_REF: 1 << 22,
  DYNPTR_TYPE_SKB: 1 << 23,
  DYNPTR_TYPE_XDP: 1 << 24,
  MEM_ALIGNED: 1 << 25,
  MEM_WRITE: 1 << 26,
  DYNPTR_TYPE_SKB_META: 1 << 27,
} as const;

const BASE_MASK = 0xff;

/** The type without its flags. */
export function baseType(type: RegisterType): number {
  return type & BASE_MASK;
}

/** The flags without the type. */
export function typeFlags(type: RegisterType): number {
  return type & ~BASE_MASK;
}

export function mayBeNull(type: RegisterType): boolean {
  return (type & TypeFlag.PTR_MAYBE_NULL) !== 0;
}

export function isPacketPointer(type: RegisterType): boolean {
  const base = type & BASE_MASK;
  return base === RegType.PTR_TO_PACKET || base === RegType.PTR_TO_PACKET_META;
}

/** `type_is_sk_pointer`: exactly these, without flags. */
export function isSocketPointer(type: RegisterType): boolean {
  return (
    type === RegType.PTR_TO_SOCKET ||
    type === RegType.PTR_TO_SOCK_COMMON ||
    type === RegType.PTR_TO_TCP_SOCK ||
    type === RegType.PTR_TO_XDP_SOCK
  );
}

/** `type_is_ptr_alloc_obj` */
export function isAllocatedObject(type: RegisterType): boolean {
  return (type & BASE_MASK) === RegType.PTR_TO_BTF_ID && (type & TypeFlag.MEM_ALLOC) !== 0;
}

/** `type_is_non_owning_ref` */
export function isNonOwningReference(type: RegisterType): boolean {
  return isAllocatedObject(type) && (type & TypeFlag.NON_OWN_REF) !== 0;
}

/** `type_is_rdonly_mem` */
export function isReadOnlyMemory(type: RegisterType): boolean {
  return (type & TypeFlag.MEM_RDONLY) !== 0;
}

const TRUSTED_MODIFIERS = TypeFlag.MEM_ALLOC | TypeFlag.PTR_TRUSTED | TypeFlag.NON_OWN_REF;

/** `bpf_type_has_unsafe_modifiers` */
export function hasUnsafeModifiers(type: RegisterType): boolean {
  return (typeFlags(type) & ~TRUSTED_MODIFIERS) !== 0;
}
