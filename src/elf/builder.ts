import { ByteWriter, type Endian, utf8 } from "../base/index.ts";
import {
  EHDR_SIZE,
  ElfMachine,
  ElfType,
  REL_SIZE,
  RELA_SIZE,
  SectionFlag,
  SectionIndex,
  SectionType,
  SHDR_SIZE,
  SYM_SIZE,
  SymbolBinding,
  SymbolType,
} from "./constants.ts";
import { StringTableWriter } from "./strings.ts";

export interface ElfBuilderOptions {
  /** Default `"little"`. */
  readonly endian?: Endian;
  /** An `ElfMachine`, default BPF. */
  readonly machine?: number;
  /** `e_flags`, default 0. */
  readonly flags?: number;
  /** `EI_OSABI`, default 0. */
  readonly osAbi?: number;
}

export interface SectionInput {
  readonly name: string;
  /** A `SectionType`, default PROGBITS. */
  readonly type?: number;
  /** `SectionFlag`s, default none. */
  readonly flags?: number;
  /** Kept by reference until `finish()`. */
  readonly data?: Uint8Array;
  /** Size of a `SHT_NOBITS` section, which has no data. */
  readonly size?: number;
  /** A power of two, default 1. */
  readonly alignment?: number;
  readonly entrySize?: number;
  /** A section index; `"symtab"` for the symbol table, whose index is known only at the end. */
  readonly link?: number | "symtab";
  readonly info?: number;
}

export interface SymbolInput {
  readonly name: string;
  /** A section index that `section()` returned, or a place that is no section (default `"undefined"`). */
  readonly section?: number | "undefined" | "absolute" | "common";
  readonly value?: bigint | number;
  readonly size?: bigint | number;
  /** A `SymbolType`, default NOTYPE. */
  readonly type?: number;
  /** A `SymbolBinding`, default GLOBAL (LOCAL for section and file symbols). */
  readonly binding?: number;
  /** A `SymbolVisibility`, default DEFAULT. */
  readonly visibility?: number;
}

/** A symbol that was added to a builder; relocations name it. */
export interface SymbolHandle {
  readonly input: SymbolInput;
}

export interface RelocationInput {
  /** Offset in the target section. */
  readonly offset: number;
  readonly type: number;
  /** Absent: a relocation without a symbol. */
  readonly symbol?: SymbolHandle;
  /** Present: the target's relocations go to a `SHT_RELA` section, all of them. */
  readonly addend?: bigint | number;
}

interface PendingSection extends SectionInput {
  readonly link: number | "symtab";
}

/**
 * Builds an ELF64 relocatable file.
 *
 * Sections keep the order they were added in, from index 1; relocation sections, `.symtab` (locals first, as the
 * gABI asks) and the string tables follow. More than 65,279 sections get extended numbering.
 *
 * ```ts
 * const elf = new ElfBuilder();
 * const text = elf.section({ name: "xdp", data: code, flags: SectionFlag.ALLOC | SectionFlag.EXECINSTR, alignment: 8 });
 * elf.symbol({ name: "drop", section: text, size: code.length, type: SymbolType.FUNC });
 * const bytes = elf.finish();
 * ```
 */
export class ElfBuilder {
  readonly #options: ElfBuilderOptions;
  readonly #sections: PendingSection[] = [];
  readonly #symbols: SymbolHandle[] = [];
  readonly #relocations = new Map<number, RelocationInput[]>();

  constructor(options: ElfBuilderOptions = {}) {
    this.#options = options;
  }

  /** Adds a section and returns its index. */
  section(input: SectionInput): number {
    const alignment = input.alignment || 1;
    if (!Number.isInteger(Math.log2(alignment))) {
      throw new RangeError(
        `section ${input.name}: expected an alignment that is a power of two, got ${alignment}`,
      );
    }
    this.#sections.push({ ...input, link: input.link ?? 0 });
    return this.#sections.length;
  }

  symbol(input: SymbolInput): SymbolHandle {
    if (typeof input.section === "number" && !this.#sections[input.section - 1]) {
      throw new RangeError(`symbol ${input.name}: no section ${input.section}`);
    }
    const handle = { input };
    this.#symbols.push(handle);
    return handle;
  }

