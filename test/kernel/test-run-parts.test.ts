import { describe, expect, it } from "vitest";
import { assemble } from "../../src/asm/index.ts";
import { encode } from "../../src/isa/index.ts";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { Errno } from "../../src/sys/index.ts";
import { BpfMapType, BpfProgType, Errno as E } from "../../src/uapi/index.ts";

/** Counts in the first eight bytes of its packet: a run sees what the one before has left there. */
const COUNTING = `
  r2 = *(u32 *)(r1 + 0)
  r3 = *(u32 *)(r1 + 4)
  r4 = r2
  r4 += 8
  r0 = 0
  if r4 > r3 goto +4
  r5 = *(u64 *)(r2 + 0)
  r5 += 1
  *(u64 *)(r2 + 0) = r5
  r0 = r5
  exit`;

/** The same of a packet that is an sk_buff, whose `cb` it counts in. */
const COUNTING_SKB = `
  r0 = *(u32 *)(r1 + 48)
  r0 += 1
  *(u32 *)(r1 + 48) = r0
  exit`;

function assembled(kernel: EmbeddedKernel, text: string, progType: number): number {
  const { insns } = assemble(text);
  return kernel.progLoad({ progType, insns: encode(insns), license: "GPL" }).fd;
}

const PACKET = new Uint8Array(64);
const REPEAT = 500_000;

describe("a test run in parts", () => {
  it.each([
    ["xdp", BpfProgType.XDP, COUNTING],
    ["sched_cls", BpfProgType.SCHED_CLS, COUNTING_SKB],
  ] as const)("of a program of type %s comes to what it comes to at once", async (_, type, text) => {
    const kernel = new EmbeddedKernel({ engine: "jit" });
    const progFd = assembled(kernel, text, type);
    const args = { progFd, dataIn: PACKET, dataSizeOut: PACKET.length, repeat: REPEAT };
    let turns = 0;
    const result = await kernel.testRun(args, { turn: async () => void turns++ });
    const { duration: _duration, ...whole } = kernel.progTestRun(args);
    expect(result).toMatchObject({ ...whole, runs: REPEAT });
    expect(whole.retval).toBe(REPEAT);
    expect(turns).toBeGreaterThan(5);
  });

  it("ends early with what it came to", async () => {
    const kernel = new EmbeddedKernel({ engine: "jit" });
    const progFd = assembled(kernel, COUNTING, BpfProgType.XDP);
    const controller = new AbortController();
    let turns = 0;
    const turn = async () => {
      if (++turns === 3) controller.abort();
    };
    const args = { progFd, dataIn: PACKET, dataSizeOut: PACKET.length, repeat: 4_000_000_000 };
    const { runs, retval, dataOut } = await kernel.testRun(args, { signal: controller.signal, turn });
    expect(turns).toBe(3);
    expect(runs).toBeGreaterThan(3);
    expect(retval).toBe(runs);
    expect(new DataView(dataOut.buffer, dataOut.byteOffset).getUint32(0, true)).toBe(runs);
    // Nothing is left of it.
    expect(kernel.progTestRun({ progFd, dataIn: PACKET, repeat: 2 }).retval).toBe(2);
  });

  it("leaves the kernel to others meanwhile, but for runs on its CPU", async () => {
    const kernel = new EmbeddedKernel({ engine: "jit" });
    const progFd = assembled(kernel, COUNTING, BpfProgType.XDP);
    const errors: unknown[] = [];
    const turn = async () => {
      const mapFd = kernel.mapCreate({ mapType: BpfMapType.ARRAY, keySize: 4, valueSize: 8, maxEntries: 1 });
      kernel.mapUpdateElem({ mapFd, key: new Uint8Array(4), value: new Uint8Array(8) });
      kernel.close(mapFd);
      for (const run of [
        async () => kernel.progTestRun({ progFd, dataIn: PACKET }),
        () => kernel.testRun({ progFd, dataIn: PACKET, repeat: 100 }),
      ]) {
        try {
          await run();
          errors.push(null);
        } catch (error) {
          errors.push(error instanceof Errno ? error.errno : error);
        }
      }
    };
    const { retval, runs } = await kernel.testRun({ progFd, dataIn: PACKET, repeat: REPEAT }, { turn });
    expect([retval, runs]).toEqual([REPEAT, REPEAT]);
    expect(errors.length).toBeGreaterThan(10);
    expect(new Set(errors)).toEqual(new Set([E.EBUSY]));
    expect(kernel.progTestRun({ progFd, dataIn: PACKET }).retval).toBe(1);
  });

  it("keeps its program though the descriptor is closed, and gives it up with the run", async () => {
    const kernel = new EmbeddedKernel({ engine: "jit" });
    const progFd = assembled(kernel, COUNTING, BpfProgType.XDP);
    let closed = false;
    const turn = async () => {
      if (!closed) kernel.close(progFd);
      closed = true;
      expect(kernel.progGetNextId({ startId: 0 })).not.toBeNull();
    };
    expect((await kernel.testRun({ progFd, dataIn: PACKET, repeat: REPEAT }, { turn })).runs).toBe(REPEAT);
    expect(kernel.progGetNextId({ startId: 0 })).toBeNull();
  });

  it("takes away what it has laid out when its caller fails", async () => {
    const kernel = new EmbeddedKernel({ engine: "jit" });
    const progFd = assembled(kernel, COUNTING, BpfProgType.XDP);
    const long = new Uint8Array(9000);
    const turn = async () => {
      throw new Error("no more");
    };
    await expect(kernel.testRun({ progFd, dataIn: PACKET, repeat: REPEAT }, { turn })).rejects.toThrow(
      "no more",
    );
    expect(kernel.progTestRun({ progFd, dataIn: PACKET }).retval).toBe(1);
    const whole = () => kernel.progTestRun({ progFd, dataIn: long, repeat: 3 }).retval;
    expect(whole()).toBe((await kernel.testRun({ progFd, dataIn: long, repeat: 3 })).retval);
  });

  it("refuses what a test run refuses", async () => {
    const kernel = new EmbeddedKernel({ engine: "jit" });
    const progFd = assembled(kernel, COUNTING, BpfProgType.XDP);
    await expect(kernel.testRun({ progFd: 99, dataIn: PACKET })).rejects.toThrow("EBADF");
    await expect(kernel.testRun({ progFd, dataIn: new Uint8Array(3) })).rejects.toThrow("EINVAL");
  });
});
