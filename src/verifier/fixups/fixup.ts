import { CallKind, FRAME_POINTER, type Insn, isWide, lookup, WideKind, wideSlots } from "../../isa/index.ts";
import { HELPER_PROTOTYPES } from "../../platform/index.ts";
import { BpfFuncId } from "../../uapi/index.ts";
import { ContextAccesses } from "./accesses.ts";
import { guardDivision } from "./division.ts";
import { FixupError } from "./error.ts";
import { dropFastcallSpills } from "./fastcall.ts";
import { PointerFlow } from "./flow.ts";
import { Functions } from "./functions.ts";
import type { FixupInput, FixupOptions, FixupResult } from "./input.ts";
import { LinuxCalls } from "./linux-calls.ts";
import type { FixupMap } from "./map.ts";
import { expandMayGoto, mayGotoPrologue } from "./may-goto.ts";
import { expandPacketLoad, packetLoader } from "./packet-load.ts";
import { applyPatches, type Patch, type Patched } from "./patch.ts";
import {
  frameFunction,
  frameOffset,
  isFrame,
  kindOf,
  NONE,
  type Pointer,
  PointerKind,
  payloadOf,
} from "./pointer.ts";
import { unclonePrologue } from "./prologue.ts";
import { type Pruned, prune, reachableSlots } from "./prune.ts";
import { fixupVerified } from "./verified.ts";

/**
 * Turns a program into what runs: accesses of the context into accesses of the kernel's object, divisions into
 * guarded ones, packet loads into calls, and for `linux-x86_64` all that Linux does besides. Linear in the size of
 * the program. What a verifier has not proven is taken on trust, context accesses apart.
 *
 * @throws FixupError where an access of the context is not allowed, with the slot in `input.insns`.
 */
export function fixup(input: FixupInput, options: FixupOptions): FixupResult {
  if (options.verified !== undefined) return fixupVerified(input, options.verified, options);
  checkSlots(input.insns);
  const linux = options.target === "linux-x86_64";
  const insns = linux ? dropFastcallSpills(input.insns, new Functions(input.insns)) : input.insns;
  const pruned = prune(insns, seenBy(reachableSlots(input.insns)));
  try {
    return new Fixups(input, options, pruned).run();
  } catch (error) {
    if (!(error instanceof FixupError) || pruned.origins === null) throw error;
    throw error.at(pruned.origins[error.instruction]!);
  }
}

/** Programs have r0 to r10 (what lies above is the kernel's), and both halves of every wide load. */
function checkSlots(insns: readonly Insn[]): void {
  for (let slot = 0; slot < insns.length; slot++) {
    const insn = insns[slot]!;
    if (isWide(insn) && slot + 1 === insns.length) throw new FixupError(slot, "invalid bpf_ld_imm64 insn");
    if (insn.dst <= FRAME_POINTER && insn.src <= FRAME_POINTER) continue;
    const row = lookup(insn);
    if (row?.dst === "register" && insn.dst > FRAME_POINTER) {
      throw new FixupError(slot, `R${insn.dst} is invalid`);
    }
    if (row?.src === "register" && insn.src > FRAME_POINTER) {
      throw new FixupError(slot, `R${insn.src} is invalid`);
    }
  }
}

function seenBy(flags: Uint8Array): (slot: number) => boolean {
  return (slot) => flags[slot] === 1;
}

class Fixups {
  readonly #input: FixupInput;
  readonly #options: FixupOptions;
  readonly #pruned: Pruned;
  readonly #insns: readonly Insn[];
  readonly #functions: Functions;
  readonly #accesses: ContextAccesses;
  readonly #flow: PointerFlow;
  readonly #calls: LinuxCalls;
  readonly #maps: FixupMap[];
  /** By slot. */
  readonly #patches: (Patch | undefined)[];
  readonly #helpers = new Set<number>();
  /** Bytes of stack, by function. */
  readonly #depths: Int32Array;
  #writesPacket = false;

