import type { Btf } from "../../btf/index.ts";
import type { Insn } from "../../isa/index.ts";
import type {
  KernelLayout,
  KernelOption,
  KernelRelease,
  Lockdown,
  ProgramType,
} from "../../platform/index.ts";
import type { VerifierMap } from "./map.ts";

/** What a program is to be attached to. */
export interface AttachTarget {
  /** Where the target is described: the kernel's, a module's or a program's types. */
  readonly btf: Btf | null;
  /** Its id in `btf`; 0 for none. */
  readonly btfId: number;
  /** A program as the target (extensions, fentry of a program). */
  readonly program: TargetProgram | null;
}

/** A loaded program that another one attaches to. */
export interface TargetProgram {
  readonly type: ProgramType;
  readonly expectedAttachType: number;
  readonly btf: Btf | null;
  /** In the order of its subprograms. */
  readonly functions: readonly FunctionRecord[];
  /** By subprogram. */
  readonly subprograms: readonly {
    readonly global: boolean;
    /** Parameters or result have types the verifier does not know; nothing may be attached. */
    readonly unreliable: boolean;
    readonly exceptionCallback: boolean;
    readonly changesPacket: boolean;
    readonly mightSleep: boolean;
  }[];
  readonly jited: boolean;
  readonly tailCallReachable: boolean;
  readonly attachedToProgram: boolean;
  readonly devBound: boolean;
}

/** `struct bpf_func_info`: the function that begins at a slot. */
export interface FunctionRecord {
  readonly slot: number;
  /** A FUNC of the program's BTF. */
  readonly typeId: number;
}

/** `struct bpf_line_info`, read: where a slot comes from. */
export interface SourceRecord {
  readonly slot: number;
  readonly line: number;
  readonly column: number;
  /** The line's text, without leading blanks trimmed. */
  readonly text: string;
  readonly file: string;
}

/** The program's own types and records, as far as they were read. */
export interface ProgramDebug {
  readonly btf: Btf;
  readonly functions: readonly FunctionRecord[];
  readonly lines: readonly SourceRecord[];
}

/**
 * The program's own types and records, read when the verifier comes to them: what is wrong with them is said between its
 * other words. Who cannot read them says so in the log, and throws a Rejection.
 */
export interface ProgramRecords {
  /** Types and functions (`check_btf_info_early`); null where there are neither functions nor lines. */
  functions(): Pick<ProgramDebug, "btf" | "functions"> | null;
  /** Lines, each read when it is asked for (`check_btf_line`). */
  lines(): Iterable<SourceRecord>;
  /** The program after CO-RE relocations (`check_core_relo`); null where there are none. */
  relocated(): readonly Insn[] | null;
}

/** Rights of the one who loads. */
export interface Capabilities {
  readonly bpf: boolean;
  readonly perfmon: boolean;
  readonly netAdmin: boolean;
  readonly sysAdmin: boolean;
}

/** The kernel that the program is for. */
export interface TargetKernel {
  /** Whose program types, helpers, instructions … there are. Paths are explored as 6.18 does. */
  readonly release: KernelRelease;
  /** vmlinux; null: none of what needs kernel types can be loaded. */
  readonly btf: Btf | null;
  readonly layout: KernelLayout;
  /** Address of a kernel symbol, or null. */
  readonly symbolAddress: (name: string) => bigint | null;
  readonly cpus: number;
  /** Functions that errors may be injected into (ALLOW_ERROR_INJECTION), by name; without it none is known. */
  readonly errorInjectable?: (name: string) => boolean;
  /** How far it is locked down (kernel_lockdown(7)); not at all where absent. */
  readonly lockdown?: Lockdown;
  /** Options that it was built without; where it is absent, those of `MISSING_OPTIONS`. */
  readonly missingOptions?: ReadonlySet<KernelOption>;
}

/** A file descriptor of the loader's that a program names, as far as a verifier may see it. */
export type ProgramFile =
  | { readonly kind: "map"; readonly map: VerifierMap }
  | { readonly kind: "btf"; readonly btf: Btf; readonly kernel: boolean; readonly module: boolean }
  | { readonly kind: "other" };

/** What the verifier asks of the loading process. */
export interface ProgramFiles {
  /** Null: no such descriptor. */
  file(fd: number): ProgramFile | null;
  /** Descriptor number `index` of the caller's array; null where it cannot be read. */
  fdArray: ((index: number) => number | null) | null;
  /** Descriptors that the program keeps; 0: those that its code names. */
  readonly fdArrayCount: number;
}

/** Where the log goes. `level`: 1, 2 and 4 as in `bpf_attr.log_level`; 0 for no log. */
export interface LogSink {
  readonly level: number;
  write(text: string): void;
  /** Position that {@link reset} understands. */
  readonly position: number;
  /** Forgets what was written after `position`. */
  reset(position: number): void;
}

/** A program that is to be verified: everything `bpf_check` looks at. */
export interface VerifyRequest {
  readonly insns: readonly Insn[];
  readonly type: ProgramType;
  /** A value of `BpfAttachType`. */
  readonly expectedAttachType: number;
  /** `BPF_F_*` of `prog_flags`. */
  readonly flags: number;
  readonly gplCompatible: boolean;
  readonly attach: AttachTarget | null;
  readonly capabilities: Capabilities;
  readonly records: ProgramRecords | null;
  readonly kernel: TargetKernel;
  readonly files: ProgramFiles;
  readonly log: LogSink;
  /** Bound to a device (`BPF_F_XDP_DEV_BOUND_ONLY`). */
  readonly devBound?: boolean;
  /** Milliseconds, for the statistics; without it a verification takes no time. */
  readonly clock?: () => number;
  /** Most instructions to process before the program is refused as too large; a million unless told. */
  readonly complexityLimit?: number;
  /** Called now and then; throws to stop a verification that takes too long. */
  readonly poll?: () => void;
}
