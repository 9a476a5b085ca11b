import { type Btf, BtfKind, IntEncoding, resolveType } from "../btf/index.ts";
import { type ElfSymbol, SymbolBinding } from "../elf/index.ts";
import { BtfEditor, TypeWord } from "./btf-editor.ts";
import { isExtern, type ObjectFile } from "./object-file.ts";
import type { ExternSpec } from "./spec.ts";

export const KCONFIG = ".kconfig";
const KSYMS = ".ksyms";

/** `BTF_VAR_GLOBAL_ALLOCATED` and `BTF_FUNC_GLOBAL`; `BTF_VAR_GLOBAL_EXTERN` and `BTF_FUNC_EXTERN`. */
const GLOBAL = 1;
const EXTERN = 2;

/** What to do about something that neither the kernel nor this object has. */
const LINKING = "if another object defines it, link them first ('tsbpf gen object OUT IN...')";

/** Bytes that each extern of `.ksyms` seems to have in its section. */
const KSYM_SIZE = 4;

export interface ObjectExterns {
  /** In libbpf's order (`cmp_externs`). */
  readonly specs: readonly ExternSpec[];
  /** Index in `specs` of each extern by the index of its symbol. */
  readonly bySymbol: ReadonlyMap<number, number>;
  /** Bytes of the `.kconfig` map; 0 where there is none. */
  readonly kconfigSize: number;
  /** The object's BTF with the externs made variables, as the kernel wants them. */
  readonly btf: Btf | null;
}

interface Found extends ExternSpec {
  readonly symbol: number;
  readonly btfId: number;
  readonly section: number;
  readonly align: number;
}

/**
 * Collects what the object expects from elsewhere (`bpf_object__collect_externs`).
 *
 * An undefined symbol that BTF does not describe is an error only where code refers to it: compilers name functions of
 * their runtime library that they do not call in the end.
 */
export function collectExterns(file: ObjectFile, btf: Btf | null): ObjectExterns {
  const symbols = file.symbols.filter((symbol) => isExtern(symbol) && symbol.name !== "");
  if (symbols.length === 0) return { specs: [], bySymbol: new Map(), kconfigSize: 0, btf };
  const used = new Set<number>();
  for (const section of file.sections("code")) {
    for (const { symbol } of file.relocationsOf(section)) if (symbol !== undefined) used.add(symbol.index);
  }
  const sections = btf === null ? new Map<number, number>() : sectionsOfVariables(btf);
  const found: Found[] = [];
  for (const symbol of symbols) {
    const id = btf === null ? undefined : variableOrFunction(btf, symbol.name);
    if (btf === null || id === undefined) {
      if (!used.has(symbol.index)) continue;
      throw file.error(
        { symbol: symbol.name },
        `undefined, and ${btf === null ? "the object has no BTF" : "BTF has no type for it"}: ${LINKING}`,
      );
    }
    found.push(describe(file, btf, symbol, id, sections.get(id)));
  }
  found.sort(compare);
  const kconfig = placeKconfig(found);
  const specs = kconfig.placed.map(({ symbol: _, btfId: __, section: ___, align: ____, ...spec }) => spec);
  return {
    specs,
    bySymbol: new Map(kconfig.placed.map((extern, i) => [extern.symbol, i])),
    kconfigSize: kconfig.size,
    btf: btf === null ? null : makeVariables(file, btf, kconfig.placed, kconfig.size),
  };
}

