import { type Btf, BtfKind, resolveType } from "../../btf/index.ts";
import { type ElfSymbol, SymbolBinding, SymbolType, SymbolVisibility } from "../../elf/index.ts";
import { mapDefinition } from "../map-definitions.ts";
import type { MapSpec } from "../spec.ts";
import type { OutputSection } from "./output-section.ts";
import { EXTERN_SECTION, type LinkSource } from "./source.ts";
import { typeDifference } from "./type-match.ts";

/** A symbol of the output; relocations of all objects that mean it name this one. */
export interface OutputSymbol {
  readonly name: string;
  type: number;
  binding: number;
  visibility: number;
  section: OutputSection | null;
  /** What it is where it is in no section. */
  readonly place: "undefined" | "absolute" | "common" | null;
  value: number;
  size: number;
}

/** A name that objects share. */
export interface GlobalSymbol {
  readonly symbol: OutputSymbol;
  /** Where it is defined, or where BTF lists the extern. */
  section: OutputSection | null;
  extern: boolean;
  weak: boolean;
  /** What the objects before said of its type: the VAR or FUNC. */
  btf: Btf;
  btfId: number;
  /** Id of the VAR or FUNC in the linked BTF; 0 before its type is appended. */
  outputId: number;
  /** Type that the VAR or FUNC is to refer to, in the BTF of the object that is being linked; null where that is settled. */
  underlying: number | null;
  /** Index among the variables of its section; -1 before it is there. */
  variable: number;
}

/** The symbols of all objects, resolved by name (`linker_append_elf_sym`). */
export class LinkSymbols {
  readonly all: OutputSymbol[] = [];
  readonly #globals = new Map<string, GlobalSymbol>();
  readonly #resolved: (symbol: GlobalSymbol, btf: Btf, id: number) => void;

  /** `resolved` is told where a definition takes the place of an extern or of a weak definition, with its type. */
  constructor(resolved: (symbol: GlobalSymbol, btf: Btf, id: number) => void) {
    this.#resolved = resolved;
  }

  global(name: string): GlobalSymbol | undefined {
    return this.#globals.get(name);
  }

  get globals(): Iterable<GlobalSymbol> {
    return this.#globals.values();
  }

  /**
   * Adds an object's symbols. `placeOf` gives the output section and the object's offset in it; null for a section
   * that is not linked. Returns the output's symbols by the object's indices.
   */
  append(
    source: LinkSource,
    placeOf: (section: string) => SymbolPlace | null,
    sectionSymbols: Map<OutputSection, OutputSymbol>,
  ): Map<number, OutputSymbol> {
    const map = new Map<number, OutputSymbol>();
    const types = source.btf === null ? null : new GlobalTypes(source.btf);
    for (const symbol of source.file.symbols) {
      if (symbol.index === 0) continue;
      let section: OutputSection | null = null;
      let offset = 0;
      if (symbol.section !== undefined) {
        const place = placeOf(symbol.section.name);
        if (place === null || place.shell) continue;
        ({ section, offset } = place);
        const known = symbol.type === SymbolType.SECTION ? sectionSymbols.get(section) : undefined;
        if (known !== undefined) {
          map.set(symbol.index, known);
          continue;
        }
      }
      const input: SymbolInput = { source, symbol, section, offset, types };
      const output =
        symbol.binding === SymbolBinding.LOCAL ? this.#add(input) : this.#addGlobal(input, placeOf);
      map.set(symbol.index, output);
      if (symbol.type === SymbolType.SECTION && section !== null) {
        output.value = 0;
        sectionSymbols.set(section, output);
      }
    }
    return map;
  }

  #add({ symbol, section, offset }: SymbolInput): OutputSymbol {
    const output: OutputSymbol = {
      name: symbol.name,
      type: symbol.type,
      binding: symbol.binding,
      visibility: symbol.visibility,
      section,
      place:
        section !== null || symbol.place === "section" || symbol.place === "reserved" ? null : symbol.place,
      value: Number(symbol.value) + offset,
      size: symbol.size,
    };
    this.all.push(output);
    return output;
  }

  #addGlobal(
    input: SymbolInput,
    placeOf: (section: string) => { readonly section: OutputSection } | null,
  ): OutputSymbol {
    const { source, symbol, types } = input;
    const { file } = source;
    const place = { symbol: symbol.name };
    if (symbol.visibility !== SymbolVisibility.DEFAULT && symbol.visibility !== SymbolVisibility.HIDDEN) {
      throw file.error(place, `expected default or hidden visibility, got ${symbol.visibility}`);
    }
    const type = types?.find(symbol.name) ?? null;
    if (source.btf === null || type === null)
      throw file.error(place, "expected BTF to describe the global symbol");
    const extern = symbol.place === "undefined";
    let section = input.section;
    if (extern && type.datasec !== 0 && source.btf.name(type.datasec) !== EXTERN_SECTION) {
      section = placeOf(source.btf.name(type.datasec))?.section ?? null;
    }
    const known = this.#globals.get(symbol.name);
    if (known !== undefined) {
      this.#merge(known, { ...input, section, btf: source.btf, btfId: type.id, extern });
      return known.symbol;
    }
    const output = this.#add({ ...input, section: extern ? null : section });
    this.#globals.set(symbol.name, {
      symbol: output,
      section,
      extern,
      weak: symbol.binding === SymbolBinding.WEAK,
      btf: source.btf,
      btfId: type.id,
      outputId: 0,
      underlying: null,
      variable: -1,
    });
    return output;
  }

  /** Two objects have the name: they must agree, and the stronger definition stays. */
  #merge(
    known: GlobalSymbol,
    input: SymbolInput & { readonly btf: Btf; readonly btfId: number; readonly extern: boolean },
  ): void {
    const { source, symbol, section, offset, btf, btfId, extern } = input;
    const place = { symbol: symbol.name };
    const weak = symbol.binding === SymbolBinding.WEAK;
    if (!extern && !known.extern && !known.weak && !weak) {
      throw source.file.error(
        place,
        "defined twice: an object before has a definition that is not weak, too",
      );
    }
    const difference =
      known.section?.name === ".maps"
        ? mapDifference(symbol.name, known, btf, btfId)
        : symbolDifference(known, btf, btfId);
    if (difference !== null)
      throw source.file.error(place, `declared differently in the objects before: ${difference}`);
    const { symbol: output } = known;
    if (!weak) {
      output.binding = SymbolBinding.GLOBAL;
      known.weak = false;
    }
    output.visibility = Math.max(output.visibility, symbol.visibility);
    if (extern || (!known.extern && weak)) return;
    output.type = symbol.type;
    output.section = section;
    output.value = offset + Number(symbol.value);
    output.size = symbol.size;
    known.section = section;
    known.extern = false;
    this.#resolved(known, btf, btfId);
    known.btf = btf;
    known.btfId = btfId;
    known.underlying = btf.ref(btfId);
  }
}

