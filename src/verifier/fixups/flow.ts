import { CallKind, FRAME_POINTER, type Insn, type InsnRow, lookup } from "../../isa/index.ts";
import { BpfFuncId } from "../../uapi/index.ts";
import { Blocks } from "./blocks.ts";
import { LentFrames, type MixSource } from "./frames.ts";
import { type Functions, jumpTarget } from "./functions.ts";
import {
  contextAt,
  frameAt,
  join,
  kindOf,
  type Mix,
  mapPointer,
  NONE,
  type Pointer,
  PointerKind,
  payloadOf,
} from "./pointer.ts";
import { SlotHeap } from "./slot-heap.ts";
import { joinSlots, type StackSlots } from "./stack.ts";
import { type FlowState, type FlowSurroundings, forgetCall, freshState, step } from "./transfer.ts";

/** A helper that calls a function of the program: which argument it is, and what the function gets. */
export interface Callback {
  /** Argument that holds the function, counted from 1. */
  readonly function: number;
  /** Argument that is handed on, and the parameter that it becomes. */
  readonly context: number;
  readonly parameter: number;
}

export interface FlowOptions {
  readonly mapOf: (slot: number) => number;
  /** Number of the map that a lookup in a map of maps gives, or -1. */
  readonly innerOf: (map: number) => number;
  readonly loadsPacket: (offset: number, size: number) => boolean;
  readonly callback: (helper: number) => Callback | undefined;
}

/** r0 to r9: r10 is the frame pointer everywhere. */
const REGISTER_COUNT = 10;
const ARGUMENTS = 5;

/** What a visitor sees of a slot: the registers before it. */
export type Visitor = (slot: number, insn: Insn, row: InsnRow, registers: Int32Array) => void;

/**
 * Which registers hold the context, a stack frame, a packet or a map at each instruction: a forward dataflow over all
 * functions, through moves, spills, calls and callbacks. Functions are looked at once for all their callers; frames
 * are told apart by function, which suffices as BPF has no recursion.
 */
export class PointerFlow {
  readonly #insns: readonly Insn[];
  readonly #functions: Functions;
  readonly #blocks: Blocks;
  readonly #options: FlowOptions;
  /** Registers at the start of each block. */
  readonly #entries: Int32Array;
  readonly #stacks: StackSlots[];
  /** Slot from which a block was reached first, plus 1; 0 where it was not. */
  readonly #reachedFrom: Int32Array;
  readonly #queue: SlotHeap;
  /** r0 at the exits of each function; undefined where no exit was reached. */
  readonly #exits: (Pointer | undefined)[];
  /** Blocks with calls of a function. */
  readonly #callers: Set<number>[];
  readonly #frames: LentFrames;
  /** A mix whose paths are not two edges into one block. */
  readonly #anyMix: MixSource = () => this.#mix(this.#block, -1, -1, true);
  readonly #mixes: Mix[] = [];
  readonly #mixOf = new Map<number, number>();
  readonly #surroundings: FlowSurroundings;
  #block = 0;

  constructor(insns: readonly Insn[], functions: Functions, options: FlowOptions) {
    this.#insns = insns;
    this.#functions = functions;
    this.#options = options;
    this.#blocks = new Blocks(insns, functions);
    const { count } = this.#blocks;
    this.#entries = new Int32Array(count * REGISTER_COUNT);
    this.#stacks = new Array<StackSlots>(count).fill(null);
    this.#reachedFrom = new Int32Array(count);
    this.#queue = new SlotHeap(count);
    this.#exits = new Array<Pointer | undefined>(functions.count).fill(undefined);
    this.#callers = Array.from({ length: functions.count }, () => new Set<number>());
    this.#frames = new LentFrames(functions.count);
    this.#surroundings = {
      mapOf: options.mapOf,
      loadsPacket: options.loadsPacket,
      loadForeign: (owner, offset) => {
        const viewer = functions.of(this.#blocks.starts[this.#block]!);
        return this.#frames.load(viewer, owner, offset, this.#block);
      },
      storeForeign: (owner, offset, value) => this.#storeForeign(owner, offset, value),
    };
    this.#solve();
  }

