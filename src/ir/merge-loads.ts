import { Appender } from "./appender.ts";
import { binary, extendU } from "./fold.ts";
import type { IrFunction } from "./function.ts";
import { baseOf, offsetFrom } from "./memory-state.ts";
import { settle } from "./settle.ts";
import { type Block, isClobber, Op, type Value } from "./value.ts";

/** Bytes of memory side by side, somewhere in a value that is 0 elsewhere. */
interface Piece {
  readonly base: Value;
  readonly offset: number;
  readonly size: number;
  /** Bits from the right. */
  readonly shift: number;
  /** Whether the first byte is the lowest one; a single byte is both. */
  readonly order: "little" | "big" | "both";
  /** Things that may have changed memory before it was read, counted from the block's start. */
  readonly epoch: number;
}

/**
 * Programs read numbers of the network's byte order, and numbers that may not be aligned, byte by byte, and put them
 * together with shifts. Such a ladder becomes one load, and a swap where the first byte is the highest.
 *
 * @returns whether there was one.
 */
export function mergeLoads(func: IrFunction): boolean {
  let merged = false;
  for (const block of func.inOrder())
    if (block.values.some((value) => func.op(value) === Op.or) && new Ladders(func, block).merge())
      merged = true;
  if (merged) settle(func);
  return merged;
}

class Ladders {
  readonly #func: IrFunction;
  readonly #block: Block;
  readonly #make: Appender;
  readonly #pieces = new Map<Value, Piece>();
  #epoch = 0;

  constructor(func: IrFunction, block: Block) {
    this.#func = func;
    this.#block = block;
    this.#make = new Appender(func);
  }

  /** @returns whether there was one. */
  merge(): boolean {
    const make = this.#make;
    const func = this.#func;
    let found = false;
    make.begin(this.#block);
    for (const value of this.#block.values) {
      func.resolveArgs(value);
      func.slot = func.slotOf(value);
      if (isClobber(func.op(value))) this.#epoch++;
      const piece = this.#pieceOf(value);
      const merged = func.op(value) === Op.or && piece !== undefined ? this.#load(piece, value) : undefined;
      if (merged === undefined) {
        make.append(value);
      } else {
        func.forward(value, merged);
        found = true;
      }
      if (piece !== undefined) this.#pieces.set(merged ?? value, piece);
    }
    this.#block.values = make.values;
    return found;
  }

  #pieceOf(value: Value): Piece | undefined {
    const func = this.#func;
    const of = (index: number) => this.#pieces.get(func.arg(value, index));
    const bits = func.isWide(value) ? 64 : 32;
    switch (func.op(value)) {
      case Op.load: {
        const size = func.size(value);
        if (func.isSigned(value) && size < 4) return undefined;
        const base = baseOf(func, value);
        const offset = offsetFrom(func, value);
        return { base, offset, size, shift: 0, order: size === 1 ? "both" : "little", epoch: this.#epoch };
      }
      case Op.extendU:
        return of(0);
      case Op.shl: {
        const piece = of(0);
        const by = func.arg(value, 1);
        if (piece === undefined || !func.isConst(by)) return undefined;
        const shift = piece.shift + (func.imm(by) & (bits - 1));
        return shift + 8 * piece.size <= bits ? { ...piece, shift } : undefined;
      }
      case Op.bswap: {
        const piece = of(0);
        if (piece === undefined || piece.shift !== 0 || 8 * piece.size !== func.imm(value)) return undefined;
        return piece.order === "both" ? piece : { ...piece, order: piece.order === "big" ? "little" : "big" };
      }
      case Op.or: {
        const [a, b] = [of(0), of(1)];
        if (a === undefined || b === undefined) return undefined;
        return a.offset < b.offset ? joined(a, b) : joined(b, a);
      }
      default:
        return undefined;
    }
  }

  /** The piece read at once, in the place of a value that has it. */
  #load({ base, offset, size, shift, order, epoch }: Piece, value: Value): Value | undefined {
    if ((size !== 2 && size !== 4 && size !== 8) || epoch !== this.#epoch) return undefined;
    const make = this.#make;
    const type = size === 8 ? "i64" : "i32";
    let result = make.effect(Op.load, type, [base], { imm: offset, size });
    const wide = this.#func.isWide(value);
    if (order === "big") result = make.one(Op.bswap, type, result, size * 8);
    if (wide && type === "i32") result = extendU(make, result);
    if (shift === 0) return result;
    return binary(make, Op.shl, result, wide ? make.i64(shift, 0) : make.i32(shift));
  }
}

/** Two pieces, the one with the lower address first, as one. */
function joined(a: Piece, b: Piece): Piece | undefined {
  if (a.base !== b.base || a.epoch !== b.epoch || a.offset + a.size !== b.offset) return undefined;
  const size = a.size + b.size;
  const { base, offset, epoch } = a;
  if (a.order !== "big" && b.order !== "big" && b.shift === a.shift + 8 * a.size)
    return { base, offset, size, shift: a.shift, order: "little", epoch };
  if (a.order !== "little" && b.order !== "little" && a.shift === b.shift + 8 * b.size)
    return { base, offset, size, shift: b.shift, order: "big", epoch };
  return undefined;
}
