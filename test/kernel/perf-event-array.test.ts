import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { BpfMapType, Errno } from "../../src/uapi/index.ts";
import { FRAME, loadText, refusal, u32 } from "./support.ts";

const create = (kernel: EmbeddedKernel) =>
  kernel.mapCreate({ mapType: BpfMapType.PERF_EVENT_ARRAY, keySize: 4, valueSize: 4, maxEntries: 2 });

function output(kernel: EmbeddedKernel, type: string, flags: string, mapFd = create(kernel)): number {
  const text = `
    *(u64 *)(r10 - 8) = 1
    r2 = map[id:${mapFd}]
    r3 = ${flags} ll
    r4 = r10
    r4 += -8
    r5 = 8
    call bpf_perf_event_output
    exit`;
  const progFd = loadText(kernel, type, text);
  const input = type === "raw_tracepoint" ? { ctxIn: new Uint8Array(8) } : { dataIn: FRAME };
  return kernel.progTestRun({ progFd, ...input }).retval | 0;
}

describe("bpf_perf_event_output", () => {
  const kernel = new EmbeddedKernel();

  it.each([
    ["the CPU that runs", "0xffffffff", -Errno.ENOENT],
    ["another place", "1", -Errno.ENOENT],
    ["a place that there is not", "2", -Errno.E2BIG],
    ["as much of the packet as there is", "0x40ffffffff", -Errno.ENOENT],
    ["more of the packet", "0x41ffffffff", -Errno.EFAULT],
    ["flags that there are not", "0x100000ffffffff", -Errno.EINVAL],
  ])("of a packet: %s", (_, flags, errno) => {
    expect(output(kernel, "xdp", flags)).toBe(errno);
    expect(output(kernel, "sched_cls", flags)).toBe(errno);
  });

  it("elsewhere knows no length of a packet", () => {
    expect(output(kernel, "raw_tracepoint", "0xffffffff")).toBe(-Errno.ENOENT);
    expect(output(kernel, "raw_tracepoint", "0x1ffffffff")).toBe(-Errno.EINVAL);
  });

  it("needs an array of events, whoever calls", () => {
    const lenient = new EmbeddedKernel({ lenient: true });
    const array = { mapType: BpfMapType.ARRAY, keySize: 4, valueSize: 4, maxEntries: 2 };
    expect(output(lenient, "xdp", "0", lenient.mapCreate(array))).toBe(-Errno.EINVAL);
  });
});

describe("arrays of perf events", () => {
  it("take nothing but events", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = create(kernel);
    const put = (key: number, fd: number, flags = 0n) =>
      refusal(() => kernel.mapUpdateElem({ mapFd, key: u32(key), value: u32(fd), flags }));
    expect([put(0, mapFd), put(0, 99), put(2, 99), put(0, 99, 1n)]).toEqual([
      "EBADF",
      "EBADF",
      "E2BIG",
      "EINVAL",
    ]);
    expect(refusal(() => kernel.mapLookupElem({ mapFd, key: u32(0) }))).toBe("ENOTSUPP");
    expect(kernel.mapDeleteElem({ mapFd, key: u32(0) })).toBe(false);
    expect(refusal(() => kernel.mapDeleteElem({ mapFd, key: u32(2) }))).toBe("E2BIG");
    expect(kernel.mapGetNextKey({ mapFd, key: null })).toEqual(u32(0));
  });
});
