import type { FunctionBuilder, Local } from "../wasm/index.ts";

/** Body of `(i64) → i64`: the eight bytes in reverse order; Wasm has no instruction for it. */
export function emitSwap64(f: FunctionBuilder): void {
  const [value] = f.params as [Local];
  const BYTES = 0x00ff_00ff;
  const HALVES = 0x0000_ffff;
  f.get(value).i64.constPair(BYTES, BYTES).i64.and().i64.const(8).i64.shl();
  f.get(value).i64.const(8).i64.shrU().i64.constPair(BYTES, BYTES).i64.and().i64.or().set(value);
  f.get(value).i64.constPair(HALVES, HALVES).i64.and().i64.const(16).i64.shl();
  f.get(value).i64.const(16).i64.shrU().i64.constPair(HALVES, HALVES).i64.and().i64.or();
  f.i64.const(32).i64.rotl();
}
