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

/** What is found out of few instructions: calls, addresses of maps and variables, arithmetic that is masked. */
class RareFacts {
  mapPointer: MapPointerState | null = null;
  aluLimit: number = 0;
  map: VerifierMap | null = null;
  mapOffset: number = 0;
  variable: KernelVariable | null = null;
  loop: { readonly fits: boolean; readonly callback: number } | null = null;
  objNewSize: number = 0;
  insertOffset: number = 0;
  structMeta: StructMeta | null = null;
  mapKey: number | bigint | "poison" | null = null;
  fastcallSpillsNum: number = 0;
  argProg: number = 0;
}

const NO_FACTS: RareFacts = new RareFacts();

/** The facts, to be changed. */
function owned(facts: RareFacts): RareFacts {
  return facts === NO_FACTS ? new RareFacts() : facts;
}

/** Bits of what is true of an instruction. */
const Flag = {
  zextDst: 1 << 0,
  needsZext: 1 << 1,
  storageGetFuncAtomic: 1 << 2,
  isIterNext: 1 << 3,
  callWithPercpuAllocPtr: 1 << 4,
  fastcallPattern: 1 << 5,
  callsCallback: 1 << 6,
  ctxGap: 1 << 7,
  mayFault: 1 << 8,
} as const;

/**
 * What the verifier finds out about an instruction: `struct bpf_insn_aux_data`. A large program has a hundred thousand
 * of them: each is small, and what few have is apart.
 */
export class InsnAux {
  /** Loads and stores: kind of pointer, the same on all paths. */
  ptrType: RegisterType = 0;
  /** Bytes of the context's field that the load reads, where fixups must narrow it; 0 for none. */
  ctxFieldSize = 0;
  /** Number of the pass that saw it last; 0: dead. */
  seen = 0;
  aluState = 0;
  /** Strongly connected component of the control flow; 0 where it has but one instruction. */
  scc = 0;
  /** Bit set of registers that a later instruction may read. */
  liveRegsBefore = 0;
  nospec = false;
  nospecResult = false;
  jmpPoint = false;
  prunePoint = false;
  forceCheckpoint = false;
  #flags = 0;
  #rare: RareFacts = NO_FACTS;