  constructor(input: FixupInput, options: FixupOptions, pruned: Pruned) {
    this.#input = input;
    this.#options = options;
    this.#pruned = pruned;
    this.#insns = pruned.insns;
    this.#functions = new Functions(pruned.insns);
    this.#patches = new Array<Patch | undefined>(pruned.insns.length).fill(undefined);
    this.#depths = new Int32Array(this.#functions.count);
    this.#accesses = new ContextAccesses(input, options.layout);
    this.#calls = new LinuxCalls(input, options);
    const numbers = new Map<FixupMap, number>();
    for (const map of input.maps.values()) {
      if (!numbers.has(map)) numbers.set(map, numbers.size);
      if (map.inner && !numbers.has(map.inner)) numbers.set(map.inner, numbers.size);
    }
    this.#maps = [...numbers.keys()];
    this.#flow = new PointerFlow(pruned.insns, this.#functions, {
      mapOf: (slot) => {
        const map = this.#mapAt(slot);
        return map === undefined || isValueReference(this.#insns[slot]!) ? -1 : numbers.get(map)!;
      },
      innerOf: (map) => numbers.get(this.#maps[map]!.inner as FixupMap) ?? -1,
      loadsPacket: (offset, size) => this.#accesses.loadsPacket(offset, size),
      callback: (helper) => HELPER_PROTOTYPES.get(helper)?.callback ?? undefined,
    });
  }

  run(): FixupResult {
    this.#flow.visit((slot, insn, row, registers) => this.#visit(slot, insn, row.kind, registers));
    for (const [slot, patch] of this.#accesses.patches()) this.#patches[slot] = patch;
    for (let slot = 0; slot < this.#insns.length; slot++) this.#plain(slot);
    this.#prologues();
    const patched = applyPatches(this.#insns, this.#patches);
    const insns = this.#linux ? this.#shown(patched) : patched.insns;
    return {
      insns,
      slotMap: this.#compose(patched.slotMap),
      removed: this.#pruned.removed,
      functions: [...this.#functions.starts].map((start) => patched.slotMap[start]!),
      maps: this.#mapsAfter(patched),
      // Which kernel function a number names, only the verifier knows.
      kfuncs: new Map(),
      exceptionCallback: 0,
      writesPacket: this.#writesPacket,
      helpers: this.#helpers,
      maxContextOffset: this.#accesses.furthest,
    };
  }

  get #linux(): boolean {
    return this.#options.target === "linux-x86_64";
  }

  #origin(slot: number): number {
    return this.#pruned.origins?.[slot] ?? slot;
  }

  #mapAt(slot: number): FixupMap | undefined {
    return this.#input.maps.get(this.#origin(slot));
  }

  /** What depends on the contents of registers. */
  #visit(slot: number, insn: Insn, kind: string, registers: Int32Array): void {
    switch (kind) {
      case "load":
      case "loadAcquire":
        this.#access(slot, insn.src, registers, insn);
        return;
      case "store":
      case "atomic":
      case "storeRelease":
        if (kindOf(registers[insn.dst] ?? NONE) === PointerKind.packet) this.#writesPacket = true;
        this.#access(slot, insn.dst, registers, insn);
        return;
      case "call":
        for (let register = 1; register <= 5; register++) this.#deepen(registers[register]!, 0);
        if (lookup(insn)!.src === CallKind.helper && this.#linux) this.#linuxCall(slot, insn, registers[1]!);
        return;
      default:
        return;
    }
  }

  #access(slot: number, base: number, registers: Int32Array, insn: Insn): void {
    const pointer = registers[base] ?? NONE;
    this.#deepen(pointer, insn.off);
    this.#accesses.add(slot, base, pointer, (mixed) => this.#flow.mix(mixed), insn);
  }

  #deepen(pointer: Pointer, offset: number): void {
    if (!isFrame(pointer)) return;
    const func = frameFunction(pointer);
    const depth = kindOf(pointer) === PointerKind.frame ? -frameOffset(pointer) - offset : 0;
    if (depth > this.#depths[func]!) this.#depths[func] = depth;
  }

