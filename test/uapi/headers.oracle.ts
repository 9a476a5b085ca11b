import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import {
  BpfCmd,
  bpfAttr,
  bpfLinkInfo,
  bpfMapInfo,
  bpfProgInfo,
  bpfSkBuff,
  Errno,
  type Layout,
  PerfIoctl,
  PerfRecordMisc,
  perfEventAttr,
  SyscallArm64,
  SyscallX64,
  TcAct,
} from "../../src/uapi/index.ts";
import { describeWith, fixture, liveKernel, referee } from "../support/referee.ts";

const clang = referee("clang");
const bpftool = referee("bpftool");

/** What the C preprocessor makes of names: the value of each, as C computes it, is compared by the compiler. */
function holds(includes: string, assertions: readonly string[], args: readonly string[] = []): string {
  const source = `${includes}\n${assertions.map((text) => `_Static_assert(${text}, "");`).join("\n")}\n`;
  return clang.run(["-fsyntax-only", "-x", "c", ...args, "-"], { input: source }).stderr;
}

const equal = (prefix: string, constants: Readonly<Record<string, number>>) =>
  Object.entries(constants).map(([name, value]) => `(unsigned)(${prefix}${name}) == ${value >>> 0}u`);

describeWith([clang, fixture("/usr/include/linux/bpf.h")], "macros as clang sees the headers", () => {
  it("has the values of macros", () => {
    const includes =
      "#include <linux/perf_event.h>\n#include <linux/pkt_cls.h>\n#include <sys/ioctl.h>\n#include <errno.h>";
    expect(
      holds(includes, [
        ...equal("PERF_EVENT_IOC_", PerfIoctl),
        ...equal("PERF_RECORD_MISC_", PerfRecordMisc),
        ...equal("TC_ACT_", TcAct),
        ...equal("", Object.fromEntries(Object.entries(Errno).filter(([, value]) => value < 512))),
      ]),
    ).toBe("");
  });

  it("has every system call of both architectures", () => {
    const names = (args: readonly string[], include: string) =>
      clang
        .run(["-E", "-dM", "-x", "c", ...args, "-"], { input: `#include <${include}>\n` })
        .stdout.split("\n")
        .flatMap((line) => /^#define __NR_(\w+) (\w+)$/.exec(line)?.[1] ?? [])
        .filter((name) => !["syscalls", "arch_specific_syscall"].includes(name))
        .sort();
    expect(Object.keys(SyscallX64).sort()).toEqual(names([], "asm/unistd_64.h"));
    expect(holds("#include <asm/unistd_64.h>", equal("__NR_", SyscallX64))).toBe("");
    // What arch/arm64/include/uapi/asm/unistd.h defines before it includes the generic table.
    const arm64 = ["RENAMEAT", "NEW_STAT", "SET_GET_RLIMIT", "TIME32_SYSCALLS", "SYS_CLONE3", "MEMFD_SECRET"];
    const args = arm64.map((want) => `-D__ARCH_WANT_${want}`);
    expect(Object.keys(SyscallArm64).sort()).toEqual(names(args, "asm-generic/unistd.h"));
    expect(holds("#include <asm-generic/unistd.h>", equal("__NR_", SyscallArm64), args)).toBe("");
  });
});

describeWith([clang, bpftool, liveKernel("6.18")], "layouts as clang compiles bpftool's vmlinux.h", () => {
  const folder = mkdtempSync(join(tmpdir(), "tsbpf-uapi-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  const offsets = (type: string, member: string, layout: Layout) =>
    layout.fields
      .filter(({ bits }) => bits === undefined)
      .flatMap(({ name, offset, size }) => {
        const path = member === "" ? name : `${member}.${name}`;
        return [
          `__builtin_offsetof(${type}, ${path}) == ${offset}`,
          `sizeof(((${type} *)0)->${path}) == ${size}`,
        ];
      });

  it("has every offset and size, and every command", () => {
    const header = join(folder, "vmlinux.h");
    writeFileSync(header, bpftool.bytes(["btf", "dump", "file", "/sys/kernel/btf/vmlinux", "format", "c"]));
    const assertions = [
      ...Object.values(bpfAttr).flatMap((layout) => offsets("union bpf_attr", layout.member, layout)),
      ...offsets("struct bpf_prog_info", "", bpfProgInfo),
      ...offsets("struct bpf_map_info", "", bpfMapInfo),
      ...offsets("struct bpf_link_info", "", bpfLinkInfo),
      ...offsets("struct __sk_buff", "", bpfSkBuff),
      ...offsets("struct perf_event_attr", "", perfEventAttr),
      `sizeof(struct bpf_prog_info) == ${bpfProgInfo.size}`,
      `sizeof(struct __sk_buff) == ${bpfSkBuff.size}`,
      ...equal("BPF_", BpfCmd),
      `__MAX_BPF_CMD == ${Math.max(...Object.values(BpfCmd)) + 1}`,
    ];
    expect(holds(`#include "${header}"`, assertions, ["-Wno-everything", "-target", "bpf"])).toBe("");
  });
});
