import type { KernelMemory } from "../mem/index.ts";
import type { FunctionBuilder, Local } from "../wasm/index.ts";
import { MAP_HEADER_SIZE } from "./map-header.ts";

/** The map that emitted code works on: one that a local names, or one that is known when the code is emitted. */
export type MapOperand =
  | {
      readonly kind: "local";
      /** Holds the offset of the map's header. */
      readonly header: Local;
    }
  | {
      readonly kind: "constant";
      /** Offset of the map's header. */
      readonly header: number;
      /** A fixed field of the header, as a signed word. */
      readonly read: (field: number) => number;
    };

/** A map that exists, as a constant of the code that is emitted: that code must not outlive it. */
export function constantMap(memory: KernelMemory, map: number): MapOperand {
  const header = map - MAP_HEADER_SIZE;
  return { kind: "constant", header, read: (field) => memory.words()[(header + field) >>> 2]! };
}

/** Emits the computation of the header from a map's offset, once, and gives the map as an operand. */
export function emitMapOperand(f: FunctionBuilder, map: Local): MapOperand {
  const header = f.local("i32", "header");
  f.get(map).i32.const(MAP_HEADER_SIZE).i32.sub().set(header);
  return { kind: "local", header };
}

/** Emits the header's offset onto the stack. */
export function emitHeader(f: FunctionBuilder, map: MapOperand): FunctionBuilder {
  return map.kind === "local" ? f.get(map.header) : f.i32.const(map.header);
}

/** Emits a fixed field onto the stack. */
export function emitFixed(f: FunctionBuilder, map: MapOperand, field: number): FunctionBuilder {
  return map.kind === "local" ? f.get(map.header).i32.load(field) : f.i32.const(map.read(field));
}

/** Emits a fixed field of 64 bits onto the stack. */
export function emitFixed64(f: FunctionBuilder, map: MapOperand, field: number): FunctionBuilder {
  return map.kind === "local"
    ? f.get(map.header).i64.load(field)
    : f.i64.constPair(map.read(field), map.read(field + 4));
}

/** Emits a changing field onto the stack. */
export function emitChanging(f: FunctionBuilder, map: MapOperand, field: number): FunctionBuilder {
  return emitHeader(f, map).i32.load(field);
}
