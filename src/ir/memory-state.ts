import { isConst } from "./constants.ts";
import { binary } from "./fold.ts";
import type { Appender } from "./function.ts";
import { Op, type Value } from "./value.ts";

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

/** An address as a base and a constant. */
export function placeOf(access: Value): { readonly base: Value; readonly offset: number } {
  const address = access.args[0]!;
  if (address.op === Op.add && isConst(address.args[1]!))
    return { base: address.args[0]!, offset: access.imm + address.args[1]!.imm };
  return { base: address, offset: access.imm };
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
    const { base, offset } = placeOf(load);
    for (const piece of this.#known) {
      if (piece.base !== base || piece.offset !== offset || piece.size !== load.size) continue;
      if (piece.value.type !== load.type) continue;
      if (!load.signed) return piece.value;
      return load.size === 4 || load.size === 8
        ? piece.value
        : make.make(Op.extend, "i32", [piece.value], load.size * 8);
    }
    return undefined;
  }

  loaded(load: Value): void {
    if (!load.signed || load.size >= 4) this.#add({ ...placeOf(load), size: load.size, value: load });
  }

  stored(make: Appender, store: Value): void {
    const { base, offset } = placeOf(store);
    const end = offset + store.size;
    this.#known = this.#known.filter((piece) => {
      if (piece.base === base) return piece.offset >= end || piece.offset + piece.size <= offset;
      const frames = (piece.base.op === Op.frame ? 1 : 0) + (base.op === Op.frame ? 1 : 0);
      return frames === 1 && !this.#frameEscapes;
    });
    const value = store.args[1]!;
    const kept =
      store.size >= 4 ? value : binary(make, Op.and, value, make.i32(store.size === 1 ? 0xff : 0xffff));
    this.#add({ base, offset, size: store.size, value: kept });
  }

  forget(): void {
    this.#known = [];
  }

  #add(piece: Known): void {
    if (this.#known.length >= MOST) this.#known.shift();
    this.#known.push(piece);
  }
}
