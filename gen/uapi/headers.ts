import { spawnSync } from "node:child_process";
import { CDefines } from "./c-defines.ts";
import type { KernelEnums } from "./enums.ts";
import { constants } from "./source.ts";

const INCLUDE = "/usr/include";
export const HEADERS = {
  bpf: `${INCLUDE}/linux/bpf.h`,
  perf: `${INCLUDE}/linux/perf_event.h`,
  pktCls: `${INCLUDE}/linux/pkt_cls.h`,
  ifLink: `${INCLUDE}/linux/if_link.h`,
  errnoBase: `${INCLUDE}/asm-generic/errno-base.h`,
  errno: `${INCLUDE}/asm-generic/errno.h`,
  unistdX64: `${INCLUDE}/x86_64-linux-gnu/asm/unistd_64.h`,
  unistd: `${INCLUDE}/asm-generic/unistd.h`,
};

/**
 * Macros of include/uapi/linux/bpf.h in Linux 6.18 that are newer than Debian's headers (6.1). Macros leave no trace
 * in BTF, so they are listed.
 */
const NEWER = {
  BPF_F_BEFORE: 1 << 3,
  BPF_F_AFTER: 1 << 4,
  BPF_F_ID: 1 << 5,
  BPF_F_PREORDER: 1 << 6,
  BPF_F_XDP_DEV_BOUND_ONLY: 1 << 6,
  BPF_F_TEST_REG_INVARIANTS: 1 << 7,
  BPF_F_NETFILTER_IP_DEFRAG: 1 << 0,
} as const;

/** Numbers of include/linux/errno.h that user space sees all the same: from bpf(2), and in a tracer. */
const KERNEL_ERRNO: readonly (readonly [string, number])[] = [
  ["ERESTARTSYS", 512],
  ["ERESTARTNOINTR", 513],
  ["ERESTARTNOHAND", 514],
  ["ENOIOCTLCMD", 515],
  ["ERESTART_RESTARTBLOCK", 516],
  ["ENOTSUPP", 524],
];

type Entry = readonly [string, bigint | number];

/** A constants object of the named macros, with a prefix cut off. Each must have a value. */
function group(defines: CDefines, as: string, doc: string, prefix: string, names: readonly string[]): string {
  const entries = names.map((name): Entry => {
    const value = defines.value(name) ?? (NEWER as Record<string, number>)[name];
    if (value === undefined) throw new Error(`${name} has no value in the headers`);
    return [name.slice(prefix.length), value];
  });
  return constants(as, doc, entries);
}

export function macroFile(enums: KernelEnums): string[] {
  const bpf = new CDefines().read(HEADERS.bpf);
  const perf = new CDefines().read(HEADERS.perf);
  const tc = new CDefines().read(HEADERS.pktCls);
  const link = new CDefines().read(HEADERS.ifLink);
  const link13 = enums.values("BPF_F_NO_PREALLOC").find(([name]) => name === "BPF_F_LINK")![1];
  const attach = [
    "BPF_F_ALLOW_OVERRIDE",
    "BPF_F_ALLOW_MULTI",
    "BPF_F_REPLACE",
    "BPF_F_BEFORE",
    "BPF_F_AFTER",
  ];
  const prog = [
    "BPF_F_STRICT_ALIGNMENT",
    "BPF_F_ANY_ALIGNMENT",
    "BPF_F_TEST_RND_HI32",
    "BPF_F_TEST_STATE_FREQ",
  ];
  const progNewer = [
    "BPF_F_SLEEPABLE",
    "BPF_F_XDP_HAS_FRAGS",
    "BPF_F_XDP_DEV_BOUND_ONLY",
    "BPF_F_TEST_REG_INVARIANTS",
  ];
  const testRun = ["BPF_F_TEST_RUN_ON_CPU", "BPF_F_TEST_XDP_LIVE_FRAMES", "BPF_F_TEST_SKB_CHECKSUM_COMPLETE"];
  const limits = ["BPF_OBJ_NAME_LEN", "BPF_TAG_SIZE", "BPF_BUILD_ID_SIZE", "XDP_PACKET_HEADROOM"];
  const actions = tc.names(/^TC_ACT_/).filter((name) => !/_(MAX|MASK)$/.test(name) && !name.includes("EXT"));
  const simple = actions.filter((name) => tc.value(name) !== null);
  return [
    group(
      bpf,
      "BpfAttachFlag",
      "`attach_flags` of PROG_ATTACH, and `flags` of LINK_CREATE and LINK_UPDATE.",
      "BPF_F_",
      [...attach, "BPF_F_ID", "BPF_F_PREORDER"],
    ).replace("\n} as const", `\n  LINK: ${link13},\n} as const`),
    group(
      bpf,
      "BpfProgFlag",
      "`prog_flags` of PROG_LOAD; TOKEN_FD is BPF_F_TOKEN_FD of the map flags.",
      "BPF_F_",
      [...prog, ...progNewer],
    ).replace(
      "\n} as const",
      `\n  TOKEN_FD: ${enums.values("BPF_F_NO_PREALLOC").find(([name]) => name === "BPF_F_TOKEN_FD")![1]},\n} as const`,
    ),
    group(bpf, "BpfQueryFlag", "`query_flags` of PROG_QUERY.", "BPF_F_QUERY_", ["BPF_F_QUERY_EFFECTIVE"]),
    group(bpf, "BpfTestRunFlag", "`flags` of PROG_TEST_RUN.", "BPF_F_TEST_", testRun),
    group(bpf, "BpfNetfilterFlag", "`link_create.netfilter.flags`.", "BPF_F_NETFILTER_", [
      "BPF_F_NETFILTER_IP_DEFRAG",
    ]),
    group(bpf, "BpfLimit", "Sizes that the API fixes, in bytes.", "", limits),
    group(tc, "TcAct", "Return codes of tc classifiers and actions.", "TC_ACT_", simple),
    group(
      link,
      "XdpFlag",
      "Flags of attaching an XDP program to a device.",
      "XDP_FLAGS_",
      link.names(/^XDP_FLAGS_/),
    ),
    group(
      perf,
      "PerfIoctl",
      "Requests of ioctl(2) on a perf event.",
      "PERF_EVENT_IOC_",
      perf.names(/^PERF_EVENT_IOC_/),
    ),
    group(perf, "PerfOpenFlag", "Flags of perf_event_open(2).", "PERF_FLAG_", perf.names(/^PERF_FLAG_/)),
    group(
      perf,
      "PerfRecordMisc",
      "`perf_event_header.misc`.",
      "PERF_RECORD_MISC_",
      perf.names(/^PERF_RECORD_MISC_/),
    ),
  ];
}

