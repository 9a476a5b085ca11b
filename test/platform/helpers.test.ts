import { describe, expect, it } from "vitest";
import { tablesOf } from "../../src/platform/helpers/prototype-of.ts";
import {
  argumentRules,
  HELPER_PROTOTYPES,
  HELPER_VARIANTS,
  helperCount,
  helperSince,
  InternalHelper,
  PROGRAM_TYPES,
  PROTOTYPES,
  programTypeNamed,
  prototypeOf,
} from "../../src/platform/index.ts";
import { BpfAttachType as A, BpfFuncId, BpfProgType as P } from "../../src/uapi/index.ts";
import { describeWith, golden } from "../support/referee.ts";

describe("HELPER_PROTOTYPES", () => {
  it("are there for every helper, with Linux's names and ids", () => {
    for (const { id, name } of HELPER_PROTOTYPES.values()) {
      expect([name, BpfFuncId[name.replace("bpf_", "") as keyof typeof BpfFuncId]]).toEqual([name, id]);
    }
    const { unspec: _, ...helpers } = BpfFuncId;
    expect([...HELPER_PROTOTYPES.keys()].sort((a, b) => a - b)).toEqual(Object.values(helpers));
    expect(HELPER_PROTOTYPES.size).toBe(211);
    expect(Math.min(...Object.values(InternalHelper))).toBeGreaterThan(Math.max(...Object.values(BpfFuncId)));
  });

  it("give sizes to the memory before them", () => {
    for (const { name, args } of [...HELPER_VARIANTS.values()].flat()) {
      for (const [index, rule] of argumentRules(args).entries()) {
        if (rule.kind !== "memory") continue;
        expect([name, index, args[rule.size - 1]?.type]).toEqual([
          name,
          index,
          expect.stringMatching(/^ARG_CONST_SIZE/),
        ]);
      }
    }
  });

  it("say what must hold of arguments", () => {
    const rules = (id: number) => argumentRules(HELPER_PROTOTYPES.get(id)!.args);
    expect(rules(BpfFuncId.map_update_elem)).toEqual([
      { kind: "map" },
      { kind: "mapKey" },
      { kind: "mapValue", write: false },
      { kind: "anything" },
    ]);
    expect(rules(BpfFuncId.skb_load_bytes)).toEqual([
      { kind: "context" },
      { kind: "anything" },
      { kind: "memory", size: 4, write: true, nullable: false },
      { kind: "anything" },
    ]);
    expect(rules(BpfFuncId.strtol)[3]).toEqual({ kind: "fixedMemory", bytes: 8, write: true });
  });

  it("know the function behind a helper in a type of program", () => {
    const output = (programType: number) =>
      prototypeOf(BpfFuncId.perf_event_output, { programType, expectedAttachType: 0 })?.function;
    expect(output(P.XDP)).toBe("bpf_xdp_event_output");
    expect(output(P.SCHED_CLS)).toBe("bpf_skb_event_output");
    expect(output(P.FLOW_DISSECTOR)).toBeUndefined();
    expect(HELPER_PROTOTYPES.get(BpfFuncId.ktime_get_ns)!.function).toBe("bpf_ktime_get_ns");
  });

  it("say what is given back", () => {
    expect(PROTOTYPES.bpf_map_lookup_elem.returns).toEqual({
      type: "RET_PTR_TO_MAP_VALUE",
      flags: ["PTR_MAYBE_NULL"],
      btf: null,
    });
    expect(PROTOTYPES.bpf_get_current_task_btf.returns).toEqual({
      type: "RET_PTR_TO_BTF_ID",
      flags: ["PTR_TRUSTED"],
      btf: "task_struct",
    });
  });
});

describe("prototypeOf", () => {
  const bind = (expectedAttachType: number) =>
    prototypeOf(BpfFuncId.bind, { programType: P.CGROUP_SOCK_ADDR, expectedAttachType });

  it("looks at the expected attach type", () => {
    expect(bind(A.CGROUP_INET4_CONNECT)?.function).toBe("bpf_bind");
    expect(bind(A.CGROUP_INET4_BIND)).toBeNull();
  });

  it("looks at rights, sleep and trampolines", () => {
    const kprobe = { programType: P.KPROBE, expectedAttachType: 0 };
    const none = { bpf: false, perfmon: false, sysAdmin: false };
    expect(prototypeOf(BpfFuncId.ktime_get_ns, { ...kprobe, capabilities: none })).not.toBeNull();
    expect(prototypeOf(BpfFuncId.spin_lock, { ...kprobe, capabilities: none })).toBeNull();
    const bpf = { ...kprobe, capabilities: { ...none, bpf: true } };
    expect(prototypeOf(BpfFuncId.spin_lock, bpf)).not.toBeNull();
    expect(prototypeOf(BpfFuncId.probe_read_kernel, bpf)).toBeNull();
    expect(prototypeOf(BpfFuncId.get_stack, { ...kprobe, sleepable: true })?.function).toBe(
      "bpf_get_stack_sleepable",
    );
    const cookie = (programType: number, expectedAttachType: number) =>
      prototypeOf(BpfFuncId.get_attach_cookie, { programType, expectedAttachType })?.function;
    expect(cookie(P.TRACING, A.TRACE_FENTRY)).toBe("bpf_get_attach_cookie_tracing");
    expect(cookie(P.TRACING, A.TRACE_ITER)).toBeUndefined();
    expect(cookie(P.SYSCALL, 0)).toBeUndefined();
    expect(cookie(P.LSM, A.LSM_MAC)).toBe("bpf_get_attach_cookie");
  });

  it("looks at what is attached to", () => {
    const setsockopt = (programType: number, expectedAttachType: number, attachTarget: string) =>
      prototypeOf(BpfFuncId.setsockopt, { programType, expectedAttachType, attachTarget })?.function;
    expect(setsockopt(P.LSM, A.LSM_CGROUP, "bpf_lsm_sock_graft")).toBe("bpf_sk_setsockopt");
    expect(setsockopt(P.LSM, A.LSM_CGROUP, "bpf_lsm_socket_post_create")).toBe("bpf_unlocked_sk_setsockopt");
    expect(setsockopt(P.LSM, A.LSM_MAC, "bpf_lsm_sock_graft")).toBeUndefined();
    expect(setsockopt(P.STRUCT_OPS, 0, "tcp_congestion_ops.init")).toBe("bpf_sk_setsockopt");
    expect(setsockopt(P.STRUCT_OPS, 0, "tcp_congestion_ops.release")).toBeUndefined();
    expect(setsockopt(P.TRACING, A.TRACE_ITER, "bpf_iter_tcp")).toBe("bpf_sk_setsockopt");
  });
});

