import type { Endian } from "../../base/index.ts";
import {
  Btf,
  BtfBuilder,
  type BtfExt,
  BtfKind,
  deduplicate,
  type ExtSection,
  writeBtfExt,
} from "../../btf/index.ts";
import { BtfEditor } from "../btf-editor.ts";
import type { OutputSection } from "./output-section.ts";
import type { LinkSource } from "./source.ts";
import { type GlobalSymbol, isNonStatic, type LinkSymbols } from "./symbols.ts";

interface Place {
  readonly section: OutputSection;
  readonly offset: number;
  /** The same contents stand there already (`license`, `version`). */
  readonly skipped: boolean;
}

interface Records {
  funcInfo: ExtSection<BtfExt["funcInfo"][number]["records"][number]>["records"][number][];
  lineInfo: ExtSection<BtfExt["lineInfo"][number]["records"][number]>["records"][number][];
  coreRelos: ExtSection<BtfExt["coreRelos"][number]["records"][number]>["records"][number][];
}

/** The types of all objects and the records of `.BTF.ext`, joined and deduplicated. */
export class LinkTypes {
  readonly #builder = new BtfBuilder();
  readonly #records = new Map<OutputSection, Records>();
  /** Names for parameters of prototypes, which externs lack. */
  readonly #parameterNames: { readonly prototype: number; readonly names: readonly number[] }[] = [];

  /** Remembers that an extern became a definition (`complete_extern_btf_info`). */
  define(global: GlobalSymbol, btf: Btf, id: number): void {
    if (global.outputId === 0) return;
    this.#builder.setLinkage(global.outputId, "global");
    if (btf.kind(id) !== BtfKind.FUNC) return;
    const prototype = btf.ref(id);
    if (btf.kind(prototype) !== BtfKind.FUNC_PROTO) return;
    const names: number[] = [];
    for (let i = 0, count = btf.vlen(prototype); i < count; i++) {
      names.push(this.#builder.string(btf.string(btf.word(prototype, 3 + 2 * i))));
    }
    this.#parameterNames.push({ prototype: this.#prototypes.get(global.outputId) ?? 0, names });
  }

  /** Prototypes of FUNCs as they are now, by the ids of both in the output. */
  readonly #prototypes = new Map<number, number>();

  /** Adds an object's types and records (`linker_append_btf`, `linker_append_btf_ext`). */
  append(source: LinkSource, symbols: LinkSymbols, placeOf: (section: string) => Place | null): void {
    const { btf } = source;
    if (btf === null) return;
    const ids = this.#appendTypes(source, btf, symbols);
    this.#appendVariables(source, btf, symbols, ids, placeOf);
    if (source.ext !== null) this.#appendRecords(source, btf, source.ext, ids, placeOf);
  }

  #appendTypes(source: LinkSource, btf: Btf, symbols: LinkSymbols): Uint32Array {
    const builder = this.#builder;
    const ids = new Uint32Array(btf.count);
    const added: number[] = [];
    const own: GlobalSymbol[] = [];
    let next = builder.nextId;
    for (let id = 1; id < btf.count; id++) {
      if (btf.kind(id) === BtfKind.DATASEC) continue;
      const global = isNonStatic(btf, id) ? symbols.global(btf.name(id)) : undefined;
      if (isNonStatic(btf, id)) {
        // Of sections that are not linked again.
        if (global === undefined) continue;
        if (global.outputId !== 0) {
          ids[id] = global.outputId;
          continue;
        }
        global.outputId = next;
        own.push(global);
      }
      ids[id] = next++;
      added.push(id);
    }
    const mapId = (id: number) => {
      const mapped = ids[id]!;
      if (mapped !== 0 || id === 0) return mapped;
      throw source.file.error({ section: ".BTF" }, `type [${id}] is used, but not linked`);
    };
    for (const id of added) builder.addFrom(btf, id, mapId);
    for (const global of own) this.#prototypes.set(global.outputId, mapId(btf.ref(global.btfId)));
    for (const global of symbols.globals) {
      if (global.underlying === null || global.btf !== btf || global.outputId === 0) continue;
      const type = mapId(global.underlying);
      builder.setType(global.outputId, type);
      this.#prototypes.set(global.outputId, type);
      global.underlying = null;
    }
    return ids;
  }