/** The C library's words for error numbers, or `null` where there is no Perl to ask it by. */
function messages(numbers: readonly number[]): string[] | null {
  const program = 'for (@ARGV) { $! = $_; print "$!\\n" }';
  const { status, stdout } = spawnSync("perl", ["-e", program, ...numbers.map(String)], {
    encoding: "utf8",
    env: { LC_ALL: "C" },
  });
  return status === 0 ? stdout.trimEnd().split("\n") : null;
}

export function errnoFile(): string[] | null {
  const defines = new CDefines().read(HEADERS.errnoBase).read(HEADERS.errno);
  const entries = defines
    .names(/^E[A-Z0-9]+$/)
    .map((name): [string, number] => [name, Number(defines.value(name))]);
  const all = [...entries, ...KERNEL_ERRNO].sort((a, b) => a[1] - b[1]);
  const numbers = [...new Set(entries.map(([, value]) => value))].sort((a, b) => a - b);
  const texts = messages(numbers);
  if (texts === null) return null;
  const body = numbers.map((value, index) => `  ${value}: ${JSON.stringify(texts[index])},\n`).join("");
  return [
    constants(
      "Errno",
      "Error numbers by name, as on every architecture that uses asm-generic/errno.h; the last are the kernel's own.",
      all,
    ),
    `/** The C library's message for each error number. */\nexport const errnoMessages: Readonly<Record<number, string>> = {\n${body}};`,
  ];
}

export function syscallFile(): string[] {
  const x64 = new CDefines().read(HEADERS.unistdX64);
  const generic = new CDefines({
    __BITS_PER_LONG: "64",
    __ARCH_WANT_RENAMEAT: "",
    __ARCH_WANT_NEW_STAT: "",
    __ARCH_WANT_SET_GET_RLIMIT: "",
    __ARCH_WANT_TIME32_SYSCALLS: "",
    __ARCH_WANT_SYS_CLONE3: "",
    __ARCH_WANT_MEMFD_SECRET: "",
  }).read(HEADERS.unistd);
  const table = (defines: CDefines): Entry[] =>
    defines
      .names(/^__NR_/)
      .filter((name) => !["__NR_syscalls", "__NR_arch_specific_syscall"].includes(name))
      .map((name): Entry => [name.slice("__NR_".length), defines.value(name)!])
      .sort((a, b) => Number(a[1]) - Number(b[1]));
  return [
    constants("SyscallX64", "System call numbers on x86-64.", table(x64)),
    constants("SyscallArm64", "System call numbers on arm64 (the generic table).", table(generic)),
  ];
}
