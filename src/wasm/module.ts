import type { DataSegment, ElementSegment, Func, Global, Memory, Table } from "./entities.ts";
import { checkLimit, WasmError } from "./errors.ts";
import { FunctionBuilder } from "./function.ts";
import { LIMITS } from "./limits.ts";
import type { Data, DefinedGlobal, Elements, GlobalInit, ModuleParts, SegmentOffset } from "./parts.ts";
import { encodeModule } from "./sections.ts";
import type { FuncType, Limits, MemoryLimits, ReferenceType, Signature, ValueType } from "./types.ts";

/** How a module is built. */
export interface ModuleOptions {
  /** Validate every instruction while building; off by default, as it costs several times the building. */
  readonly check?: boolean;
  /** Write the `name` section (functions and named locals), which stack traces and printing use. Default true. */
  readonly names?: boolean;
  /** The module's own name in the `name` section. */
  readonly name?: string;
}

/**
 * Builds a WebAssembly module: types, imports, functions, a memory, tables, globals, segments, exports. Its
 * parts may be added in any order, imports after functions too, until `finish()` gives the bytes.
 *
 * ```ts
 * const m = new ModuleBuilder();
 * const memory = m.importMemory("env", "memory", { min: 1, max: 16, shared: true });
 * const sum = m.function("sum", { params: ["i32", "i32"], results: ["i32"] }, { export: true });
 * const [a, b] = sum.params;
 * sum.get(a).get(b).i32.add();
 * new WebAssembly.Module(m.finish());
 * ```
 */
export class ModuleBuilder {
  readonly #check: boolean;
  readonly #names: boolean;
  readonly #parts: ModuleParts;
  readonly #typeIndex = new Map<string, FuncType>();
  readonly #exportNames = new Set<string>();
  #finished = false;

