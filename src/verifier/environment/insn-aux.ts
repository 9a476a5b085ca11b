import type { Btf } from "../../btf/index.ts";
import type { RegisterType } from "../state/reg-type.ts";
import type { VerifierMap } from "./map.ts";
import type { BtfRecord } from "./record.ts";

/** Flags of `aluState` (`BPF_ALU_*`). */
export const AluState = {
  SANITIZE_SRC: 1 << 0,
  SANITIZE_DST: 1 << 1,
  NEG_VALUE: 1 << 2,
  NON_POINTER: 1 << 3,
  IMMEDIATE: 1 << 4,
} as const;
export const ALU_SANITIZE: number = AluState.SANITIZE_SRC | AluState.SANITIZE_DST;

/** The map that a call gets: one, or (`poison`) several. */
export interface MapPointerState {
  readonly map: VerifierMap;
  readonly poison: boolean;
  readonly unprivileged: boolean;
}

/** The variable that a BPF_PSEUDO_BTF_ID load gives the address of. */
export interface KernelVariable {
  readonly regType: RegisterType;
  readonly btf: Btf | null;
  readonly btfId: number;
  readonly memSize: number;
  readonly address: bigint;
}

/** A struct of the program's BTF with special fields: `struct btf_struct_meta`. */
export interface StructMeta {
  readonly btfId: number;
  readonly record: BtfRecord;
}

/** What the verifier finds out about an instruction: `struct bpf_insn_aux_data`. */
export class InsnAux {
  /** Loads and stores: kind of pointer, the same on all paths. */
  ptrType: RegisterType = 0;
  mapPointer: MapPointerState | null = null;
  aluLimit = 0;
  /** LD_IMM64 of a map. */
  map: VerifierMap | null = null;
  mapOffset = 0;
  variable: KernelVariable | null = null;
  /** bpf_loop: seen, can be inlined, and with which callback. */
  loop: { readonly fits: boolean; readonly callback: number } | null = null;
  /** `bpf_obj_new`: bytes; nodes: offset. */
  objNewSize = 0;
  insertOffset = 0;
  structMeta: StructMeta | null = null;
  /** Constant key of an array lookup: null before the first, "poison" where it differs, else the key. */
  mapKey: number | bigint | "poison" | null = null;
  /** Bytes of the context's field that the load reads, where fixups must narrow it; 0 for none. */
  ctxFieldSize = 0;
  /** The access is to bytes of the context, or of a socket, that belong to no field: it cannot be rewritten. */
  ctxGap = false;
  /** Number of the pass that saw it last; 0: dead. */
  seen = 0;
  nospec = false;
  nospecResult = false;
  zextDst = false;
  needsZext = false;
  storageGetFuncAtomic = false;
  isIterNext = false;
  callWithPercpuAllocPtr = false;
  aluState = 0;
  fastcallPattern = false;
  fastcallSpillsNum = 0;
  /** Number of the argument that gets the program itself (`__prog`); 0 for none. */
  argProg = 0;
  jmpPoint = false;
  prunePoint = false;
  forceCheckpoint = false;
  callsCallback = false;
  /** Strongly connected component of the control flow; 0 where it has but one instruction. */
  scc = 0;
  /** Bit set of registers that a later instruction may read. */
  liveRegsBefore = 0;
}
