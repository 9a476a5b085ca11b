import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { Btf, BtfKind } from "../../src/btf/index.ts";
import { type Insn, ProgramBuilder, r0 } from "../../src/isa/index.ts";
import { type Lockdown, PROGRAM_TYPES, type ProgramType } from "../../src/platform/index.ts";
import { BpfCommands, progInfo } from "../../src/sys/index.ts";
import { BpfAttachType as A, BpfProgType as P } from "../../src/uapi/index.ts";
import { livePort } from "../support/live-port.ts";
import { liveKernel, type Needed } from "../support/referee.ts";

const SLEEPABLE = 1 << 4;

/** A way to load programs of a type: what has to be said besides the type. */
export interface ProbeKind {
  readonly type: ProgramType;
  readonly expectedAttachType: number;
  /** The kernel's function, typedef or struct member that is attached to; null where none is. */
  readonly attachTarget: string | null;
  readonly sleepable: boolean;
}

export interface Verdict {
  readonly accepted: boolean;
  readonly errno: number;
  readonly log: string;
}

/** The running kernel as one that says whether it takes a program. */
export class Prober {
  readonly btf: Btf;
  readonly #commands: BpfCommands;

  constructor(commands: BpfCommands) {
    this.#commands = commands;
    this.btf = Btf.parse(new Uint8Array(readFileSync("/sys/kernel/btf/vmlinux")));
  }

  /** How far this kernel is locked down, from its configuration where securityfs is not mounted. */
  lockdown(): Lockdown {
    const state = "/sys/kernel/security/lockdown";
    if (existsSync(state)) return (/\[(\w+)\]/.exec(readFileSync(state, "utf8"))?.[1] ?? "none") as Lockdown;
    if (!existsSync("/proc/config.gz")) return "none";
    const config = gunzipSync(new Uint8Array(readFileSync("/proc/config.gz"))).toString("utf8");
    const forced = /^CONFIG_LOCK_DOWN_KERNEL_FORCE_(\w+)=y$/m.exec(config)?.[1];
    return (forced?.toLowerCase() ?? "none") as Lockdown;
  }

  get commands(): BpfCommands {
    return this.#commands;
  }

  /**
   * Whether this kernel takes programs of a kind at all: it may lack the type (lirc_mode2) or what is attached to
   * (functions that cannot be traced), or let no such programs sleep. What it wants of the program itself does not matter
   * here.
   */
  loads(kind: ProbeKind): boolean {
    const empty = new ProgramBuilder().mov64(r0, 0).exit().insns();
    const { accepted, log } = this.try(kind, empty);
    return accepted || (log !== "" && !log.includes("programs can be sleepable"));
  }

  /** Ids of the functions that this kernel marks as callable, by name. */
  kfuncs(): Map<string, number> {
    const found = new Map<string, number>();
    for (let id = 1; id < this.btf.count; id++) {
      if (this.btf.kind(id) !== BtfKind.DECL_TAG || this.btf.name(id) !== "bpf_kfunc") continue;
      const function_ = this.btf.ref(id);
      found.set(this.btf.name(function_), function_);
    }
    return found;
  }

  /** Loads a program and closes it again. */
  try(kind: ProbeKind, insns: readonly Insn[], license = "GPL"): Verdict {
    try {
      const { fd } = this.#commands.progLoad(this.#arguments(kind, insns, license));
      this.#commands.close(fd);
      return { accepted: true, errno: 0, log: "" };
    } catch (error) {
      const { errno, log } = error as { errno: number; log: string };
      if (errno === undefined) throw error;
      return { accepted: false, errno, log };
    }
  }

  /** What the kernel makes of a program; null with the log where it refuses it. */
  translated(
    kind: ProbeKind,
    insns: readonly Insn[],
  ): { readonly code: Uint8Array | null; readonly log: string } {
    try {
      const { fd } = this.#commands.progLoad({ ...this.#arguments(kind, insns, "GPL"), logSize: 1 << 20 });
      try {
        return { code: progInfo(this.#commands, fd, ["xlatedProgInsns"]).xlatedProgInsns, log: "" };
      } finally {
        this.#commands.close(fd);
      }
    } catch (error) {
      const { errno, log } = error as { errno: number; log: string };
      if (errno === undefined) throw error;
      return { code: null, log: `errno ${errno}: ${log}` };
    }
  }

  #arguments(kind: ProbeKind, insns: readonly Insn[], license: string) {
    return {
      progType: kind.type.type,
      insns,
      license,
      logLevel: 1,
      logSize: 4096,
      expectedAttachType: this.#attachType(kind),
      progFlags: kind.sleepable ? SLEEPABLE : 0,
      attachBtfId: this.#attachBtfId(kind),
    };
  }

  /** Of struct_ops the place of the member. */
  #attachType(kind: ProbeKind): number {
    if (kind.type.type !== P.STRUCT_OPS) return kind.expectedAttachType;
    const struct = this.btf.type(this.#attachBtfId(kind));
    const member = kind.attachTarget!.split(".")[1];
    return struct.kind === "STRUCT" ? struct.members.findIndex(({ name }) => name === member) : 0;
  }

  #attachBtfId({ attachTarget, type, expectedAttachType }: ProbeKind): number {
    if (attachTarget === null) return 0;
    if (type.type === P.STRUCT_OPS) return this.btf.findByName(attachTarget.split(".")[0]!, BtfKind.STRUCT);
    if (expectedAttachType === A.TRACE_RAW_TP)
      return this.btf.findByName(`btf_trace_${attachTarget}`, BtfKind.TYPEDEF);
    return this.btf.findByName(attachTarget, BtfKind.FUNC);
  }
}

