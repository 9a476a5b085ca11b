import { TextWriter } from "../base/index.ts";
import {
  type DecodedFunction,
  type DecodedModule,
  decodeModule,
  readReferenceType,
  readValueType,
} from "./decode.ts";
import { Identifiers, quoted } from "./identifiers.ts";
import { type Instruction, instructionOf, OP } from "./instructions.ts";
import { ModuleReader } from "./module-reader.ts";
import { type MemoryLimits, VALUE_TYPE_CODE, type ValueType } from "./types.ts";

/** Deeper blocks are not indented further: text would grow with the square of the depth. */
const MAX_INDENT = 32;

/** What to print of a module. */
export interface PrintOptions {
  /** Only the function of this name. */
  readonly function?: string;
}

/**
 * A module in the text format (`.wat`), flat: one instruction a line, blocks indented and labelled `$1`, `$2` …
 * in order of appearance, names from the `name` section.
 *
 * @throws {FormatError} where the bytes are no module, or hold what this encoder never writes.
 */
export function printModule(bytes: Uint8Array, options: PrintOptions = {}): string {
  const printer = new ModulePrinter(decodeModule(bytes));
  if (options.function === undefined) printer.module();
  else printer.functionNamed(options.function);
  return printer.text();
}

/** One instruction of a listing. */
export interface ListedInstruction {
  /** Bytes from the function's first instruction, and how many are its own. */
  readonly at: number;
  readonly size: number;
  /** Open blocks around it. */
  readonly depth: number;
  readonly text: string;
}

/** The code of one function of a module. */
export interface FunctionListing {
  /** As calls name it. */
  readonly name: string;
  /** Parameters and results, and further locals, in the text format. */
  readonly signature: string;
  readonly locals: string;
  /** Of the first instruction, from the start of the module. */
  readonly offset: number;
  readonly code: Uint8Array;
  /** In order, but for the last `end`; to be gone through once. */
  readonly instructions: Iterable<ListedInstruction>;
}

/**
 * The functions that a module defines, in order, with the places of their instructions.
 *
 * @throws {FormatError} as {@link printModule}.
 */
export function listFunctions(bytes: Uint8Array): Iterable<FunctionListing> {
  return new ModulePrinter(decodeModule(bytes)).listings(bytes);
}

class ModulePrinter {
  readonly #module: DecodedModule;
  readonly #out = new TextWriter();
  readonly #functions: Identifiers;
  readonly #globals: Identifiers;

  constructor(module: DecodedModule) {
    this.#module = module;
    this.#functions = new Identifiers(module.names.functions);
    this.#globals = new Identifiers(module.names.globals);
  }

  text(): string {
    return this.#out.toString();
  }

