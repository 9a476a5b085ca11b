import { type Endian, TsbpfError } from "../../base/index.ts";
import {
  ElfBuilder,
  type ElfRelocation,
  SectionType,
  type SymbolHandle,
  SymbolType,
} from "../../elf/index.ts";
import { Class, classOf, decode, encode, type Insn, isWide } from "../../isa/index.ts";
import { inObject } from "../error.ts";
import { isCode, RelocationType, symbolName } from "../object-file.ts";
import { OutputSection } from "./output-section.ts";
import { type LinkInput, LinkSource } from "./source.ts";
import { LinkSymbols, type OutputSymbol } from "./symbols.ts";
import { LinkTypes } from "./types.ts";

interface OutputRelocation {
  readonly offset: number;
  readonly type: number;
  readonly symbol: OutputSymbol;
}

/**
 * Links objects of BPF code into one, as libbpf's static linker does (`bpftool gen object`): sections of one name are
 * joined, externs are resolved to definitions, which must agree with them in type, weak definitions give way, types are
 * deduplicated. Licences and versions must be the same. Debugging information other than BTF is left out.
 *
 * Objects of one byte order; those of gcc are rewritten to relocations as clang has them. Throws ObjectError, which names
 * the object and symbol, where they do not fit together.
 *
 * ```ts
 * const bytes = link([{ name: "a.bpf.o", bytes: a }, { name: "b.bpf.o", bytes: b }]);
 * ```
 */
export function link(inputs: readonly LinkInput[]): Uint8Array {
  const first = inputs[0];
  if (first === undefined) throw new TsbpfError("link: expected at least one object, got none");
  const sources = inputs.map((input) => inObject(input.name, () => new LinkSource(input)));
  const output = new LinkOutput(sources[0]!.file.endian);
  for (const source of sources) inObject(source.file.label, () => output.append(source));
  return output.finish();
}

/** Sections whose contents must be the same in all objects; they are kept once. */
const SHARED: ReadonlySet<string> = new Set(["license", "version"]);

class LinkOutput {
  readonly #endian: Endian;
  readonly #sections: OutputSection[] = [];
  readonly #byName = new Map<string, OutputSection>();
  readonly #types = new LinkTypes();
  readonly #symbols = new LinkSymbols((global, btf, id) => this.#types.define(global, btf, id));
  readonly #sectionSymbols = new Map<OutputSection, OutputSymbol>();
  readonly #relocations = new Map<OutputSection, OutputRelocation[]>();
  /** What relocations against sections add to instructions, by section and offset there. */
  readonly #patches = new Map<OutputSection, Map<number, (insn: Insn) => Insn>>();

  constructor(endian: Endian) {
    this.#endian = endian;
  }

  append(source: LinkSource): void {
    const { file } = source;
    if (file.endian !== this.#endian) {
      throw file.error(
        {},
        `expected a ${this.#endian}-endian object as the first, got a ${file.endian}-endian one`,
      );
    }
    const places = new Map<
      string,
      { section: OutputSection; offset: number; skipped: boolean; shell: boolean }
    >();
    for (const { name, elf } of source.sections) {
      let section = this.#byName.get(name);
      if (section === undefined) {
        section = new OutputSection(name, this.#endian);
        this.#byName.set(name, section);
        this.#sections.push(section);
      } else if (SHARED.has(name) && elf !== null && section.header !== null) {
        if (!sameBytes(section.contents(), file.data(elf))) {
          throw file.error({ section: name }, "expected the same contents as in the objects before");
        }
        places.set(name, { section, offset: 0, skipped: true, shell: false });
        continue;
      }
      const offset = elf === null ? 0 : section.append(source, elf);
      places.set(name, { section, offset, skipped: false, shell: elf === null });
    }
    const placeOf = (name: string) => {
      const place = places.get(name);
      return place === undefined || place.skipped ? null : place;
    };
    const symbols = this.#symbols.append(source, placeOf, this.#sectionSymbols);
    for (const { name, elf } of source.sections) {
      const place = placeOf(name);
      if (elf === null || place === null) continue;
      for (const relocation of file.relocationsOf(elf))
        this.#relocate(source, name, relocation, { ...place, symbols, placeOf });
    }
    this.#types.append(source, this.#symbols, placeOf);
  }

  #relocate(
    source: LinkSource,
    sectionName: string,
    { offset, type, symbol }: ElfRelocation,
    into: {
      readonly section: OutputSection;
      readonly offset: number;
      readonly symbols: ReadonlyMap<number, OutputSymbol>;
      readonly placeOf: (name: string) => { readonly offset: number } | null;
    },
  ): void {
    const { file } = source;
    const fail = (problem: string) =>
      file.error({ section: sectionName, symbol: symbolName(symbol), offset }, problem);
    const known = [
      RelocationType.R_64_64,
      RelocationType.R_64_32,
      RelocationType.R_64_ABS64,
      RelocationType.R_64_ABS32,
    ];
    if (!(known as readonly number[]).includes(type)) throw fail(`unknown relocation type ${type}`);
    const target = symbol === undefined ? undefined : into.symbols.get(symbol.index);
    if (symbol === undefined || target === undefined)
      throw fail("expected a symbol in a section that is linked");
    const { section } = into;
    const code = isCode(section.header!);
    if (code && offset % 8 !== 0) throw fail("expected a relocation of a whole instruction");
    const list = this.#relocations.get(section);
    const entry = { offset: into.offset + offset, type, symbol: target };
    if (list === undefined) this.#relocations.set(section, [entry]);
    else list.push(entry);
    const bySection = symbol.type === SymbolType.SECTION;
    if (bySection && !code)
      throw fail("expected a symbol of its own: data cannot be relocated against a section");
    if (!code || (!bySection && !file.byGcc)) return;
    let moved = 0;
    if (bySection) {
      if (symbol.section === undefined)
        throw fail("expected the symbol of a section, got one without a section");
      moved = into.placeOf(symbol.section.name)?.offset ?? 0;
    }
    let patches = this.#patches.get(section);
    if (patches === undefined) this.#patches.set(section, (patches = new Map()));
    const value = Number(symbol.value);
    patches.set(entry.offset / 8, (insn) => {
      const clang = file.byGcc ? fromGcc(insn, value) : insn;
      return { ...clang, imm: (clang.imm + (isCall(insn) ? moved / 8 : moved)) | 0 };
    });
  }

