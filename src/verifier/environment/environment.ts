import type { Btf } from "../../btf/index.ts";
import { type Insn, type InsnRow, isWide, lookup } from "../../isa/index.ts";
import {
  type ContextMap,
  hasSince,
  instructionSince,
  type KernelRelease,
  type StructContext,
} from "../../platform/index.ts";
import { BpfProgFlag } from "../../uapi/index.ts";
import { BacktrackMasks } from "../explore/backtrack-masks.ts";
import { ExploredStates } from "../explore/explored-states.ts";
import { IdMap } from "../explore/id-map.ts";
import { SccVisits } from "../explore/scc-visits.ts";
import type { VerifierLog } from "../log/verifier-log.ts";
import type { ControlFlow } from "../program/control-flow.ts";
import { StackLiveness } from "../program/stack-liveness.ts";
import type { Frame } from "../state/frame.ts";
import type { HistoryEntry } from "../state/history.ts";
import { MAX_PROCESSED } from "../state/limits.ts";
import type { Register } from "../state/register.ts";
import { StatePool } from "../state/state-pool.ts";
import type { VerifierState } from "../state/verifier-state.ts";
import type { Attachment } from "./attachment.ts";
import type { HelperSignature } from "./helper-signature.ts";
import { InsnAux, type StructMeta } from "./insn-aux.ts";
import type { KfuncDescription } from "./kfunc-description.ts";
import type { VerifierMap } from "./map.ts";
import { Rejection } from "./rejection.ts";
import type { Capabilities, ProgramDebug, SourceRecord, VerifyRequest } from "./request.ts";
import type { Subprogram } from "./subprogram.ts";

/** A state that waits to be explored: `struct bpf_verifier_stack_elem`. */
export interface PendingState {
  readonly state: VerifierState;
  readonly insnIdx: number;
  readonly prevInsnIdx: number;
  readonly logPosition: number;
}

/** A program under verification: `struct bpf_verifier_env`. One object for each verification. */
export class Environment {
  readonly request: VerifyRequest;
  readonly log: VerifierLog;
  /** As given, and from `check_btf_info` on with what the kernel relocated. */
  insns: readonly Insn[];
  /** The table's row of each slot; undefined of second slots of wide loads and of what is no instruction. */
  rows: readonly (InsnRow | undefined)[];
  /** The program's own types and records; null where it has none, and before they are read. */
  debug: ProgramDebug | null = null;
  readonly aux: readonly InsnAux[];
  readonly capabilities: Capabilities;

  /** Rights, derived as `bpf_check` derives them. */
  readonly allowPtrLeaks: boolean;
  readonly allowUninitStack: boolean;
  readonly bpfCapable: boolean;
  readonly bypassSpecV1: boolean;
  readonly bypassSpecV4: boolean;
  readonly strictAlignment: boolean;
  readonly testStateFreq: boolean;
  readonly testRegInvariants: boolean;
  readonly sleepable: boolean;
  /** Most instructions to process. */
  readonly complexityLimit: number;

  /** In order of `start`; the entry function is the first. */
  subprograms: Subprogram[] = [];
  /** Number of the exception callback, made by the verifier or the program's; 0 for none. */
  exceptionCallback = 0;
  readonly usedMaps: VerifierMap[] = [];
  readonly usedBtfs: Btf[] = [];
  /** What wide loads name is in `aux`. */
  immediatesResolved = false;
  /** Functions of the kernel that the program calls, by `kfuncKey` of the call. */
  readonly kfuncs = new Map<number, KfuncDescription>();
  /** Helpers that the program calls, by id; null: not for programs like this (see `helperSignature`). */
  readonly helperSignatures = new Map<number, HelperSignature | null>();
  /** BTFs of modules whose functions the program calls, by `off` of the call. */
  readonly kfuncBtfs = new Map<number, Btf>();
  /** Structs with special fields, by id, of each BTF that was asked for (see `btfFindStructMeta`). */
  readonly structMetas = new Map<Btf, ReadonlyMap<number, StructMeta>>();
  /** What the program attaches to, once checked (`check_attach_btf_id`). */
  attach: Attachment | null = null;
  /** Structs that accesses through the context's or a socket's pointer meet, by what programs see of them. */
  readonly contextMaps = new Map<StructContext, ContextMap>();
  /** References that belong to arguments of the context, by offset. */
  readonly argumentReferences = new Map<number, number>();

  /** The source line that was written last. */
  previousLine: SourceRecord | null = null;

  insnIdx = 0;
  prevInsnIdx = 0;
  /** The state that is being changed. Set before anything is executed. */
  current!: VerifierState;
  /** The newest last. */
  readonly pending: PendingState[] = [];
  /** The history entry of the current instruction, where it has one. */
  currentHistory: HistoryEntry | null = null;
  /** Where instructions lead. Set once jumps are known to stay in the program (`checkCfg`). */
  flow!: ControlFlow;
  readonly stackLiveness: StackLiveness;
  readonly explored: ExploredStates;
  readonly sccVisits = new SccVisits();
  readonly backtrack = new BacktrackMasks();
  readonly idMap = new IdMap();
  readonly pool = new StatePool();
  idGen = 0;
  /** Number of the pass over the program: the main one, and one for each global function. */
  passCount = 0;
  exploreAluLimits = false;
  seenDirectWrite = false;
  /** A value was returned that only the attach type knows how to take (`enforce_expected_attach_type`). */
  enforceExpectedAttachType = false;
  seenException = false;