  functionNamed(name: string): void {
    this.#module.functions.forEach((func, index) => {
      if (this.#module.names.functions.get(index) === name && func.code !== undefined)
        this.#function(func, index, "");
    });
  }

  module(): void {
    const { types, imports, functions, tables, memories, globals, exports, elements, data, start, names } =
      this.#module;
    this.#line("", `(module${names.module === undefined ? "" : ` ;; ${JSON.stringify(names.module)}`}`);
    types.forEach(({ params, results }, i) => {
      this.#line("  ", `(type (;${i};) (func${signature(params, results)}))`);
    });
    const imported = { func: 0, table: 0, memory: 0, global: 0 };
    for (const { module, field, kind, index } of imports) {
      imported[kind]++;
      let what: string;
      if (kind === "func") what = `${this.#functions.definition(index)} (type ${functions[index]!.type})`;
      else if (kind === "table")
        what = `(;${index};) ${limits(tables[index]!.limits)} ${tables[index]!.type}`;
      else if (kind === "memory") what = `(;${index};) ${limits(memories[index]!)}`;
      else what = `${this.#globals.definition(index)} ${globalType(globals[index]!)}`;
      this.#line("  ", `(import ${quoted(module)} ${quoted(field)} (${kind} ${what}))`);
    }
    tables.slice(imported.table).forEach((table, i) => {
      this.#line("  ", `(table (;${imported.table + i};) ${limits(table.limits)} ${table.type})`);
    });
    memories.slice(imported.memory).forEach((memory, i) => {
      this.#line("  ", `(memory (;${imported.memory + i};) ${limits(memory)})`);
    });
    globals.slice(imported.global).forEach((global, i) => {
      const name = this.#globals.definition(imported.global + i);
      this.#line("  ", `(global ${name} ${globalType(global)} ${this.#constant(global.init!)})`);
    });
    for (const { name, kind, index } of exports) {
      this.#line("  ", `(export ${quoted(name)} (${kind} ${this.#reference(kind, index)}))`);
    }
    if (start !== undefined) this.#line("  ", `(start ${this.#functions.reference(start)})`);
    elements.forEach(({ mode, table, offset, functions: items }, i) => {
      const where =
        offset === undefined ? "" : ` ${table === 0 ? "" : `(table ${table}) `}${this.#constant(offset)}`;
      const list = items.map((index) => ` ${this.#functions.reference(index)}`).join("");
      this.#line("  ", `(elem (;${i};)${mode === "declare" ? " declare" : where} func${list})`);
    });
    data.forEach(({ offset, bytes }, i) => {
      const where = offset === undefined ? "" : ` ${this.#constant(offset)}`;
      this.#line("  ", `(data (;${i};)${where} ${quotedBytes(bytes)})`);
    });
    functions.forEach((func, index) => {
      if (func.code !== undefined) this.#function(func, index, "  ");
    });
    this.#line("", ")");
  }

  #line(indent: string, text: string): void {
    this.#out.text(indent).text(text).char(10);
  }

  #reference(kind: string, index: number): string {
    if (kind === "func") return this.#functions.reference(index);
    return kind === "global" ? this.#globals.reference(index) : String(index);
  }

  #constant(bytes: Uint8Array): string {
    const reader: ModuleReader = new ModuleReader(bytes, { what: "wasm constant expression" });
    const row = instructionOf(reader.u8());
    if (row === undefined) reader.fail("expected a constant instruction");
    return `(${row.name}${this.#immediate(row, reader, undefined)})`;
  }

  #function(func: DecodedFunction, index: number, indent: string): void {
    const type = this.#module.types[func.type]!;
    const locals = new Identifiers(this.#module.names.locals.get(index) ?? new Map());
    const params = declarations("param", type.params, 0, locals);
    const result = type.results.length === 0 ? "" : ` (result ${type.results.join(" ")})`;
    this.#line(indent, `(func ${this.#functions.definition(index)} (type ${func.type})${params}${result}`);
    const variables = declarations("local", func.locals, type.params.length, locals);
    if (variables !== "") this.#line(`${indent} `, variables);
    this.#body(new BodyReader(func.code!, locals), `${indent}  `);
    this.#line(indent, ")");
  }

  #body(reader: BodyReader, indent: string): void {
    for (const { depth, text } of this.#instructions(reader)) {
      this.#out.text(indent);
      for (let i = 0; i < depth; i++) this.#out.text("  ");
      this.#out.text(text).char(10);
    }
  }

  /** All but the last `end`. */
  *#instructions(reader: BodyReader): Iterable<ListedInstruction> {
    while (reader.remaining > 0) {
      const at = reader.offset;
      const first = reader.u8();
      const code = first >= 0xfc ? (first << 8) | reader.unsigned() : first;
      const row = instructionOf(code);
      if (row === undefined) reader.fail(`opcode 0x${code.toString(16)} is not supported`, at);
      if (code === OP["end"] && reader.labels.length === 0) {
        if (reader.remaining > 0) reader.fail("expected the body to end");
        return;
      }
      const closes = code === OP["end"] || code === OP["else"];
      if (closes && reader.labels.length === 0) reader.fail("else outside of a block", at);
      const depth = Math.min(reader.labels.length - (closes ? 1 : 0), MAX_INDENT);
      if (code === OP["end"]) reader.labels.pop();
      const text = row.name + this.#immediate(row, reader, reader);
      yield { at, size: reader.offset - at, depth, text };
    }
    reader.fail("expected the end of the body");
  }

  /** Functions that the module has code of. */
  *listings(bytes: Uint8Array): Iterable<FunctionListing> {
    for (const [index, func] of this.#module.functions.entries()) {
      const { code, locals: types } = func;
      if (code === undefined) continue;
      const { params, results } = this.#module.types[func.type]!;
      const locals = new Identifiers(this.#module.names.locals.get(index) ?? new Map());
      yield {
        name: this.#functions.reference(index),
        signature: `${declarations("param", params, 0, locals)}${signature([], results)}`.trimStart(),
        locals: declarations("local", types, params.length, locals).trimStart(),
        offset: code.byteOffset - bytes.byteOffset,
        code,
        instructions: this.#instructions(new BodyReader(code, locals)),
      };
    }
  }

  /** The immediate in text, with a leading blank. */
  #immediate(row: Instruction, reader: ModuleReader, body: BodyReader | undefined): string {
    switch (row.immediate) {
      case "none":
        return "";
      case "i32":
        return ` ${reader.signed(32)}`;
      case "i64":
        return ` ${integer64(reader.signed(64))}`;
      case "local":
        return ` ${body!.locals.reference(reader.unsigned())}`;
      case "access":
        return memoryArgument(row, reader);
      case "func":
        return ` ${this.#functions.reference(reader.unsigned())}`;
      case "global":
        return ` ${this.#globals.reference(reader.unsigned())}`;
      case "block":
        return ` ${body!.open()}${this.#blockType(reader)}`;
      case "label":
        return ` ${body!.label()}`;
      case "labels": {
        const labels: string[] = [];
        for (let count = reader.count(); count >= 0; count--) labels.push(body!.label());
        return ` ${labels.join(" ")}`;
      }
      case "indirect": {
        const type = reader.unsigned();
        const table = reader.unsigned();
        return `${table === 0 ? "" : ` ${table}`} (type ${type})`;
      }
      case "memory":
      case "fence":
        reader.skip(1);
        return "";
      case "memory.copy":
        reader.skip(2);
        return "";
      case "memory.init": {
        const segment = reader.unsigned();
        reader.skip(1);
        return ` ${segment}`;
      }
      case "table":
      case "data":
      case "elem":
        return ` ${reader.unsigned()}`;
      case "table.init": {
        const segment = reader.unsigned();
        return ` ${reader.unsigned()} ${segment}`;
      }
      case "table.copy":
        return ` ${reader.unsigned()} ${reader.unsigned()}`;
      case "reftype":
        return readReferenceType(reader) === "funcref" ? " func" : " extern";
    }
  }

  #blockType(reader: ModuleReader): string {
    const at = reader.offset;
    const byte = reader.u8();
    if (byte === 0x40) return "";
    reader.seek(at);
    if (Object.values<number>(VALUE_TYPE_CODE).includes(byte)) return ` (result ${readValueType(reader)})`;
    const index = Number(reader.signed(33));
    const type = this.#module.types[index];
    if (type === undefined)
      reader.fail(`expected a type below ${this.#module.types.length}, got ${index}`, at);
    return `${signature(type.params, type.results)}`;
  }
}

