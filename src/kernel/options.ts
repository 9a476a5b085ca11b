import type { Btf } from "../btf/index.ts";
import type { KernelOption, KernelRelease, Lockdown } from "../platform/index.ts";
import type { JitOptions } from "../vm/index.ts";
import type { ExecutorThreads } from "./executors/threads.ts";

/** How an embedded kernel is made. */
export interface KernelOptions {
  /** Possible CPUs, all online: 1 to 4096; 1 unless told. */
  readonly cpus?: number;
  /** Nanoseconds since boot, a whole number below 2^53; the platform's monotonic clock unless told. */
  readonly clock?: () => number;
  /** Seed of `bpf_get_prandom_u32` and of hash tables; the same seed gives the same run. Random unless told. */
  readonly seed?: number;
  /**
   * The kernel's types: where the members of its structs lie, what CO-RE relocations find, which kernel functions and BTF
   * tracepoints there are. Unless told those structs of Linux 6.18 on x86-64 alone that packet programs need;
   * `linuxTypes()` of `tsbpf/node` has all.
   */
  readonly btf?: Btf;
  /**
   * The release of Linux whose program types, maps, helpers, kernel functions and instructions it has; 6.18 unless told.
   * Of another one its `btf` must be given, and it only judges (as where `execute` is false). Paths are explored, and
   * programs changed, as 6.18 does.
   */
  readonly release?: KernelRelease;
  /** The first id of each kind of object; 1 unless told. */
  readonly firstIds?: {
    readonly programs?: number;
    readonly maps?: number;
    readonly btfs?: number;
    readonly links?: number;
  };
  /**
   * What runs programs. `interp`: an interpreter, in which each access is tested, whatever the verifier said. `jit`: a
   * WebAssembly module for each program, in which nothing is tested that the verifier has proven, and no instructions are
   * counted in such code (counters of instructions stand still). `interp` unless told.
   */
  readonly engine?: "interp" | "jit";
  /** When the JIT optimises a program. */
  readonly jit?: JitOptions;
  /**
   * Executors on threads of their own, beside the one that the kernel is made on, for `runParallel`: `nodeExecutors(2)`
   * of `tsbpf/node`. None unless told.
   */
  readonly executors?: ExecutorThreads;
  /**
   * The most instructions that one run of a program may have where instructions are counted: in the interpreter, and in
   * programs that no verifier has seen. 1,000,000,000 unless told. EFAULT for more.
   */
  readonly budget?: number;
  /** The most instructions that the verifier processes of one program; 1,000,000 unless told. E2BIG for more. */
  readonly complexityLimit?: number;
  /**
   * False for a kernel that only judges and shows: programs load whatever helpers and maps they use, and none runs
   * (EOPNOTSUPP).
   */
  readonly execute?: boolean;
  /**
   * True for a kernel that also takes programs that the verifier refuses: to show their code, or to run them all the
   * same, each access checked when it happens. Why one was refused is in its log.
   */
  readonly lenient?: boolean;
  /**
   * Options of the build that the kernel is without: no program gets the helpers that depend on them. Unless told
   * `BPF_KPROBE_OVERRIDE` (`bpf_override_return`), as in the kernel that all is compared with.
   */
  readonly missingOptions?: ReadonlySet<KernelOption>;
  /** What the kernel keeps even from the privileged (`/sys/kernel/security/lockdown`); nothing unless told. */
  readonly lockdown?: Lockdown;
  /**
   * The sysctl `kernel.unprivileged_bpf_disabled`. 2, as most distributions have it, or 1: without CAP_BPF nothing can be
   * made. 0: processes without it may make maps of some types and load socket_filter and cgroup_skb programs of at most
   * 4,096 instructions, which learn no addresses and are guarded against CPUs that guess. 2 unless told.
   */
  readonly unprivilegedBpfDisabled?: 0 | 1 | 2;
  /** The most that the kernel's memory grows to, in bytes; 4 GiB unless told, or as much as the platform gives. */
  readonly maximumMemory?: number;
}