/** Attach targets of the types that need one. */
const TARGETS: readonly (readonly [type: number, attachType: number, target: string, sleepable?: boolean])[] =
  [
    [P.TRACING, A.TRACE_RAW_TP, "sched_switch"],
    [P.TRACING, A.TRACE_FENTRY, "vfs_read"],
    [P.TRACING, A.TRACE_FEXIT, "vfs_read"],
    [P.TRACING, A.TRACE_ITER, "bpf_iter_task"],
    [P.TRACING, A.TRACE_ITER, "bpf_iter_tcp"],
    [P.TRACING, A.TRACE_ITER, "bpf_iter_udp"],
    [P.TRACING, A.TRACE_ITER, "bpf_iter_unix"],
    [P.LSM, A.LSM_MAC, "bpf_lsm_file_open"],
    [P.LSM, A.LSM_MAC, "bpf_lsm_file_open", true],
    [P.LSM, A.LSM_MAC, "bpf_lsm_task_free"],
    [P.LSM, A.LSM_CGROUP, "bpf_lsm_sock_graft"],
    [P.LSM, A.LSM_CGROUP, "bpf_lsm_socket_post_create"],
    [P.LSM, A.LSM_CGROUP, "bpf_lsm_socket_bind"],
    // Which member it is says the name: what would be the attach type is its place.
    [P.STRUCT_OPS, 0, "tcp_congestion_ops.ssthresh"],
    [P.STRUCT_OPS, 0, "tcp_congestion_ops.init"],
    [P.STRUCT_OPS, 0, "tcp_congestion_ops.release"],
    [P.STRUCT_OPS, 0, "tcp_congestion_ops.cong_control", true],
    [P.STRUCT_OPS, 0, "bpf_dummy_ops.test_1"],
    [P.STRUCT_OPS, 0, "bpf_dummy_ops.test_sleepable", true],
  ];

/** Every way to load a program of every type, before it is known which of them this kernel takes. */
export function probeKinds(): ProbeKind[] {
  const kinds: ProbeKind[] = [];
  for (const type of PROGRAM_TYPES) {
    const add = (expectedAttachType: number, attachTarget: string | null = null, sleepable = false) =>
      kinds.push({ type, expectedAttachType, attachTarget, sleepable });
    const targets = TARGETS.filter((row) => row[0] === type.type);
    if (targets.length > 0) for (const [, attach, target, sleep] of targets) add(attach, target, sleep);
    else if (type.type === P.SYSCALL) add(0, null, true);
    else if (type.type === P.UNSPEC || type.type === P.EXT) continue;
    else if (type.expectedAttachType === "listed") for (const attach of type.attachTypes) add(attach);
    else {
      add(0);
      if (type.type === P.KPROBE) {
        add(0, null, true);
        for (const attach of type.attachTypes) add(attach);
      }
      if (type.type === P.XDP) for (const attach of type.attachTypes) add(attach);
    }
  }
  return kinds;
}

export function kindName({ type, expectedAttachType, attachTarget, sleepable }: ProbeKind): string {
  return `${type.name} ${expectedAttachType} ${attachTarget ?? ""}${sleepable ? " sleepable" : ""}`;
}

/** A prober, and what the tests that use one need: the live kernel, of one of these releases. */
export async function liveProber<Release extends string = "6.18">(
  ...releases: readonly Release[]
): Promise<{
  readonly needs: readonly Needed[];
  readonly prober: () => Prober;
  /** Which of them it is; the first where it is none. */
  readonly release: Release;
}> {
  const { port, why } = await livePort();
  const wanted = releases.length === 0 ? (["6.18"] as Release[]) : releases;
  const release = wanted.find((one) => liveKernel(`${one}.`).present) ?? wanted[0]!;
  return {
    needs: [liveKernel(`${release}.`), { present: port !== null, why: why ?? "" }],
    prober: () => new Prober(new BpfCommands(port!)),
    release,
  };
}
