import { type ElfSection, SectionFlag, SectionType } from "../elf/index.ts";

/** What a section of an object is for, by libbpf's rules (`bpf_object__elf_collect`). */
export type SectionRole =
  | "license"
  | "version"
  /** `maps`: definitions as plain structs, before BTF. */
  | "legacyMaps"
  /** `.maps`: definitions as BTF types. */
  | "maps"
  | "btf"
  | "btfExt"
  | "code"
  | "data"
  | "rodata"
  | "bss"
  | "structOps"
  | "arena"
  | "jumpTables"
  /** Debugging information, symbols, relocations, and what no loader knows. */
  | "other";

/** Variables of an arena, which has its own address space. */
export const ARENA_SECTION = ".addr_space.1";

const STRUCT_OPS = /^\??\.struct_ops(\.link)?$/;

export function roleOf(section: ElfSection): SectionRole {
  const { name, type, flags, size } = section;
  if (name === "license" || name === "version" || name === ".maps") {
    return name === ".maps" ? "maps" : name;
  }
  if (name === "maps") return "legacyMaps";
  if (name === ".BTF") return "btf";
  if (name === ".BTF.ext") return "btfExt";
  if (type === SectionType.NOBITS) return size > 0 && isNamed(name, ".bss") ? "bss" : "other";
  if (type !== SectionType.PROGBITS || size === 0) return "other";
  if (flags & SectionFlag.EXECINSTR) return "code";
  if (isNamed(name, ".data")) return "data";
  if (isNamed(name, ".rodata")) return "rodata";
  if (isNamed(name, ".bss")) return "bss";
  if (STRUCT_OPS.test(name)) return "structOps";
  if (name === ARENA_SECTION) return "arena";
  return name === ".jumptables" ? "jumpTables" : "other";
}

function isNamed(name: string, base: string): boolean {
  return name === base || name.startsWith(`${base}.`);
}
