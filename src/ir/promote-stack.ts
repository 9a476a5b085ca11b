import { isConst } from "./constants.ts";
import { isFramePlace } from "./fold.ts";
import { FRAME_BYTES } from "./from-slots.ts";
import type { IrFunction } from "./function.ts";
import { placeOf } from "./memory-state.ts";
import { settle } from "./settle.ts";
import type { CallKnowledge } from "./simplify.ts";
import { renameVariables } from "./ssa.ts";
import { type Block, Op, type Value } from "./value.ts";

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
  func.frameEscapes = frame.escapes;
  if (frame.escapes) return;
  const slots = frame.promotable();
  if (slots.size === 0) return;
  const numbers = new Map<number, number>();
  const sizes: number[] = [];
  for (const { offset, size } of slots.values()) {
    numbers.set(offset, sizes.length);
    sizes.push(size);
  }
  const words = (sizes.length + 31) >>> 5;
  const slotOf = (value: Value): number | undefined => {
    if (value.op !== Op.load && value.op !== Op.store) return undefined;
    const { base, offset } = placeOf(value);
    return base.op === Op.frame ? numbers.get(offset) : undefined;
  };
  const access = func.blocks.map((block) => accessOf(block, slotOf, words));
  const typeOf = (slot: number) => (sizes[slot] === 8 ? "i64" : "i32");
  renameVariables(func, {
    count: sizes.length,
    typeOf,
    uses: ({ id }) => access[id]!.uses,
    defines: ({ id }) => access[id]!.defines,
    nothing: (slot) => func.value(Op.const, typeOf(slot), []),
    rename: (block, state) => renameBlock(func, block, state, slotOf),
  });
  settle(func);
}

function accessOf(block: Block, slotOf: (value: Value) => number | undefined, words: number) {
  const uses = new Uint32Array(words);
  const defines = new Uint32Array(words);
  for (const value of block.values) {
    const slot = slotOf(value);
    if (slot === undefined) continue;
    const [word, bit] = [slot >>> 5, 1 << (slot & 31)];
    if (value.op === Op.store) defines[word]! |= bit;
    else if ((defines[word]! & bit) === 0) uses[word]! |= bit;
  }
  return { uses, defines };
}

function renameBlock(
  func: IrFunction,
  block: Block,
  state: (Value | undefined)[],
  slotOf: (value: Value) => number | undefined,
): void {
  const kept: Value[] = [];
  const add = (value: Value): Value => {
    value.block = block;
    kept.push(value);
    return value;
  };
  for (const value of block.values) {
    const slot = slotOf(value);
    func.slot = value.slot;
    if (slot === undefined) {
      kept.push(value);
    } else if (value.op === Op.store) {
      const stored = value.args[1]!;
      // What is loaded again has no more bits than were stored.
      const mask = value.size === 1 ? 0xff : 0xffff;
      state[slot] =
        value.size >= 4
          ? stored
          : add(func.value(Op.and, "i32", [stored, func.value(Op.const, "i32", [], { imm: mask })]));
    } else {
      const content = state[slot] ?? func.value(Op.const, value.type, []);
      value.forward =
        value.signed && value.size < 4
          ? add(func.value(Op.extend, "i32", [content], { imm: value.size * 8 }))
          : content;
    }
  }
  block.values = kept;
}

/** What a function does with the address of its frame. */
class FrameUse {
  /** It is somewhere else than in accesses and arguments. */
  escapes = false;
  readonly #knowledge: CallKnowledge;
  /** By offset and size. */
  readonly #slots = new Map<number, Slot>();
  /** Bytes that something else may access than loads and stores of whole slots. */
  readonly #shared = new Uint8Array(FRAME_BYTES);

  constructor(func: IrFunction, knowledge: CallKnowledge) {
    this.#knowledge = knowledge;
    for (const block of func.inOrder()) {
      for (const phi of block.phis) for (const arg of phi.args) if (leadsToFrame(arg)) this.escapes = true;
      for (const value of block.values) this.#look(value);
      const { terminator } = block;
      if (terminator.kind === "return" && leadsToFrame(terminator.value)) this.escapes = true;
      if (terminator.kind === "branch" && leadsToFrame(terminator.condition)) this.escapes = true;
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
    const { op, args } = value;
    switch (op) {
      case Op.load:
      case Op.store: {
        const { base, offset } = placeOf(value);
        if (base.op === Op.frame) {
          if (offset < 0 || offset + value.size > FRAME_BYTES) this.escapes = true;
          else this.#add(offset, value.size);
        } else if (leadsToFrame(args[0]!)) this.escapes = true;
        if (op === Op.store && leadsToFrame(args[1]!)) this.escapes = true;
        return;
      }
      case Op.atomic: {
        const { base, offset } = placeOf(value);
        if (base.op === Op.frame) this.#share(offset, value.size);
        else if (leadsToFrame(args[0]!)) this.escapes = true;
        if (args.slice(1).some(leadsToFrame)) this.escapes = true;
        return;
      }
      case Op.call:
        for (const [i, arg] of args.entries()) this.#argument(value, i, arg);
        return;
      case Op.address:
      case Op.add:
        // The forms of a place in the frame itself.
        if (isFramePlace(value) || (op === Op.address && isFramePlace(args[0]!))) return;
        break;
      default:
        break;
    }
    if (args.some(leadsToFrame)) this.escapes = true;
  }

  #argument(call: Value, index: number, value: Value): void {
    if (!leadsToFrame(value)) return;
    const place = value.op === Op.address ? value.args[0]! : value;
    const at = place.op === Op.add ? place.args[1]! : undefined;
    const offset = at !== undefined && isConst(at) ? at.imm : 0;
    const extent = this.#knowledge.extent(call, index);
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
function leadsToFrame(value: Value): boolean {
  return isFramePlace(value) || (value.op === Op.address && isFramePlace(value.args[0]!));
}
