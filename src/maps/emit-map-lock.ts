import { emitParallel, type MemoryImports } from "../mem/index.ts";
import type { FunctionBuilder } from "../wasm/index.ts";
import { MapField } from "./map-header.ts";
import { emitHeader, type MapOperand } from "./map-operand.ts";

/** Emits the lock, or unlock, of a map that has one for all of it, where several executors may be at work. */
export function emitMapLock(
  f: FunctionBuilder,
  memory: MemoryImports,
  name: "lock" | "unlock",
  map: MapOperand,
): void {
  emitParallel(f).if(() => {
    emitHeader(f, map).i32.const(MapField.LOCK).i32.add().call(memory.function(name));
  });
}
