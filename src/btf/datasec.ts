import type { FormatError } from "../base/index.ts";
import { BtfKind } from "./kinds.ts";
import { Btf } from "./model.ts";
import { ownSections, writeSections } from "./write.ts";

/** What an object file says about its sections and variables. */
export interface DatasecSymbols {
  /** Bytes of the section with this name; `undefined` where the object has none. */
  sectionSize(name: string): number | undefined;
  /** The global or weak data symbol of this name: its offset in its section, and whether others may not see it. */
  variable(name: string): { readonly offset: number; readonly hidden: boolean } | undefined;
}

const KCONFIG = ".kconfig";
const KSYMS = ".ksyms";

/**
 * Fills in what compilers leave open in the DATASECs of an object's BTF, as libbpf does on open: sizes, and offsets of
 * global variables (those of static ones are there). Hidden variables become static; variables are sorted by offset.
 *
 * DATASECs of externs (`.kconfig`, `.ksyms`) are sorted only. Throws FormatError where the object has no such
 * section or variable.
 */
export function fixDatasecs(btf: Btf, symbols: DatasecSymbols): Btf {
  if (!hasDatasec(btf)) return btf;
  const { words, strings } = ownSections(btf);
  const { index } = btf.tables();
  const origin = index[btf.firstId]!;
  for (let id = btf.firstId; id < btf.count; id++) {
    if (btf.kind(id) !== BtfKind.DATASEC) continue;
    const name = btf.name(id);
    const at = index[id]! - origin;
    if (name !== KCONFIG && name !== KSYMS) fixDatasec(btf, id, words, { at, origin, index }, symbols);
    sortVariables(words.subarray(at + 3, at + 3 + 3 * btf.vlen(id)));
  }
  const bytes = writeSections({ words, strings }, btf.endian);
  return Btf.parse(bytes, {
    pointerSize: btf.pointerSize,
    ...(btf.base === null ? {} : { base: btf.base }),
  });
}

function hasDatasec(btf: Btf): boolean {
  for (let id = btf.firstId; id < btf.count; id++) if (btf.kind(id) === BtfKind.DATASEC) return true;
  return false;
}

function fixDatasec(
  btf: Btf,
  id: number,
  words: Uint32Array,
  place: { readonly at: number; readonly origin: number; readonly index: Uint32Array },
  symbols: DatasecSymbols,
): void {
  const { at, origin, index } = place;
  const section = btf.name(id);
  // The static linker fills these in already.
  const open = btf.size(id) === 0;
  if (open) {
    const size = symbols.sectionSize(section) ?? 0;
    if (size === 0) throw btf.error(id, `the object has no section '${section}' with contents`);
    words[at + 2] = size;
  }
  for (let i = 0, count = btf.vlen(id); i < count; i++) {
    const entry = at + 3 + 3 * i;
    const variable = words[entry]!;
    const problem = (text: string): FormatError => btf.error(id, `variable ${i} of '${section}': ${text}`);
    if (btf.kind(variable) !== BtfKind.VAR) throw problem(`expected a VAR, got type [${variable}]`);
    if (btf.word(variable, 3) !== GLOBAL) continue;
    const name = btf.name(variable);
    const symbol = symbols.variable(name);
    if (symbol === undefined) throw problem(`the object has no symbol '${name}'`);
    if (open) words[entry + 1] = symbol.offset;
    if (symbol.hidden && variable >= btf.firstId) words[index[variable]! - origin + 3] = STATIC;
  }
}

/** `BTF_VAR_STATIC`, `BTF_VAR_GLOBAL_ALLOCATED`. */
const STATIC = 0;
const GLOBAL = 1;

/** Sorts type, offset and size of each variable by the offset; equal ones keep their order. */
function sortVariables(entries: Uint32Array): void {
  const order = Array.from({ length: entries.length / 3 }, (_, i) => i);
  order.sort((a, b) => entries[3 * a + 1]! - entries[3 * b + 1]! || a - b);
  const copy = entries.slice();
  for (const [to, from] of order.entries()) entries.set(copy.subarray(3 * from, 3 * from + 3), 3 * to);
}
