import { readFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { Btf, BtfKind } from "../../src/btf/index.ts";
import { rowNamed } from "../../src/isa/index.ts";
import {
  attachTypeSince,
  DISABLED_LSM_HOOKS,
  hasSince,
  helperCount,
  helperSince,
  instructionSince,
  isKfunc,
  isSleepableHook,
  KernelLayout,
  kernelRelease,
  kfuncFlags,
  knownFlags,
  mapFlagSince,
  mapTraits,
  mapTypeSince,
  PROGRAM_TYPES,
  programFlagSince,
  programType,
  programTypeSince,
  prototypeOf,
  STRUCT_OPS_TYPES,
  structOpsType,
} from "../../src/platform/index.ts";
import {
  BpfAttachType as A,
  BpfFuncId,
  BpfMapFlag,
  BpfProgFlag,
  BpfMapType as M,
  BpfProgType as P,
} from "../../src/uapi/index.ts";

/** The types of Debian 12's 6.1, which come with the package. */
const btf = Btf.parse(new Uint8Array(brotliDecompressSync(readFileSync("assets/linux-6.1-x86_64.btf.br"))), {
  what: "6.1",
});

/** Names of the values of an enum, or of all enumerators that begin with a prefix. */
function enumerators(name: string): Map<string, number> {
  const found = new Map<string, number>();
  for (let id = 1; id < btf.count; id++) {
    const kind = btf.kind(id);
    if (kind !== BtfKind.ENUM && kind !== BtfKind.ENUM64) continue;
    const type = btf.type(id);
    if (type.kind !== "ENUM" && type.kind !== "ENUM64") continue;
    if (name !== "" && type.name !== name) continue;
    for (const value of type.values) found.set(value.name, Number(value.value));
  }
  return found;
}

describe("what came when", () => {
  it.each([
    ["program types", P, "bpf_prog_type", programTypeSince],
    ["attach types", A, "bpf_attach_type", attachTypeSince],
    ["map types", M, "bpf_map_type", mapTypeSince],
  ] as const)("agrees with the types of 6.1: %s", (_, ours, name, since) => {
    const theirs = new Set(
      [...enumerators(name)].filter(([each]) => !each.startsWith("__")).map(([, value]) => value),
    );
    const said = new Set(Object.values(ours).filter((value) => hasSince("6.1", since(value))));
    expect(said).toEqual(theirs);
  });

  it("agrees with the types of 6.1: flags of maps", () => {
    const theirs = enumerators("");
    const flags = Object.entries(BpfMapFlag);
    const has = flags.filter(([name]) => theirs.has(`BPF_F_${name}`));
    expect(has).toEqual(flags.filter(([, flag]) => hasSince("6.1", mapFlagSince(flag))));
  });

  it("agrees with the types of 6.1: helpers", () => {
    const theirs = enumerators("bpf_func_id");
    expect(helperCount("6.1")).toBe(theirs.get("__BPF_FUNC_MAX_ID")! - 1);
    for (const [name, id] of Object.entries(BpfFuncId)) {
      if (id === 0) continue;
      expect([name, theirs.has(`BPF_FUNC_${name}`)]).toEqual([name, id <= helperCount("6.1")]);
    }
  });

  it("counts helpers as they were counted", () => {
    expect([helperCount("4.20"), helperCount("5.1"), helperCount("5.2")]).toEqual([90, 98, 108]);
    expect([helperCount("6.2"), helperCount("6.18")]).toEqual([211, 211]);
    expect(helperCount("3.18")).toBe(0);
    expect(helperSince(BpfFuncId.map_lookup_elem)).toBe("3.19");
    expect(helperSince(BpfFuncId.ringbuf_output)).toBe("5.8");
    expect(helperSince(BpfFuncId.cgrp_storage_get)).toBe("6.2");
    expect(helperSince(0)).toBeUndefined();
    expect(helperSince(212)).toBeUndefined();
  });

  it("knows flags of programs that no enum has", () => {
    const names = Object.entries(BpfProgFlag).filter(([, flag]) => hasSince("6.1", programFlagSince(flag)));
    expect(names.map(([name]) => name).sort()).toEqual(
      [
        "ANY_ALIGNMENT",
        "SLEEPABLE",
        "STRICT_ALIGNMENT",
        "TEST_RND_HI32",
        "TEST_STATE_FREQ",
        "XDP_HAS_FRAGS",
      ].sort(),
    );
    expect(knownFlags(BpfProgFlag, programFlagSince, "6.1")).toBe(0x3f);
  });

  it("knows instructions", () => {
    const since = (name: string) => instructionSince(rowNamed(name));
    expect(since("add64_x")).toBeNull();
    expect(since("ldsx_w")).toBe("6.6");
    expect(since("sdiv64_k")).toBe("6.6");
    expect(since("bswap16")).toBe("6.6");
    expect(since("movsx64_s8")).toBe("6.6");
    expect(since("may_goto")).toBe("6.9");
    expect(since("addr_space_cast")).toBe("6.9");
    expect(since("load_acquire_w")).toBe("6.15");
  });
});

describe("6.1 beside 6.18", () => {
  it("is a release, and 5.15 is none that is described", () => {
    for (const name of ["6.1", "6.1.55", "v6.1.0", "6.1.0-57-amd64"]) expect(kernelRelease(name)).toBe("6.1");
    for (const name of ["6.10", "16.1", "6", "6.1x"]) expect(kernelRelease(name)).toBeNull();
    expect(kernelRelease("5.15")).toBeNull();
  });

  it("has fewer types of programs, with fewer places to attach them", () => {
    expect(programType(P.NETFILTER, "6.1")).toBeUndefined();
    expect(programType(P.XDP, "6.1")).toEqual(PROGRAM_TYPES[P.XDP]);
    expect(programType(P.SCHED_CLS, "6.1")?.attachTypes).toEqual([]);
    expect(programType(P.CGROUP_SOCK_ADDR, "6.1")?.attachTypes).not.toContain(A.CGROUP_UNIX_CONNECT);
  });

  it("has the fields of contexts that its types have", () => {
    const layout = new KernelLayout(btf);
    for (const { type, context } of PROGRAM_TYPES) {
      if (programType(type, "6.1") === undefined || context.kind !== "struct") continue;
      expect(layout.sizeOf(context.view), context.view).toBeGreaterThan(0);
    }
    expect(layout.find("bpf_sock_ops.skb_hwtstamp")).toBeNull();
  });

  it("says other things of some maps", () => {
    expect(mapTraits(M.ARENA, "6.1")).toBeUndefined();
    expect(mapTraits(M.CGRP_STORAGE, "6.1")).toBeUndefined();
    expect(mapTraits(M.QUEUE, "6.18")?.sleepable).toBe(true);
    expect(mapTraits(M.QUEUE, "6.1")?.sleepable).toBe(false);
    expect([...mapTraits(M.HASH, "6.1")!.fields].sort()).toEqual(["kptr", "spinLock", "timer"]);
    expect([...mapTraits(M.SK_STORAGE, "6.1")!.fields]).toEqual(["spinLock"]);
  });

  it("gives helpers other arguments", () => {
    const xdp = { programType: P.XDP, expectedAttachType: A.XDP };
    const size = (kernel: "6.1" | "6.18") =>
      prototypeOf(BpfFuncId.sk_lookup_tcp, { ...xdp, kernel })?.args[2]?.type;
    expect([size("6.1"), size("6.18")]).toEqual(["ARG_CONST_SIZE", "ARG_CONST_SIZE_OR_ZERO"]);
    expect(prototypeOf(BpfFuncId.cgrp_storage_get, { ...xdp, kernel: "6.1" })).toBeNull();
  });

  it("has few kernel functions, and only for some types of programs", () => {
    const tc = { programType: P.SCHED_CLS, expectedAttachType: 0 };
    expect(isKfunc("bpf_rcu_read_lock", "6.1")).toBe(false);
    expect(kfuncFlags("bpf_rcu_read_lock", { ...tc, kernel: "6.1" })).toBeNull();
    expect(kfuncFlags("bpf_rcu_read_lock", tc)).toBe(0);
    expect(kfuncFlags("bpf_ct_release", { ...tc, kernel: "6.1" })).toBe(2);
    const act = { programType: P.SCHED_ACT, expectedAttachType: 0, kernel: "6.1" } as const;
    expect(kfuncFlags("bpf_kfunc_call_test1", { ...tc, kernel: "6.1" })).toBe(0);
    expect(kfuncFlags("bpf_kfunc_call_test1", act)).toBeNull();
  });

  it("has other hooks that may sleep", () => {
    expect(isSleepableHook("bpf_lsm_file_open", "6.1")).toBe(true);
    expect(isSleepableHook("bpf_lsm_key_free", "6.1")).toBe(true);
    expect(isSleepableHook("bpf_lsm_key_free", "6.18")).toBe(false);
    expect(isSleepableHook("bpf_lsm_path_mkdir", "6.1")).toBe(false);
    expect(DISABLED_LSM_HOOKS.has("bpf_lsm_xfrm_decode_session")).toBe(true);
  });

  it("lets programs implement two kinds of operations", () => {
    const names = [...STRUCT_OPS_TYPES.keys()].filter((name) => structOpsType(name, "6.1") !== undefined);
    expect(names).toEqual(["tcp_congestion_ops", "bpf_dummy_ops"]);
  });
});
