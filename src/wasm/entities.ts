import type { FuncType, Limits, MemoryLimits, ReferenceType, ValueType } from "./types.ts";

/**
 * Things of a module that instructions name. Imports come first in every index space, so the index of what the
 * module itself defines is `imports + ordinal`; it is filled in when the module is finished, and imports can be
 * added at any time before.
 */
interface Entity {
  /** The module builder that made it. */
  readonly owner: object;
  readonly name: string;
  readonly imported: boolean;
  /** Position among the imported, or among the defined, of its kind. */
  readonly ordinal: number;
}

/** A function, imported or defined. */
export interface Func extends Entity {
  readonly kind: "func";
  readonly type: FuncType;
}

/** A global variable, imported or defined. */
export interface Global extends Entity {
  readonly kind: "global";
  readonly type: ValueType;
  readonly mutable: boolean;
}

/** A table of references. */
export interface Table extends Entity {
  readonly kind: "table";
  readonly type: ReferenceType;
  readonly limits: Limits;
}

/** The module's one memory (index 0). */
export interface Memory extends Entity {
  readonly kind: "memory";
  readonly limits: MemoryLimits;
}

/** A data segment, for `memory.init` and `data.drop`. */
export interface DataSegment {
  readonly owner: object;
  readonly index: number;
}

/** An element segment, for `table.init` and `elem.drop`. */
export interface ElementSegment {
  readonly owner: object;
  readonly index: number;
}

/** A parameter or local variable of one function. */
export interface Local {
  /** The function builder that made it. */
  readonly owner: object;
  readonly index: number;
  readonly type: ValueType;
  readonly name: string | undefined;
}

/** The target of branches: a block's end, or a loop's start. Made by the function builder, which computes depths. */
export interface Label {
  readonly kind: "function" | "block" | "loop" | "if" | "else";
  /** Number of blocks around it. */
  readonly height: number;
}