  finish(): Uint8Array {
    const elf = new ElfBuilder({ endian: this.#endian });
    for (const section of this.#sections) {
      const { header } = section;
      if (header === null) continue;
      const noBits = header.type === SectionType.NOBITS;
      section.index = elf.section({
        name: section.name,
        type: header.type,
        flags: header.flags,
        alignment: section.alignment,
        entrySize: header.entrySize,
        ...(noBits ? { size: section.size } : { data: this.#patched(section) }),
      });
    }
    const types = this.#types.finish(this.#sections, this.#endian);
    if (types !== null) {
      elf.section({ name: ".BTF", data: types.btf, alignment: 8 });
      if (types.ext !== null) elf.section({ name: ".BTF.ext", data: types.ext, alignment: 8 });
    }
    const handles = new Map<OutputSymbol, SymbolHandle>();
    for (const symbol of this.#symbols.all) {
      handles.set(
        symbol,
        elf.symbol({
          name: symbol.name,
          section: symbol.section?.index ?? symbol.place ?? "undefined",
          value: symbol.value,
          size: symbol.size,
          type: symbol.type,
          binding: symbol.binding,
          visibility: symbol.visibility,
        }),
      );
    }
    for (const [section, relocations] of this.#relocations) {
      for (const { offset, type, symbol } of relocations) {
        elf.relocation(section.index, { offset, type, symbol: handles.get(symbol)! });
      }
    }
    return elf.finish();
  }

  /** A section's contents, with instructions adjusted to where their targets went. */
  #patched(section: OutputSection): Uint8Array {
    const bytes = section.contents();
    const patches = this.#patches.get(section);
    if (patches === undefined) return bytes;
    for (const [slot, patch] of patches) {
      const at = slot * 8;
      const [insn] = decodeSlot(bytes.subarray(at, at + 8), this.#endian);
      bytes.set(encode([patch(insn!)], { endian: this.#endian }), at);
    }
    return bytes;
  }
}

/** One slot, which may be the first half of a wide load. */
function decodeSlot(bytes: Uint8Array, endian: Endian): Insn[] {
  const padded = new Uint8Array(16);
  padded.set(bytes);
  return decode(padded, { endian });
}

function isCall(insn: Insn): boolean {
  return classOf(insn.opcode) === Class.jmp;
}

/** gcc 12 writes whole offsets into instructions: in bytes, minus one in calls. What clang writes is relative to the symbol. */
function fromGcc(insn: Insn, value: number): Insn {
  if (isWide(insn)) return insn.imm >= value ? { ...insn, imm: insn.imm - value } : insn;
  return isCall(insn) && insn.imm !== -1 ? { ...insn, imm: (insn.imm + 1 - value) / 8 - 1 } : insn;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
