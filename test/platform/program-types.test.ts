import { describe, expect, it } from "vitest";
import { PROGRAM_TYPES, programType, programTypeNamed } from "../../src/platform/index.ts";
import { BpfAttachType, BpfProgType } from "../../src/uapi/index.ts";
import { describeWith, golden } from "../support/referee.ts";

describe("PROGRAM_TYPES", () => {
  it("stand at their numbers, one for each type", () => {
    for (const [index, { type }] of PROGRAM_TYPES.entries()) expect(type).toBe(index);
    expect(PROGRAM_TYPES).toHaveLength(Object.keys(BpfProgType).length);
  });

  it("are found by number and by name", () => {
    expect(programType(BpfProgType.XDP)?.name).toBe("xdp");
    expect(programTypeNamed("sched_cls")?.type).toBe(BpfProgType.SCHED_CLS);
    expect(programType(99)).toBeUndefined();
    expect(programTypeNamed("nothing")).toBeUndefined();
  });

  it("say what can be attached and run", () => {
    expect(programType(BpfProgType.CGROUP_SKB)).toMatchObject({
      testRun: true,
      expectedAttachType: "listed",
      attachTypes: [BpfAttachType.CGROUP_INET_INGRESS, BpfAttachType.CGROUP_INET_EGRESS],
      packet: "read",
    });
    const runnable = PROGRAM_TYPES.filter(({ testRun }) => testRun).map(({ name }) => name);
    expect(runnable).toEqual([
      "socket_filter",
      "sched_cls",
      "sched_act",
      "xdp",
      "cgroup_skb",
      "lwt_in",
      "lwt_out",
      "lwt_xmit",
      "raw_tracepoint",
      "lwt_seg6local",
      "flow_dissector",
      "tracing",
      "struct_ops",
      "sk_lookup",
      "syscall",
      "netfilter",
    ]);
  });
});

const names = golden("bpftool-7.8/feature_builtins_prog_types.txt");

describeWith([names], "names of program types", () => {
  it("are bpftool's", () => {
    const listed = names
      .text()
      .split("\n")
      .filter((line) => /^\w+$/.test(line));
    expect(PROGRAM_TYPES.map(({ name }) => name)).toEqual(listed);
  });
});
