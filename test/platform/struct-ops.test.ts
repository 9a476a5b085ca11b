import { describe, expect, it } from "vitest";
import { kfuncFlags, structOpsMember } from "../../src/platform/index.ts";
import { BpfProgType } from "../../src/uapi/index.ts";

describe("operations of the kernel that programs implement", () => {
  it("have members that none may implement", () => {
    expect(structOpsMember("tcp_congestion_ops", "ssthresh", true)).toBe("supported");
    expect(structOpsMember("tcp_congestion_ops", "get_info", false)).toBe("not-supported");
    expect(structOpsMember("Qdisc_ops", "dump", false)).toBe("not-supported");
  });

  it("have members that may not sleep", () => {
    expect(structOpsMember("bpf_dummy_ops", "test_1", false)).toBe("supported");
    expect(structOpsMember("bpf_dummy_ops", "test_1", true)).toBe("may-not-sleep");
    expect(structOpsMember("bpf_dummy_ops", "test_sleepable", true)).toBe("supported");
    expect(structOpsMember("sched_ext_ops", "dispatch", true)).toBe("may-not-sleep");
  });

  it("have kernel functions of their own", () => {
    const traits = { programType: BpfProgType.STRUCT_OPS, expectedAttachType: 0 };
    const allowed = (attachTarget: string, name: string) =>
      kfuncFlags(name, { ...traits, attachTarget }) !== null;
    expect(allowed("Qdisc_ops.enqueue", "bpf_qdisc_skb_drop")).toBe(true);
    expect(allowed("Qdisc_ops.dequeue", "bpf_qdisc_skb_drop")).toBe(false);
    expect(allowed("tcp_congestion_ops.init", "bpf_qdisc_skb_drop")).toBe(false);
    expect(allowed("tcp_congestion_ops.init", "bpf_dynptr_from_skb")).toBe(false);
  });
});
