import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../../src/kernel/index.ts";
import { linuxTypes } from "../../../src/node/index.ts";
import { BpfAttachType, BpfTaskFdType, PerfIoctl } from "../../../src/uapi/index.ts";
import { loadText, refusal } from "../support.ts";
import { count, perfOpen, probeOpen, store, wordAt, words } from "./support.ts";

const types = linuxTypes();

/** A program of a trampoline of a function. */
function tracing(kernel: EmbeddedKernel, name: string, expectedAttachType: number, text: string): number {
  const attachBtfId = types.findAllByName(name).find((id) => types.kind(id) === 12)!;
  return loadText(kernel, "tracing", text, { attachBtfId, expectedAttachType });
}

/** Appends a digit to the word of a map. */
function digit(mapFd: number, value: number): string {
  return `
    *(u32 *)(r10 - 4) = 0
    r2 = r10
    r2 += -4
    r1 = map[id:${mapFd}]
    call bpf_map_lookup_elem
    if r0 == 0 goto +4
    r1 = *(u64 *)(r0 + 0)
    r1 *= 10
    r1 += ${value}
    *(u64 *)(r0 + 0) = r1
    r0 = 0
    exit`;
}

function kprobeType(kernel: EmbeddedKernel): number {
  const type = kernel.port.readFile("/sys/bus/event_source/devices/kprobe/type");
  return Number(new TextDecoder().decode(type as Uint8Array));
}

/** pt_regs of x86-64, in the order of the struct. */
const Regs = { di: 112, si: 104, dx: 96, cx: 88, r8: 72, r9: 64, ax: 80, orig_ax: 120, ip: 128, ss: 160 };

