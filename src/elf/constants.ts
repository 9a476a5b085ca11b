/** Numbers of the ELF format (System V gABI, "Object Files"; `elf(5)`), under the gABI's names without their prefixes. */

/** `e_type`: what kind of file it is. */
export const ElfType = { NONE: 0, REL: 1, EXEC: 2, DYN: 3, CORE: 4 } as const;

/** `e_machine`: the machines tsbpf meets. Any other number is as valid. */
export const ElfMachine = {
  NONE: 0,
  I386: 3,
  ARM: 40,
  X86_64: 62,
  AARCH64: 183,
  RISCV: 243,
  BPF: 247,
} as const;

/** `sh_type`. */
export const SectionType = {
  NULL: 0,
  PROGBITS: 1,
  SYMTAB: 2,
  STRTAB: 3,
  RELA: 4,
  HASH: 5,
  DYNAMIC: 6,
  NOTE: 7,
  NOBITS: 8,
  REL: 9,
  DYNSYM: 11,
  INIT_ARRAY: 14,
  FINI_ARRAY: 15,
  GROUP: 17,
  SYMTAB_SHNDX: 18,
  LLVM_ADDRSIG: 0x6fff4c03,
} as const;

/** `sh_flags`. */
export const SectionFlag = {
  WRITE: 0x1,
  ALLOC: 0x2,
  EXECINSTR: 0x4,
  MERGE: 0x10,
  STRINGS: 0x20,
  INFO_LINK: 0x40,
  GROUP: 0x200,
  TLS: 0x400,
  COMPRESSED: 0x800,
  EXCLUDE: 0x8000_0000,
} as const;

/** `st_shndx` values that are no section; also `e_shstrndx`'s escape. */
export const SectionIndex = {
  UNDEF: 0,
  LORESERVE: 0xff00,
  ABS: 0xfff1,
  COMMON: 0xfff2,
  XINDEX: 0xffff,
} as const;

/** The high nibble of `st_info`. */
export const SymbolBinding = { LOCAL: 0, GLOBAL: 1, WEAK: 2, GNU_UNIQUE: 10 } as const;

/** The low nibble of `st_info`. */
export const SymbolType = {
  NOTYPE: 0,
  OBJECT: 1,
  FUNC: 2,
  SECTION: 3,
  FILE: 4,
  COMMON: 5,
  TLS: 6,
  GNU_IFUNC: 10,
} as const;

/** The low two bits of `st_other`. */
export const SymbolVisibility = { DEFAULT: 0, INTERNAL: 1, HIDDEN: 2, PROTECTED: 3 } as const;

/** `p_type`. */
export const SegmentType = {
  NULL: 0,
  LOAD: 1,
  DYNAMIC: 2,
  INTERP: 3,
  NOTE: 4,
  PHDR: 6,
  TLS: 7,
  GNU_EH_FRAME: 0x6474e550,
  GNU_STACK: 0x6474e551,
  GNU_PROPERTY: 0x6474e553,
} as const;

/** `p_flags`. */
export const SegmentFlag = { X: 1, W: 2, R: 4 } as const;

/** Sizes in bytes of the ELF64 structures. */
export const EHDR_SIZE = 64;
export const SHDR_SIZE = 64;
export const PHDR_SIZE = 56;
export const SYM_SIZE = 24;
export const REL_SIZE = 16;
export const RELA_SIZE = 24;
