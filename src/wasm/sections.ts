import { high32, low32 } from "../base/index.ts";
import { CodeBuffer } from "./code-buffer.ts";
import type { Func, Global, Memory, Table } from "./entities.ts";
import { OP } from "./instructions.ts";
import type { GlobalInit, ModuleParts } from "./parts.ts";
import { EXTERNAL_KIND, SECTION } from "./section-ids.ts";
import { type Limits, type MemoryLimits, VALUE_TYPE_CODE, type ValueType } from "./types.ts";

/** The bytes of a module (specification 5.5). */
export function encodeModule(module: ModuleParts, names: boolean): Uint8Array {
  const counts = module.importCounts;
  const indexOf = (entity: Func | Table | Memory | Global): number =>
    entity.imported ? entity.ordinal : counts[entity.kind] + entity.ordinal;
  const out = new CodeBuffer(1024);
  out.raw(Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0));

  const section = (id: number, count: number, write: (body: CodeBuffer) => void): void => {
    if (count === 0) return;
    const body = new CodeBuffer();
    body.u32(count);
    write(body);
    out.u8(id);
    out.vector(body.view());
  };

  section(SECTION.type, module.types.length, (body) => {
    for (const type of module.types) {
      body.u8(0x60);
      valueTypes(body, type.params);
      valueTypes(body, type.results);
    }
  });
  section(SECTION.import, module.imports.length, (body) => {
    for (const { module: from, field, entity } of module.imports) {
      body.name(from);
      body.name(field);
      body.u8(EXTERNAL_KIND[entity.kind]);
      if (entity.kind === "func") body.u32(entity.type.index);
      else if (entity.kind === "table") tableType(body, entity);
      else if (entity.kind === "memory") limits(body, entity.limits);
      else globalType(body, entity);
    }
  });
  section(SECTION.function, module.functions.length, (body) => {
    for (const func of module.functions) body.u32(func.type.index);
  });
  section(SECTION.table, module.tables.length, (body) => {
    for (const table of module.tables) tableType(body, table);
  });
  const memory = module.memory;
  section(SECTION.memory, memory === undefined || memory.imported ? 0 : 1, (body) =>
    limits(body, memory!.limits),
  );
  section(SECTION.global, module.globals.length, (body) => {
    for (const global of module.globals) {
      globalType(body, global);
      constant(body, global.type, global.init, indexOf);
    }
  });
  section(SECTION.export, module.exports.length, (body) => {
    for (const { name, entity } of module.exports) {
      body.name(name);
      body.u8(EXTERNAL_KIND[entity.kind]);
      body.u32(indexOf(entity));
    }
  });
  if (module.start !== undefined) {
    const body = new CodeBuffer();
    body.u32(indexOf(module.start));
    out.u8(SECTION.start);
    out.vector(body.view());
  }
  const declared = declaredFunctions(module);
  section(SECTION.element, module.elementSegments.length + (declared.length > 0 ? 1 : 0), (body) => {
    for (const { table, offset, functions } of module.elementSegments) {
      const index = table === undefined ? undefined : indexOf(table);
      body.u8(index === undefined ? 1 : index === 0 ? 0 : 2);
      if (index !== undefined && index !== 0) body.u32(index);
      if (index !== undefined) constant(body, "i32", offset, indexOf);
      if (index !== 0) body.u8(0);
      body.u32(functions.length);
      for (const func of functions) body.u32(indexOf(func));
    }
    if (declared.length === 0) return;
    body.u8(3);
    body.u8(0);
    body.u32(declared.length);
    for (const func of declared) body.u32(indexOf(func));
  });
  if (module.dataSegments.length > 0) {
    const body = new CodeBuffer();
    body.u32(module.dataSegments.length);
    out.u8(SECTION.dataCount);
    out.vector(body.view());
  }
  section(SECTION.code, module.functions.length, (body) => {
    for (const func of module.functions) func.encodeTo(body, counts);
  });
  section(SECTION.data, module.dataSegments.length, (body) => {
    for (const { offset, bytes } of module.dataSegments) {
      body.u8(offset === undefined ? 1 : 0);
      if (offset !== undefined) constant(body, "i32", offset, indexOf);
      body.vector(bytes);
    }
  });
  if (names) nameSection(out, module, indexOf);
  return out.finish();
}