  /** Adds a relocation of section `target`. */
  relocation(target: number, input: RelocationInput): void {
    const section = this.#sections[target - 1];
    if (section === undefined) throw new RangeError(`relocation of section ${target}, which does not exist`);
    const list = this.#relocations.get(target);
    if (list === undefined) this.#relocations.set(target, [input]);
    else if ((list[0]!.addend === undefined) === (input.addend === undefined)) list.push(input);
    else throw new RangeError(`section ${section.name}: relocations with and without addends do not mix`);
  }

  /** Adds a `SHT_NOTE` section with these notes, padded to 4 bytes. */
  notes(
    name: string,
    notes: readonly { readonly name: string; readonly type: number; readonly description: Uint8Array }[],
    flags = 0,
  ): number {
    // An absent owner has no bytes at all, not even the NUL.
    const owners = notes.map((note) => utf8(note.name === "" ? "" : `${note.name}\0`));
    const capacity = notes.reduce(
      (sum, note, i) => sum + 20 + owners[i]!.length + note.description.length,
      0,
    );
    const out = new ByteWriter({ endian: this.#options.endian ?? "little", capacity });
    for (const [i, note] of notes.entries()) {
      const owner = owners[i]!;
      out.u32(owner.length).u32(note.description.length).u32(note.type);
      out.write(owner).align(4).write(note.description).align(4);
    }
    return this.section({ name, type: SectionType.NOTE, flags, alignment: 4, data: out.finish() });
  }

  /** The file's bytes. The builder may be used further and finished again. */
  finish(): Uint8Array {
    const sections = [...this.#sections];
    const symtabIndex = sections.length + this.#relocations.size + 1;
    const { ordered, indexOf, locals } = this.#orderSymbols();
    for (const target of [...this.#relocations.keys()].sort((a, b) => a - b)) {
      sections.push(this.#relocationSection(target, symtabIndex, indexOf));
    }
    const strings = new StringTableWriter();
    const symtab = this.#symbolTable(ordered, strings);
    const stringsIndex = symtabIndex + (symtab.extended === undefined ? 1 : 2);
    sections.push({
      name: ".symtab",
      type: SectionType.SYMTAB,
      data: symtab.data,
      link: stringsIndex,
      info: locals,
      alignment: 8,
      entrySize: SYM_SIZE,
    });
    if (symtab.extended !== undefined) {
      sections.push({
        name: ".symtab_shndx",
        type: SectionType.SYMTAB_SHNDX,
        data: symtab.extended,
        link: symtabIndex,
        alignment: 4,
        entrySize: 4,
      });
    }
    sections.push({ name: ".strtab", type: SectionType.STRTAB, data: strings.finish(), link: 0 });
    const names = new StringTableWriter();
    for (const section of sections) names.add(section.name);
    names.add(".shstrtab");
    sections.push({ name: ".shstrtab", type: SectionType.STRTAB, data: names.finish(), link: 0 });
    return this.#layOut(sections, names, symtabIndex);
  }

  #orderSymbols() {
    const isLocal = (handle: SymbolHandle) => bindingOf(handle.input) === SymbolBinding.LOCAL;
    const ordered = [...this.#symbols.filter(isLocal), ...this.#symbols.filter((handle) => !isLocal(handle))];
    const indexOf = new Map<SymbolHandle, number>();
    for (const [i, handle] of ordered.entries()) indexOf.set(handle, i + 1);
    return { ordered, indexOf, locals: 1 + this.#symbols.filter(isLocal).length };
  }

  #relocationSection(
    target: number,
    symtab: number,
    indexOf: ReadonlyMap<SymbolHandle, number>,
  ): PendingSection {
    const entries = this.#relocations.get(target)!;
    const withAddend = entries[0]!.addend !== undefined;
    const entrySize = withAddend ? RELA_SIZE : REL_SIZE;
    const capacity = entries.length * entrySize;
    const out = new ByteWriter({ endian: this.#options.endian ?? "little", capacity });
    for (const entry of entries) {
      const symbol = entry.symbol === undefined ? 0 : indexOf.get(entry.symbol);
      if (symbol === undefined) throw new RangeError(`relocation with another builder's symbol`);
      out.u64(entry.offset).u64((BigInt(symbol) << 32n) | BigInt(entry.type));
      if (withAddend) out.u64(entry.addend!);
    }
    return {
      name: `${withAddend ? ".rela" : ".rel"}${this.#sections[target - 1]!.name}`,
      type: withAddend ? SectionType.RELA : SectionType.REL,
      flags: SectionFlag.INFO_LINK,
      data: out.finish(),
      link: symtab,
      info: target,
      alignment: 8,
      entrySize,
    };
  }

  /** `.symtab`, with `.symtab_shndx` where a symbol's section index does not fit in 16 bits. */
  #symbolTable(
    ordered: readonly SymbolHandle[],
    strings: StringTableWriter,
  ): { data: Uint8Array; extended: Uint8Array | undefined } {
    const endian = this.#options.endian ?? "little";
    const count = ordered.length + 1;
    const out = new ByteWriter({ endian, capacity: count * SYM_SIZE }).zeros(SYM_SIZE);
    const extended = new ByteWriter({ endian, capacity: count * 4 }).u32(0);
    let needsExtended = false;
    for (const { input } of ordered) {
      const index = sectionIndexOf(input);
      const fits = typeof input.section !== "number" || index < SectionIndex.LORESERVE;
      needsExtended ||= !fits;
      extended.u32(fits ? 0 : index);
      out.u32(strings.add(input.name));
      out.u8((bindingOf(input) << 4) | (input.type ?? SymbolType.NOTYPE));
      out.u8(input.visibility ?? 0);
      out.u16(fits ? index : SectionIndex.XINDEX);
      out.u64(input.value ?? 0).u64(input.size ?? 0);
    }
    return { data: out.finish(), extended: needsExtended ? extended.finish() : undefined };
  }

  /** Header, contents, section headers. */
  #layOut(sections: readonly PendingSection[], names: StringTableWriter, symtab: number): Uint8Array {
    const endian = this.#options.endian ?? "little";
    const count = sections.length + 1;
    const capacity = sections.reduce(
      (sum, section) => sum + (section.data?.length ?? 0) + (section.alignment ?? 1),
      EHDR_SIZE + 8 + count * SHDR_SIZE,
    );
    const out = new ByteWriter({ endian, capacity }).zeros(EHDR_SIZE);
    const offsets = sections.map((section) => {
      out.align(section.alignment || 1);
      const offset = out.length;
      if (section.data !== undefined) out.write(section.data);
      return offset;
    });
    out.align(8);
    const tableAt = out.length;
    const extended = count >= SectionIndex.LORESERVE;
    out.zeros(32).u64(extended ? count : 0);
    out.u32(extended ? count - 1 : 0).zeros(SHDR_SIZE - 44);
    for (const [i, section] of sections.entries()) {
      out.u32(names.add(section.name)).u32(section.type ?? SectionType.PROGBITS);
      out
        .u64(section.flags ?? 0)
        .u64(0)
        .u64(offsets[i]!);
      out.u64(section.data?.length ?? section.size ?? 0);
      out.u32(section.link === "symtab" ? symtab : section.link).u32(section.info ?? 0);
      out.u64(section.alignment ?? 1).u64(section.entrySize ?? 0);
    }
    const bytes = out.finish();
    bytes.set(this.#header(tableAt, extended ? 0 : count, extended ? SectionIndex.XINDEX : count - 1));
    return bytes;
  }

  #header(tableAt: number, count: number, namesIndex: number): Uint8Array {
    const { endian = "little", machine = ElfMachine.BPF, flags = 0, osAbi = 0 } = this.#options;
    const out = new ByteWriter({ endian, capacity: EHDR_SIZE });
    out.write([0x7f, 0x45, 0x4c, 0x46, 2, endian === "little" ? 1 : 2, 1, osAbi]).zeros(8);
    out.u16(ElfType.REL).u16(machine).u32(1).u64(0).u64(0).u64(tableAt).u32(flags);
    out.u16(EHDR_SIZE).u16(0).u16(0).u16(SHDR_SIZE).u16(count).u16(namesIndex);
    return out.finish();
  }
}

function bindingOf(input: SymbolInput): number {
  if (input.binding !== undefined) return input.binding;
  const local = input.type === SymbolType.SECTION || input.type === SymbolType.FILE;
  return local ? SymbolBinding.LOCAL : SymbolBinding.GLOBAL;
}

function sectionIndexOf(input: SymbolInput): number {
  if (typeof input.section === "number") return input.section;
  if (input.section === "absolute") return SectionIndex.ABS;
  return input.section === "common" ? SectionIndex.COMMON : SectionIndex.UNDEF;
}