  /** Where the values of a `mixed` pointer came from. */
  mix(pointer: Pointer): Mix {
    return this.#mixes[payloadOf(pointer)]!;
  }

  /** Visits every instruction that can be reached, in ascending order. */
  visit(visitor: Visitor): void {
    const { starts } = this.#blocks;
    for (let block = 0; block < starts.length; block++) {
      if (this.#reachedFrom[block] !== 0) this.#run(block, visitor);
    }
  }

  #solve(): void {
    if (this.#insns.length === 0) return;
    const main = freshState(0);
    main.registers[1] = contextAt(0);
    this.#reach(0, -1, main.registers, null);
    for (let block = this.#queue.take(); block >= 0; block = this.#queue.take()) this.#run(block, null);
  }

  /** Follows a block from its entry state to its end, and hands the state on unless a visitor only looks. */
  #run(block: number, visitor: Visitor | null): void {
    this.#block = block;
    const insns = this.#insns;
    const start = this.#blocks.starts[block]!;
    const state = this.#stateOf(block, start);
    for (let slot = start; slot < insns.length; ) {
      if (slot !== start && this.#blocks.at(slot) >= 0) {
        if (visitor === null) this.#reach(slot, slot - 1, state.registers, state.stack);
        return;
      }
      const insn = insns[slot]!;
      const row = lookup(insn);
      if (row === undefined) {
        slot++;
        continue;
      }
      visitor?.(slot, insn, row, state.registers);
      switch (row.kind) {
        case "branch":
        case "goto":
        case "mayGoto":
          if (visitor !== null) return;
          this.#reach(jumpTarget(slot, insn, row), slot, state.registers, state.stack);
          if (row.kind !== "goto") this.#reach(slot + 1, slot, state.registers, state.stack);
          return;
        case "exit":
          if (visitor === null) this.#leave(state);
          return;
        case "call":
          if (!this.#call(state, slot, insn, row)) return;
          break;
        default:
          step(state, slot, insn, row, this.#surroundings);
          break;
      }
      slot += row.slots;
    }
  }

  #stateOf(block: number, slot: number): FlowState {
    const state = freshState(this.#functions.of(slot));
    const at = block * REGISTER_COUNT;
    for (let register = 0; register < REGISTER_COUNT; register++) {
      state.registers[register] = this.#entries[at + register]!;
    }
    state.stack = this.#stacks[block]!;
    return state;
  }

  /** A path arrives at a block; the block is looked at again where it brings something new. */
  #reach(target: number, from: number, registers: Int32Array, stack: StackSlots): void {
    const block = this.#blocks.at(target);
    if (block < 0) return;
    const entries = this.#entries;
    const at = block * REGISTER_COUNT;
    const first = this.#reachedFrom[block]!;
    if (first === 0) {
      this.#reachedFrom[block] = from + 2;
      for (let register = 0; register < REGISTER_COUNT; register++) {
        entries[at + register] = registers[register]!;
      }
      this.#stacks[block] = stack;
      this.#queue.add(block);
      return;
    }
    let changed = false;
    for (let register = 0; register < REGISTER_COUNT; register++) {
      const before = entries[at + register]!;
      if (before === registers[register]) continue;
      const after = join(before, registers[register]!, (isContext) =>
        this.#mix(block, first - 2, from, isContext),
      );
      changed ||= after !== before;
      entries[at + register] = after;
    }
    const joined = joinSlots(this.#stacks[block]!, stack, (isContext) =>
      this.#mix(block, first - 2, from, isContext),
    );
    changed ||= joined !== this.#stacks[block];
    this.#stacks[block] = joined;
    if (changed) this.#queue.add(block);
  }

  /** One mix for each block and direction: the first two paths that disagree are named. */
  #mix(block: number, first: number, from: number, firstIsContext: boolean): number {
    const key = block * 2 + (firstIsContext ? 1 : 0);
    let mix = this.#mixOf.get(key);
    if (mix === undefined) {
      const [contextFrom, otherFrom] = firstIsContext ? [first, from] : [from, first];
      mix = this.#mixes.push({ contextFrom, otherFrom }) - 1;
      this.#mixOf.set(key, mix);
    }
    return mix;
  }

  #leave(state: FlowState): void {
    const { func } = state;
    const before = this.#exits[func];
    const r0 = state.registers[0]!;
    const after = before === undefined ? r0 : join(before, r0, this.#anyMix);
    if (after === before) return;
    this.#exits[func] = after;
    for (const caller of this.#callers[func]!) this.#queue.add(caller);
  }

  /** @returns whether the call can come back, as far as is known. */
  #call(state: FlowState, slot: number, insn: Insn, row: InsnRow): boolean {
    const { registers } = state;
    if (row.src !== CallKind.local) {
      if (row.src === CallKind.helper) this.#callback(state, slot, insn.imm);
      const found = this.#found(insn, row, registers[1]!);
      forgetCall(registers);
      registers[0] = found;
      this.#takeWritten(state);
      return true;
    }
    const target = slot + 1 + insn.imm;
    const func = this.#functions.at(target);
    if (func < 0) return true;
    const callee = freshState(func);
    for (let register = 1; register <= ARGUMENTS; register++) {
      callee.registers[register] = registers[register]!;
    }
    this.#lend(state, func);
    this.#reach(target, slot, callee.registers, null);
    this.#callers[func]!.add(this.#block);
    const result = this.#exits[func];
    if (result === undefined) return false;
    forgetCall(registers);
    registers[0] = result;
    registers[FRAME_POINTER] = frameAt(state.func, 0);
    this.#takeWritten(state);
    return true;
  }

  /** What a helper returns: of what matters here, only inner maps. */
  #found(insn: Insn, row: InsnRow, map: Pointer): Pointer {
    if (row.src !== CallKind.helper || insn.imm !== BpfFuncId.map_lookup_elem) return NONE;
    const inner = kindOf(map) === PointerKind.map ? this.#options.innerOf(payloadOf(map)) : -1;
    return inner < 0 ? NONE : mapPointer(inner);
  }

