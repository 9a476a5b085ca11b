import { FormatError } from "../base/index.ts";
import type { Btf, BtfExt, CoreRelo, ExtSection, FuncInfo, LineInfo } from "../btf/index.ts";
import type { ObjectFunction } from "./functions.ts";
import type { ObjectFile } from "./object-file.ts";
import type { CoreRelocation, FuncInfo as FuncInfoSpec, LineInfo as LineInfoSpec } from "./spec.ts";

interface Offset {
  readonly insnOffset: number;
}

/** The records of `.BTF.ext` by section, in order of their instructions. */
export class CodeRecords {
  readonly #funcInfo: ReadonlyMap<string, readonly FuncInfo[]>;
  readonly #lineInfo: ReadonlyMap<string, readonly LineInfo[]>;
  readonly #coreRelos: ReadonlyMap<string, readonly CoreRelo[]>;
  readonly #strings: RecordStrings | null;

  constructor(file: ObjectFile, btf: Btf | null, ext: BtfExt | null) {
    this.#strings = btf === null ? null : new RecordStrings(btf);
    this.#funcInfo = bySection(ext?.funcInfo);
    this.#lineInfo = bySection(ext?.lineInfo);
    this.#coreRelos = bySection(ext?.coreRelos);
    if (btf === null) return;
    for (const [section, records] of this.#coreRelos)
      checkTypes(file, btf, section, "CO-RE relocation", records);
    for (const [section, records] of this.#funcInfo)
      checkTypes(file, btf, section, "function record", records);
  }

  funcInfo(code: ObjectFunction, slot: number): FuncInfoSpec[] {
    return inside(this.#funcInfo, code).map((record) => ({
      slot: place(record, code, slot),
      typeId: record.typeId,
    }));
  }

  lineInfo(code: ObjectFunction, slot: number): LineInfoSpec[] {
    const strings = this.#strings;
    if (strings === null) return [];
    return inside(this.#lineInfo, code).map((record) => ({
      slot: place(record, code, slot),
      file: strings.at(record.fileOffset),
      line: strings.at(record.lineOffset),
      lineNumber: record.line,
      column: record.column,
      fileOffset: record.fileOffset,
      lineOffset: record.lineOffset,
    }));
  }

  coreRelocations(code: ObjectFunction, slot: number): CoreRelocation[] {
    const strings = this.#strings;
    if (strings === null) return [];
    return inside(this.#coreRelos, code).map((record) => ({
      slot: place(record, code, slot),
      typeId: record.typeId,
      access: strings.at(record.accessOffset),
      kind: record.kind,
    }));
  }

  /** How many records a function has. */
  count(code: ObjectFunction): number {
    return inside(this.#lineInfo, code).length + inside(this.#coreRelos, code).length;
  }
}

function place(record: Offset, code: ObjectFunction, slot: number): number {
  return Math.floor(record.insnOffset / 8) - code.start + slot;
}

function bySection<R extends Offset>(parts: readonly ExtSection<R>[] | undefined): Map<string, readonly R[]> {
  const sections = new Map<string, R[]>();
  for (const { section, records } of parts ?? []) {
    const known = sections.get(section);
    if (known === undefined) sections.set(section, [...records]);
    else for (const record of records) known.push(record);
  }
  // Compilers write them in order; the order of equal ones is kept.
  for (const records of sections.values()) records.sort((a, b) => a.insnOffset - b.insnOffset);
  return sections;
}

/** The records of a function's instructions. */
function inside<R extends Offset>(
  sections: ReadonlyMap<string, readonly R[]>,
  code: ObjectFunction,
): readonly R[] {
  const records = sections.get(code.section.name);
  if (records === undefined) return [];
  const start = firstFrom(records, code.start * 8);
  return records.slice(start, firstFrom(records, (code.start + code.insns.length) * 8));
}

function firstFrom(records: readonly Offset[], offset: number): number {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (records[middle]!.insnOffset < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

function checkTypes(
  file: ObjectFile,
  btf: Btf,
  section: string,
  what: string,
  records: readonly (Offset & { readonly typeId: number })[],
): void {
  for (const { insnOffset, typeId } of records) {
    if (typeId < btf.count) continue;
    throw file.error(
      { section, offset: insnOffset },
      `${what}: expected a type id below ${btf.count}, got ${typeId}`,
    );
  }
}

/** Strings of records, each decoded once; those that overlap each other cannot make more text than sections hold. */
class RecordStrings {
  readonly #btf: Btf;
  readonly #known = new Map<number, string>();
  #budget: number;

  constructor(btf: Btf) {
    this.#btf = btf;
    this.#budget = 16 * btf.stringEnd + 65536;
  }

  at(offset: number): string {
    const known = this.#known.get(offset);
    if (known !== undefined) return known;
    const text = this.#btf.string(offset);
    this.#budget -= text.length;
    if (this.#budget < 0) throw new FormatError("BTF.ext", 0, "strings overlap each other");
    this.#known.set(offset, text);
    return text;
  }
}
