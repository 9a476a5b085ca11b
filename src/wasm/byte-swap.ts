import type { Local } from "./entities.ts";
import type { FunctionBuilder } from "./function.ts";

/** Pops four bytes and pushes them in reverse order, by way of a local; WebAssembly has no instruction for it. */
export function emitSwap32(f: FunctionBuilder, word: Local): FunctionBuilder {
  f.set(word).get(word).i32.const(0x00ff_00ff).i32.and().i32.const(8).i32.rotr();
  return f.get(word).i32.const(0xff00_ff00).i32.and().i32.const(8).i32.rotl().i32.or();
}