/** Reads a function's instructions and keeps the labels of open blocks. */
class BodyReader extends ModuleReader {
  readonly locals: Identifiers;
  /** Numbers of the open blocks, outermost first. */
  readonly labels: number[] = [];
  #opened = 0;

  constructor(code: Uint8Array, locals: Identifiers) {
    super(code, { what: "wasm function body" });
    this.locals = locals;
  }

  open(): string {
    this.labels.push(++this.#opened);
    return `$${this.#opened}`;
  }

  /** The label a depth names; the function's own block has no name. */
  label(): string {
    const at = this.offset;
    const depth = this.unsigned();
    if (depth > this.labels.length)
      this.fail(`expected a depth up to ${this.labels.length}, got ${depth}`, at);
    return depth === this.labels.length ? String(depth) : `$${this.labels[this.labels.length - 1 - depth]}`;
  }
}

function memoryArgument(row: Instruction, reader: ModuleReader): string {
  const at = reader.offset;
  const log = reader.unsigned();
  if (log > 3) reader.fail(`expected an alignment up to 8, got 2^${log}`, at);
  const offset = reader.unsigned();
  return `${offset === 0 ? "" : ` offset=${offset}`}${1 << log === row.align ? "" : ` align=${1 << log}`}`;
}

/** Decimal where it has 32 bits, else hexadecimal of the unsigned value: addresses and masks read so. */
function integer64(value: bigint): string {
  const small = BigInt.asIntN(32, value) === value;
  return small ? String(value) : `0x${BigInt.asUintN(64, value).toString(16)}`;
}

function signature(params: readonly ValueType[], results: readonly ValueType[]): string {
  return `${params.length === 0 ? "" : ` (param ${params.join(" ")})`}${
    results.length === 0 ? "" : ` (result ${results.join(" ")})`
  }`;
}

/** Named variables each in its own parentheses, runs of unnamed ones together. */
function declarations(
  keyword: "param" | "local",
  types: readonly ValueType[],
  first: number,
  names: Identifiers,
): string {
  let out = "";
  let run = "";
  types.forEach((type, i) => {
    const name = names.nameOf(first + i);
    if (name === undefined) {
      run += ` ${type}`;
      return;
    }
    if (run !== "") out += ` (${keyword}${run})`;
    run = "";
    out += ` (${keyword} ${name} ${type})`;
  });
  return run === "" ? out : `${out} (${keyword}${run})`;
}

function limits({ min, max, shared }: MemoryLimits): string {
  return `${min}${max === undefined ? "" : ` ${max}`}${shared ? " shared" : ""}`;
}

function globalType({ type, mutable }: { type: ValueType; mutable: boolean }): string {
  return mutable ? `(mut ${type})` : type;
}

function quotedBytes(bytes: Uint8Array): string {
  let out = '"';
  for (const byte of bytes) {
    const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c;
    out += plain ? String.fromCharCode(byte) : `\\${(byte + 0x100).toString(16).slice(1)}`;
  }
  return `${out}"`;
}
