import {
  CallKind,
  Class,
  type Insn,
  type InsnRow,
  insnOf,
  isWide,
  lookup,
  Mode,
  Operation,
  ProgramBuilder,
  r0,
  r1,
  r3,
  rowNamed,
  rowsOfOpcode,
  WideKind,
  wideSlots,
} from "../../isa/index.ts";
import type { KernelLayout } from "../../platform/index.ts";
import { BpfMapFlag, BpfMapType, BpfProgFlag, BpfProgType, BpfFuncId as Func } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import type { InsnAux } from "../environment/insn-aux.ts";
import { resolvedAttachType, resolvedType } from "../environment/resolved-type.ts";
import { guardDivision } from "./division.ts";
import { FixupError } from "./error.ts";
import { settleHighHalves } from "./high-half.ts";
import type { FixupInput, FixupOptions, FixupResult } from "./input.ts";
import { kfuncCall } from "./kfunc-calls.ts";
import { LinuxCalls } from "./linux-calls.ts";
import { inlineLoops } from "./loop-inline.ts";
import type { FixupMap } from "./map.ts";
import { indexMask } from "./map-lookup.ts";
import { expandMayGoto, MAY_GOTO_STACK, mayGotoPrologue } from "./may-goto.ts";
import { expandPacketLoad, packetLoader } from "./packet-load.ts";
import type { Patch } from "./patch.ts";
import { unclonePrologue } from "./prologue.ts";
import { sanitizedArithmetic } from "./sanitation.ts";
import { Stage } from "./stage.ts";
import { branchSnapshot, tracingCall } from "./tracing-calls.ts";
import { VerifiedAccesses } from "./verified-accesses.ts";
import { needsExceptionCallback, verifiedFunctions } from "./verified-functions.ts";

const NOP = insnOf(rowNamed("ja"), 0, 0, 0, 0);
/** Where dead code of unprivileged programs leads: to itself. */
const TRAP = insnOf(rowNamed("ja"), 0, 0, -1, 0);
const MODE_MASK = 0xe0;
const CLASS_MASK = 7;

/** Fixups of a program that the verifier has accepted: Linux's passes, in its order. */
export function fixupVerified(input: FixupInput, env: Environment, options: FixupOptions): FixupResult {
  return new VerifiedFixups(input, env, options).run();
}

class VerifiedFixups {
  readonly #env: Environment;
  readonly #options: FixupOptions;
  readonly #linux: boolean;
  readonly #stage: Stage;
  readonly #calls: LinuxCalls;
  readonly #helpers = new Set<number>();

  constructor(input: FixupInput, env: Environment, options: FixupOptions) {
    this.#env = env;
    this.#options = options;
    this.#linux = options.target === "linux-x86_64";
    this.#calls = new LinuxCalls(input, options);
    this.#stage = new Stage(input.insns, env.aux, verifiedFunctions(env));
  }