function describe(
  file: ObjectFile,
  btf: Btf,
  { name, index, binding }: ElfSymbol,
  id: number,
  section: number | undefined,
): Found {
  const isFunction = btf.kind(id) === BtfKind.FUNC;
  const linkage = isFunction ? btf.vlen(id) : btf.word(id, TypeWord.VAR_LINKAGE);
  const place = { symbol: name };
  if (linkage !== EXTERN)
    throw file.error(place, `undefined, but BTF type [${id}] says that it is defined here`);
  if (section === undefined)
    throw file.error(place, `undefined, and neither __ksym nor __kconfig (BTF type [${id}]): ${LINKING}`);
  const sectionName = btf.name(section);
  const common = { name, weak: binding === SymbolBinding.WEAK, symbol: index, btfId: id, section };
  if (sectionName === KSYMS) {
    return {
      ...common,
      kind: isFunction ? "ksymFunction" : "ksymVariable",
      typeId: resolveType(btf, btf.ref(id)),
      offset: 0,
      size: 0,
      align: 0,
      valueKind: null,
      signed: false,
    };
  }
  if (sectionName !== KCONFIG)
    throw file.error(place, `expected an extern of .ksyms or .kconfig, got ${sectionName}: ${LINKING}`);
  if (isFunction) throw file.error(place, "a function cannot be in .kconfig");
  const typeId = btf.ref(id);
  const size = btf.sizeOf(typeId);
  const align = btf.alignOf(typeId);
  const value = kconfigValue(btf, typeId);
  if (value === null || size <= 0 || align <= 0 || size > MAX_KCONFIG) {
    throw file.error(place, "expected a bool, char, integer, enum libbpf_tristate or char array in .kconfig");
  }
  return { ...common, kind: "kconfig", typeId, offset: 0, size, align, ...value };
}

/** No configuration value is longer; the map's contents are made of what the types say. */
const MAX_KCONFIG = 1 << 20;

/** `find_kcfg_type` */
function kconfigValue(
  btf: Btf,
  typeId: number,
): { readonly valueKind: NonNullable<ExternSpec["valueKind"]>; readonly signed: boolean } | null {
  const id = resolveType(btf, typeId);
  const size = btf.size(id);
  switch (btf.kind(id)) {
    case BtfKind.INT: {
      const encoding = btf.intInfo(id) >>> 24;
      if (encoding & IntEncoding.BOOL) return size === 1 ? { valueKind: "bool", signed: false } : null;
      const signed = (encoding & IntEncoding.SIGNED) !== 0;
      if (size === 1) return { valueKind: "char", signed };
      return size === 2 || size === 4 || size === 8 ? { valueKind: "int", signed } : null;
    }
    case BtfKind.ENUM:
    case BtfKind.ENUM64: {
      const tristate = btf.name(id) === "libbpf_tristate" && (btf.kind(id) === BtfKind.ENUM64 || size === 4);
      return tristate ? { valueKind: "tristate", signed: false } : null;
    }
    case BtfKind.ARRAY: {
      if (btf.elementCount(id) === 0) return null;
      const element = resolveType(btf, btf.elementType(id));
      const character = btf.kind(element) === BtfKind.INT && kconfigValue(btf, element)?.valueKind === "char";
      return character ? { valueKind: "string", signed: false } : null;
    }
    default:
      return null;
  }
}