describe("kprobes", () => {
  it("find the arguments in the registers of the calling convention", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = words(kernel, 8);
    const fields = [Regs.di, Regs.si, Regs.dx, Regs.cx, Regs.r8, Regs.r9];
    const text = `
      r6 = r1
      ${fields.map((at, index) => `r7 = *(u64 *)(r6 + ${at})\n${store(mapFd, index)}`).join("\n")}
      r1 = r6
      call bpf_get_func_ip
      r1 = *(u64 *)(r6 + ${Regs.ip})
      r7 = r0
      r7 -= r1
      ${store(mapFd, 6)}
      r0 = 0
      exit`;
    const event = probeOpen(kernel, "kprobe", "vfs_read");
    expect(kernel.port.ioctl(event, PerfIoctl.SET_BPF, loadText(kernel, "kprobe", text))).toBe(0);
    const { result } = kernel.fire("function:vfs_read", { args: [1, 2, 3, 4, 5, -6], result: 42 });
    expect(result).toBe(42n);
    const found = Array.from({ length: 7 }, (_, index) => BigInt.asIntN(64, wordAt(kernel, mapFd, index)));
    // Where they are is behind the byte that a breakpoint takes.
    expect(found).toEqual([1n, 2n, 3n, 4n, 5n, -6n, -1n]);
  });

  it("of returns find the result", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = words(kernel);
    const text = `r7 = *(u64 *)(r1 + ${Regs.ax})\n${store(mapFd, 0)}\nr0 = 0\nexit`;
    const event = probeOpen(kernel, "kprobe", "vfs_read", { onReturn: true });
    kernel.port.ioctl(event, PerfIoctl.SET_BPF, loadText(kernel, "kprobe", text));
    kernel.fire("function:vfs_read", { result: -11 });
    expect(BigInt.asIntN(64, wordAt(kernel, mapFd, 0))).toBe(-11n);
  });

  it("of returns stand where the call goes back to", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = words(kernel);
    const read = (at: number, index: number) => `r7 = *(u64 *)(r6 + ${at})\n${store(mapFd, index)}`;
    const text = `r6 = r1\n${read(Regs.ip, 0)}\n${read(Regs.orig_ax, 1)}\n${read(Regs.ss, 2)}\nr0 = 0\nexit`;
    const event = probeOpen(kernel, "kprobe", "vfs_read", { onReturn: true });
    kernel.port.ioctl(event, PerfIoctl.SET_BPF, loadText(kernel, "kprobe", text));
    const caller = 0xffff_ffff_8800_0000n;
    kernel.fire("function:vfs_read", {}, { stack: { kernel: [caller] } });
    expect([0, 1, 2].map((index) => wordAt(kernel, mapFd, index))).toEqual([caller, 2n ** 64n - 1n, 0x18n]);
  });

  it("may be at addresses, and are told without a name then", () => {
    const kernel = new EmbeddedKernel();
    probeOpen(kernel, "kprobe", "vfs_read");
    const symbols = new TextDecoder().decode(kernel.port.readFile("/proc/kallsyms") as Uint8Array);
    const start = BigInt(`0x${/^([0-9a-f]+) T vfs_read$/m.exec(symbols)![1]}`);
    const open = (kprobeAddr: bigint) =>
      perfOpen(kernel, { type: kprobeType(kernel), config: 4, kprobeAddr });
    expect([open(0n), open(1n), open(start) > 0]).toEqual([-22, -2, true]);
    const fd = open(start + 9n);
    kernel.port.ioctl(fd, PerfIoctl.SET_BPF, loadText(kernel, "kprobe", "r0 = 0\nexit"));
    expect(kernel.taskFdQuery({ pid: kernel.pid, fd })).toMatchObject({
      fdType: BpfTaskFdType.KPROBE,
      name: "",
      probeOffset: 0n,
      probeAddr: start + 9n,
    });
    expect(kernel.fire("function:vfs_read").runs).toBe(1);
  });

  it("run the last that was attached first; those of returns the other way round", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = words(kernel);
    for (const [value, onReturn] of [
      [1, false],
      [2, true],
      [3, false],
      [4, true],
    ] as const) {
      const event = probeOpen(kernel, "kprobe", "vfs_read", { onReturn });
      kernel.port.ioctl(event, PerfIoctl.SET_BPF, loadText(kernel, "kprobe", digit(mapFd, value)));
    }
    kernel.fire("function:vfs_read");
    expect(wordAt(kernel, mapFd, 0)).toBe(3124n);
  });

  it("can have the function return something else", () => {
    const text = "r2 = -5\ncall bpf_override_return\nr0 = 0\nexit";
    // Kernels without CONFIG_BPF_KPROBE_OVERRIDE have no such helper.
    expect(() => loadText(new EmbeddedKernel(), "kprobe", text)).toThrow("EINVAL");
    const kernel = new EmbeddedKernel({ missingOptions: new Set() });
    const event = probeOpen(kernel, "kprobe", "should_failslab");
    expect(kernel.port.ioctl(event, PerfIoctl.SET_BPF, loadText(kernel, "kprobe", text))).toBe(0);
    let called = false;
    const { result } = kernel.fire("function:should_failslab", {
      result: () => {
        called = true;
        return 0;
      },
    });
    expect([BigInt.asIntN(64, result), called]).toEqual([-5n, false]);
  });

  it("at many functions tell them apart", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = words(kernel);
    const expectedAttachType = BpfAttachType.TRACE_KPROBE_MULTI;
    const text = `call bpf_get_attach_cookie\nr7 = r0\n${store(mapFd, 0)}\nr0 = 0\nexit`;
    const progFd = loadText(kernel, "kprobe", text, { expectedAttachType });
    const link = kernel.linkCreate({
      progFd,
      attachType: expectedAttachType,
      kprobeMultiSyms: ["vfs_read", "vfs_write"],
      kprobeMultiCookies: [7n, 8n],
    });
    kernel.fire("function:vfs_write");
    expect(wordAt(kernel, mapFd, 0)).toBe(8n);
    kernel.fire("function:vfs_read");
    expect(wordAt(kernel, mapFd, 0)).toBe(7n);
    kernel.port.close(link);
    expect(kernel.fire("function:vfs_read").runs).toBe(0);
  });

  it("are of functions that there are, and of no others", () => {
    const kernel = new EmbeddedKernel({ btf: types });
    expect(probeOpen(kernel, "kprobe", "vfs_read")).toBeGreaterThan(0);
    expect(probeOpen(kernel, "kprobe", "vfs_nothing")).toBe(-2);
    expect(() => kernel.fire("function:vfs_nothing")).toThrow(RangeError);
  });

  it("tell who asks what stands behind them", () => {
    const kernel = new EmbeddedKernel();
    const fd = probeOpen(kernel, "kprobe", "vfs_read", { onReturn: true });
    expect(kernel.taskFdQuery({ pid: kernel.pid, fd })).toBeNull();
    const progFd = loadText(kernel, "kprobe", "r0 = 0\nexit");
    kernel.port.ioctl(fd, PerfIoctl.SET_BPF, progFd);
    const found = kernel.taskFdQuery({ pid: kernel.pid, fd })!;
    expect([found.fdType, found.name, found.probeOffset]).toEqual([BpfTaskFdType.KRETPROBE, "vfs_read", 0n]);
    const symbols = new TextDecoder().decode(kernel.port.readFile("/proc/kallsyms") as Uint8Array);
    expect(symbols).toContain(`${found.probeAddr.toString(16)} T vfs_read\n`);
  });
});