  #linuxCall(slot: number, insn: Insn, r1: Pointer): void {
    const map = kindOf(r1) === PointerKind.map ? this.#maps[payloadOf(r1)]! : null;
    const body = this.#calls.rewrite(insn, map);
    if (body !== null) this.#patches[slot] = { body };
  }

  /** What depends on nothing but the instruction. */
  #plain(slot: number): void {
    const insn = this.#insns[slot]!;
    const row = lookup(insn);
    if (row === undefined) return;
    switch (row.kind) {
      case "alu": {
        const body = guardDivision(insn, row);
        if (body !== null) this.#patches[slot] = { body };
        return;
      }
      case "packet": {
        const id = packetLoader(row.size);
        this.#helpers.add(id);
        this.#patches[slot] = { body: expandPacketLoad(insn, row, this.#callImm(id)) };
        return;
      }
      case "wide":
        this.#wide(slot, insn);
        return;
      case "mayGoto":
        if (this.#linux) {
          const call = this.#calls.imm("arch_bpf_timed_may_goto");
          this.#patches[slot] = expandMayGoto(slot, insn, this.#depth(this.#functions.of(slot)), call);
        }
        return;
      case "call":
        if (row.src !== CallKind.helper) return;
        this.#helpers.add(insn.imm);
        // Not visited: no path leads here that is known.
        if (this.#linux && this.#patches[slot] === undefined && insn.imm !== BpfFuncId.tail_call) {
          this.#patches[slot] = { body: [{ ...insn, imm: this.#callImm(insn.imm) }] };
        }
        return;
      default:
        return;
    }
  }

  #callImm(id: number): number {
    return this.#linux ? this.#calls.helperImm(id) : id;
  }

  #depth(func: number): number {
    return Math.ceil(this.#depths[func]! / 8) * 8;
  }

  /** Addresses of maps and kernel variables. */
  #wide(slot: number, insn: Insn): void {
    if (!isWide(insn) || insn.src === WideKind.imm || insn.src === WideKind.func) return;
    const next = this.#insns[slot + 1]?.imm ?? 0;
    const map = this.#mapAt(slot);
    const address = this.#input.addresses?.get(this.#origin(slot));
    if (map === undefined) {
      if (address !== undefined) this.#patches[slot] = { body: wideSlots(insn.dst, WideKind.imm, address) };
      return;
    }
    const value = isValueReference(insn);
    if (!this.#linux) {
      const target = value ? map.valueAddress + BigInt(next >>> 0) : map.address;
      this.#patches[slot] = { body: wideSlots(insn.dst, WideKind.imm, target) };
      return;
    }
    // As bpf_insn_prepare_dump shows maps: by id.
    const kind = value ? WideKind.mapValue : WideKind.mapFd;
    const high = value ? BigInt(next >>> 0) << 32n : 0n;
    this.#patches[slot] = { body: wideSlots(insn.dst, kind, high | BigInt(map.id)) };
  }

  #prologues(): void {
    if (!this.#linux) return;
    const { dropVerdict } = this.#input.type;
    const prefixes = new Map<number, Insn[]>();
    for (let slot = 0; slot < this.#insns.length; slot++) {
      if (lookup(this.#insns[slot]!)?.kind !== "mayGoto") continue;
      const func = this.#functions.of(slot);
      if (!prefixes.has(func)) prefixes.set(func, mayGotoPrologue(this.#depth(func)));
    }
    if (this.#writesPacket && dropVerdict !== undefined) {
      const call = this.#calls.helperImm(BpfFuncId.skb_pull_data);
      const unclone = unclonePrologue(this.#options.layout, dropVerdict, call);
      prefixes.set(0, [...(prefixes.get(0) ?? []), ...unclone]);
    }
    for (const [func, prefix] of prefixes) {
      const start = this.#functions.starts[func]!;
      this.#patches[start] = { ...this.#patches[start], prefix };
    }
  }

  /** Calls and function addresses as Linux shows them: with the number of the function. */
  #shown(patched: Patched): Insn[] {
    const numbers = new Map(
      [...this.#functions.starts].map((start, func) => [patched.slotMap[start]!, func]),
    );
    const insns = patched.insns;
    for (let slot = 0; slot < insns.length; slot++) {
      const insn = insns[slot]!;
      const row = lookup(insn);
      if (row === undefined) continue;
      const func = numbers.get(slot + 1 + insn.imm) ?? 0;
      if (row.kind === "call" && row.src === CallKind.local) {
        insns[slot] = { ...insn, off: (insn.imm << 16) >> 16, imm: func };
      } else if (isWide(insn) && insn.src === WideKind.func) {
        insns[slot + 1] = { ...insns[slot + 1]!, imm: func };
      }
    }
    return insns;
  }

  #mapsAfter(patched: Patched): Map<number, FixupMap> {
    const maps = new Map<number, FixupMap>();
    const { slotMap: pruned, removed } = this.#pruned;
    for (const [slot, map] of this.#input.maps) {
      if (removed?.[slot] === 1) continue;
      const now = patched.slotMap[pruned?.[slot] ?? slot]!;
      if (!isValueReference(this.#input.insns[slot]!)) maps.set(now, map);
    }
    return maps;
  }

  #compose(after: Int32Array): Int32Array {
    const before = this.#pruned.slotMap;
    return before === null ? after : before.map((slot) => after[slot]!);
  }
}

function isValueReference(insn: Insn): boolean {
  return insn.src === WideKind.mapValue || insn.src === WideKind.mapIdxValue;
}
