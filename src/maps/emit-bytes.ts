import type { FunctionBuilder, Local } from "../wasm/index.ts";

/** Longer ranges are copied and cleared by the bulk instructions, which cost a call out of Wasm. */
const INLINE_BYTES = 128;

/** A place in the memory: an offset in a local, and bytes added to it. */
export interface Place {
  readonly base: Local;
  readonly plus: number;
}

/** Emits a copy of a fixed number of bytes, in the widest words that fit; neither place need be aligned. */
export function emitCopy(f: FunctionBuilder, to: Place, from: Place, size: number): void {
  if (size > INLINE_BYTES) {
    emitPlace(f, to);
    emitPlace(f, from);
    f.i32.const(size).memoryCopy();
    return;
  }
  let at = 0;
  for (; size - at >= 8; at += 8) {
    f.get(to.base)
      .get(from.base)
      .i64.load(from.plus + at, 1)
      .i64.store(to.plus + at, 1);
  }
  if (size - at >= 4) {
    f.get(to.base)
      .get(from.base)
      .i32.load(from.plus + at, 1)
      .i32.store(to.plus + at, 1);
    at += 4;
  }
  if (size - at >= 2) {
    f.get(to.base)
      .get(from.base)
      .i32.load16U(from.plus + at, 1)
      .i32.store16(to.plus + at, 1);
    at += 2;
  }
  if (size - at === 1) {
    f.get(to.base)
      .get(from.base)
      .i32.load8U(from.plus + at)
      .i32.store8(to.plus + at);
  }
}

/** Emits the clearing of a fixed number of bytes, a multiple of 8. */
export function emitClear(f: FunctionBuilder, at: Place, size: number): void {
  if (size > INLINE_BYTES) {
    emitPlace(f, at);
    f.i32.const(0).i32.const(size).memoryFill();
    return;
  }
  for (let done = 0; done < size; done += 8)
    f.get(at.base)
      .i64.const(0)
      .i64.store(at.plus + done, 1);
}

function emitPlace(f: FunctionBuilder, { base, plus }: Place): void {
  f.get(base);
  if (plus !== 0) f.i32.const(plus).i32.add();
}
