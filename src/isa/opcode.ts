/**
 * The fields that an opcode byte is put together from (RFC 9669 sections 4 and 5; `include/uapi/linux/bpf.h`
 * and, for the modes that never leave the kernel, `include/linux/filter.h`).
 *
 * ```text
 *   ALU, JMP   code:4 | source:1 | class:3
 *   load/store mode:3 | size:2   | class:3
 * ```
 *
 * Only the instruction table may combine them; everything else asks the table.
 */
export const Class = { ld: 0, ldx: 1, st: 2, stx: 3, alu: 4, jmp: 5, jmp32: 6, alu64: 7 } as const;
export type Class = (typeof Class)[keyof typeof Class];

/** The class of an opcode, of a row or not. */
export function classOf(opcode: number): Class {
  return (opcode & 7) as Class;
}

export const Source = { k: 0x00, x: 0x08 } as const;

export const Size = { w: 0x00, h: 0x08, b: 0x10, dw: 0x18 } as const;
export type SizeName = keyof typeof Size;

export const SIZE_BYTES: { readonly [name in SizeName]: 1 | 2 | 4 | 8 } = { w: 4, h: 2, b: 1, dw: 8 };

export const Mode = {
  imm: 0x00,
  abs: 0x20,
  ind: 0x40,
  mem: 0x60,
  memsx: 0x80,
  atomic: 0xc0,
  /** `BPF_PROBE_MEM`: a load that gives 0 where the address faults. */
  probeMem: 0x20,
  /** `BPF_PROBE_MEMSX` */
  probeMemsx: 0x40,
  /** `BPF_PROBE_MEM32`: an access to an arena, by 32-bit offset. */
  probeMem32: 0xa0,
  /** `BPF_PROBE_MEM32SX` */
  probeMem32sx: 0xc0,
  /** `BPF_PROBE_ATOMIC`: an atomic operation on an arena. */
  probeAtomic: 0xe0,
  /** `BPF_NOSPEC`, in class ST: a speculation barrier. */
  nospec: 0xc0,
} as const;

export const AluCode = {
  add: 0x00,
  sub: 0x10,
  mul: 0x20,
  div: 0x30,
  or: 0x40,
  and: 0x50,
  lsh: 0x60,
  rsh: 0x70,
  neg: 0x80,
  mod: 0x90,
  xor: 0xa0,
  mov: 0xb0,
  arsh: 0xc0,
  end: 0xd0,
} as const;

export const JmpCode = {
  ja: 0x00,
  jeq: 0x10,
  jgt: 0x20,
  jge: 0x30,
  jset: 0x40,
  jne: 0x50,
  jsgt: 0x60,
  jsge: 0x70,
  call: 0x80,
  exit: 0x90,
  jlt: 0xa0,
  jle: 0xb0,
  jslt: 0xc0,
  jsle: 0xd0,
  jcond: 0xe0,
} as const;

/** The `imm` of an atomic operation (RFC 9669 section 5.3; load_acquire and store_release: Linux 6.15). */
export const AtomicCode = {
  add: 0x00,
  or: 0x40,
  and: 0x50,
  xor: 0xa0,
  fetch: 0x01,
  xchg: 0xe1,
  cmpxchg: 0xf1,
  loadAcquire: 0x100,
  storeRelease: 0x110,
} as const;

/** `imm` of `addr_space_cast` from the kernel's address space, 0, to the user's, 1. */
export const CAST_TO_USER = 1 << 16;

/** The `src` of a 64-bit immediate load: what its immediate means (RFC 9669 section 5.4; `BPF_PSEUDO_*`). */
export const WideKind = {
  /** A plain number. */
  imm: 0,
  /** `BPF_PSEUDO_MAP_FD`: address of the map with this file descriptor. */
  mapFd: 1,
  /** `BPF_PSEUDO_MAP_VALUE`: address inside the first value of a map; the second slot holds the offset. */
  mapValue: 2,
  /** `BPF_PSEUDO_BTF_ID`: address of a kernel variable, by BTF id; the second slot holds the module BTF's fd. */
  btfId: 3,
  /** `BPF_PSEUDO_FUNC`: address of a subprogram, relative to this instruction. */
  func: 4,
  /** `BPF_PSEUDO_MAP_IDX`: as mapFd, by index into the load's `fd_array`. */
  mapIdx: 5,
  /** `BPF_PSEUDO_MAP_IDX_VALUE` */
  mapIdxValue: 6,
} as const;
export type WideKind = (typeof WideKind)[keyof typeof WideKind];

/** The `src` of a call (`BPF_PSEUDO_CALL`, `BPF_PSEUDO_KFUNC_CALL`). */
export const CallKind = { helper: 0, local: 1, kfunc: 2 } as const;
export type CallKind = (typeof CallKind)[keyof typeof CallKind];
