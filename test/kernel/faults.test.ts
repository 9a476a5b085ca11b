import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { createHash, FRAME, loadText, refusal } from "./support.ts";

describe("programs that the verifier refuses, on a kernel that takes them all the same", () => {
  it.each([
    ["a read of nothing", "r1 = 0\nr0 = *(u64 *)(r1 + 0)\nexit", "access"],
    ["a write past the stack", "*(u64 *)(r10 + 8) = 1\nr0 = 0\nexit", "access"],
    ["a write below the stack", "*(u64 *)(r10 - 520) = 1\nr0 = 0\nexit", "access"],
    ["a packet past its end", "r1 = *(u32 *)(r1 + 76)\nr1 += 36864\nr0 = *(u64 *)(r1 + 0)\nexit", "access"],
    ["a helper's pointer", "r6 = r1\nr1 = 5\nr2 = 8\ncall bpf_trace_printk\nexit", "argument"],
  ])("%s", (_, text, kind) => {
    const kernel = new EmbeddedKernel({ lenient: true });
    const program = loadText(kernel, "sched_cls", text);
    expect(kernel.lastFault).toBeNull();
    expect(refusal(() => kernel.progTestRun({ progFd: program, dataIn: FRAME }))).toBe("EFAULT");
    expect(kernel.lastFault?.kind).toBe(kind);
    expect(kernel.lastFault?.message).toMatch(/expected/);
    expect(kernel.lastFault?.slot).toBeGreaterThanOrEqual(0);
  });

  it("a value past its end, and its map's name", () => {
    const kernel = new EmbeddedKernel({ lenient: true });
    const map = kernel.mapCreate({
      mapType: 2,
      keySize: 4,
      valueSize: 8,
      maxEntries: 1,
      mapName: "counters",
    });
    const program = loadText(kernel, "xdp", `r1 = map[id:${map}][0]+0\nr0 = *(u64 *)(r1 + 4)\nexit`);
    expect(refusal(() => kernel.progTestRun({ progFd: program, dataIn: FRAME }))).toBe("EFAULT");
    expect(kernel.lastFault?.message).toContain("counters");
  });

  it("a value after it was freed", () => {
    const kernel = new EmbeddedKernel({ lenient: true });
    const map = createHash(kernel);
    const program = loadText(kernel, "xdp", `r1 = map[id:${map}]\nr0 = 2\nexit`);
    kernel.close(map);
    expect(kernel.progTestRun({ progFd: program, dataIn: FRAME }).retval).toBe(2);
  });

  it("an endless loop, when its budget is used up", () => {
    const kernel = new EmbeddedKernel({ budget: 10_000, lenient: true });
    const endless = loadText(kernel, "xdp", "r0 = 2\ngoto pc-1");
    const short = loadText(kernel, "xdp", "r0 = 2\nexit");
    for (let i = 0; i < 2; i++) {
      expect(refusal(() => kernel.progTestRun({ progFd: endless, dataIn: FRAME }))).toBe("EFAULT");
      expect(kernel.lastFault).toMatchObject({
        kind: "budget",
        message: "expected at most 10000 instructions, got more",
      });
      // A budget is each run's own.
      expect(kernel.progTestRun({ progFd: short, dataIn: FRAME, repeat: 20_000 }).retval).toBe(2);
    }
    expect(() => new EmbeddedKernel({ budget: Number.NaN })).toThrow("expected a budget");
  });

  it("go on being runnable afterwards", () => {
    const kernel = new EmbeddedKernel({ lenient: true });
    const bad = loadText(kernel, "xdp", "r1 = 0\nr0 = *(u64 *)(r1 + 0)\nexit");
    const good = loadText(kernel, "xdp", "r0 = 2\nexit");
    for (let i = 0; i < 3; i++) {
      expect(refusal(() => kernel.progTestRun({ progFd: bad, dataIn: FRAME }))).toBe("EFAULT");
      expect(kernel.progTestRun({ progFd: good, dataIn: FRAME }).retval).toBe(2);
    }
  });
});

describe("trace_pipe", () => {
  it("has a line for each call, in tracefs's format", () => {
    const kernel = new EmbeddedKernel({ clock: () => 12_345_678_901_234 });
    const hello =
      "r1 = 0x0a6f6c6c6568 ll\n*(u64 *)(r10 - 8) = r1\nr1 = r10\nr1 += -8\nr2 = 7\ncall bpf_trace_printk\nexit";
    using process = kernel.process({ pid: 4321, comm: "worker" });
    const program = loadText(process, "sched_cls", hello);
    expect(process.progTestRun({ progFd: program, dataIn: FRAME }).retval).toBe(6);
    const line = "          worker-4321    [000] ....1 12345.678901: bpf_trace_printk: hello\n";
    const text = kernel.readTracePipe();
    expect(text.replace(/ +/g, " ")).toBe(line.replace(/ +/g, " "));
    expect(kernel.readTracePipe()).toBe("");
  });
});
