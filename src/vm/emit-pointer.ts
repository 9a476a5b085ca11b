import { KERNEL_BASE_HIGH } from "../mem/index.ts";
import type { FunctionBuilder, Local } from "../wasm/index.ts";

/** Pushes the address of an offset; NULL stays NULL. */
export function emitPointer(f: FunctionBuilder, offset: Local): void {
  f.get(offset).i64.extendI32U().i64.constPair(0, KERNEL_BASE_HIGH).i64.or().i64.const(0);
  f.get(offset).select();
}