function valueTypes(body: CodeBuffer, types: readonly ValueType[]): void {
  body.u32(types.length);
  for (const type of types) body.u8(VALUE_TYPE_CODE[type]);
}

function limits(body: CodeBuffer, size: Limits & MemoryLimits): void {
  body.u8((size.max === undefined ? 0 : 1) | (size.shared ? 2 : 0));
  body.u32(size.min);
  if (size.max !== undefined) body.u32(size.max);
}

function tableType(body: CodeBuffer, table: Table): void {
  body.u8(VALUE_TYPE_CODE[table.type]);
  limits(body, table.limits);
}

function globalType(body: CodeBuffer, global: Global): void {
  body.u8(VALUE_TYPE_CODE[global.type]);
  body.u8(global.mutable ? 1 : 0);
}

/** A constant expression with its `end` (specification 3.3.10). */
function constant(
  body: CodeBuffer,
  type: ValueType,
  init: GlobalInit,
  indexOf: (entity: Func | Global) => number,
): void {
  if (init === null) {
    body.u8(OP["ref.null"]);
    body.u8(VALUE_TYPE_CODE[type]);
  } else if (typeof init === "object") {
    body.u8(init.kind === "func" ? OP["ref.func"] : OP["global.get"]);
    body.u32(indexOf(init));
  } else if (type === "i32") {
    body.u8(OP["i32.const"]);
    body.s32(Number(BigInt.asIntN(32, BigInt(init))));
  } else {
    body.u8(OP["i64.const"]);
    body.s64(low32(BigInt(init)), high32(BigInt(init)));
  }
  body.u8(OP["end"]);
}

/** Functions that only `ref.func` names must stand in a declarative segment (specification 3.4.1). */
function declaredFunctions(module: ModuleParts): Func[] {
  const declared = new Set<Func>();
  for (const func of module.functions) {
    for (const reference of func.references) declared.add(reference);
  }
  return [...declared];
}

/** The custom section `name` (specification, appendix "Custom Sections"). */
function nameSection(out: CodeBuffer, module: ModuleParts, indexOf: (entity: Func | Global) => number): void {
  const body = new CodeBuffer();
  body.name("name");
  const subsection = (id: number, content: CodeBuffer): void => {
    body.u8(id);
    body.vector(content.view());
  };

  if (module.name !== undefined) {
    const content = new CodeBuffer();
    content.name(module.name);
    subsection(0, content);
  }
  nameMap(subsection, 1, [...importedOf(module, "func"), ...module.functions], indexOf);
  const withLocals = module.functions.filter((func) => func.locals.some((local) => local.name !== undefined));
  if (withLocals.length > 0) {
    const content = new CodeBuffer();
    content.u32(withLocals.length);
    for (const func of withLocals) {
      content.u32(indexOf(func));
      const named = func.locals.filter((local) => local.name !== undefined);
      content.u32(named.length);
      for (const local of named) {
        content.u32(local.index);
        content.name(local.name!);
      }
    }
    subsection(2, content);
  }
  nameMap(subsection, 7, [...importedOf(module, "global"), ...module.globals], indexOf);
  out.u8(SECTION.custom);
  out.vector(body.view());
}

function importedOf<K extends "func" | "global">(
  module: ModuleParts,
  kind: K,
): Extract<Func | Global, { kind: K }>[] {
  return module.imports
    .map((entry) => entry.entity)
    .filter((entity): entity is Extract<Func | Global, { kind: K }> => entity.kind === kind);
}

function nameMap(
  subsection: (id: number, content: CodeBuffer) => void,
  id: number,
  entities: readonly (Func | Global)[],
  indexOf: (entity: Func | Global) => number,
): void {
  if (entities.length === 0) return;
  const content = new CodeBuffer();
  content.u32(entities.length);
  for (const entity of entities) {
    content.u32(indexOf(entity));
    content.name(entity.name);
  }
  subsection(id, content);
}