  /** A helper that calls back: the function begins with the argument that is handed on. */
  #callback(state: FlowState, slot: number, helper: number): void {
    const callback = this.#options.callback(helper);
    if (callback === undefined) return;
    const pointer = state.registers[callback.function]!;
    if (kindOf(pointer) !== PointerKind.code) return;
    const target = payloadOf(pointer);
    const func = this.#functions.at(target);
    if (func < 0) return;
    const entry = freshState(func);
    entry.registers[callback.parameter] = state.registers[callback.context]!;
    this.#lend(state, func);
    this.#callers[func]!.add(this.#block);
    this.#reach(target, slot, entry.registers, null);
  }

  /** Callees may look at the frame through pointers they are given. */
  #lend(state: FlowState, callee: number): void {
    const changed = this.#frames.lend(callee, state.func, state.stack, this.#block, this.#anyMix);
    for (const readers of changed) for (const reader of readers) this.#queue.add(reader);
  }

  #storeForeign(owner: number, offset: number, value: Pointer): void {
    const viewer = this.#functions.of(this.#blocks.starts[this.#block]!);
    const readers = this.#frames.store(viewer, owner, offset, value, this.#anyMix);
    if (readers === null) return;
    for (const reader of readers) this.#queue.add(reader);
    for (const callers of this.#callers) for (const caller of callers) this.#queue.add(caller);
  }

  #takeWritten(state: FlowState): void {
    state.stack = this.#frames.afterCall(state.func, state.stack);
  }
}