  run(): FixupResult {
    const stage = this.#stage;
    if (this.#linux) this.#dropFastcallSpills();
    if (this.#linux) inlineLoops(stage);
    if (this.#env.bpfCapable) stage.prune();
    else this.#trapDeadCode();
    new VerifiedAccesses(this.#env, this.#layout, this.#linux).rewrite(stage);
    if (this.#linux) this.#prologue();
    this.#instructions();
    if (this.#linux) settleHighHalves(stage, this.#noise());
    const maps = this.#wideLoads();
    if (this.#linux) this.#show();
    else this.#dropLostFunctions();
    const { exceptionCallback } = this.#env;
    const catcher = stage.functions.find(({ subprogram }) => subprogram === exceptionCallback);
    return {
      insns: stage.insns,
      slotMap: stage.slotMap,
      removed: stage.removed.includes(1) ? stage.removed : null,
      functions: stage.functions.map(({ start }) => start),
      maps,
      kfuncs: this.#kfuncs(),
      exceptionCallback: exceptionCallback === 0 ? 0 : (catcher?.start ?? 0),
      writesPacket: this.#env.seenDirectWrite,
      helpers: this.#helpers,
      maxContextOffset: this.#env.maxCtxOffset,
    };
  }

  get #layout(): KernelLayout {
    return this.#options.layout;
  }

  #noise(): (() => number) | null {
    const asked = (this.#env.request.flags & BpfProgFlag.TEST_RND_HI32) !== 0;
    return asked ? () => (Math.random() * 2 ** 32) | 0 : null;
  }

  /** Spills around calls that keep registers, on kernels that write such calls out. */
  #dropFastcallSpills(): void {
    const { insns, aux } = this.#stage;
    aux.forEach(({ fastcallSpillsNum }, slot) => {
      for (let i = 1; i <= fastcallSpillsNum; i++) {
        insns[slot - i] = NOP;
        insns[slot + i] = NOP;
      }
    });
  }

  #trapDeadCode(): void {
    const { insns, aux } = this.#stage;
    for (let slot = 0; slot < insns.length; slot++) if (aux[slot]!.seen === 0) insns[slot] = TRAP;
  }

  /** Programs that write to their packet make it their own first (`gen_prologue`). */
  #prologue(): void {
    const { dropVerdict } = resolvedType(this.#env);
    if (!this.#env.seenDirectWrite || dropVerdict === undefined) return;
    const pull = this.#calls.helperImm(Func.skb_pull_data);
    this.#stage.apply([{ prefix: unclonePrologue(this.#layout, dropVerdict, pull) }]);
  }

  /** Everything that concerns one instruction at a time (`do_misc_fixups`). */
  #instructions(): void {
    const stage = this.#stage;
    if (this.#linux && needsExceptionCallback(this.#env)) {
      stage.append(new ProgramBuilder().mov64(r0, r1).exit().insns());
    }
    const patches: (Patch | undefined)[] = [];
    stage.functions.forEach((func, i) => {
      let counts = false;
      for (let slot = func.start; slot < stage.end(i); slot++) {
        const insn = stage.insns[slot]!;
        const row = lookup(insn);
        if (row === undefined) continue;
        if (row.kind === "mayGoto" && this.#linux) {
          counts = true;
          const call = this.#calls.imm("arch_bpf_timed_may_goto");
          patches[slot] = expandMayGoto(slot, insn, func.depth, call);
        } else {
          const same = this.#inPlace(insn, row, stage.aux[slot]!);
          if (same !== null) stage.insns[slot] = same;
          const body = this.#instruction(same ?? insn, stage.aux[slot]!);
          if (body !== null) patches[slot] = { body };
        }
        if (row.slots === 2) slot++;
      }
      if (!counts) return;
      const prefix = mayGotoPrologue(func.depth);
      patches[func.start] = { ...patches[func.start], prefix };
      func.depth += MAY_GOTO_STACK;
    });
    stage.apply(patches);
  }

  /** Another instruction of the same length and effect; the facts of the old one hold for it. */
  #inPlace(insn: Insn, row: InsnRow, aux: InsnAux): Insn | null {
    if (row.operation === Operation.addrSpaceCast) return this.#linux ? this.#cast(insn) : null;
    return aux.needsZext && row.kind === "alu"
      ? { ...insn, opcode: (insn.opcode & ~CLASS_MASK) | Class.alu }
      : null;
  }

  #instruction(insn: Insn, aux: InsnAux): Insn[] | null {
    const row = lookup(insn)!;
    switch (row.kind) {
      case "alu": {
        const guarded = guardDivision(insn, row);
        if (guarded !== null || !this.#linux || row.width !== 64 || row.source !== "reg") return guarded;
        const sums = row.operation === Operation.add || row.operation === Operation.sub;
        return sums ? sanitizedArithmetic(insn, aux) : null;
      }
      case "packet": {
        const id = packetLoader(row.size);
        this.#helpers.add(id);
        return expandPacketLoad(insn, row, this.#linux ? this.#calls.helperImm(id) : id);
      }
      case "call":
        if (row.src === CallKind.helper) this.#helpers.add(insn.imm);
        if (row.src === CallKind.kfunc) return this.#kfunc(insn, aux);
        if (!this.#linux) return null;
        return row.src === CallKind.helper ? this.#helper(insn, aux) : null;
      default:
        return null;
    }
  }

  /** Casts into the arena are moves of 32 bits, unless a JIT has to make a user's address of them. */
  #cast(insn: Insn): Insn | null {
    const arena = this.#env.usedMaps.find(({ type }) => type === BpfMapType.ARENA);
    const plain = insn.imm === 1 || ((arena?.flags ?? 0) & BpfMapFlag.NO_USER_CONV) !== 0;
    return plain ? insnOf(rowNamed("mov32_x"), insn.dst, insn.src, 0, 0) : null;
  }

  #kfunc(insn: Insn, aux: InsnAux): Insn[] {
    if (this.#linux) {
      const address = this.#calls.imm(this.#calls.kfuncSymbol(this.#env, insn));
      return kfuncCall(this.#env, insn, { ...insn, imm: address }, aux, 0n);
    }
    const record =
      aux.structMeta === null ? 0n : (this.#options.recordAddress?.(aux.structMeta.record) ?? 0n);
    return kfuncCall(this.#env, insn, insn, aux, record);
  }

  /** The kernel functions that the code for engines calls; Linux calls them by address. */
  #kfuncs(): Map<number, string> {
    const kfuncs = new Map<number, string>();
    if (this.#linux) return kfuncs;
    this.#stage.insns.forEach((insn, slot) => {
      if (lookup(insn)?.name === "call_kfunc") kfuncs.set(slot, this.#specialized(insn));
    });
    return kfuncs;
  }

  /** Programs that may not write to packets get another function (`specialize_kfunc`). */
  #specialized(insn: Insn): string {
    const name = this.#calls.kfuncSymbol(this.#env, insn);
    const readsOnly = insn.off === 0 && resolvedType(this.#env).packet !== "write";
    return readsOnly && name === "bpf_dynptr_from_skb" ? "bpf_dynptr_from_skb_rdonly" : name;
  }

  /** Addresses of functions that are gone with the code that called them are plain numbers (`jit_subprogs`). */
  #dropLostFunctions(): void {
    const { insns, functions } = this.#stage;
    if (functions.length > 1) return;
    for (let slot = 0; slot < insns.length; slot++) {
      const insn = insns[slot]!;
      if (!isWide(insn)) continue;
      if (insn.src === WideKind.func) insns[slot] = { ...insn, src: WideKind.imm };
      slot++;
    }
  }

  #helper(insn: Insn, aux: InsnAux): Insn[] | null {
    const id = insn.imm;
    const { mapPointer } = aux;
    if (id === Func.tail_call) {
      if (mapPointer === null || !mapPointer.unprivileged || mapPointer.poison) return null;
      const { maxEntries } = mapPointer.map;
      const mask = indexMask(mapPointer.map);
      return new ProgramBuilder().branch("jge", r3, maxEntries, 2).alu32("and", r3, mask).raw(insn).insns();
    }
    if (aux.callWithPercpuAllocPtr) {
      const call = this.#calls.helperImm(id);
      return new ProgramBuilder().ldx("dw", r1, r1, 0).call(call).insns();
    }
    if (resolvedType(this.#env).type === BpfProgType.TRACING) {
      const inline = tracingCall(id, resolvedAttachType(this.#env));
      if (inline !== null) return inline;
    }
    if (id === Func.get_branch_snapshot) {
      return branchSnapshot(this.#calls.imm("perf_snapshot_branch_stack"));
    }
    const map = mapPointer === null || mapPointer.poison ? null : mapPointer.map;
    return this.#calls.rewrite(insn, map, aux.storageGetFuncAtomic);
  }

  /** Addresses of maps and variables; gives the maps by slot. */
  #wideLoads(): Map<number, FixupMap> {
    const { insns, aux } = this.#stage;
    const maps = new Map<number, FixupMap>();
    for (let slot = 0; slot < insns.length; slot++) {
      const insn = insns[slot]!;
      if (!isWide(insn)) continue;
      const { map, variable, mapOffset } = aux[slot]!;
      const value = insn.src === WideKind.mapValue || insn.src === WideKind.mapIdxValue;
      let slots: Insn[] | null = null;
      if (map !== null) {
        if (!value) maps.set(slot, map);
        slots = this.#linux
          ? wideSlots(
              insn.dst,
              value ? WideKind.mapValue : WideKind.mapFd,
              (BigInt(value ? mapOffset : 0) << 32n) | BigInt(map.id),
            )
          : wideSlots(insn.dst, WideKind.imm, value ? map.valueAddress + BigInt(mapOffset) : map.address);
        if (value && map.type === BpfMapType.ARENA) {
          const address = (map.userAddress ?? 0n) + BigInt(mapOffset);
          slots = wideSlots(insn.dst, WideKind.imm, address);
        }
      } else if (variable !== null) slots = wideSlots(insn.dst, WideKind.imm, variable.address);
      if (slots !== null) {
        insns[slot] = slots[0]!;
        insns[slot + 1] = slots[1]!;
      }
      slot++;
    }
    return maps;
  }

  /** What a dump shows (`bpf_insn_prepare_dump`, and what `jit_subprogs` leaves behind). */
  #show(): void {
    const { insns, functions } = this.#stage;
    const numbers = new Map(functions.map(({ start }, number) => [start, number]));
    const functionAt = (slot: number): number => {
      const number = numbers.get(slot);
      if (number !== undefined) return number;
      throw new FixupError(slot, `verifier bug: No program to jit at insn ${slot} (subprog < 0)`);
    };
    for (let slot = 0; slot < insns.length; slot++) {
      const insn = insns[slot]!;
      const row = lookup(insn) ?? rowsOfOpcode(insn.opcode)[0];
      if (row === undefined) continue;
      const calls = row.kind === "call" && row.src === CallKind.local;
      const takes = isWide(insn) && insn.src === WideKind.func;
      // A program of one function is compiled as it is, with what is left of calls of functions that are gone.
      const func = (calls || takes) && functions.length > 1 ? functionAt(slot + 1 + insn.imm) : 0;
      if (calls) {
        if (functions.length > 1) insns[slot] = { ...insn, off: (insn.imm << 16) >> 16, imm: func };
      } else if (isWide(insn)) {
        if (takes) insns[slot + 1] = { ...insns[slot + 1]!, imm: func };
        slot++;
      } else if (row.guard !== "none" && row.extend === 0 && (row.kind === "load" || row.kind === "store")) {
        insns[slot] = { ...insn, opcode: (insn.opcode & ~MODE_MASK) | Mode.mem };
      }
    }
  }
}
