import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { linuxTypes } from "../../src/node/index.ts";
import { BpfAttachType, BpfMapType, BpfProgFlag, Errno } from "../../src/uapi/index.ts";
import { bpfOutput, store, wordAt, words } from "../kernel/events/support.ts";
import { FRAME, loadText } from "../kernel/support.ts";

const types = linuxTypes();
const CURRENT_CPU = 0xffff_ffffn;

/** A frame whose first byte behind the link-layer header, and whose last, can be told. */
const MARKED = Uint8Array.from(FRAME, (byte, at) => ({ 14: 0x45, 63: 9 })[at] ?? byte);

/** Flags that ask for so many bytes of the packet. */
const withPacket = (bytes: number) => (BigInt(bytes) << 32n) | CURRENT_CPU;

/** A kernel with a ring for what programs write, and a word for what helpers give. */
class Output {
  readonly kernel = new EmbeddedKernel({ btf: types });
  readonly rings = this.kernel.mapCreate({
    mapType: BpfMapType.PERF_EVENT_ARRAY,
    keySize: 4,
    valueSize: 4,
    maxEntries: 1,
  });
  readonly event = bpfOutput(this.kernel, this.rings, 0);
  readonly results = words(this.kernel);

  constructor() {
    this.records();
  }

  get result(): number {
    return Number(BigInt.asIntN(64, wordAt(this.kernel, this.results, 0)));
  }

  /** Assembly that writes two bytes, and some of the packet in r6. */
  text(helper: string, flags: bigint): string {
    return `
      *(u64 *)(r10 - 16) = 0xbbaa
      r1 = r6
      r2 = map[id:${this.rings}]
      r3 = ${flags} ll
      r4 = r10
      r4 += -16
      r5 = 2
      call ${helper}
      r7 = r0
      ${store(this.results, 0)}
      r0 = 0
      exit`;
  }

  /** The bytes of each record that came since the last call, without its header and what fills it up. */
  records(): number[][] {
    const batch = this.kernel.port.ringConsume(this.event, 16);
    if (typeof batch === "number") throw new Error(`ring: ${batch}`);
    const found = batch.records.map((record) => {
      const view = new DataView(record.buffer, record.byteOffset, record.length);
      return [...record.slice(12, 12 + view.getUint32(8, true))];
    });
    batch.release();
    return found;
  }

  tracing(name: string, expectedAttachType: number, text: string): void {
    const attachBtfId = types.findAllByName(name).find((id) => [8, 12].includes(types.kind(id)))!;
    const progFd = loadText(this.kernel, "tracing", text, { attachBtfId, expectedAttachType });
    this.kernel.rawTracepointOpen({ progFd });
  }
}

describe("bpf_skb_output", () => {
  const packetOf = (flags: bigint) => {
    const output = new Output();
    const text = `r6 = *(u64 *)(r1 + 0)\n${output.text("bpf_skb_output", flags)}`;
    output.tracing("btf_trace_netif_receive_skb", BpfAttachType.TRACE_RAW_TP, text);
    output.kernel.receive(MARKED, { device: output.kernel.namespace.loopback });
    return output;
  };

  it("appends the beginning of a packet that a tracepoint was given", () => {
    const output = packetOf(withPacket(50));
    expect(output.result).toBe(0);
    const [record] = output.records();
    // Tracepoints see the packet from its network header on.
    expect(record!.slice(0, 4)).toEqual([0xaa, 0xbb, 0x45, 0]);
    expect(record!.slice(51, 52)).toEqual([9]);
  });

  it.each([
    ["none of it", withPacket(0), 0],
    ["more than there is", withPacket(51), -Errno.EFAULT],
    ["flags that there are not", 1n << 52n, -Errno.EINVAL],
    ["a place that there is not", 1n, -Errno.E2BIG],
    ["too much, before the place is looked at", (51n << 32n) | 1n, -Errno.EFAULT],
  ])("%s", (_, flags, result) => {
    expect(packetOf(flags).result).toBe(result);
  });

  it("finds no packet at NULL, nor where there is something else", () => {
    const output = new Output();
    const text = `r6 = *(u64 *)(r1 + 0)\n${output.text("bpf_skb_output", CURRENT_CPU)}`;
    output.tracing("kfree_skb_partial", BpfAttachType.TRACE_FENTRY, text);
    for (const skb of [0n, 5n, 0xffff_8000_ffff_fffcn, 0xffff_8000_0000_1000n]) {
      output.kernel.fire("function:kfree_skb_partial", { args: [skb, 0] });
      expect(output.result).toBe(-Errno.EFAULT);
    }
    expect(output.records()).toEqual([]);
  });
});

