import { readFileSync, realpathSync } from "node:fs";
import { afterAll, expect, it } from "vitest";
import { openElf } from "../../../src/elf/index.ts";
import { linuxTypes } from "../../../src/node/index.ts";
import { encodeStruct } from "../../../src/sys/index.ts";
import { BpfAttachType, PerfIoctl, perfEventAttr } from "../../../src/uapi/index.ts";
import { describeWith, fixture, liveKernel } from "../../support/referee.ts";
import { Twins } from "../twins.ts";
import { digit, leave, Workbench } from "./probes/workbench.ts";

const LIBC = fixture("/lib/x86_64-linux-gnu/libc.so.6");
/** A function that nobody else calls meanwhile; others are called by libraries when they like. */
const FUNCTION = "toascii";
const ARGUMENT = 200;
const RESULT = 72;
const COOKIE = 0x1_0000_0002n;

/** `struct pt_regs` of x86-64. */
const Regs = { di: 112, ax: 80, orig_ax: 120, ip: 128, cs: 136, flags: 144, ss: 160 };

describeWith([liveKernel("6.18"), LIBC], "programs at functions of a file, as on Linux", async () => {
  const twins = await Twins.meet();
  afterAll(() => twins[Symbol.dispose]());
  const path = realpathSync(LIBC.path);
  const offset = offsetIn(path, FUNCTION);
  const koffi = ((await import("koffi")) as unknown as { default: Koffi }).default;
  const called = koffi.load(null).func(FUNCTION, "int", ["int"]);
  const types = linuxTypes();
  const bench = new Workbench(twins, { embedded: types, linux: types }, () => 0);

  /** A probe of this thread with a program. */
  const attach = (onReturn: boolean, text: string, cookie?: bigint): void => {
    const event = twins.keep(
      twins.pair((side) => {
        const type = side.port.readFile("/sys/bus/event_source/devices/uprobe/type") as Uint8Array;
        const name = new TextEncoder().encode(`${path}\0`);
        const attr = {
          size: 136,
          type: Number(new TextDecoder().decode(type)),
          config: onReturn ? 1 : 0,
          uprobePath: side.port.memory.lend(name),
          probeOffset: offset,
        };
        const fd = side.port.perfEventOpen(encodeStruct(perfEventAttr, attr), 0, -1, -1, 8);
        side.port.memory.release(attr.uprobePath);
        return fd;
      }),
    );
    expect(event.linux).toBeGreaterThan(0);
    expect(event.embedded).toBeGreaterThan(0);
    bench.keep(event);
    const progFd = bench.mustLoad("kprobe", text);
    const attachType = BpfAttachType.PERF_EVENT;
    if (cookie === undefined) bench.ioctl("its program", event, PerfIoctl.SET_BPF, progFd);
    else
      bench.keep(
        twins.mustOpen("LINK_CREATE", { progFd, targetFd: event, attachType, perfEventBpfCookie: cookie }),
      );
  };
  const call = () => {
    bench.reset();
    expect(called(ARGUMENT)).toBe(RESULT);
    const { kernel } = twins;
    const place = { task: kernel.task };
    kernel.fire(`uprobe:${path}:${offset}`, { args: [ARGUMENT] }, place);
    kernel.fire(`uretprobe:${path}:${offset}`, { result: RESULT }, place);
  };

  it("run in the same order", () => {
    for (const [value, onReturn] of [
      [1, false],
      [2, true],
      [3, false],
      [4, true],
      [5, false],
    ] as const)
      attach(onReturn, digit(1, value));
    call();
    bench.words("order", 1);
    bench.closeAll();
    expect(twins.taken()).toEqual([]);
  });

  it("find the same registers", () => {
    const register = (name: keyof typeof Regs, index: number) =>
      `r7 = *(u64 *)(r6 + ${Regs[name]})\n${leave(index)}`;
    const text = (first: number, value: "di" | "ax") => `
      ${register(value, first)}
      ${register("cs", first + 1)}
      ${register("ss", first + 2)}
      r1 = r6
      call bpf_get_func_ip
      r8 = r0
      r1 = *(u64 *)(r6 + ${Regs.ip})
      r8 -= r1
      r7 = r8
      ${leave(first + 3)}
      r1 = r6
      call bpf_get_attach_cookie
      r7 = r0
      ${leave(first + 4)}`;
    attach(false, text(1, "di"), COOKIE);
    attach(true, text(11, "ax"), COOKIE + 1n);
    call();
    // Where a call returns to is another place.
    bench.words("registers", 15, (word, index) => (index === 14 ? 0 : word));
    bench.closeAll();
    expect(twins.taken()).toEqual([]);
  });
});

function offsetIn(path: string, name: string): bigint {
  const elf = openElf(new Uint8Array(readFileSync(path)));
  return elf.dynamicSymbols().find((symbol) => symbol.name === name)!.value;
}

interface Koffi {
  load(name: string | null): {
    func(name: string, result: string, args: string[]): (...args: unknown[]) => number;
  };
}
