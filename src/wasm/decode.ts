import { FormatError, textOf } from "../base/index.ts";
import { LIMITS } from "./limits.ts";
import { ModuleReader } from "./module-reader.ts";
import { type ModuleNames, readNames } from "./names.ts";
import type { ExternalKind } from "./parts.ts";
import { SECTION } from "./section-ids.ts";
import { type MemoryLimits, type ReferenceType, type ValueType, valueTypeOf } from "./types.ts";

export interface DecodedType {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

export interface DecodedTable {
  readonly type: ReferenceType;
  readonly limits: MemoryLimits;
}

export interface DecodedGlobal {
  readonly type: ValueType;
  readonly mutable: boolean;
  /** The constant expression, without its `end`; `undefined` for an import. */
  readonly init: Uint8Array | undefined;
}

export interface DecodedFunction {
  readonly type: number;
  /** Types of the locals after the parameters. */
  readonly locals: readonly ValueType[];
  /** The instructions, the last `end` included; `undefined` for an import. */
  readonly code: Uint8Array | undefined;
}

export interface DecodedImport {
  readonly module: string;
  readonly field: string;
  readonly kind: ExternalKind;
  /** Index in its index space. */
  readonly index: number;
}

export interface DecodedExport {
  readonly name: string;
  readonly kind: ExternalKind;
  readonly index: number;
}

export interface DecodedElements {
  readonly mode: "active" | "passive" | "declare";
  readonly table: number;
  readonly offset: Uint8Array | undefined;
  readonly functions: readonly number[];
}

export interface DecodedData {
  readonly offset: Uint8Array | undefined;
  readonly bytes: Uint8Array;
}

/** A module taken apart: index spaces hold imports first. */
export interface DecodedModule {
  readonly types: DecodedType[];
  readonly imports: DecodedImport[];
  readonly functions: DecodedFunction[];
  readonly tables: DecodedTable[];
  readonly memories: MemoryLimits[];
  readonly globals: DecodedGlobal[];
  readonly exports: DecodedExport[];
  readonly elements: DecodedElements[];
  readonly data: DecodedData[];
  start: number | undefined;
  names: ModuleNames;
}

const KINDS: readonly ExternalKind[] = ["func", "table", "memory", "global"];
const MAGIC = 0x6d73_6100;

/** The order of sections in a module (specification 5.5.17), by section number. */
const ORDER: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 10];

/**
 * Takes a module apart, as far as this encoder writes modules (integers and references, one memory).
 *
 * @throws {FormatError} where the bytes are not such a module.
 */
export function decodeModule(bytes: Uint8Array): DecodedModule {
  const reader = new ModuleReader(bytes, { what: "wasm module" });
  if (reader.u32() !== MAGIC) reader.fail("expected the magic number of a WebAssembly module", 0);
  const version = reader.u32();
  if (version !== 1) reader.fail(`expected version 1, got ${version}`, 4);
  const module: DecodedModule = {
    types: [],
    imports: [],
    functions: [],
    tables: [],
    memories: [],
    globals: [],
    exports: [],
    elements: [],
    data: [],
    start: undefined,
    names: { module: undefined, functions: new Map(), locals: new Map(), globals: new Map() },
  };
  const declared: number[] = [];
  let bodies = 0;
  let last = 0;
  while (reader.remaining > 0) {
    const at = reader.offset;
    const id = reader.u8();
    const content = reader.vector();
    const order = ORDER[id];
    if (order === undefined) reader.fail(`section number ${id} is not known`, at);
    if (id !== SECTION.custom && order <= last) reader.fail(`section ${id} stands twice or too late`, at);
    if (id !== SECTION.custom) last = order;
    const section = new ModuleReader(content, { what: `wasm section ${sectionName(id)}` });
    if (id === SECTION.custom) {
      if (textOf(section.vector()) === "name") module.names = readNames(section);
      continue;
    }
    if (id === SECTION.start) module.start = section.unsigned();
    else if (id === SECTION.dataCount) section.unsigned();
    else {
      const count = section.count();
      for (let i = 0; i < count; i++) {
        if (id === SECTION.function) declared.push(typeIndex(section, module));
        else if (id === SECTION.code) {
          const type = declared[bodies++];
          if (type === undefined) section.fail(`expected ${declared.length} bodies, got ${count}`);
          module.functions.push(readBody(section, type));
        } else ENTRY[id]!(section, module);
      }
    }
    if (section.remaining !== 0)
      section.fail(`expected the section to end, got ${section.remaining} more bytes`);
  }
  if (bodies !== declared.length) {
    throw new FormatError("wasm module", bytes.length, `expected ${declared.length} bodies, got ${bodies}`);
  }
  return module;
}

