import type { Endian } from "../base/index.ts";
import type { Btf } from "../btf/index.ts";
import type { Insn } from "../isa/index.ts";

/**
 * What an object file, a trace script or assembly text says: a value. Opening never asks a kernel anything, and nothing
 * in here is tied to one; `loader` consumes it, and never changes it.
 *
 * All buffers belong to the spec and must not be written to; a program that wants other initial contents makes a copy
 * (`withContents` in `object`).
 */
export interface ObjectSpec {
  /** As libbpf derives it: the first 15 bytes of the file's base name, up to the first dot. */
  readonly name: string;
  readonly endian: Endian;
  /** Text of the section `license`; empty where there is none. */
  readonly license: string;
  /** Value of the section `version`: `KERNEL_VERSION(a, b, c)` as an integer, 0 where there is none. */
  readonly kernelVersion: number;
  /** In the order of the file: by section, then by offset. Keys are function names. */
  readonly programs: ReadonlyMap<string, ProgramSpec>;
  /**
   * In libbpf's order: legacy definitions, `.maps`, data sections, `.kconfig`, struct_ops. Keys are as in the source:
   * names of variables, and of data sections (`.rodata`). References and slots name maps by these keys.
   */
  readonly maps: ReadonlyMap<string, MapSpec>;
  /**
   * The object's types as they are loaded; null without `.BTF`. DATASEC sizes and offsets are filled in, externs are
   * variables of their DATASEC with a place in it, hidden functions and variables are static ones. Type ids are those
   * of the file.
   */
  readonly btf: Btf | null;
  /** `.kconfig` first, by falling alignment, then size, then name; then `.ksyms` by name. */
  readonly externs: readonly ExternSpec[];
}

/** One program: the code of its entry function followed by that of every subprogram that it reaches. */
export interface ProgramSpec {
  /** Name of the entry function. */
  readonly name: string;
  /** As in the file: `"tp/syscalls/sys_enter_openat"`. */
  readonly sectionName: string;
  readonly kind: ProgramKind;
  /**
   * Slots. Calls and addresses of subprograms are resolved (`src` says call or function, `imm` is the displacement);
   * references to maps and externs have 0 as `src` and immediate (calls of kfuncs: the kfunc's `src`) and are listed in
   * `references`.
   */
  readonly insns: readonly Insn[];
  readonly references: readonly Reference[];
  /** CO-RE relocations, by slot of `insns`; type ids are those of `ObjectSpec.btf`. */
  readonly coreRelocations: readonly CoreRelocation[];
  /** One entry a function, the entry function first; empty where BTF.ext has none for the entry function. */
  readonly funcInfo: readonly FuncInfo[];
  readonly lineInfo: readonly LineInfo[];
  /** False for `?section` and where libbpf would not load it unless asked. */
  readonly autoload: boolean;
}

/** What the section name (or a front end) says about a program: libbpf's `struct bpf_sec_def`, applied. */
export interface ProgramKind {
  /** A value of `BpfProgType`; UNSPEC where the name matches no definition. */
  readonly type: number;
  /** A value of `BpfAttachType`, or null where the type has none. */
  readonly attachType: number | null;
  /** `BPF_F_SLEEPABLE`, `BPF_F_XDP_HAS_FRAGS` … */
  readonly flags: number;
  /** What follows the definition's prefix: `"syscalls/sys_enter_openat"`, a function, a path; or null. */
  readonly attachTarget: string | null;
  /** The definition that matched: `"tp+"`; null for none. */
  readonly definition: string | null;
  /** Whether the target names a BTF type that the kernel has to resolve at load time. */
  readonly needsAttachBtf: boolean;
}

