import type { Appender } from "./appender.ts";
import { binary } from "./fold.ts";
import { Op, type Value } from "./value.ts";
import type { ValueTable } from "./value-table.ts";

/** A piece of memory whose content is known. */
interface Known {
  readonly base: Value;
  readonly offset: number;
  readonly size: number;
  /** Zero-extended, with as many bits as its type has. */
  readonly value: Value;
}

/** Pieces that are kept: with more of them looking costs more than it finds. */
const MOST = 48;

/** What an access adds its offset to: its address, or what that is a constant away from. */
export function baseOf(func: ValueTable, access: Value): Value {
  const address = func.arg(access, 0);
  return isSum(func, address) ? func.arg(address, 0) : address;
}

/** How far from {@link baseOf} an access is. */
export function offsetFrom(func: ValueTable, access: Value): number {
  const address = func.arg(access, 0);
  return isSum(func, address) ? func.imm(access) + func.imm(func.arg(address, 1)) : func.imm(access);
}

function isSum(func: ValueTable, address: Value): boolean {
  return func.op(address) === Op.add && func.isConst(func.arg(address, 1));
}

/** What is known of the content of memory at one point of a block: what was loaded and stored since it began. */
export class MemoryState {
  /** Whether any pointer may lead to the frame. */
  readonly #frameEscapes: boolean;
  #known: Known[] = [];

  constructor(frameEscapes: boolean) {
    this.#frameEscapes = frameEscapes;
  }

  /** What a load gives, where that is known. */
  known(make: Appender, load: Value): Value | undefined {
    const { func } = make;
    const base = baseOf(func, load);
    const offset = offsetFrom(func, load);
    const size = func.size(load);
    for (const piece of this.#known) {
      if (piece.base !== base || piece.offset !== offset || piece.size !== size) continue;
      if (func.type(piece.value) !== func.type(load)) continue;
      if (!func.isSigned(load) || size >= 4) return piece.value;
      return make.one(Op.extend, "i32", piece.value, size * 8);
    }
    return undefined;
  }

  loaded({ func }: Appender, load: Value): void {
    const size = func.size(load);
    if (func.isSigned(load) && size < 4) return;
    this.#add({ base: baseOf(func, load), offset: offsetFrom(func, load), size, value: load });
  }

  stored(make: Appender, store: Value): void {
    const { func } = make;
    const base = baseOf(func, store);
    const offset = offsetFrom(func, store);
    const size = func.size(store);
    this.#forgetAt(func, base, offset, offset + size);
    const value = func.arg(store, 1);
    const kept = size >= 4 ? value : binary(make, Op.and, value, make.i32(size === 1 ? 0xff : 0xffff));
    this.#add({ base, offset, size, value: kept });
  }

  forget(): void {
    this.#known.length = 0;
  }

  /** What a store to these bytes may have changed is known no more. */
  #forgetAt(func: ValueTable, base: Value, offset: number, end: number): void {
    const known = this.#known;
    const isFrame = func.op(base) === Op.frame;
    let kept = 0;
    for (const piece of known) {
      const stays =
        piece.base === base
          ? piece.offset >= end || piece.offset + piece.size <= offset
          : (func.op(piece.base) === Op.frame) !== isFrame && !this.#frameEscapes;
      if (stays) known[kept++] = piece;
    }
    known.length = kept;
  }

  #add(piece: Known): void {
    if (this.#known.length >= MOST) this.#known.shift();
    this.#known.push(piece);
  }
}
