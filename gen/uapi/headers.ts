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

/** Macros of one header that belong together; what to cut off their names. */
interface MacroRow {
  readonly header: string;
  readonly as: string;
  readonly prefix: string;
  readonly doc: string;
  /** All of a pattern, or the names. */
  readonly names: RegExp | readonly string[];
}

const flags = (...names: readonly string[]) => names.map((name) => `BPF_F_${name}`);

const MACROS: readonly MacroRow[] = [
  {
    header: HEADERS.bpf,
    as: "BpfAttachFlag",
    prefix: "BPF_F_",
    doc: "`attach_flags` of PROG_ATTACH, and `flags` of LINK_CREATE and LINK_UPDATE.",
    names: flags("ALLOW_OVERRIDE", "ALLOW_MULTI", "REPLACE", "BEFORE", "AFTER", "ID", "PREORDER", "LINK"),
  },
  {
    header: HEADERS.bpf,
    as: "BpfProgFlag",
    prefix: "BPF_F_",
    doc: "`prog_flags` of PROG_LOAD.",
    names: [
      ...flags("STRICT_ALIGNMENT", "ANY_ALIGNMENT", "TEST_RND_HI32", "TEST_STATE_FREQ", "SLEEPABLE"),
      ...flags("XDP_HAS_FRAGS", "XDP_DEV_BOUND_ONLY", "TEST_REG_INVARIANTS", "TOKEN_FD"),
    ],
  },
  {
    header: HEADERS.bpf,
    as: "BpfQueryFlag",
    prefix: "BPF_F_QUERY_",
    doc: "`query_flags` of PROG_QUERY.",
    names: flags("QUERY_EFFECTIVE"),
  },
  {
    header: HEADERS.bpf,
    as: "BpfTestRunFlag",
    prefix: "BPF_F_TEST_",
    doc: "`flags` of PROG_TEST_RUN.",
    names: flags("TEST_RUN_ON_CPU", "TEST_XDP_LIVE_FRAMES", "TEST_SKB_CHECKSUM_COMPLETE"),
  },
  {
    header: HEADERS.bpf,
    as: "BpfNetfilterFlag",
    prefix: "BPF_F_NETFILTER_",
    doc: "`link_create.netfilter.flags`.",
    names: flags("NETFILTER_IP_DEFRAG"),
  },
  {
    header: HEADERS.bpf,
    as: "BpfLimit",
    prefix: "",
    doc: "Sizes that the API fixes, in bytes.",
    names: ["BPF_OBJ_NAME_LEN", "BPF_TAG_SIZE", "BPF_BUILD_ID_SIZE", "XDP_PACKET_HEADROOM"],
  },
  {
    header: HEADERS.pktCls,
    as: "TcAct",
    prefix: "TC_ACT_",
    doc: "Return codes of tc classifiers and actions.",
    names: /^TC_ACT_(?!EXT_|VALUE_MAX|JUMP|GOTO_CHAIN)/,
  },
  {
    header: HEADERS.ifLink,
    as: "XdpFlag",
    prefix: "XDP_FLAGS_",
    doc: "Flags of attaching an XDP program to a device.",
    names: /^XDP_FLAGS_/,
  },
  {
    header: HEADERS.perf,
    as: "PerfIoctl",
    prefix: "PERF_EVENT_IOC_",
    doc: "Requests of ioctl(2) on a perf event.",
    names: /^PERF_EVENT_IOC_/,
  },
  {
    header: HEADERS.perf,
    as: "PerfOpenFlag",
    prefix: "PERF_FLAG_",
    doc: "Flags of perf_event_open(2).",
    names: /^PERF_FLAG_/,
  },
  {
    header: HEADERS.perf,
    as: "PerfRecordMisc",
    prefix: "PERF_RECORD_MISC_",
    doc: "`perf_event_header.misc`.",
    names: /^PERF_RECORD_MISC_/,
  },
];

export const MACRO_PREFIXES: readonly (readonly [string, string])[] = MACROS.map(({ as, prefix }) => [
  as,
  prefix,
]);

export function macroFile(enums: KernelEnums): string[] {
  // BPF_F_LINK and BPF_F_TOKEN_FD are enumerators of the map flags, used in other places too.
  const enumerators = new Map(enums.values("BPF_F_NO_PREALLOC"));
  return MACROS.map(({ header, as, prefix, doc, names }) => {
    const defines = new CDefines().read(header);
    const all = names instanceof RegExp ? defines.names(names) : names;
    const entries = all.map((name): Entry => {
      const value = defines.value(name) ?? (NEWER as Record<string, number>)[name] ?? enumerators.get(name);
      if (value === undefined) throw new Error(`${name} has no value in ${header}`);
      return [name.slice(prefix.length), value];
    });
    return constants(as, doc, entries);
  });
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