  constructor(options: ModuleOptions = {}) {
    this.#check = options.check ?? false;
    this.#names = options.names ?? true;
    this.#parts = {
      name: options.name,
      types: [],
      imports: [],
      importCounts: { func: 0, global: 0, table: 0, memory: 0 },
      functions: [],
      tables: [],
      globals: [],
      exports: [],
      elementSegments: [],
      dataSegments: [],
      memory: undefined,
      start: undefined,
    };
  }

  /** The type of a signature: the same object for equal signatures. */
  type(signature: Signature): FuncType {
    const params = signature.params ?? [];
    const results = signature.results ?? [];
    const key = `${params.join()}>${results.join()}`;
    let type = this.#typeIndex.get(key);
    if (type === undefined) {
      checkLimit("parameters of a type", LIMITS.params, params.length);
      checkLimit("results of a type", LIMITS.results, results.length);
      type = { index: this.#parts.types.length, params: [...params], results: [...results] };
      this.#parts.types.push(type);
      this.#typeIndex.set(key, type);
    }
    return type;
  }

  importFunction(module: string, field: string, signature: Signature): Func {
    const ordinal = this.#parts.importCounts.func;
    return this.#import(module, field, {
      kind: "func",
      owner: this,
      name: field,
      imported: true,
      ordinal,
      type: this.type(signature),
    });
  }

  importMemory(module: string, field: string, limits: MemoryLimits): Memory {
    const memory = this.#newMemory(field, limits, true);
    return this.#import(module, field, memory);
  }

  importTable(module: string, field: string, limits: Limits, type: ReferenceType = "funcref"): Table {
    checkLimits(`table ${field}`, limits, LIMITS.tableEntries);
    const ordinal = this.#parts.importCounts.table;
    return this.#import(module, field, {
      kind: "table",
      owner: this,
      name: field,
      imported: true,
      ordinal,
      type,
      limits,
    });
  }

  importGlobal(module: string, field: string, type: ValueType, options: { mutable?: boolean } = {}): Global {
    const ordinal = this.#parts.importCounts.global;
    const mutable = options.mutable ?? false;
    return this.#import(module, field, {
      kind: "global",
      owner: this,
      name: field,
      imported: true,
      ordinal,
      type,
      mutable,
    });
  }

  /** A new function, whose body is written through what this returns, now or later. */
  function(
    name: string,
    signature: Signature,
    options: { readonly export?: boolean | string } = {},
  ): FunctionBuilder {
    this.#open();
    const type = this.type(signature);
    const func = new FunctionBuilder(this, name, this.#parts.functions.length, type, this.#check);
    this.#parts.functions.push(func);
    if (options.export === true) this.export(name, func);
    else if (typeof options.export === "string") this.export(options.export, func);
    return func;
  }

  /** A memory of the module's own. */
  memory(limits: MemoryLimits): Memory {
    return this.#newMemory("memory", limits, false);
  }

  table(limits: Limits, type: ReferenceType = "funcref"): Table {
    this.#open();
    checkLimits("table", limits, LIMITS.tableEntries);
    const ordinal = this.#parts.tables.length;
    const table: Table = {
      kind: "table",
      owner: this,
      name: `table ${ordinal}`,
      imported: false,
      ordinal,
      type,
      limits,
    };
    this.#parts.tables.push(table);
    return table;
  }

  global(
    name: string,
    type: ValueType,
    options: { readonly init?: GlobalInit; readonly mutable?: boolean } = {},
  ): Global {
    this.#open();
    const integer = type === "i32" || type === "i64";
    const init = options.init ?? (integer ? 0 : null);
    checkInit(name, type, init);
    const global: DefinedGlobal = {
      kind: "global",
      owner: this,
      name,
      imported: false,
      ordinal: this.#parts.globals.length,
      type,
      mutable: options.mutable ?? false,
      init,
    };
    this.#parts.globals.push(global);
    return global;
  }

  export(name: string, entity: Func | Table | Memory | Global): this {
    this.#open();
    this.#own(entity);
    if (this.#exportNames.has(name)) throw new WasmError(`export "${name}" exists already`);
    this.#exportNames.add(name);
    this.#parts.exports.push({ name, entity });
    return this;
  }

  /** Puts functions into a table from `offset` on, at instantiation. */
  elements(table: Table, offset: SegmentOffset, functions: readonly Func[]): ElementSegment {
    this.#own(table);
    return this.#elements(table, offset, functions);
  }

  /** Functions for `table.init`. */
  passiveElements(functions: readonly Func[]): ElementSegment {
    return this.#elements(undefined, 0, functions);
  }

  /** Puts bytes into the memory at `offset`, at instantiation. */
  data(offset: SegmentOffset, bytes: Uint8Array): DataSegment {
    return this.#data(offset, bytes);
  }

  /** Bytes for `memory.init`. */
  passiveData(bytes: Uint8Array): DataSegment {
    return this.#data(undefined, bytes);
  }

  /** Runs `func` (no parameters, no results) at instantiation. */
  start(func: Func): this {
    this.#open();
    this.#own(func);
    if (func.type.params.length + func.type.results.length !== 0) {
      throw new WasmError("start: expected a function without parameters and results", {
        function: func.name,
      });
    }
    this.#parts.start = func;
    return this;
  }

  /** The module's bytes. Nothing can be added afterwards; throws where a block is open or a limit exceeded. */
  finish(): Uint8Array {
    this.#open();
    if (
      this.#parts.memory === undefined &&
      this.#parts.dataSegments.some((data) => data.offset !== undefined)
    ) {
      throw new WasmError("data segment without a memory");
    }
    checkLimit("types", LIMITS.types, this.#parts.types.length);
    checkLimit("imports", LIMITS.imports, this.#parts.imports.length);
    checkLimit("functions", LIMITS.functions, this.#parts.functions.length + this.#parts.importCounts.func);
    checkLimit("globals", LIMITS.globals, this.#parts.globals.length + this.#parts.importCounts.global);
    checkLimit("tables", LIMITS.tables, this.#parts.tables.length + this.#parts.importCounts.table);
    checkLimit("exports", LIMITS.exports, this.#parts.exports.length);
    checkLimit("element segments", LIMITS.elementSegments, this.#parts.elementSegments.length);
    checkLimit("data segments", LIMITS.dataSegments, this.#parts.dataSegments.length);
    // Bodies are closed one by one: a module whose encoding failed cannot be built on.
    this.#finished = true;
    const bytes = encodeModule(this.#parts, this.#names);
    checkLimit("module bytes", LIMITS.moduleBytes, bytes.length);
    return bytes;
  }

  #open(): void {
    if (this.#finished) throw new WasmError("the module is finished");
  }

  #own(entity: { readonly owner: object; readonly name: string }): void {
    if (entity.owner !== this) throw new WasmError(`${entity.name} is of another module`);
  }

  #import<T extends Func | Table | Memory | Global>(module: string, field: string, entity: T): T {
    this.#open();
    this.#parts.imports.push({ module, field, entity });
    this.#parts.importCounts[entity.kind]++;
    return entity;
  }

  #newMemory(name: string, limits: MemoryLimits, imported: boolean): Memory {
    this.#open();
    if (this.#parts.memory !== undefined) throw new WasmError("expected at most one memory, got two");
    checkLimits(`memory ${name}`, limits, LIMITS.memoryPages);
    if (limits.shared && limits.max === undefined) {
      throw new WasmError(`memory ${name}: a shared memory needs a maximum`);
    }
    return (this.#parts.memory = { kind: "memory", owner: this, name, imported, ordinal: 0, limits });
  }

  #elements(table: Table | undefined, offset: SegmentOffset, functions: readonly Func[]): ElementSegment {
    this.#open();
    for (const func of functions) this.#own(func);
    checkOffset(offset);
    const segment: Elements = {
      owner: this,
      index: this.#parts.elementSegments.length,
      table,
      offset,
      functions: [...functions],
    };
    this.#parts.elementSegments.push(segment);
    return segment;
  }

  #data(offset: SegmentOffset | undefined, bytes: Uint8Array): DataSegment {
    this.#open();
    if (offset !== undefined) checkOffset(offset);
    const segment: Data = { owner: this, index: this.#parts.dataSegments.length, offset, bytes };
    this.#parts.dataSegments.push(segment);
    return segment;
  }
}

function checkLimits(what: string, { min, max }: Limits, bound: number): void {
  for (const value of max === undefined ? [min] : [min, max]) {
    if (!(Number.isInteger(value) && value >= 0)) {
      throw new WasmError(`${what}: expected a size, got ${value}`);
    }
  }
  checkLimit(`${what}: size`, bound, min);
  if (max !== undefined && max < min) {
    throw new WasmError(`${what}: expected a maximum of at least ${min}, got ${max}`);
  }
}

function checkOffset(offset: SegmentOffset): void {
  if (typeof offset === "number") {
    if (!(Number.isInteger(offset) && offset >= 0 && offset <= 0xffff_ffff)) {
      throw new WasmError(`segment: expected an offset of 32 bits, got ${offset}`);
    }
  } else if (!offset.imported || offset.mutable || offset.type !== "i32") {
    throw new WasmError(`segment: expected an imported immutable i32 as offset, got global ${offset.name}`);
  }
}

function checkInit(name: string, type: ValueType, init: GlobalInit): void {
  let found: string;
  if (init === null) found = type === "i32" || type === "i64" ? "null" : type;
  else if (typeof init === "object") {
    if (init.kind === "func") found = "funcref";
    else found = init.imported && !init.mutable ? init.type : `the defined or mutable global ${init.name}`;
  } else {
    const integer = typeof init === "bigint" ? init : Number.isSafeInteger(init) ? BigInt(init) : undefined;
    const bits = type === "i32" ? 32n : 64n;
    const fits = integer !== undefined && integer >= -(1n << (bits - 1n)) && integer < 1n << bits;
    found = fits && (type === "i32" || type === "i64") ? type : String(init);
  }
  if (found !== type) throw new WasmError(`global ${name}: expected ${type} as first value, got ${found}`);
}
