import type { CaseRights } from "./case-rights.ts";

/** A program with everything that a kernel must be given to judge it, and nothing that names a kernel's own numbers. */
export interface VerifierCase {
  /** Unique: `"dynptr: a slice past the end"`, `"groundtruth/17: invalid range check"`. */
  readonly name: string;
  /** What it belongs to: the case file without its ending, or a groundtruth file. */
  readonly group: string;
  readonly progType: number;
  readonly expectedAttachType: number;
  readonly progFlags: number;
  readonly license: string;
  /** Of whoever makes the maps and loads the program. */
  readonly rights: CaseRights;
  /** As loaded, but for what `references` names. */
  readonly insns: Uint8Array;
  readonly references: readonly CaseReference[];
  readonly maps: readonly CaseMap[];
  readonly btf: Uint8Array | null;
  /** `struct bpf_func_info` records of 8 bytes. */
  readonly funcInfo: Uint8Array;
  /** `struct bpf_line_info` records of 16 bytes. */
  readonly lineInfo: Uint8Array;
  readonly attach: CaseAttach | null;
  readonly runs: readonly CaseRun[];
  /** What is written in the case file, for a person to read; empty where there is none. */
  readonly source: string;
}

/** A number in the program that only a kernel knows: it belongs into `imm` of the instruction at `slot`. */
export type CaseReference =
  | { readonly kind: "map"; readonly slot: number; readonly map: number }
  | { readonly kind: "kfunc"; readonly slot: number; readonly name: string }
  | { readonly kind: "variable"; readonly slot: number; readonly name: string }
  | { readonly kind: "kernelType"; readonly slot: number; readonly name: string };

/** Types of a map's key and value; id 0: none. Where `btf` has the bytes of the case's, it is the same BTF object. */
export interface CaseMapTypes {
  readonly btf: Uint8Array;
  readonly keyType: number;
  readonly valueType: number;
}

export interface CaseMap {
  /** Of the kernel's map; empty: none. */
  readonly name: string;
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly extra: bigint;
  readonly types: CaseMapTypes | null;
  /** Index of the map that is the inner one's pattern. */
  readonly inner: number | null;
  readonly elements: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[];
  /** No writes by system calls after the elements are in. */
  readonly frozen: boolean;
  /** Of a program array: programs of the case's type, put in after the load. `self`: slots that refer to this map. */
  readonly programs: readonly {
    readonly index: number;
    readonly insns: Uint8Array;
    readonly self: readonly number[];
  }[];
}

/** What a tracing, LSM, iterator or struct_ops program is for: a BTF id of the kernel. */
export interface CaseAttach {
  /** Of the type as the kernel's BTF has it: `"bpf_fentry_test1"`, `"btf_trace_sys_enter"`, `"bpf_iter_task"`. */
  readonly name: string;
  readonly kind: "FUNC" | "TYPEDEF" | "STRUCT";
  /** A struct_ops program's member. */
  readonly member: string | null;
}

export interface CaseRun {
  readonly data: Uint8Array | null;
  readonly ctx: Uint8Array | null;
}

/** What a kernel said to a case. */
export interface VerifierRecord {
  /** 0: accepted. */
  readonly errno: number;
  /** At levels `STATS`, 1 and 2 (both with stats where the recording has them), masked. null: not recorded. */
  readonly stats: string | null;
  readonly level1: string | null;
  readonly level2: string | null;
  /** After fixups, masked. */
  readonly xlated: Uint8Array | null;
  readonly runs: readonly CaseOutcome[];
}

export interface CaseOutcome {
  readonly errno: number;
  /** r0; null: another one in each run (an address, a time). */
  readonly retval: number | null;
}

/** A case with the real kernel's answer; null where none was recorded. */
export interface RecordedCase {
  readonly test: VerifierCase;
  readonly record: VerifierRecord | null;
}