  insnProcessed = 0;
  prevInsnProcessed = 0;
  jmpsProcessed = 0;
  prevJmpsProcessed = 0;
  maxStatesPerInsn = 0;
  totalStates = 0;
  longestMarkReadWalk = 0;
  /** Highest end of an access to the context (`max_ctx_offset`). */
  maxCtxOffset = 0;
  /** Highest end of an access to the packet (`max_pkt_offset`). */
  maxPktOffset = 0;
  /** Highest end of an access to a raw tracepoint's buffer (`max_tp_access`). */
  maxTpAccess = 0;
  maxRdonlyAccess = 0;
  maxRdwrAccess = 0;

  /** Registers and slots of the current frame that changed since a state was last printed, as bit sets. */
  scratchedRegs = 0;
  scratchedSlotsLow = 0;
  scratchedSlotsHigh = 0;

  constructor(request: VerifyRequest, log: VerifierLog) {
    this.request = request;
    this.log = log;
    this.insns = request.insns;
    this.rows = rowsOf(request.insns, request.kernel.release);
    this.aux = request.insns.map(() => new InsnAux());
    this.stackLiveness = new StackLiveness(this);
    this.explored = new ExploredStates(request.insns.length);
    const { capabilities, flags } = request;
    this.capabilities = capabilities;
    this.allowPtrLeaks = capabilities.perfmon;
    this.allowUninitStack = capabilities.perfmon;
    this.bypassSpecV1 = capabilities.perfmon;
    this.bypassSpecV4 = capabilities.perfmon;
    this.bpfCapable = capabilities.bpf;
    this.strictAlignment =
      (flags & BpfProgFlag.STRICT_ALIGNMENT) !== 0 && (flags & BpfProgFlag.ANY_ALIGNMENT) === 0;
    this.testStateFreq = capabilities.bpf && (flags & BpfProgFlag.TEST_STATE_FREQ) !== 0;
    this.testRegInvariants = (flags & BpfProgFlag.TEST_REG_INVARIANTS) !== 0;
    this.complexityLimit = request.complexityLimit ?? MAX_PROCESSED;
    this.sleepable = (flags & BpfProgFlag.SLEEPABLE) !== 0;
  }

  /** The release of Linux that the program is for. */
  get release(): KernelRelease {
    return this.request.kernel.release;
  }

  /** Most states that were kept at a time. */
  get peakStates(): number {
    return this.explored.peak;
  }

  /** Registers of the current frame. */
  get regs(): Register[] {
    return this.current.regs;
  }

  get frame(): Frame {
    return this.current.frame;
  }

  /** New scalars are precise where no precision is tracked. */
  get unknownIsPrecise(): boolean {
    return !this.bpfCapable;
  }

  reg(number: number): Register {
    return this.current.regs[number]!;
  }

  /** `cur_aux` */
  get currentAux(): InsnAux {
    return this.aux[this.insnIdx]!;
  }

  /** `mark_reg_unknown` */
  markUnknown(regno: number): void {
    this.current.regs[regno]!.markUnknown(!this.bpfCapable);
  }

  /** `mark_reg_not_init` */
  markNotInit(regno: number): void {
    this.current.regs[regno]!.markNotInit(!this.bpfCapable);
  }

  /** Refuses the program: `message`, ended by a line break here, goes to the log. @throws Rejection always */
  refuse(errno: number, message: string): never {
    this.log.write(`${message}\n`);
    throw new Rejection(errno, message);
  }

  scratchReg(regno: number): void {
    this.scratchedRegs |= 1 << regno;
  }

  /** `verifier_state_scratched` */
  get isScratched(): boolean {
    return (this.scratchedRegs | this.scratchedSlotsLow | this.scratchedSlotsHigh) !== 0;
  }

  isSlotScratched(spi: number): boolean {
    const slots = spi < 32 ? this.scratchedSlotsLow >>> spi : this.scratchedSlotsHigh >>> (spi - 32);
    return (slots & 1) !== 0;
  }

  scratchSlot(spi: number): void {
    if (spi < 32) this.scratchedSlotsLow |= 1 << spi;
    else this.scratchedSlotsHigh |= 1 << (spi - 32);
  }

  /** `mark_verifier_state_scratched` */
  scratchAll(): void {
    this.scratchedRegs = -1;
    this.scratchedSlotsLow = -1;
    this.scratchedSlotsHigh = -1;
  }

  /** Goes on with other instructions in the same slots. */
  take(insns: readonly Insn[]): void {
    this.insns = insns;
    this.rows = rowsOf(insns, this.release);
  }

  /** `mark_verifier_state_clean` */
  scratchNone(): void {
    this.scratchedRegs = 0;
    this.scratchedSlotsLow = 0;
    this.scratchedSlotsHigh = 0;
  }
}

function rowsOf(insns: readonly Insn[], release: KernelRelease): (InsnRow | undefined)[] {
  const rows: (InsnRow | undefined)[] = [];
  for (let i = 0; i < insns.length; i++) {
    const insn = insns[i]!;
    const row = lookup(insn);
    rows.push(row !== undefined && hasSince(release, instructionSince(row)) ? row : undefined);
    if (isWide(insn) && i + 1 < insns.length) {
      rows.push(undefined);
      i++;
    }
  }
  return rows;
}
