import type { Endian } from "../base/index.ts";
import {
  type ElfFile,
  ElfMachine,
  type ElfRelocation,
  type ElfSection,
  type ElfSymbol,
  ElfType,
  openElf,
  SectionFlag,
  SectionType,
  SymbolBinding,
  SymbolType,
} from "../elf/index.ts";
import { ObjectError, type ObjectPlace } from "./error.ts";
import { roleOf, type SectionRole } from "./section-roles.ts";

/** `R_BPF_*`: the relocation types of the BPF machine (LLVM's `BPF.def`). */
export const RelocationType = {
  /** A 64-bit immediate load. */
  R_64_64: 1,
  /** A 64-bit address in data. */
  R_64_ABS64: 2,
  R_64_ABS32: 3,
  R_64_NODYLD32: 4,
  /** The immediate of a call. */
  R_64_32: 10,
} as const;

/** An object file of BPF code: the ELF file with what its sections are for. */
export class ObjectFile {
  /** For messages: the file's name as given. */
  readonly label: string;
  readonly elf: ElfFile;
  readonly symbols: readonly ElfSymbol[];
  /**
   * gcc writes whole offsets into relocated instructions where clang writes what is to be added to the symbol's value;
   * its objects say so in `.comment`.
   */
  readonly byGcc: boolean;
  readonly #roles: readonly SectionRole[];

  /** ObjectError for files that hold no relocatable BPF code. */
  constructor(bytes: Uint8Array, label: string) {
    const elf = openElf(bytes);
    this.label = label;
    this.elf = elf;
    const { type, machine } = elf.header;
    if (type !== ElfType.REL) {
      throw this.error({}, `expected a relocatable object (ELF type 1), got ${typeName(type)}`);
    }
    // Old LLVM wrote no machine.
    if (machine !== ElfMachine.BPF && machine !== ElfMachine.NONE) {
      throw this.error(
        {},
        `expected code for BPF (ELF machine 247; clang -target bpf), got ${machineName(machine)}`,
      );
    }
    const tables = elf.sections.filter((section) => section.type === SectionType.SYMTAB);
    if (tables.length !== 1) {
      throw this.error(
        {},
        `expected one symbol table, got ${tables.length}${tables.length === 0 ? ": was it stripped?" : ""}`,
      );
    }
    this.symbols = elf.symbols();
    const comment = elf.section(".comment");
    this.byGcc = comment !== undefined && hasGccMark(elf.data(comment));
    this.#roles = elf.sections.map((section) => roleOf(section));
  }

  get endian(): Endian {
    return this.elf.endian;
  }

  role(section: ElfSection): SectionRole {
    return this.#roles[section.index]!;
  }

  /** Sections of a role, in the order of the file. */
  sections(role: SectionRole): ElfSection[] {
    return this.elf.sections.filter((section) => this.role(section) === role);
  }

  /** A section's contents, as a view; empty for `.bss`. */
  data(section: ElfSection): Uint8Array {
    return this.elf.data(section);
  }

  /** The relocations of one section. ObjectError where they have addends of their own, which no BPF compiler writes. */
  relocationsOf(section: ElfSection): readonly ElfRelocation[] {
    const entries: ElfRelocation[] = [];
    for (const relocations of this.elf.relocations()) {
      if (relocations.target !== section) continue;
      if (relocations.section.type === SectionType.RELA) {
        throw this.error(
          { section: relocations.section.name },
          "expected relocations without addends (SHT_REL), got SHT_RELA",
        );
      }
      for (const entry of relocations.entries) entries.push(entry);
    }
    return entries;
  }

  error(place: ObjectPlace, problem: string, cause?: unknown): ObjectError {
    return new ObjectError(this.label, place, problem, cause === undefined ? undefined : { cause });
  }
}

/** A symbol that another object or the kernel is to provide (`sym_is_extern`). */
export function isExtern(symbol: ElfSymbol): boolean {
  return (
    symbol.place === "undefined" &&
    symbol.index !== 0 &&
    symbol.type === SymbolType.NOTYPE &&
    (symbol.binding === SymbolBinding.GLOBAL || symbol.binding === SymbolBinding.WEAK)
  );
}

/** Name of a symbol for messages; a section's symbol has its section's. */
export function symbolName(symbol: ElfSymbol | undefined): string {
  if (symbol === undefined) return "(none)";
  if (symbol.name !== "") return symbol.name;
  return symbol.section?.name ?? `#${symbol.index}`;
}

/** True where the section holds instructions. */
export function isCode(section: ElfSection): boolean {
  return section.type === SectionType.PROGBITS && (section.flags & SectionFlag.EXECINSTR) !== 0;
}

function hasGccMark(comment: Uint8Array): boolean {
  // Strings, NUL before and after: "GCC: (GNU) 12.2.0".
  const mark = [0x47, 0x43, 0x43, 0x3a];
  for (let at = 0; at >= 0 && at < comment.length; at = comment.indexOf(0, at) + 1 || comment.length) {
    if (mark.every((byte, i) => comment[at + i] === byte)) return true;
  }
  return false;
}

function typeName(type: number): string {
  if (type === ElfType.EXEC) return "an executable (2)";
  if (type === ElfType.DYN) return "a shared object (3)";
  if (type === ElfType.CORE) return "a core dump (4)";
  return `type ${type}`;
}

function machineName(machine: number): string {
  for (const [name, number] of Object.entries(ElfMachine)) {
    if (number === machine) return `${name.toLowerCase().replace("_", "-")} (${machine})`;
  }
  return `machine ${machine}`;
}