describe("programs around a function", () => {
  it("run in Linux's order: kprobe, fentry, fmod_ret, fexit, kretprobe", () => {
    const kernel = new EmbeddedKernel({ btf: types });
    const mapFd = words(kernel);
    const kinds = [
      [5, "return"],
      [4, BpfAttachType.TRACE_FEXIT],
      [3, BpfAttachType.MODIFY_RETURN],
      [2, BpfAttachType.TRACE_FENTRY],
      [1, "entry"],
    ] as const;
    for (const [value, kind] of kinds) {
      const text = digit(mapFd, value);
      if (typeof kind === "string") {
        const event = probeOpen(kernel, "kprobe", "security_file_open", { onReturn: kind === "return" });
        kernel.port.ioctl(event, PerfIoctl.SET_BPF, loadText(kernel, "kprobe", text));
      } else kernel.rawTracepointOpen({ progFd: tracing(kernel, "security_file_open", kind, text) });
    }
    expect(kernel.fire("function:security_file_open", { args: [0], result: 3 })).toEqual({
      runs: 5,
      result: 3n,
    });
    expect(wordAt(kernel, mapFd, 0)).toBe(12345n);
  });

  it("run the last that was attached first", () => {
    const kernel = new EmbeddedKernel({ btf: types });
    const mapFd = words(kernel);
    const kinds = [BpfAttachType.TRACE_FENTRY, BpfAttachType.MODIFY_RETURN, BpfAttachType.TRACE_FEXIT];
    for (const [index, kind] of [...kinds, ...kinds].entries())
      kernel.rawTracepointOpen({
        progFd: tracing(kernel, "security_file_open", kind, digit(mapFd, index + 1)),
      });
    kernel.fire("function:security_file_open", { args: [0] });
    expect(wordAt(kernel, mapFd, 0)).toBe(415263n);
  });

  it("find the result behind all arguments, whichever are told", () => {
    const kernel = new EmbeddedKernel({ btf: types });
    const mapFd = words(kernel);
    const text = `
      r6 = r1
      r7 = *(u64 *)(r6 + 32)
      ${store(mapFd, 0)}
      r1 = r6
      call bpf_get_func_arg_cnt
      r7 = r0
      ${store(mapFd, 1)}
      r7 = *(u64 *)(r6 + 16)
      ${store(mapFd, 2)}
      r0 = 0
      exit`;
    kernel.rawTracepointOpen({ progFd: tracing(kernel, "vfs_read", BpfAttachType.TRACE_FEXIT, text) });
    for (const args of [[], [1, 2, 3], [1, 2, 3, 4, 5, 6]]) {
      kernel.fire("function:vfs_read", { args, result: 9 });
      expect([0, 1, 2].map((index) => wordAt(kernel, mapFd, index))).toEqual([9n, 4n, BigInt(args[2] ?? 0)]);
    }
  });

  it("know no result before there is one", () => {
    const kernel = new EmbeddedKernel({ btf: types });
    const mapFd = words(kernel);
    const ask = (index: number) => `
      r2 = r10
      r2 += -16
      call bpf_get_func_ret
      r7 = r0
      ${store(mapFd, index)}
      r0 = 0
      exit`;
    const { TRACE_FENTRY, MODIFY_RETURN, TRACE_FEXIT } = BpfAttachType;
    for (const [index, kind] of [TRACE_FENTRY, MODIFY_RETURN, TRACE_FEXIT].entries())
      kernel.rawTracepointOpen({ progFd: tracing(kernel, "security_file_open", kind, ask(index)) });
    kernel.fire("function:security_file_open", { args: [0] });
    const results = [0, 1, 2].map((index) => BigInt.asIntN(64, wordAt(kernel, mapFd, index)));
    expect(results).toEqual([-95n, 0n, 0n]);
  });

  it("see arguments and result, and may replace it", () => {
    const kernel = new EmbeddedKernel({ btf: types });
    const mapFd = words(kernel);
    const exit = tracing(
      kernel,
      "security_file_open",
      BpfAttachType.TRACE_FEXIT,
      `r6 = r1
       r7 = *(u64 *)(r6 + 8)
       ${store(mapFd, 0)}
       r1 = r6
       r2 = 0
       r3 = r10
       r3 += -16
       call bpf_get_func_arg
       r7 = *(u64 *)(r10 - 16)
       ${store(mapFd, 1)}
       r1 = r6
       call bpf_get_func_arg_cnt
       r7 = r0
       ${store(mapFd, 2)}
       r1 = r6
       r2 = r10
       r2 += -24
       call bpf_get_func_ret
       r7 = *(u64 *)(r10 - 24)
       ${store(mapFd, 3)}
       r0 = 0
       exit`,
    );
    const link = kernel.linkCreate({ progFd: exit, attachType: BpfAttachType.TRACE_FEXIT });
    kernel.fire("function:security_file_open", { args: [0x10], result: 9 });
    expect([0, 1, 2, 3].map((index) => wordAt(kernel, mapFd, index))).toEqual([9n, 0x10n, 1n, 9n]);
    const modify = tracing(kernel, "security_file_open", BpfAttachType.MODIFY_RETURN, "r0 = -12\nexit");
    kernel.rawTracepointOpen({ progFd: modify });
    const { result } = kernel.fire("function:security_file_open", { args: [1], result: 9 });
    expect(BigInt.asIntN(64, result)).toBe(-12n);
    expect(BigInt.asIntN(64, wordAt(kernel, mapFd, 0))).toBe(-12n);
    expect(refusal(() => kernel.linkCreate({ progFd: exit, attachType: BpfAttachType.TRACE_FEXIT }))).toBe(
      "EBUSY",
    );
    kernel.port.close(link);
    expect(kernel.fire("function:security_file_open").runs).toBe(1);
  });

  it("may be detached by what happens while they run", () => {
    const kernel = new EmbeddedKernel({ btf: types });
    const mapFd = words(kernel);
    const progFd = tracing(kernel, "vfs_read", BpfAttachType.TRACE_FEXIT, `${count(mapFd)}\nr0 = 0\nexit`);
    const link = kernel.rawTracepointOpen({ progFd });
    kernel.port.close(progFd);
    const { runs } = kernel.fire("function:vfs_read", {
      result: () => {
        kernel.port.close(link);
        return 0;
      },
    });
    expect([runs, wordAt(kernel, mapFd, 0)]).toEqual([1, 0n]);
  });

  it("of LSM decide", () => {
    const kernel = new EmbeddedKernel({ btf: types });
    const attachBtfId = types.findAllByName("bpf_lsm_file_open").find((id) => types.kind(id) === 12)!;
    const expectedAttachType = BpfAttachType.LSM_MAC;
    const progFd = loadText(kernel, "lsm", "r0 = -1\nexit", { attachBtfId, expectedAttachType });
    kernel.rawTracepointOpen({ progFd });
    expect(BigInt.asIntN(64, kernel.fire("function:bpf_lsm_file_open", { args: [0] }).result)).toBe(-1n);
  });
});

