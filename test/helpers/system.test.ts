import { describe, expect, it } from "vitest";
import { EmbeddedKernel, type KernelOptions } from "../../src/kernel/index.ts";
import { store, wordAt, words } from "../kernel/events/support.ts";
import { FRAME, loadText } from "../kernel/support.ts";

/** What the clocks say to a program, in its order. */
function clocks(names: readonly string[], options: KernelOptions = {}): bigint[] {
  const kernel = new EmbeddedKernel(options);
  const mapFd = words(kernel);
  const look = (name: string, index: number) => `call bpf_ktime_get_${name}\nr7 = r0\n${store(mapFd, index)}`;
  const progFd = loadText(kernel, "sched_cls", `${names.map(look).join("\n")}\nr0 = 0\nexit`);
  kernel.progTestRun({ progFd, dataIn: FRAME });
  return names.map((_, index) => wordAt(kernel, mapFd, index));
}

describe("bpf_ktime_get_tai_ns", () => {
  it("is the time of day, and goes on as the clock since boot does", () => {
    const before = BigInt(Date.now() - 1) * 1_000_000n;
    const [since, tai, sinceAgain, taiAgain] = clocks(["ns", "tai_ns", "ns", "tai_ns"]) as [
      bigint,
      bigint,
      bigint,
      bigint,
    ];
    const after = BigInt(Date.now() + 1) * 1_000_000n;
    expect(tai).toBeGreaterThanOrEqual(before);
    expect(taiAgain).toBeLessThanOrEqual(after);
    // It was read a little later than the other each time.
    expect(taiAgain - tai).toBeGreaterThan(0n);
    expect(taiAgain - since).toBeGreaterThanOrEqual(tai - since);
    expect(tai - since).toBeGreaterThan(1_600_000_000_000_000_000n);
    expect(taiAgain - sinceAgain - (tai - since)).toBeLessThan(1_000_000_000n);
  });

  it("is the caller's, of a kernel whose clock is the caller's", () => {
    let now = 1000;
    expect(clocks(["tai_ns", "ns"], { clock: () => now++ })[0]).toBeLessThan(2000n);
  });
});