  /** Another one with the same facts. */
  clone(): InsnAux {
    const copy = Object.assign(new InsnAux(), this);
    copy.#flags = this.#flags;
    if (this.#rare !== NO_FACTS) copy.#rare = Object.assign(new RareFacts(), this.#rare);
    return copy;
  }

  get zextDst(): boolean {
    return (this.#flags & Flag.zextDst) !== 0;
  }

  set zextDst(on: boolean) {
    this.#flags = on ? this.#flags | Flag.zextDst : this.#flags & ~Flag.zextDst;
  }

  get needsZext(): boolean {
    return (this.#flags & Flag.needsZext) !== 0;
  }

  set needsZext(on: boolean) {
    this.#flags = on ? this.#flags | Flag.needsZext : this.#flags & ~Flag.needsZext;
  }

  get storageGetFuncAtomic(): boolean {
    return (this.#flags & Flag.storageGetFuncAtomic) !== 0;
  }

  set storageGetFuncAtomic(on: boolean) {
    this.#flags = on ? this.#flags | Flag.storageGetFuncAtomic : this.#flags & ~Flag.storageGetFuncAtomic;
  }

  get isIterNext(): boolean {
    return (this.#flags & Flag.isIterNext) !== 0;
  }

  set isIterNext(on: boolean) {
    this.#flags = on ? this.#flags | Flag.isIterNext : this.#flags & ~Flag.isIterNext;
  }

  get callWithPercpuAllocPtr(): boolean {
    return (this.#flags & Flag.callWithPercpuAllocPtr) !== 0;
  }

  set callWithPercpuAllocPtr(on: boolean) {
    this.#flags = on ? this.#flags | Flag.callWithPercpuAllocPtr : this.#flags & ~Flag.callWithPercpuAllocPtr;
  }

  get fastcallPattern(): boolean {
    return (this.#flags & Flag.fastcallPattern) !== 0;
  }

  set fastcallPattern(on: boolean) {
    this.#flags = on ? this.#flags | Flag.fastcallPattern : this.#flags & ~Flag.fastcallPattern;
  }

  get callsCallback(): boolean {
    return (this.#flags & Flag.callsCallback) !== 0;
  }

  set callsCallback(on: boolean) {
    this.#flags = on ? this.#flags | Flag.callsCallback : this.#flags & ~Flag.callsCallback;
  }

  /** The access is to bytes of the context, or of a socket, that belong to no field: it cannot be rewritten. */
  get ctxGap(): boolean {
    return (this.#flags & Flag.ctxGap) !== 0;
  }

  set ctxGap(on: boolean) {
    this.#flags = on ? this.#flags | Flag.ctxGap : this.#flags & ~Flag.ctxGap;
  }

  /**
   * On some path the pointer may be any number. Linux 6.18 makes a load that may fault only where the first path that it
   * followed has such a pointer.
   */
  get mayFault(): boolean {
    return (this.#flags & Flag.mayFault) !== 0;
  }

  set mayFault(on: boolean) {
    this.#flags = on ? this.#flags | Flag.mayFault : this.#flags & ~Flag.mayFault;
  }

  get mapPointer(): RareFacts["mapPointer"] {
    return this.#rare.mapPointer;
  }

  set mapPointer(value: RareFacts["mapPointer"]) {
    if (this.#rare.mapPointer !== value) (this.#rare = owned(this.#rare)).mapPointer = value;
  }

  get aluLimit(): RareFacts["aluLimit"] {
    return this.#rare.aluLimit;
  }

  set aluLimit(value: RareFacts["aluLimit"]) {
    if (this.#rare.aluLimit !== value) (this.#rare = owned(this.#rare)).aluLimit = value;
  }

  /** LD_IMM64 of a map. */
  get map(): RareFacts["map"] {
    return this.#rare.map;
  }

  set map(value: RareFacts["map"]) {
    if (this.#rare.map !== value) (this.#rare = owned(this.#rare)).map = value;
  }

  get mapOffset(): RareFacts["mapOffset"] {
    return this.#rare.mapOffset;
  }

  set mapOffset(value: RareFacts["mapOffset"]) {
    if (this.#rare.mapOffset !== value) (this.#rare = owned(this.#rare)).mapOffset = value;
  }

  get variable(): RareFacts["variable"] {
    return this.#rare.variable;
  }

  set variable(value: RareFacts["variable"]) {
    if (this.#rare.variable !== value) (this.#rare = owned(this.#rare)).variable = value;
  }

  /** bpf_loop: seen, can be inlined, and with which callback. */
  get loop(): RareFacts["loop"] {
    return this.#rare.loop;
  }

  set loop(value: RareFacts["loop"]) {
    if (this.#rare.loop !== value) (this.#rare = owned(this.#rare)).loop = value;
  }

  /** `bpf_obj_new`: bytes. */
  get objNewSize(): RareFacts["objNewSize"] {
    return this.#rare.objNewSize;
  }

  set objNewSize(value: RareFacts["objNewSize"]) {
    if (this.#rare.objNewSize !== value) (this.#rare = owned(this.#rare)).objNewSize = value;
  }

  /** Of a node that is inserted. */
  get insertOffset(): RareFacts["insertOffset"] {
    return this.#rare.insertOffset;
  }

  set insertOffset(value: RareFacts["insertOffset"]) {
    if (this.#rare.insertOffset !== value) (this.#rare = owned(this.#rare)).insertOffset = value;
  }

  get structMeta(): RareFacts["structMeta"] {
    return this.#rare.structMeta;
  }

  set structMeta(value: RareFacts["structMeta"]) {
    if (this.#rare.structMeta !== value) (this.#rare = owned(this.#rare)).structMeta = value;
  }

  /** Constant key of an array lookup: null before the first, "poison" where it differs, else the key. */
  get mapKey(): RareFacts["mapKey"] {
    return this.#rare.mapKey;
  }

  set mapKey(value: RareFacts["mapKey"]) {
    if (this.#rare.mapKey !== value) (this.#rare = owned(this.#rare)).mapKey = value;
  }

  get fastcallSpillsNum(): RareFacts["fastcallSpillsNum"] {
    return this.#rare.fastcallSpillsNum;
  }

  set fastcallSpillsNum(value: RareFacts["fastcallSpillsNum"]) {
    if (this.#rare.fastcallSpillsNum !== value) (this.#rare = owned(this.#rare)).fastcallSpillsNum = value;
  }

  /** Number of the argument that gets the program itself (`__prog`); 0 for none. */
  get argProg(): RareFacts["argProg"] {
    return this.#rare.argProg;
  }

  set argProg(value: RareFacts["argProg"]) {
    if (this.#rare.argProg !== value) (this.#rare = owned(this.#rare)).argProg = value;
  }
}
