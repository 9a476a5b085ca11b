import type { DataSegment, ElementSegment, Func, Global, Memory, Table } from "./entities.ts";
import type { FunctionBuilder } from "./function.ts";
import type { FuncType } from "./types.ts";

/** What an import or export names. */
export type ExternalKind = "func" | "table" | "memory" | "global";

/** One entry of the import section. */
export interface Import {
  readonly module: string;
  readonly field: string;
  readonly entity: Func | Table | Memory | Global;
}

/** One entry of the export section. */
export interface Export {
  readonly name: string;
  readonly entity: Func | Table | Memory | Global;
}

/** The first value of a global: a number, an imported immutable global, a function, or null for references. */
export type GlobalInit = number | bigint | Global | Func | null;

/** A global that the module defines. */
export interface DefinedGlobal extends Global {
  readonly init: GlobalInit;
}

/** Where an active segment starts: a constant or an imported immutable i32 global. */
export type SegmentOffset = number | Global;

/** An element segment: active where it has a table, else passive. */
export interface Elements extends ElementSegment {
  readonly table: Table | undefined;
  readonly offset: SegmentOffset;
  readonly functions: readonly Func[];
}

/** A data segment: active where it has an offset, else passive. */
export interface Data extends DataSegment {
  readonly offset: SegmentOffset | undefined;
  readonly bytes: Uint8Array;
}

/** What a module builder has gathered, in the order of each index space. */
export interface ModuleParts {
  readonly name: string | undefined;
  readonly types: FuncType[];
  readonly imports: Import[];
  /** Imports so far, by index space. */
  readonly importCounts: Record<ExternalKind, number>;
  readonly functions: FunctionBuilder[];
  readonly tables: Table[];
  readonly globals: DefinedGlobal[];
  readonly exports: Export[];
  readonly elementSegments: Elements[];
  readonly dataSegments: Data[];
  memory: Memory | undefined;
  start: Func | undefined;
}