describe("bpf_xdp_output", () => {
  /** The address of the context of XDP programs, which one of them tells. */
  const contextOf = ({ kernel }: Output, dataIn: Uint8Array): bigint => {
    const seen = words(kernel);
    const text = `r7 = r1\n${store(seen, 0)}\nr0 = 2\nexit`;
    const flags = { progFlags: BpfProgFlag.XDP_HAS_FRAGS };
    kernel.progTestRun({ progFd: loadText(kernel, "xdp", text, flags), dataIn });
    return wordAt(kernel, seen, 0);
  };
  const passed = (flags: bigint, dataIn: Uint8Array = FRAME) => {
    const output = new Output();
    const text = `r6 = *(u64 *)(r1 + 8)\n${output.text("bpf_xdp_output", flags)}`;
    output.tracing("bpf_prog_run_generic_xdp", BpfAttachType.TRACE_FENTRY, text);
    const at = contextOf(output, dataIn);
    const fire = (xdp: bigint) =>
      output.kernel.fire("function:bpf_prog_run_generic_xdp", { args: [0, xdp, 0] });
    fire(at);
    return { output, fire };
  };

  it("appends the beginning of a packet that a function was given", () => {
    const { output } = passed(withPacket(FRAME.length));
    expect(output.result).toBe(0);
    // Two zeros fill it up.
    expect(output.records()).toEqual([[0xaa, 0xbb, ...FRAME, 0, 0]]);
  });

  it.each([
    ["none of it", withPacket(0), 0],
    ["more than there is", withPacket(FRAME.length + 1), -Errno.EFAULT],
    ["flags that there are not", 1n << 52n, -Errno.EINVAL],
  ])("%s", (_, flags, result) => {
    expect(passed(flags).output.result).toBe(result);
  });

  it("finds no packet at NULL, nor where there is something else", () => {
    const { output, fire } = passed(CURRENT_CPU);
    for (const xdp of [0n, 8n, 0xffff_8000_ffff_fff0n]) {
      fire(xdp);
      expect(output.result).toBe(-Errno.EFAULT);
    }
  });
});

describe("bpf_perf_event_output of a packet in fragments", () => {
  const PACKET = new Uint8Array(6000).map((_, index) => (index * 7) & 0xff);

  it.each([
    ["what is in one piece", 100],
    ["some of the fragments", 4000],
    ["all of it", 6000],
  ])("%s", (_, length) => {
    const output = new Output();
    const text = `r6 = r1\n${output.text("bpf_perf_event_output", withPacket(length))}`;
    const progFd = loadText(output.kernel, "xdp", text, { progFlags: BpfProgFlag.XDP_HAS_FRAGS });
    output.kernel.progTestRun({ progFd, dataIn: PACKET });
    expect(output.result).toBe(0);
    expect(output.records()[0]!.slice(0, length + 2)).toEqual([0xaa, 0xbb, ...PACKET.subarray(0, length)]);
  });

  it("not more than that", () => {
    const output = new Output();
    const text = `r6 = r1\n${output.text("bpf_perf_event_output", withPacket(6001))}`;
    const progFd = loadText(output.kernel, "xdp", text, { progFlags: BpfProgFlag.XDP_HAS_FRAGS });
    output.kernel.progTestRun({ progFd, dataIn: PACKET });
    expect(output.result).toBe(-Errno.EFAULT);
  });
});