/** Where an object's section went. */
interface SymbolPlace {
  readonly section: OutputSection;
  readonly offset: number;
  /** Only BTF has it: no symbol can be in it. */
  readonly shell: boolean;
}

interface SymbolInput {
  readonly source: LinkSource;
  readonly symbol: ElfSymbol;
  readonly section: OutputSection | null;
  readonly offset: number;
  readonly types: GlobalTypes | null;
}

/** VARs and FUNCs that are not static, by name, with the DATASEC that has them (`find_glob_sym_btf`). */
class GlobalTypes {
  readonly #btf: Btf;
  readonly #datasecs = new Map<number, number>();

  constructor(btf: Btf) {
    this.#btf = btf;
    for (let id = 1; id < btf.count; id++) {
      if (btf.kind(id) !== BtfKind.DATASEC) continue;
      for (let i = 0, count = btf.vlen(id); i < count; i++) this.#datasecs.set(btf.word(id, 3 + 3 * i), id);
    }
  }

  find(name: string): { readonly id: number; readonly datasec: number } | null {
    let found = 0;
    for (const id of this.#btf.findAllByName(name)) {
      if (!isNonStatic(this.#btf, id)) continue;
      const datasec = this.#datasecs.get(id);
      if (datasec !== undefined) return { id, datasec };
      found = id;
    }
    return found === 0 ? null : { id: found, datasec: 0 };
  }
}

export function isNonStatic(btf: Btf, id: number): boolean {
  const kind = btf.kind(id);
  if (kind === BtfKind.VAR) return btf.word(id, 3) !== 0;
  return kind === BtfKind.FUNC && btf.vlen(id) !== 0;
}

function symbolDifference(known: GlobalSymbol, btf: Btf, id: number): string | null {
  const kind = known.btf.kind(known.btfId);
  if (kind !== btf.kind(id)) return "a variable and a function";
  return typeDifference(known.btf, known.btf.ref(known.btfId), btf, btf.ref(id));
}

/** An extern map must be declared as completely as it is defined (`map_defs_match`). */
function mapDifference(name: string, known: GlobalSymbol, btf: Btf, id: number): string | null {
  const parse = (types: Btf, variable: number) => {
    const type = resolveType(types, types.ref(variable));
    if (types.kind(variable) !== BtfKind.VAR || types.kind(type) !== BtfKind.STRUCT) return null;
    return mapDefinition(types, type, name, { relaxed: false }, (problem) => {
      throw types.error(type, `map ${name}: ${problem}`);
    });
  };
  const a = parse(known.btf, known.btfId);
  const b = parse(btf, id);
  if (a === null || b === null) return "no map's definition";
  return definitionDifference(a, known.btf, b, btf);
}

function definitionDifference(a: MapSpec, aBtf: Btf, b: MapSpec, bBtf: Btf): string | null {
  for (const what of [
    "type",
    "keySize",
    "valueSize",
    "maxEntries",
    "flags",
    "numaNode",
    "pinning",
  ] as const) {
    if ((a[what] ?? 0) !== (b[what] ?? 0)) return `${what} ${a[what]} and ${b[what]}`;
  }
  for (const what of ["keyTypeId", "valueTypeId"] as const) {
    if ((a[what] === 0) !== (b[what] === 0)) return `${what} on one side only`;
    const difference = a[what] === 0 ? null : typeDifference(aBtf, a[what], bBtf, b[what]);
    if (difference !== null) return difference;
  }
  if ((a.inner === null) !== (b.inner === null)) return "an inner map on one side only";
  return a.inner === null || b.inner === null ? null : definitionDifference(a.inner, aBtf, b.inner, bBtf);
}
