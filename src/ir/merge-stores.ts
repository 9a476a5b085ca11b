import { bigOf, fromBig, isConst } from "./constants.ts";
import { extendU, wrap } from "./fold.ts";
import { Appender, type IrFunction } from "./function.ts";
import { placeOf } from "./memory-state.ts";
import { settle } from "./settle.ts";
import { type Block, isClobber, isPure, Op, resolveArgs, type Value } from "./value.ts";

/** Bytes side by side that are stored one behind the other, and what they are of: as many bytes of one value, or known. */
interface Run {
  readonly stores: Value[];
  readonly base: Value;
  /** Of the lowest byte, and how many there are. */
  offset: number;
  size: number;
  readonly content: Content;
}

/** What a store writes: bytes of a value from a bit on, or a number. */
type Content =
  | {
      readonly kind: "part";
      readonly root: Value;
      shift: number;
      /** Whether the byte with the lowest address has the lowest bits; null as long as there is one store. */
      order: "little" | "big" | null;
    }
  | { readonly kind: "known"; bytes: bigint };

/**
 * Programs write numbers of the network's byte order, and numbers that may not be aligned, byte by byte. Such a ladder
 * becomes one store, of the value itself or of its bytes in reverse; so do constants side by side.
 *
 * @returns whether there was one.
 */
export function mergeStores(func: IrFunction): boolean {
  let merged = false;
  for (const block of func.inOrder()) {
    if (block.values.filter(({ op }) => op === Op.store).length < 2) continue;
    if (new StoreLadders(func, block).merge()) merged = true;
  }
  if (merged) settle(func);
  return merged;
}

class StoreLadders {
  readonly #block: Block;
  readonly #make: Appender;
  #run: Run | null = null;
  /** Stores that a wide one stands for. */
  readonly #gone = new Set<Value>();
  #found = false;

  constructor(func: IrFunction, block: Block) {
    this.#block = block;
    this.#make = new Appender(func);
  }

  merge(): boolean {
    const make = this.#make;
    make.begin(this.#block);
    for (const value of this.#block.values) {
      resolveArgs(value);
      if (value.op === Op.store) {
        if (!this.#extends(value)) {
          this.#end();
          this.#run = runOf(value);
        }
        make.append(value);
        continue;
      }
      // What reads memory, or leaves the function, sees what was stored up to there.
      if (!isPure(value) || isClobber(value)) this.#end();
      make.append(value);
    }
    this.#end();
    this.#block.values = make.values.filter((value) => !this.#gone.has(value));
    return this.#found;
  }

  /** Whether a store goes on with the run, and is part of it now. */
  #extends(store: Value): boolean {
    const run = this.#run;
    if (run === null) return false;
    const { base, offset } = placeOf(store);
    if (base !== run.base || run.size + store.size > 8) return false;
    const above = offset === run.offset + run.size;
    if (!above && offset + store.size !== run.offset) return false;
    if (!joined(run, store, above)) return false;
    run.stores.push(store);
    if (!above) run.offset = offset;
    run.size += store.size;
    return true;
  }

  /** The run is over: where its bytes are those of one store, that stands in the place of the last. */
  #end(): void {
    const run = this.#run;
    this.#run = null;
    if (run === null || run.stores.length < 2 || (run.size !== 2 && run.size !== 4 && run.size !== 8)) return;
    const make = this.#make;
    const last = run.stores.at(-1)!;
    make.func.slot = last.slot;
    const content = contentOf(make, run);
    if (content === undefined) return;
    for (const store of run.stores) this.#gone.add(store);
    make.effect(Op.store, "void", [run.base, content], { imm: run.offset, size: run.size });
    this.#found = true;
  }
}

function runOf(store: Value): Run | null {
  if (store.size === 8) return null;
  const { base, offset } = placeOf(store);
  return { stores: [store], base, offset, size: store.size, content: contentBegun(store) };
}

function contentBegun(store: Value): Content {
  const value = store.args[1]!;
  if (isConst(value)) return { kind: "known", bytes: bytesOf(value, store.size) };
  return { kind: "part", ...partOf(value, store.size), order: null };
}

/** What `size` bytes of a known number are, the lowest first. */
function bytesOf({ imm }: Value, size: number): bigint {
  return BigInt.asUintN(8 * size, BigInt(imm >>> 0));
}

/** The value that `size` bytes of a stored one are some bits of, and from which on. */
function partOf(value: Value, size: number): { readonly root: Value; readonly shift: number } {
  const bits = 8 * size;
  let root = value;
  let shift = 0;
  for (;;) {
    const [inner, by] = root.args;
    const width = root.type === "i64" ? 64 : 32;
    switch (root.op) {
      case Op.wrap:
        root = inner!;
        continue;
      case Op.extendU:
        // What is above its half is 0.
        if (shift + bits > 32) return { root, shift };
        root = inner!;
        continue;
      case Op.shrU: {
        if (!isConst(by!)) return { root, shift };
        const moved = shift + (by.imm & (width - 1));
        if (moved + bits > width) return { root, shift };
        shift = moved;
        root = inner!;
        continue;
      }
      case Op.and:
        if (!isConst(by!) || BigInt.asUintN(bits, ~(bigOf(by) >> BigInt(shift))) !== 0n)
          return { root, shift };
        root = inner!;
        continue;
      default:
        return { root, shift };
    }
  }
}

/** Makes the content of a run include that of a store next to it. @returns whether it could. */
function joined(run: Run, store: Value, above: boolean): boolean {
  const { content } = run;
  const value = store.args[1]!;
  if (content.kind === "known") {
    if (!isConst(value)) return false;
    const bytes = bytesOf(value, store.size);
    content.bytes = above
      ? content.bytes | (bytes << BigInt(8 * run.size))
      : (content.bytes << BigInt(8 * store.size)) | bytes;
    return true;
  }
  if (isConst(value)) return false;
  const { root, shift } = partOf(value, store.size);
  if (root !== content.root) return false;
  const higher = shift === content.shift + 8 * run.size;
  const lower = shift + 8 * store.size === content.shift;
  if (!higher && !lower) return false;
  const order = higher === above ? "little" : "big";
  // Of bytes in reverse, each stands alone.
  if (order === "big" && (store.size !== 1 || run.stores.some(({ size }) => size !== 1))) return false;
  if (content.order !== null && content.order !== order) return false;
  content.order = order;
  if (lower) content.shift = shift;
  return true;
}

function contentOf(make: Appender, { content, size }: Run): Value | undefined {
  if (content.kind === "known") {
    const value = fromBig(make, content.bytes);
    return size === 8 ? value : wrap(make, value);
  }
  const { root, shift, order } = content;
  const bits = root.type === "i64" ? 64 : 32;
  // Bits above the value's are 0 where they were shifted in.
  if (shift + 8 * size > bits) return undefined;
  const amount = bits === 64 ? make.i64(shift, 0) : make.i32(shift);
  const part = shift === 0 ? root : make.make(Op.shrU, root.type, [root, amount]);
  const sized = size === 8 ? part : part.type === "i64" ? wrap(make, part) : part;
  if (order !== "big") return size === 8 && sized.type === "i32" ? extendU(make, sized) : sized;
  return make.make(Op.bswap, size === 8 ? "i64" : "i32", [sized], 8 * size);
}
