import { MAP_HEADER_SIZE } from "../maps/index.ts";
import type { FunctionBuilder, Local } from "../wasm/index.ts";

/** Pushes a field of the header of the map whose offset is in a local. */
export function field(f: FunctionBuilder, map: Local, at: number): FunctionBuilder {
  return f
    .get(map)
    .i32.const(at - MAP_HEADER_SIZE)
    .i32.add()
    .i32.load();
}