describe("prototypeOf in Linux 6.1", () => {
  const old = (id: number, programType: number, expectedAttachType = 0) =>
    prototypeOf(id, { programType, expectedAttachType, kernel: "6.1" })?.function;

  it("knows helpers up to its last", () => {
    expect(old(BpfFuncId.user_ringbuf_drain, P.XDP)).toBe("bpf_user_ringbuf_drain");
    expect(old(BpfFuncId.cgrp_storage_get, P.XDP)).toBeUndefined();
  });

  it("gave what is for all today to some", () => {
    expect(old(BpfFuncId.get_current_comm, P.XDP)).toBeUndefined();
    expect(old(BpfFuncId.get_current_comm, P.KPROBE)).toBe("bpf_get_current_comm");
    expect(old(BpfFuncId.get_current_comm, P.CGROUP_DEVICE)).toBe("bpf_get_current_comm");
    expect(old(BpfFuncId.get_attach_cookie, P.TRACING, A.TRACE_RAW_TP)).toBeUndefined();
    expect(old(BpfFuncId.get_netns_cookie, P.SOCKET_FILTER)).toBeUndefined();
  });

  it("promised less", () => {
    const traits = { programType: P.XDP, expectedAttachType: 0 } as const;
    const cpu = (kernel: "6.1" | "6.18") =>
      prototypeOf(BpfFuncId.get_smp_processor_id, { ...traits, kernel })!.fastcall;
    expect([cpu("6.1"), cpu("6.18")]).toEqual([false, true]);
  });
});

describe("tables of helpers", () => {
  it("name prototypes that exist", () => {
    const seen = new Set<object>();
    for (const { type } of PROGRAM_TYPES) {
      for (const table of tablesOf(type)) {
        if (seen.has(table)) continue;
        seen.add(table);
        for (const [helper, grant] of Object.entries(table.rows)) {
          const names = typeof grant === "string" ? [grant] : (grant ?? []).map((choice) => choice.prototype);
          for (const name of names)
            expect(PROTOTYPES[name]?.name, `${helper}: ${name}`).toBe(`bpf_${helper}`);
        }
      }
    }
  });
});

describe("helperSince", () => {
  it("counts as Linux's headers do", () => {
    expect(helperCount("4.20")).toBe(90);
    expect(helperCount("5.1")).toBe(98);
    expect(helperCount("5.2")).toBe(108);
    expect(helperCount("6.1")).toBe(209);
    expect(helperCount("6.18")).toBe(211);
    expect(helperCount("3.18")).toBe(0);
  });

  it("tells the release of a helper", () => {
    expect(helperSince(BpfFuncId.map_lookup_elem)).toBe("3.19");
    expect(helperSince(BpfFuncId.ringbuf_output)).toBe("5.8");
    expect(helperSince(BpfFuncId.cgrp_storage_get)).toBe("6.2");
    expect(helperSince(0)).toBeUndefined();
    expect(helperSince(212)).toBeUndefined();
  });
});

const probe = golden("bpftool-7.8/feature_full.txt");

describeWith([probe], "helpers that bpftool found on Linux 6.18", () => {
  /** The attach types that libbpf probes with. */
  const PROBED: { readonly [type: string]: number } = {
    cgroup_sock: A.CGROUP_INET_SOCK_CREATE,
    cgroup_sock_addr: A.CGROUP_INET4_CONNECT,
    cgroup_sockopt: A.CGROUP_GETSOCKOPT,
    sk_lookup: A.SK_LOOKUP,
    sk_reuseport: A.SK_REUSEPORT_SELECT,
    netfilter: A.NETFILTER,
  };
  const found = new Map<string, Set<string>>();
  let current: Set<string> | undefined;
  for (const line of probe.text().split("\n")) {
    const type = /^eBPF helpers supported for program type (\w+):/.exec(line)?.[1];
    if (type !== undefined) found.set(type, (current = new Set()));
    const helper = /^\t- (bpf_\w+)/.exec(line)?.[1];
    if (helper !== undefined) current?.add(helper);
  }

  it.each([...found.keys()].filter((type) => found.get(type)!.size > 0))("are ours in %s", (type) => {
    const traits = {
      programType: programTypeNamed(type)!.type,
      expectedAttachType: PROBED[type] ?? 0,
      // As the probed kernel was.
      lockdown: "integrity",
    } as const;
    const wrong = [...HELPER_PROTOTYPES.values()].filter(
      ({ id, name }) => (prototypeOf(id, traits) !== null) !== found.get(type)!.has(name),
    );
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });
});