  #appendVariables(
    source: LinkSource,
    btf: Btf,
    symbols: LinkSymbols,
    ids: Uint32Array,
    placeOf: (section: string) => Place | null,
  ): void {
    for (const { name: sectionName, datasec } of source.sections) {
      const place = datasec === 0 ? null : placeOf(sectionName);
      if (place === null || place.skipped) continue;
      const { section, offset } = place;
      section.hasBtf = true;
      for (let i = 0, count = btf.vlen(datasec); i < count; i++) {
        const variable = btf.word(datasec, 3 + 3 * i);
        const name = btf.name(variable);
        const global = isNonStatic(btf, variable) ? symbols.global(name) : undefined;
        const at = { section: sectionName, symbol: name };
        if (isNonStatic(btf, variable) && global?.section !== section) {
          throw source.file.error(at, `expected it in section ${section.name}, as in the objects before`);
        }
        const size = btf.word(datasec, 5 + 3 * i);
        const known =
          global === undefined || global.variable < 0 ? undefined : section.variables[global.variable];
        if (known !== undefined) {
          if (btf.kind(variable) === BtfKind.VAR && global!.btf === btf) {
            known.size = size;
            known.offset = global!.extern ? known.offset : global!.symbol.value;
          }
          continue;
        }
        const own = this.#offsetOf(source, btf, sectionName, datasec, i);
        section.variables.push({ type: ids[variable]!, offset: offset + own, size });
        if (global !== undefined) global.variable = section.variables.length - 1;
      }
    }
  }

  /** Global variables are where their symbols are; compilers leave their offsets in BTF at 0. */
  #offsetOf(source: LinkSource, btf: Btf, section: string, datasec: number, entry: number): number {
    const variable = btf.word(datasec, 3 + 3 * entry);
    const written = btf.word(datasec, 4 + 3 * entry);
    if (btf.kind(variable) !== BtfKind.VAR || btf.word(variable, 3) !== 1) return written;
    const name = btf.name(variable);
    const offset = source.variableOffset(section, name);
    if (offset === null)
      throw source.file.error({ section, symbol: name }, "expected a symbol for the variable, got none");
    return offset;
  }

  #appendRecords(
    source: LinkSource,
    btf: Btf,
    ext: BtfExt,
    ids: Uint32Array,
    placeOf: (section: string) => Place | null,
  ): void {
    const builder = this.#builder;
    const recordsOf = (name: string): { records: Records; offset: number } => {
      const place = placeOf(name);
      if (place === null)
        throw source.file.error({ section: ".BTF.ext" }, `records of section ${name}, which is not linked`);
      let records = this.#records.get(place.section);
      if (records === undefined) {
        records = { funcInfo: [], lineInfo: [], coreRelos: [] };
        this.#records.set(place.section, records);
      }
      return { records, offset: place.offset };
    };
    const string = (offset: number) => builder.string(btf.string(offset));
    for (const { section, records: own } of ext.funcInfo) {
      const { records, offset } = recordsOf(section);
      for (const record of own) {
        records.funcInfo.push({ insnOffset: record.insnOffset + offset, typeId: ids[record.typeId] ?? 0 });
      }
    }
    for (const { section, records: own } of ext.lineInfo) {
      const { records, offset } = recordsOf(section);
      for (const record of own) {
        records.lineInfo.push({
          ...record,
          insnOffset: record.insnOffset + offset,
          fileOffset: string(record.fileOffset),
          lineOffset: string(record.lineOffset),
        });
      }
    }
    for (const { section, records: own } of ext.coreRelos) {
      const { records, offset } = recordsOf(section);
      for (const record of own) {
        records.coreRelos.push({
          ...record,
          insnOffset: record.insnOffset + offset,
          typeId: ids[record.typeId] ?? 0,
          accessOffset: string(record.accessOffset),
        });
      }
    }
  }

  /** `.BTF` and `.BTF.ext` of the output, whose sections are all there; null where no object has types. */
  finish(
    sections: readonly OutputSection[],
    endian: Endian,
  ): { btf: Uint8Array; ext: Uint8Array | null } | null {
    const builder = this.#builder;
    if (builder.nextId === 1) return null;
    for (const section of sections) {
      if (!section.hasBtf) continue;
      builder.add({ kind: "DATASEC", name: section.name, size: section.size, variables: section.variables });
    }
    const part = <K extends keyof Records>(what: K) =>
      sections.flatMap((section) => {
        const records = this.#records.get(section)?.[what] ?? [];
        if (records.length === 0) return [];
        return [{ nameOffset: builder.string(section.name), section: section.name, records }];
      }) as unknown as BtfExt[K];
    const ext: BtfExt = {
      endian,
      funcInfo: part("funcInfo"),
      lineInfo: part("lineInfo"),
      coreRelos: part("coreRelos"),
    };
    const isEmpty = ext.funcInfo.length + ext.lineInfo.length + ext.coreRelos.length === 0;
    const joined = this.#withParameterNames(Btf.parse(builder.finish(), { what: "linked BTF" }));
    const merged = deduplicate(joined, { endian, keepStrings: true, ...(isEmpty ? {} : { ext }) });
    return {
      btf: merged.bytes,
      ext: merged.ext === undefined ? null : writeBtfExt(merged.ext, { endian }),
    };
  }

  /** Without the names, the prototypes of an extern and of its definition would not be the same type. */
  #withParameterNames(btf: Btf): Btf {
    if (this.#parameterNames.length === 0) return btf;
    const edit = new BtfEditor(btf);
    for (const { prototype, names } of this.#parameterNames) {
      if (btf.kind(prototype) !== BtfKind.FUNC_PROTO) continue;
      for (const [i, name] of names.entries()) {
        if (name !== 0 && i < btf.vlen(prototype)) edit.set(prototype, 3 + 2 * i, name);
      }
    }
    return edit.finish();
  }
}