describe("uprobes", () => {
  it("are of a place in a file, and of a task where it is told", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = words(kernel);
    const task = kernel.tasks.create({ pid: 50 });
    const other = kernel.tasks.create({ pid: 60 });
    const text = `r7 = *(u64 *)(r1 + ${Regs.di})\n${store(mapFd, 0)}\nr0 = 0\nexit`;
    const event = probeOpen(kernel, "uprobe", "/bin/bash", { offset: 0x1234, pid: 50, cpu: -1 });
    kernel.port.ioctl(event, PerfIoctl.SET_BPF, loadText(kernel, "kprobe", text));
    const fire = (at: string, facts: object, by: typeof task) => kernel.fire(at, facts, { task: by }).runs;
    expect(fire("uprobe:/bin/bash:0x1234", { args: [5] }, task)).toBe(1);
    expect(fire("uprobe:/bin/bash:0x1234", { args: [6] }, other)).toBe(0);
    expect(fire("uprobe:/bin/sh:0x1234", { args: [6] }, task)).toBe(0);
    expect(fire("uretprobe:/bin/bash:0x1234", { result: 6 }, task)).toBe(0);
    expect(wordAt(kernel, mapFd, 0)).toBe(5n);
  });

  it("at many places tell them apart", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = words(kernel);
    const expectedAttachType = BpfAttachType.TRACE_UPROBE_MULTI;
    const text = `call bpf_get_attach_cookie\nr7 = r0\n${store(mapFd, 0)}\nr0 = 0\nexit`;
    const progFd = loadText(kernel, "kprobe", text, { expectedAttachType });
    kernel.linkCreate({
      progFd,
      attachType: expectedAttachType,
      uprobeMultiPath: "/bin/bash",
      uprobeMultiOffsets: [16n, 32n],
      uprobeMultiCookies: [1n, 2n],
      uprobeMultiFlags: 1,
    });
    expect(kernel.fire("uprobe:/bin/bash:32").runs).toBe(0);
    kernel.fire("uretprobe:/bin/bash:32", { result: 0 });
    expect(wordAt(kernel, mapFd, 0)).toBe(2n);
  });
});
