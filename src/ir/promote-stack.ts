import { isFramePlace } from "./fold.ts";
import { FRAME_BYTES } from "./from-slots.ts";
import type { IrFunction } from "./function.ts";
import { baseOf, offsetFrom } from "./memory-state.ts";
import { settle } from "./settle.ts";
import type { CallKnowledge } from "./simplify.ts";
import { renameVariables, wordsFor } from "./ssa.ts";
import { type Block, NONE, Op, type Value } from "./value.ts";

/** A slot of the frame, by where it begins and how long it is. */
interface Slot {
  readonly offset: number;
  readonly size: number;
}

/**
 * Makes values of the slots of a function's stack frame that are always accessed whole, and that no pointer leads to.
 * Tells the function whether pointers to its frame may be anywhere.
 */
export function promoteStack(func: IrFunction, knowledge: CallKnowledge): void {
  const frame = new FrameUse(func, knowledge);
  func.frameEscapes = frame.escapes || func.sharesFrame;
  if (func.frameEscapes) return;
  const slots = frame.promotable();
  if (slots.size === 0) return;
  const numbers = new Map<number, number>();
  const sizes: number[] = [];
  for (const { offset, size } of slots.values()) {
    numbers.set(offset, sizes.length);
    sizes.push(size);
  }
  const slotOf = (value: Value): number | undefined => {
    const op = func.op(value);
    if (op !== Op.load && op !== Op.store) return undefined;
    return func.op(baseOf(func, value)) === Op.frame ? numbers.get(offsetFrom(func, value)) : undefined;
  };
  const typeOf = (slot: number) => (sizes[slot] === 8 ? "i64" : "i32");
  renameVariables(func, {
    count: sizes.length,
    typeOf,
    ...accessesOf(func, slotOf, wordsFor(sizes.length)),
    nothing: (slot) => func.constant(typeOf(slot), 0),
    rename: (block, state) => renameBlock(func, block, state, slotOf),
  });
  settle(func);
}

/** Slots that each block reads before it writes them, and those that it writes. */
function accessesOf(func: IrFunction, slotOf: (value: Value) => number | undefined, words: number) {
  const uses = new Uint32Array(words * func.blocks.length);
  const defines = new Uint32Array(words * func.blocks.length);
  for (const { id, values } of func.blocks) {
    for (const value of values) {
      const slot = slotOf(value);
      if (slot === undefined) continue;
      const at = id * words + (slot >>> 5);
      const bit = 1 << (slot & 31);
      if (func.op(value) === Op.store) defines[at]! |= bit;
      else if ((defines[at]! & bit) === 0) uses[at]! |= bit;
    }
  }
  return { uses, defines };
}

function renameBlock(
  func: IrFunction,
  block: Block,
  state: Int32Array,
  slotOf: (value: Value) => number | undefined,
): void {
  const kept: Value[] = [];
  const add = (value: Value): Value => {
    func.setBlock(value, block);
    kept.push(value);
    return value;
  };
  for (const value of block.values) {
    const slot = slotOf(value);
    func.slot = func.slotOf(value);
    if (slot === undefined) {
      kept.push(value);
    } else if (func.op(value) === Op.store) {
      const stored = func.arg(value, 1);
      // What is loaded again has no more bits than were stored.
      const mask = func.size(value) === 1 ? 0xff : 0xffff;
      state[slot] =
        func.size(value) >= 4 ? stored : add(func.value(Op.and, "i32", [stored, func.constant("i32", mask)]));
    } else {
      const content = state[slot] === NONE ? func.constant(func.type(value), 0) : (state[slot] as Value);
      const size = func.size(value);
      const loaded =
        func.isSigned(value) && size < 4
          ? add(func.value(Op.extend, "i32", [content], { imm: size * 8 }))
          : content;
      func.forward(value, loaded);
    }
  }
  block.values = kept;
}

/** What a function does with the address of its frame. */
class FrameUse {
  /** It is somewhere else than in accesses and arguments. */
  escapes = false;
  readonly #func: IrFunction;
  readonly #knowledge: CallKnowledge;
  /** By offset and size. */
  readonly #slots = new Map<number, Slot>();
  /** Bytes that something else may access than loads and stores of whole slots. */
  readonly #shared = new Uint8Array(FRAME_BYTES);

  constructor(func: IrFunction, knowledge: CallKnowledge) {
    this.#func = func;
    this.#knowledge = knowledge;
    const leads = (value: Value) => leadsToFrame(func, value);
    for (const block of func.inOrder()) {
      for (const { args } of block.phis) if (args.some(leads)) this.escapes = true;
      for (const value of block.values) this.#look(value);
      const { terminator } = block;
      if (terminator.kind === "return" && leads(terminator.value)) this.escapes = true;
      if (terminator.kind === "branch" && leads(terminator.condition)) this.escapes = true;
    }
  }

  /** Slots, each accessed as a whole only, by name. */
  promotable(): ReadonlyMap<number, Slot> {
    const bytes = new Uint16Array(FRAME_BYTES);
    const slots = [...this.#slots];
    for (const [, { offset, size }] of slots) for (let at = offset; at < offset + size; at++) bytes[at]!++;
    return new Map(
      slots.filter(([, { offset, size }]) => {
        for (let at = offset; at < offset + size; at++)
          if (bytes[at] !== 1 || this.#shared[at] !== 0) return false;
        return true;
      }),
    );
  }

  #look(value: Value): void {
    const func = this.#func;
    const op = func.op(value);
    switch (op) {
      case Op.load:
      case Op.store:
      case Op.atomic: {
        const size = func.size(value);
        if (func.op(baseOf(func, value)) === Op.frame) {
          const offset = offsetFrom(func, value);
          if (op === Op.atomic) this.#share(offset, size);
          else if (offset < 0 || offset + size > FRAME_BYTES) this.escapes = true;
          else this.#add(offset, size);
        } else this.#lookAt(value, 0, 1);
        this.#lookAt(value, 1);
        return;
      }
      case Op.call:
        for (let i = 0; i < func.argCount(value); i++) this.#argument(value, i);
        return;
      case Op.address:
      case Op.add:
        // The forms of a place in the frame itself.
        if (leadsToFrame(func, value)) return;
        break;
      default:
        break;
    }
    this.#lookAt(value, 0);
  }

  /** What none of the arguments from `first` on may be. */
  #lookAt(value: Value, first: number, end = this.#func.argCount(value)): void {
    for (let i = first; i < end; i++)
      if (leadsToFrame(this.#func, this.#func.arg(value, i))) this.escapes = true;
  }

  #argument(call: Value, index: number): void {
    const func = this.#func;
    const value = func.arg(call, index);
    if (!leadsToFrame(func, value)) return;
    const place = func.op(value) === Op.address ? func.arg(value, 0) : value;
    const offset = func.op(place) === Op.add ? func.imm(func.arg(place, 1)) : 0;
    const extent = this.#knowledge.extent(func, call, index);
    if (extent === undefined || offset < 0) this.escapes = true;
    else this.#share(offset, extent);
  }

  /** Several sizes at one offset are several slots. */
  #add(offset: number, size: number): void {
    const name = 16 * offset + size;
    if (!this.#slots.has(name)) this.#slots.set(name, { offset, size });
  }

  #share(offset: number, size: number): void {
    for (let at = Math.max(offset, 0); at < Math.min(offset + size, FRAME_BYTES); at++) this.#shared[at] = 1;
  }
}

/** The frame's offset, a place in it, or the address of such. */
function leadsToFrame(func: IrFunction, value: Value): boolean {
  return isFramePlace(func, func.op(value) === Op.address ? func.arg(value, 0) : value);
}