export type Reference =
  /** LD_IMM64 (or legacy) reference to a map. */
  | { readonly kind: "map"; readonly slot: number; readonly map: string }
  /** LD_IMM64 of the address of a byte of a map's value: `.data`, `.rodata`, `.bss`. */
  | { readonly kind: "mapValue"; readonly slot: number; readonly map: string; readonly offset: number }
  /** LD_IMM64 of a subprogram's address; `target` is the slot of its first instruction. */
  | { readonly kind: "function"; readonly slot: number; readonly target: number }
  /** An extern: index into `ObjectSpec.externs`. A variable (LD_IMM64) or a kfunc (call). */
  | { readonly kind: "extern"; readonly slot: number; readonly extern: number };

export interface FuncInfo {
  readonly slot: number;
  /** Id of a FUNC in `ObjectSpec.btf`. */
  readonly typeId: number;
}

export interface LineInfo {
  readonly slot: number;
  readonly file: string;
  /** Text of the line; may be empty. */
  readonly line: string;
  readonly lineNumber: number;
  /** From 0, as in BTF. */
  readonly column: number;
  /** Offsets of `file` and `line` in the string section of `ObjectSpec.btf`: what the kernel is given. */
  readonly fileOffset: number;
  readonly lineOffset: number;
}

export interface CoreRelocation {
  readonly slot: number;
  /** Root type, in `ObjectSpec.btf`. */
  readonly typeId: number;
  /** `"0:1:2"`. */
  readonly access: string;
  /** A value of `enum bpf_core_relo_kind`. */
  readonly kind: number;
}

/** A map as declared; the loader creates it. */
export interface MapSpec {
  /** What the kernel is told, before it is cut to 15 bytes; of a data section 8 bytes of the object's name and its own. */
  readonly name: string;
  /** A value of `BpfMapType`. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  /** 0 where the kernel or the loader decides (perf event arrays: the number of CPUs). */
  readonly maxEntries: number;
  readonly flags: number;
  readonly numaNode: number | null;
  readonly mapExtra: bigint;
  /** `LIBBPF_PIN_NONE` 0 or `LIBBPF_PIN_BY_NAME` 1. */
  readonly pinning: number;
  /** Type ids in `ObjectSpec.btf`; 0 for none. */
  readonly keyTypeId: number;
  readonly valueTypeId: number;
  /** The prototype of the inner maps of a map of maps; null otherwise. */
  readonly inner: MapSpec | null;
  /** Initial entries: names of maps or programs of this object by index (`__array(values, …)`). */
  readonly slots: readonly { readonly index: number; readonly target: string }[];
  /** Initial value of a data section's map (key 0), initial bytes of an arena or of a struct_ops; null for others. */
  readonly contents: Uint8Array | null;
  /** The section of a data map: `.rodata.str1.1`; null for ordinary maps. */
  readonly section: string | null;
  /** Frozen once filled, as `.rodata` and `.kconfig` are. */
  readonly freeze: boolean;
  /** False where it is only created when asked for: `?.struct_ops`. */
  readonly autocreate: boolean;
  /** What a `.struct_ops` variable says; null for other maps. */
  readonly structOps: StructOpsSpec | null;
}

/** A table of kernel operations made of programs: `contents` has its other members, at the local type's offsets. */
export interface StructOpsSpec {
  /** The local struct in `ObjectSpec.btf`, named as the kernel's. */
  readonly typeId: number;
  readonly members: readonly {
    readonly name: string;
    /** In the local struct, in bytes. */
    readonly offset: number;
    readonly program: string;
  }[];
}

/** Something the object expects from elsewhere: `__kconfig` or `__ksym`. */
export interface ExternSpec {
  readonly name: string;
  readonly kind: "kconfig" | "ksymVariable" | "ksymFunction";
  readonly weak: boolean;
  /** Type id in `ObjectSpec.btf`; 0 for a typeless ksym. */
  readonly typeId: number;
  /** Bytes in the `.kconfig` map, for `kconfig`. */
  readonly offset: number;
  readonly size: number;
  /** For `kconfig`: whether the value is signed, a tristate, a bool, a string … */
  readonly valueKind: "bool" | "tristate" | "int" | "char" | "string" | null;
  readonly signed: boolean;
}
