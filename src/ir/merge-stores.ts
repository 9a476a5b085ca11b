import { Appender } from "./appender.ts";
import { bigOf, fromBig } from "./constants.ts";
import { extendU, wrap } from "./fold.ts";
import type { IrFunction } from "./function.ts";
import { baseOf, offsetFrom } from "./memory-state.ts";
import { settle } from "./settle.ts";
import { type Block, isClobber, isPure, Op, type Value } from "./value.ts";

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
    if (block.values.filter((value) => func.op(value) === Op.store).length < 2) continue;
    if (new StoreLadders(func, block).merge()) merged = true;
  }
  if (merged) settle(func);
  return merged;
}

class StoreLadders {
  readonly #func: IrFunction;
  readonly #block: Block;
  readonly #make: Appender;
  #run: Run | null = null;
  /** Stores that a wide one stands for. */
  readonly #gone = new Set<Value>();
  #found = false;

  constructor(func: IrFunction, block: Block) {
    this.#func = func;
    this.#block = block;
    this.#make = new Appender(func);
  }

  merge(): boolean {
    const make = this.#make;
    const func = this.#func;
    make.begin(this.#block);
    for (const value of this.#block.values) {
      func.resolveArgs(value);
      const op = func.op(value);
      if (op === Op.store) {
        if (!this.#extends(value)) {
          this.#end();
          this.#run = runOf(func, value);
        }
        make.append(value);
        continue;
      }
      // What reads memory, or leaves the function, sees what was stored up to there.
      if (!isPure(op) || isClobber(op)) this.#end();
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
    const func = this.#func;
    const size = func.size(store);
    if (baseOf(func, store) !== run.base || run.size + size > 8) return false;
    const offset = offsetFrom(func, store);
    const above = offset === run.offset + run.size;
    if (!above && offset + size !== run.offset) return false;
    if (!joined(func, run, store, above)) return false;
    run.stores.push(store);
    if (!above) run.offset = offset;
    run.size += size;
    return true;
  }

  /** The run is over: where its bytes are those of one store, that stands in the place of the last. */
  #end(): void {
    const run = this.#run;
    this.#run = null;
    if (run === null || run.stores.length < 2 || (run.size !== 2 && run.size !== 4 && run.size !== 8)) return;
    const make = this.#make;
    const last = run.stores.at(-1)!;
    this.#func.slot = this.#func.slotOf(last);
    const content = contentOf(make, run);
    if (content === undefined) return;
    for (const store of run.stores) this.#gone.add(store);
    make.effect(Op.store, "void", [run.base, content], { imm: run.offset, size: run.size });
    this.#found = true;
  }
}

function runOf(func: IrFunction, store: Value): Run | null {
  const size = func.size(store);
  if (size === 8) return null;
  const base = baseOf(func, store);
  return { stores: [store], base, offset: offsetFrom(func, store), size, content: contentBegun(func, store) };
}

function contentBegun(func: IrFunction, store: Value): Content {
  const value = func.arg(store, 1);
  const size = func.size(store);
  if (func.isConst(value)) return { kind: "known", bytes: bytesOf(func, value, size) };
  return { kind: "part", ...partOf(func, value, size), order: null };
}

/** What `size` bytes of a known number are, the lowest first. */
function bytesOf(func: IrFunction, value: Value, size: number): bigint {
  return BigInt.asUintN(8 * size, BigInt(func.imm(value) >>> 0));
}

/** The value that `size` bytes of a stored one are some bits of, and from which on. */
function partOf(
  func: IrFunction,
  value: Value,
  size: number,
): { readonly root: Value; readonly shift: number } {
  const bits = 8 * size;
  let root = value;
  let shift = 0;
  for (;;) {
    const width = func.isWide(root) ? 64 : 32;
    const inner = () => func.arg(root, 0);
    switch (func.op(root)) {
      case Op.wrap:
        root = inner();
        continue;
      case Op.extendU:
        // What is above its half is 0.
        if (shift + bits > 32) return { root, shift };
        root = inner();
        continue;
      case Op.shrU: {
        const by = func.arg(root, 1);
        if (!func.isConst(by)) return { root, shift };
        const moved = shift + (func.imm(by) & (width - 1));
        if (moved + bits > width) return { root, shift };
        shift = moved;
        root = inner();
        continue;
      }
      case Op.and: {
        const by = func.arg(root, 1);
        if (!func.isConst(by) || BigInt.asUintN(bits, ~(bigOf(func, by) >> BigInt(shift))) !== 0n)
          return { root, shift };
        root = inner();
        continue;
      }
      default:
        return { root, shift };
    }
  }
}

/** Makes the content of a run include that of a store next to it. @returns whether it could. */
function joined(func: IrFunction, run: Run, store: Value, above: boolean): boolean {
  const { content } = run;
  const value = func.arg(store, 1);
  const size = func.size(store);
  if (content.kind === "known") {
    if (!func.isConst(value)) return false;
    const bytes = bytesOf(func, value, size);
    content.bytes = above
      ? content.bytes | (bytes << BigInt(8 * run.size))
      : (content.bytes << BigInt(8 * size)) | bytes;
    return true;
  }
  if (func.isConst(value)) return false;
  const { root, shift } = partOf(func, value, size);
  if (root !== content.root) return false;
  const higher = shift === content.shift + 8 * run.size;
  const lower = shift + 8 * size === content.shift;
  if (!higher && !lower) return false;
  const order = higher === above ? "little" : "big";
  // Of bytes in reverse, each stands alone.
  if (order === "big" && (size !== 1 || run.stores.some((other) => func.size(other) !== 1))) return false;
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
  const { func } = make;
  const { root, shift, order } = content;
  const bits = func.isWide(root) ? 64 : 32;
  // Bits above the value's are 0 where they were shifted in.
  if (shift + 8 * size > bits) return undefined;
  const amount = bits === 64 ? make.i64(shift, 0) : make.i32(shift);
  const part = shift === 0 ? root : make.two(Op.shrU, func.type(root), root, amount);
  const sized = size === 8 ? part : func.isWide(part) ? wrap(make, part) : part;
  if (order !== "big") return size === 8 && !func.isWide(sized) ? extendU(make, sized) : sized;
  return make.one(Op.bswap, size === 8 ? "i64" : "i32", sized, 8 * size);
}
