import type { ArgumentName } from "./arguments.ts";
import type { HelperName, HelperPrototype } from "./prototype.ts";
import type { PrototypeName } from "./prototype-table.ts";

/** Rights of the one who loads a program, each with what it implies (CAP_SYS_ADMIN has all). */
export interface Capabilities {
  readonly bpf: boolean;
  readonly perfmon: boolean;
  readonly sysAdmin: boolean;
}

/**
 * When a prototype is given out. All that is named must hold.
 *
 * `bpf` stands for CAP_BPF, `perfmon` for CAP_PERFMON alone, `bpf+perfmon` for both, as the two parts of
 * `bpf_base_func_proto` ask for.
 */
export interface GrantCondition {
  readonly capability?: "bpf" | "perfmon" | "bpf+perfmon" | "sysAdmin";
  /** Not while the kernel is locked down to this (`LOCKDOWN_BPF_READ_KERNEL`, `LOCKDOWN_BPF_WRITE_USER`). */
  readonly lockdown?: "readKernel" | "writeUser";
  /** Expected attach types, by `BpfAttachType`. */
  readonly attachTypes?: readonly number[];
  /** All expected attach types but these. */
  readonly otherAttachTypes?: readonly number[];
  readonly sleepable?: boolean;
  /** Linux guards such programs against recursion (`bpf_prog_check_recur`). */
  readonly recursionGuarded?: boolean;
  /** Attached through a trampoline (`bpf_prog_has_trampoline`). */
  readonly trampoline?: boolean;
  /** The program is of one of these types itself, and does not only see their helpers (syscall, ext). */
  readonly programTypes?: readonly number[];
  /** What is attached to: a function of the kernel, an iterator's function, or `struct_ops.member`. */
  readonly targets?: ReadonlySet<string>;
  /** An option without which the kernel has no such helper. */
  readonly config?: KernelOption;
  /** Not one of these members of the struct_ops type. */
  readonly otherTargets?: ReadonlySet<string>;
}

/** Options of the kernel's build on which helpers depend, and which 6.18 kernels of distributions differ in. */
export type KernelOption =
  | "BPF_KPROBE_OVERRIDE"
  | "CGROUP_NET_CLASSID"
  | "SOCK_CGROUP_DATA"
  | "XFRM"
  | "SYN_COOKIES"
  | "IPV6_SEG6_BPF";

/** One of several prototypes: the first whose condition holds. */
export interface Choice extends GrantCondition {
  readonly prototype: PrototypeName;
}

/** What a helper is in a table: always the same prototype, the first choice that holds, or nothing at all. */
export type Grant = PrototypeName | readonly Choice[] | null;

export type GrantRows = { readonly [helper in HelperName]?: Grant };

/** The `get_func_proto` of a program type. */
export interface GrantTable {
  readonly rows: GrantRows;
  /** Where helpers without a row are looked for. */
  readonly next: GrantTable | null;
}

export function table(rows: GrantRows, next: GrantTable | null): GrantTable {
  return { rows, next };
}

/** One prototype under a condition. */
export function when(condition: GrantCondition, prototype: PrototypeName): readonly Choice[] {
  return [{ ...condition, prototype }];
}

/** Rows whose prototype is the kernel function of the helper's own name, all under one condition. */
export function plain(helpers: readonly HelperName[], condition?: GrantCondition): GrantRows {
  return Object.fromEntries(
    helpers.map((helper) => {
      const name = `bpf_${helper}` as PrototypeName;
      return [helper, condition === undefined ? name : when(condition, name)];
    }),
  );
}

/** What a release has otherwise than the newest one that is described here. */
export interface ReleaseChanges {
  /** The highest id of a helper. */
  readonly helpers: number;
  /** Rows instead of a table's own; `absent`: the table has no such row. */
  readonly rows: ReadonlyMap<GrantTable, { readonly [helper in HelperName]?: Grant | "absent" }>;
  /** Prototypes that were other than they are. */
  readonly prototypes: { readonly [name in PrototypeName]?: Partial<HelperPrototype> };
  /**
   * Arguments that were other than they are, by their places, counted from 1. `unqualified`: memory of which was not said
   * whether it is read or written.
   */
  readonly arguments: {
    readonly [name in PrototypeName]?: { readonly [place: number]: ArgumentName | "unqualified" };
  };
}
