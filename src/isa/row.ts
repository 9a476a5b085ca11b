import type { Class } from "./opcode.ts";

/**
 * What an instruction does, apart from its width, its size and where its operand comes from: a dense small integer.
 * Families stand together and in a fixed order, so that ranges of it can be compared and tables be indexed by it.
 */
export const Operation = {
  add: 0,
  sub: 1,
  mul: 2,
  div: 3,
  sdiv: 4,
  mod: 5,
  smod: 6,
  or: 7,
  and: 8,
  xor: 9,
  lsh: 10,
  rsh: 11,
  arsh: 12,
  mov: 13,
  movsx: 14,
  neg: 15,
  toLe: 16,
  toBe: 17,
  bswap: 18,
  addrSpaceCast: 19,
  percpuAddress: 20,
  ja: 21,
  jeq: 22,
  jne: 23,
  jgt: 24,
  jge: 25,
  jlt: 26,
  jle: 27,
  jsgt: 28,
  jsge: 29,
  jslt: 30,
  jsle: 31,
  jset: 32,
  mayGoto: 33,
  callHelper: 34,
  callLocal: 35,
  callKfunc: 36,
  callReg: 37,
  exit: 38,
  load: 39,
  store: 40,
  loadAbs: 41,
  loadInd: 42,
  atomicAdd: 43,
  atomicOr: 44,
  atomicAnd: 45,
  atomicXor: 46,
  xchg: 47,
  cmpxchg: 48,
  loadAcquire: 49,
  storeRelease: 50,
  loadImm64: 51,
  nospec: 52,
} as const;
export type Operation = (typeof Operation)[keyof typeof Operation];
export type OperationName = keyof typeof Operation;

/** The shape of an instruction: what its fields mean, and how it is written. */
export type Kind =
  /** dst = dst op (src or imm); also mov and movsx. */
  | "alu"
  /** dst = -dst */
  | "neg"
  /** Byte order conversions and swaps of dst. */
  | "end"
  /** addr_space_cast, and Linux's internal per-CPU address. */
  | "cast"
  /** Compare dst with src or imm, and branch. */
  | "branch"
  /** Unconditional jump, by `off` or (width 32) by `imm`. */
  | "goto"
  | "mayGoto"
  | "call"
  | "exit"
  /** dst = *(size *)(src + off) */
  | "load"
  /** *(size *)(dst + off) = src or imm */
  | "store"
  /** Packet access of classic BPF. */
  | "packet"
  /** Read-modify-write of *(size *)(dst + off). */
  | "atomic"
  | "loadAcquire"
  | "storeRelease"
  /** The load of a 64-bit immediate: two slots. */
  | "wide"
  | "nospec";

/** RFC 9669 section 2.4; `callx` as the bpf_conformance project names it; the last two are Linux's own. */
export type ConformanceGroup =
  | "base32"
  | "base64"
  | "atomic32"
  | "atomic64"
  | "divmul32"
  | "divmul64"
  | "packet"
  | "callx"
  /** Accepted by Linux, not in the RFC. */
  | "linux"
  /** Made by Linux's verifier; never accepted from a program. */
  | "internal";

/** What an instruction does to a register operand. */
export type Access = "none" | "read" | "write" | "both";

/** `"register"`: any register; a number: must be this value (and selects the row, where rows share the opcode). */
export type RegisterField = "register" | number;

/** `"memory"`: added to an address; `"target"`: slots from the next instruction; `"value"`: any; a number: fixed. */
export type OffField = "memory" | "target" | "value" | number;

/** `"value"`: an operand; `"target"`: slots from the next; `"id"`: of a function; `"register"`: a register's number. */
export type ImmField = "value" | "target" | "id" | "register" | number;

/** How an access to memory is guarded: Linux's `BPF_MEM`, `BPF_PROBE_MEM*` and `BPF_PROBE_MEM32*`/`ATOMIC`. */
export type Guard = "none" | "probe" | "arena";

/** One instruction of the machine: everything that decoders, printers, checkers, engines and compilers ask about it. */
export interface InsnRow {
  /** Dense: the row's index in `ROWS`, usable as an index of a `br_table`. */
  readonly id: number;
  /** Unique: `"add64_x"`, `"ldx_w"`, `"jeq32_k"`. */
  readonly name: string;
  readonly opcode: number;
  readonly class: Class;
  readonly kind: Kind;
  readonly operation: Operation;
  /** Bits that the operation works on: of an ALU operation or comparison 32 or 64, of a byte swap 16, 32 or 64, of an access `size * 8`; of a goto those of its displacement. */
  readonly width: 0 | 8 | 16 | 32 | 64;
  /** Bytes of memory accessed; 0 where none are. */
  readonly size: 0 | 1 | 2 | 4 | 8;
  /** Bits from which the value is sign-extended (movsx, signed loads); 0 where it is not. */
  readonly extend: 0 | 8 | 16 | 32;
  /** The second operand: the register `src`, the immediate, or none. */
  readonly source: "none" | "reg" | "imm";
  /** The atomic operation gives back the old value. */
  readonly fetch: boolean;
  readonly guard: Guard;
  /** What happens to the register in `dst`. Memory operands read their address register. */
  readonly dstAccess: Access;
  /** What happens to the register in `src`. */
  readonly srcAccess: Access;
  /** Bit set of registers that are read without being named (r1 to r5 of a call: at most those). */
  readonly implicitReads: number;
  /** Bit set of registers that are written, or lost, without being named. */
  readonly implicitWrites: number;
  readonly dst: RegisterField;
  readonly src: RegisterField;
  readonly off: OffField;
  readonly imm: ImmField;
  readonly slots: 1 | 2;
  readonly group: ConformanceGroup;
  /**
   * The version of the instruction set that brought it, as the bpf_conformance suite counts them; 0 for what no
   * program may hold. Clang's `-mcpu` differs in two places: it keeps 32-bit arithmetic for v3, and has the atomic
   * addition without fetch and local calls from v1 on.
   */
  readonly version: 0 | 1 | 2 | 3 | 4;
}