/** `cmp_externs`; names compare by their bytes. */
function compare(a: Found, b: Found): number {
  const aKconfig = a.kind === "kconfig" ? 0 : 1;
  const bKconfig = b.kind === "kconfig" ? 0 : 1;
  if (aKconfig !== bKconfig) return aKconfig - bKconfig;
  if (aKconfig === 0 && a.align !== b.align) return b.align - a.align;
  if (aKconfig === 0 && a.size !== b.size) return a.size - b.size;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function placeKconfig(found: readonly Found[]): { placed: Found[]; size: number } {
  let size = 0;
  const placed = found.map((extern) => {
    if (extern.kind !== "kconfig") return extern;
    const offset = Math.ceil(size / extern.align) * extern.align;
    size = offset + extern.size;
    return { ...extern, offset };
  });
  return { placed, size };
}

/** Gives externs a place in their DATASECs: the kernel takes no BTF with extern variables. */
function makeVariables(file: ObjectFile, btf: Btf, externs: readonly Found[], kconfigSize: number): Btf {
  const edit = new BtfEditor(btf);
  const ksyms = new KsymVariables(edit);
  const byId = new Map(externs.map((extern) => [extern.btfId, extern]));
  const sections = new Set(externs.map((extern) => extern.section));
  for (const section of sections) {
    const isKconfig = btf.name(section) === KCONFIG;
    for (let i = 0, count = btf.vlen(section); i < count; i++) {
      const id = btf.word(section, 3 + 3 * i);
      const extern = byId.get(id);
      if (extern === undefined) {
        throw file.error(
          { symbol: btf.name(id) },
          `in BTF's ${btf.name(section)}, but not among the undefined symbols`,
        );
      }
      if (isKconfig) {
        edit.set(id, TypeWord.VAR_LINKAGE, GLOBAL);
        edit.set(section, 4 + 3 * i, extern.offset);
      } else ksyms.define(section, i, id);
    }
    edit.set(section, TypeWord.SIZE_OR_TYPE, isKconfig ? kconfigSize : KSYM_SIZE * btf.vlen(section));
  }
  return edit.finish();
}

/**
 * Makes variables of the externs of `.ksyms`: a ksym becomes an `int` in its section; a kfunc leaves its place there to
 * a dummy variable, whose name its parameters get too where they have none.
 */
class KsymVariables {
  readonly #edit: BtfEditor;
  #dummy: { readonly id: number; readonly name: number } | undefined;
  #int = 0;

  constructor(edit: BtfEditor) {
    this.#edit = edit;
  }

  define(section: number, entry: number, id: number): void {
    const edit = this.#edit;
    const { btf } = edit;
    edit.set(section, 4 + 3 * entry, KSYM_SIZE * entry);
    edit.set(section, 5 + 3 * entry, KSYM_SIZE);
    if (btf.kind(id) !== BtfKind.FUNC) {
      edit.set(id, TypeWord.VAR_LINKAGE, GLOBAL);
      edit.set(id, TypeWord.SIZE_OR_TYPE, this.#intId());
      return;
    }
    const name = edit.addStringOnce("dummy_ksym");
    this.#dummy ??= { name, id: edit.addType([name, BtfKind.VAR << 24, this.#intId(), GLOBAL]) };
    edit.set(section, 3 + 3 * entry, this.#dummy.id);
    edit.set(id, TypeWord.INFO, ((btf.word(id, TypeWord.INFO) & ~0xffff) | GLOBAL) >>> 0);
    const prototype = btf.ref(id);
    if (btf.kind(prototype) !== BtfKind.FUNC_PROTO) return;
    for (let i = 0, count = btf.vlen(prototype); i < count; i++) {
      if (btf.word(prototype, 3 + 2 * i) === 0 && btf.word(prototype, 4 + 2 * i) !== 0) {
        edit.set(prototype, 3 + 2 * i, name);
      }
    }
  }

  /** The first 32-bit INT; one is added where there is none. */
  #intId(): number {
    if (this.#int !== 0) return this.#int;
    const edit = this.#edit;
    const { btf } = edit;
    let id = 1;
    while (id < btf.count && !(btf.kind(id) === BtfKind.INT && (btf.intInfo(id) & 0xff) === 32)) id++;
    if (id === btf.count) {
      id = edit.addType([edit.addStringOnce("int"), BtfKind.INT << 24, 4, (IntEncoding.SIGNED << 24) | 32]);
    }
    this.#int = id;
    return id;
  }
}

/** DATASECs by the variables and functions in them. */
function sectionsOfVariables(btf: Btf): Map<number, number> {
  const sections = new Map<number, number>();
  for (let id = 1; id < btf.count; id++) {
    if (btf.kind(id) !== BtfKind.DATASEC) continue;
    for (let i = 0, count = btf.vlen(id); i < count; i++) {
      const variable = btf.word(id, 3 + 3 * i);
      if (!sections.has(variable)) sections.set(variable, id);
    }
  }
  return sections;
}

/** The first VAR or FUNC of a name. */
function variableOrFunction(btf: Btf, name: string): number | undefined {
  return btf.findAllByName(name).find((id) => {
    const kind = btf.kind(id);
    return kind === BtfKind.VAR || kind === BtfKind.FUNC;
  });
}
