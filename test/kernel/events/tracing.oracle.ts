import { afterAll, beforeAll, expect, it } from "vitest";
import { utf8 } from "../../../src/base/index.ts";
import { linuxTypes } from "../../../src/node/index.ts";
import { decodeStruct } from "../../../src/sys/index.ts";
import { BpfAttachType, bpfProgInfo, PerfIoctl, SyscallX64 } from "../../../src/uapi/index.ts";
import { describeWith, liveKernel } from "../../support/referee.ts";
import { load } from "../programs.ts";
import { type Pair, type Side, Twins } from "../twins.ts";
import { digit, leave, MINE, OWN } from "./probes/workbench.ts";
import { Stage } from "./stage.ts";

const ARGUMENTS = [0x1234, -5, 0x77] as const;
const EINVAL = 22;
const END = "r0 = 0\nexit";

describeWith([liveKernel("6.18")], "programs at events, as on Linux", async () => {
  const twins = await Twins.meet({ btf: linuxTypes() });
  const stage = await Stage.set(twins);
  let map: Pair;
  let syscall: (number: number, ...args: readonly number[]) => number;
  const open: Pair[] = [];

  beforeAll(async () => {
    map = twins.mustOpen("MAP_CREATE", { mapType: 2, keySize: 4, valueSize: 8, maxEntries: 32 });
    syscall = await systemCalls();
  });
  afterAll(() => {
    twins[Symbol.dispose]();
    stage[Symbol.dispose]();
  });

  const wordKey = (index: number) => new Uint8Array(Uint32Array.of(index).buffer);
  const reset = () => {
    for (const side of twins.sides) {
      for (let index = 0; index < 32; index++) {
        const own = BigInt(side.name === "embedded" ? twins.kernel.pid : process.pid);
        const value = new Uint8Array(BigUint64Array.of(index === OWN ? own : 0n).buffer);
        side.sys.mapUpdateElem({ mapFd: side.of(map), key: wordKey(index), value });
      }
    }
  };
  /** The words that programs left. */
  const words = (what: string, count = 31) =>
    twins.both(what, (side) =>
      Array.from({ length: count }, (_, index) => {
        const value = side.sys.mapLookupElem({ mapFd: side.of(map), key: wordKey(index + 1) })!;
        return new DataView(value.buffer).getBigUint64(0, true).toString(16);
      }),
    );
  /** getpriority(2) with arguments that it refuses, on both. */
  const call = () => {
    syscall(SyscallX64.getpriority, ...ARGUMENTS);
    const { kernel } = twins;
    kernel.systemCall({ call: "getpriority", args: ARGUMENTS, result: -EINVAL }, { task: kernel.task });
  };
  const program = (type: string, text: string) => {
    const pair = load(twins, type, `${MINE}\n${text}\n${END}`, { maps: [map] });
    open.push(pair);
    return pair;
  };
  const attachRaw = (name: string, text: string) => {
    const progFd = program("raw_tracepoint", text);
    open.push(twins.mustOpen("RAW_TRACEPOINT_OPEN", { progFd, name: utf8(`${name}\0`) }));
    return progFd;
  };
  const attachTrace = (path: string, text: string) => {
    const progFd = program("tracepoint", text);
    const event = stage.trace(path);
    open.push(event);
    for (const side of twins.sides)
      expect(side.port.ioctl(side.of(event), PerfIoctl.SET_BPF, side.of(progFd))).toBe(0);
    return progFd;
  };
  const closeAll = () => {
    for (const pair of open.splice(0).reverse()) twins.close(pair);
  };

  it("find the same records", () => {
    reset();
    const read = (at: number, index: number) => `r7 = *(u64 *)(r6 + ${at})\n${leave(index)}`;
    attachTrace(
      "syscalls/sys_enter_getpriority",
      `r7 = *(u32 *)(r6 + 8)\n${leave(1)}\n${read(16, 2)}\n${read(24, 3)}`,
    );
    attachTrace("syscalls/sys_exit_getpriority", `r7 = *(u32 *)(r6 + 8)\n${leave(4)}\n${read(16, 5)}`);
    call();
    words("records of a system call");
    closeAll();
    expect(twins.taken()).toEqual([]);
  });

  it("find the same arguments and registers", () => {
    reset();
    // Only this call: others of ours may be under way.
    const only = `r1 = *(u64 *)(r6 + 8)\nif r1 == ${SyscallX64.getpriority} goto +2\n${END}`;
    const names = ["di", "si", "dx", "orig_ax", "cs", "ax"] as const;
    const places = { di: 112, si: 104, dx: 96, orig_ax: 120, cs: 136, ax: 80 };
    const registers = names.map(
      (name, index) => `
        r1 = r10
        r1 += -16
        r2 = 8
        r3 = *(u64 *)(r6 + 0)
        r3 += ${places[name]}
        call bpf_probe_read_kernel
        r7 = *(u64 *)(r10 - 16)
        ${leave(index + 2)}`,
    );
    attachRaw("sys_enter", `${only}\nr7 = *(u64 *)(r6 + 8)\n${leave(1)}\n${registers.join("\n")}`);
    // At the exit the call's number is only in the registers.
    attachRaw(
      "sys_exit",
      `r1 = r10
       r1 += -16
       r2 = 8
       r3 = *(u64 *)(r6 + 0)
       r3 += ${places.orig_ax}
       call bpf_probe_read_kernel
       r1 = *(u64 *)(r10 - 16)
       if r1 == ${SyscallX64.getpriority} goto +2
       ${END}
       r7 = *(u64 *)(r6 + 8)
       ${leave(10)}`,
    );
    call();
    words("arguments of sys_enter and sys_exit");
    closeAll();
    expect(twins.taken()).toEqual([]);
  });

  it("run in the same order", () => {
    reset();
    const only = `r1 = *(u64 *)(r6 + 8)\nif r1 == ${SyscallX64.getpriority} goto +2\n${END}`;
    // Raw programs and trace events, as they were attached.
    attachRaw("sys_enter", `${only}\n${digit(1, 1)}`);
    attachTrace("raw_syscalls/sys_enter", `${only}\n${digit(1, 2)}`);
    attachRaw("sys_enter", `${only}\n${digit(1, 3)}`);
    attachTrace("raw_syscalls/sys_enter", `${only}\n${digit(1, 4)}`);
    attachTrace("syscalls/sys_enter_getpriority", digit(1, 5));
    attachRaw("sys_enter", `${only}\n${digit(1, 6)}`);
    call();
    words("order", 1);
    closeAll();
    expect(twins.taken()).toEqual([]);
  });

  it("get the number that they were attached with", () => {
    reset();
    const progFd = program("tracepoint", `r1 = r6\ncall bpf_get_attach_cookie\nr7 = r0\n${leave(1)}`);
    const targetFd = stage.trace("syscalls/sys_enter_getpriority");
    open.push(targetFd);
    const attachType = BpfAttachType.PERF_EVENT;
    open.push(
      twins.mustOpen("LINK_CREATE", {
        progFd,
        targetFd,
        attachType,
        perfEventBpfCookie: 0x1234_5678_9abc_def0n,
      }),
    );
    call();
    words("cookie", 1);
    closeAll();
    expect(twins.taken()).toEqual([]);
  });

  it("stop the events that they say no to, and only those", () => {
    reset();
    const counts = stage.trace("syscalls/sys_enter_getpriority");
    open.push(counts);
    const progFd = program("tracepoint", digit(1, 1));
    for (const side of twins.sides) side.port.ioctl(side.of(counts), PerfIoctl.SET_BPF, side.of(progFd));
    // A program that is disabled with its event runs all the same.
    for (const side of twins.sides) side.port.ioctl(side.of(counts), PerfIoctl.DISABLE, 0);
    call();
    words("of a disabled event", 1);
    closeAll();
    expect(twins.taken()).toEqual([]);
  });

  it("are not run inside of themselves", () => {
    reset();
    // bpf_trace_printk is a tracepoint, too.
    const text = `
      ${digit(1, 1)}
      *(u64 *)(r10 - 16) = 0x3a
      r1 = r10
      r1 += -16
      r2 = 2
      call bpf_trace_printk`;
    const raw = attachRaw("bpf_trace_printk", text);
    const trace = attachTrace("syscalls/sys_enter_getpriority", text);
    const inner = attachTrace("bpf_trace/bpf_trace_printk", digit(2, 1));
    for (let i = 0; i < 3; i++) call();
    words("runs", 2);
    for (const [name, pair] of Object.entries({ raw, trace, inner }))
      twins.both(`misses of ${name}`, (side) => Number(missesOf(side, pair)));
    closeAll();
    expect(twins.taken()).toEqual([]);
  });
});

function missesOf(side: Side, pair: Pair): bigint {
  const info = new Uint8Array(bpfProgInfo.size);
  side.sys.objGetInfoByFd({ bpfFd: side.of(pair), info });
  return decodeStruct(bpfProgInfo, info).recursionMisses;
}

/** System calls by number. */
async function systemCalls() {
  const koffi = ((await import("koffi")) as unknown as { default: Koffi }).default;
  const call = koffi.load(null).func("syscall", "long", ["long", "long", "long", "long"]);
  return (number: number, ...args: readonly number[]) => call(number, ...args);
}

interface Koffi {
  load(name: string | null): {
    func(name: string, result: string, args: string[]): (...args: unknown[]) => number;
  };
}
