import { FRAME_POINTER, type Insn, type InsnRow, isWide, Operation, WideKind } from "../../isa/index.ts";
import {
  advance,
  advanceSomewhere,
  codePointer,
  frameAt,
  frameFunction,
  frameOffset,
  kindOf,
  mapPointer,
  NONE,
  PACKET,
  type Pointer,
  PointerKind,
  payloadOf,
} from "./pointer.ts";
import { loadSlot, type StackSlots, storeSlot } from "./stack.ts";

/** What the registers and the frame of a function hold between two instructions. */
export interface FlowState {
  /** r0 to r10. */
  readonly registers: Int32Array;
  stack: StackSlots;
  /** The function, by number. */
  func: number;
}

/** What an instruction needs to know from outside its own state. */
export interface FlowSurroundings {
  /** Number of the map whose address a wide load gives, or -1. */
  mapOf(slot: number): number;
  /** Whether a load from the context gives a packet pointer. */
  loadsPacket(offset: number, size: number): boolean;
  /** A slot in the frame of a caller. */
  loadForeign(func: number, offset: number): Pointer;
  storeForeign(func: number, offset: number, value: Pointer): void;
}

const CALLER_SAVED = 5;

/** Applies an instruction that is no call, jump or exit. */
export function step(
  state: FlowState,
  slot: number,
  insn: Insn,
  row: InsnRow,
  around: FlowSurroundings,
): void {
  const { registers } = state;
  switch (row.kind) {
    case "alu":
      alu(registers, insn, row);
      return;
    case "load":
      set(registers, insn.dst, load(state, insn, row, around));
      return;
    case "store":
      store(state, insn, row, around);
      return;
    case "wide":
      set(registers, insn.dst, wide(slot, insn, around));
      return;
    case "atomic":
      // A fetching atomic gives the old value; a spilled pointer does not survive either form.
      if (row.operation === Operation.cmpxchg) registers[0] = NONE;
      else if (row.fetch) set(registers, insn.src, NONE);
      overwrite(state, insn, row.size, NONE, around);
      return;
    case "storeRelease":
      overwrite(state, insn, row.size, row.size === 8 ? registers[insn.src]! : NONE, around);
      return;
    case "loadAcquire":
      set(registers, insn.dst, load(state, insn, row, around));
      return;
    case "neg":
    case "end":
    case "cast":
      set(registers, insn.dst, NONE);
      return;
    case "packet":
      forgetCall(registers);
      return;
    default:
      return;
  }
}

/** r0 to r5 after a call. */
export function forgetCall(registers: Int32Array): void {
  for (let register = 0; register <= CALLER_SAVED; register++) registers[register] = NONE;
}

function set(registers: Int32Array, register: number, value: Pointer): void {
  if (register < FRAME_POINTER) registers[register] = value;
}

function alu(registers: Int32Array, insn: Insn, row: InsnRow): void {
  const { dst } = insn;
  if (row.width !== 64) {
    set(registers, dst, NONE);
    return;
  }
  const before = registers[dst] ?? NONE;
  const immediate = row.source === "imm";
  const other = immediate ? NONE : (registers[insn.src] ?? NONE);
  let after = NONE;
  switch (row.operation) {
    case Operation.mov:
      after = other;
      break;
    case Operation.add:
      if (immediate) after = advance(before, insn.imm);
      else if (before === NONE) after = advanceSomewhere(other);
      else after = other === NONE ? advanceSomewhere(before) : NONE;
      break;
    case Operation.sub:
      if (immediate) after = advance(before, -insn.imm);
      else after = other === NONE ? advanceSomewhere(before) : NONE;
      break;
    default:
      break;
  }
  set(registers, dst, after);
}

function wide(slot: number, insn: Insn, around: FlowSurroundings): Pointer {
  if (isWide(insn) && insn.src === WideKind.func) return codePointer(slot + 1 + insn.imm);
  const map = around.mapOf(slot);
  return map < 0 ? NONE : mapPointer(map);
}

function load(state: FlowState, insn: Insn, row: InsnRow, around: FlowSurroundings): Pointer {
  const base = state.registers[insn.src] ?? NONE;
  switch (kindOf(base)) {
    case PointerKind.context:
      return around.loadsPacket(payloadOf(base) + insn.off, row.size) ? PACKET : NONE;
    case PointerKind.frame: {
      if (row.size !== 8) return NONE;
      const offset = frameOffset(base) + insn.off;
      const func = frameFunction(base);
      return func === state.func ? loadSlot(state.stack, offset) : around.loadForeign(func, offset);
    }
    default:
      return NONE;
  }
}

function store(state: FlowState, insn: Insn, row: InsnRow, around: FlowSurroundings): void {
  const value = row.source === "reg" && row.size === 8 ? (state.registers[insn.src] ?? NONE) : NONE;
  overwrite(state, insn, row.size, value, around);
}

function overwrite(
  state: FlowState,
  insn: Insn,
  size: number,
  value: Pointer,
  around: FlowSurroundings,
): void {
  const base = state.registers[insn.dst] ?? NONE;
  if (kindOf(base) !== PointerKind.frame) return;
  const offset = frameOffset(base) + insn.off;
  const func = frameFunction(base);
  if (func === state.func) state.stack = storeSlot(state.stack, offset, size, value);
  else if (size === 8) around.storeForeign(func, offset, value);
}

/** The state in which a function begins, before anything is known about its arguments. */
export function freshState(func: number): FlowState {
  const registers = new Int32Array(11).fill(NONE);
  registers[FRAME_POINTER] = frameAt(func, 0);
  return { registers, stack: null, func };
}
