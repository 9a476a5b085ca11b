import { describe, expect, it } from "vitest";
import {
  argumentRules,
  HELPER_PROTOTYPES,
  helperSymbol,
  InternalHelper,
  mayCall,
  PROGRAM_TYPES,
} from "../../src/platform/index.ts";
import { BpfFuncId } from "../../src/uapi/index.ts";
import { describeWith, golden } from "../support/referee.ts";

describe("HELPER_PROTOTYPES", () => {
  it("have Linux's names and ids", () => {
    for (const { id, name } of HELPER_PROTOTYPES.values()) {
      expect([name, BpfFuncId[name.replace("bpf_", "") as keyof typeof BpfFuncId]]).toEqual([name, id]);
    }
    expect(Math.min(...Object.values(InternalHelper))).toBeGreaterThan(Math.max(...Object.values(BpfFuncId)));
  });

  it("name program types that exist", () => {
    const known = new Set(PROGRAM_TYPES.map(({ name }) => name));
    for (const { programTypes } of HELPER_PROTOTYPES.values()) {
      if (programTypes !== "base") for (const type of programTypes) expect(known).toContain(type);
    }
  });

  it("give sizes to the memory before them", () => {
    for (const { name, args } of HELPER_PROTOTYPES.values()) {
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
    const output = HELPER_PROTOTYPES.get(BpfFuncId.perf_event_output)!;
    expect(helperSymbol(output, "xdp")).toBe("bpf_xdp_event_output");
    expect(helperSymbol(output, "sched_cls")).toBe("bpf_skb_event_output");
    expect(helperSymbol(HELPER_PROTOTYPES.get(BpfFuncId.ktime_get_ns)!, "xdp")).toBe("bpf_ktime_get_ns");
  });
});

const probe = golden("bpftool-7.8/feature_full.txt");

describeWith([probe], "helpers that bpftool found on Linux 6.18", () => {
  const found = new Map<string, Set<string>>();
  let current: Set<string> | undefined;
  for (const line of probe.text().split("\n")) {
    const type = /^eBPF helpers supported for program type (\w+):/.exec(line)?.[1];
    if (type !== undefined) found.set(type, (current = new Set()));
    const helper = /^\t- (bpf_\w+)/.exec(line)?.[1];
    if (helper !== undefined) current?.add(helper);
  }

  it.each([...found.keys()].filter((type) => found.get(type)!.size > 0))("are ours in %s", (type) => {
    for (const prototype of HELPER_PROTOTYPES.values()) {
      const { name } = prototype;
      // The probe of this one asks for a function of tracing programs, which syscall programs may call.
      if (type === "syscall" && name === "bpf_xdp_get_buff_len") continue;
      expect([name, mayCall(prototype, type)]).toEqual([name, found.get(type)!.has(name)]);
    }
  });
});