/** How one entry of a section is read. */
const ENTRY: Readonly<Record<number, (section: ModuleReader, module: DecodedModule) => void>> = {
  [SECTION.type]: (section, module) => {
    const form = section.u8();
    if (form !== 0x60) section.fail(`expected a function type, got form 0x${form.toString(16)}`);
    module.types.push({ params: readTypes(section), results: readTypes(section) });
  },
  [SECTION.import]: (section, module) => {
    const from = textOf(section.vector());
    const field = textOf(section.vector());
    const kind = readKind(section);
    let index: number;
    if (kind === "func") {
      index = module.functions.push({ type: typeIndex(section, module), locals: [], code: undefined });
    } else if (kind === "table") index = module.tables.push(readTable(section));
    else if (kind === "memory") index = module.memories.push(readLimits(section));
    else index = module.globals.push({ ...readGlobalType(section), init: undefined });
    module.imports.push({ module: from, field, kind, index: index - 1 });
  },
  [SECTION.table]: (section, module) => {
    module.tables.push(readTable(section));
  },
  [SECTION.memory]: (section, module) => {
    module.memories.push(readLimits(section));
  },
  [SECTION.global]: (section, module) => {
    module.globals.push({ ...readGlobalType(section), init: readConstant(section) });
  },
  [SECTION.export]: (section, module) => {
    const name = textOf(section.vector());
    module.exports.push({ name, kind: readKind(section), index: section.unsigned() });
  },
  [SECTION.element]: (section, module) => {
    const flags = section.unsigned();
    if (flags > 3) section.fail(`element segments of form ${flags} are not supported`);
    const mode = (flags & 1) === 0 ? "active" : flags === 1 ? "passive" : "declare";
    const table = flags === 2 ? section.unsigned() : 0;
    const offset = mode === "active" ? readConstant(section) : undefined;
    if (flags !== 0 && section.u8() !== 0) section.fail("expected functions as elements");
    const functions: number[] = [];
    for (let count = section.count(); count > 0; count--) functions.push(section.unsigned());
    module.elements.push({ mode, table, offset, functions });
  },
  [SECTION.data]: (section, module) => {
    const flags = section.unsigned();
    if (flags > 1) section.fail(`data segments of form ${flags} are not supported`);
    const offset = flags === 0 ? readConstant(section) : undefined;
    module.data.push({ offset, bytes: section.vector() });
  },
};

function sectionName(id: number): string {
  return Object.entries(SECTION).find(([, number]) => number === id)?.[0] ?? String(id);
}

function typeIndex(section: ModuleReader, module: DecodedModule): number {
  const at = section.offset;
  const index = section.unsigned();
  if (index >= module.types.length) {
    section.fail(`expected a type below ${module.types.length}, got ${index}`, at);
  }
  return index;
}

function readKind(section: ModuleReader): ExternalKind {
  const code = section.u8();
  return KINDS[code] ?? section.fail(`expected the kind of an import or export, got ${code}`);
}

export function readValueType(reader: ModuleReader): ValueType {
  const code = reader.u8();
  return valueTypeOf(code) ?? reader.fail(`value type 0x${code.toString(16)} is not supported`);
}

export function readReferenceType(reader: ModuleReader): ReferenceType {
  const type = readValueType(reader);
  if (type === "i32" || type === "i64") reader.fail(`expected a reference type, got ${type}`);
  return type;
}

function readTypes(section: ModuleReader): ValueType[] {
  const types: ValueType[] = [];
  for (let count = section.count(); count > 0; count--) types.push(readValueType(section));
  return types;
}

function readLimits(section: ModuleReader): MemoryLimits {
  const flags = section.u8();
  if (flags > 3) section.fail(`limits of form ${flags} are not supported`);
  const min = section.unsigned();
  const shared = (flags & 2) !== 0;
  return (flags & 1) === 0 ? { min, shared } : { min, max: section.unsigned(), shared };
}

function readTable(section: ModuleReader): DecodedTable {
  return { type: readReferenceType(section), limits: readLimits(section) };
}

function readGlobalType(section: ModuleReader): { type: ValueType; mutable: boolean } {
  return { type: readValueType(section), mutable: section.u8() === 1 };
}

/** One instruction of a constant expression and its `end`. */
function readConstant(section: ModuleReader): Uint8Array {
  const start = section.offset;
  const code = section.u8();
  if (code === 0x41) section.signed(32);
  else if (code === 0x42) section.signed(64);
  else if (code === 0x23 || code === 0xd2) section.unsigned();
  else if (code === 0xd0) section.u8();
  else section.fail(`expected a constant expression, got opcode 0x${code.toString(16)}`, start);
  const constant = section.bytes.subarray(start, section.offset);
  if (section.u8() !== 0x0b) section.fail("expected the end of a constant expression");
  return constant;
}

function readBody(section: ModuleReader, type: number): DecodedFunction {
  const body = new ModuleReader(section.vector(), { what: "wasm function body" });
  const locals: ValueType[] = [];
  for (let runs = body.count(); runs > 0; runs--) {
    const at = body.offset;
    const count = body.unsigned();
    if (count > LIMITS.locals - locals.length) {
      body.fail(`expected at most ${LIMITS.locals} locals, got ${locals.length + count}`, at);
    }
    const local = readValueType(body);
    for (let i = 0; i < count; i++) locals.push(local);
  }
  return { type, locals, code: body.bytes.subarray(body.offset) };
}
