import { describe, expect, it } from "vitest";
import { BpfProgType } from "../../../src/uapi/index.ts";
import { explainLog, type ProgramFacts } from "../../../src/verifier/explain/index.ts";

function explained(log: string, program: ProgramFacts = {}) {
  return explainLog(log, { program })!;
}

/** A call with the address of a variable of four bytes at the top of the stack. */
const call = (line: string, message: string, declared = "__u32 key = skb->mark;") => `0: R1=ctx() R10=fp0
; ${declared} @ k.bpf.c:6
0: (61) r1 = *(u32 *)(r1 +8) ; R1=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))
1: (63) *(u32 *)(r10 -4) = r1 ; R1=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff)) R10=fp0 fp-8=mmmm????
2: (bf) r2 = r10 ; R2=fp0 R10=fp0
3: (07) r2 += -4 ; R2=fp-4
; ${line} @ k.bpf.c:7
4: (18) r1 = 0xffff888100000000 ; R1=map_ptr(map=counts,ks=8,vs=8)
6: (85) call bpf_map_lookup_elem#1
${message}
`;
const LOOKUP = "__u64 *v = bpf_map_lookup_elem(&counts, &key);";

describe("keys and values that are too small", () => {
  it.each([
    ["6.18", "invalid read from stack R2 off=-4 size=8"],
    ["5.12", "invalid indirect access to stack R2 off=-4 size=8"],
    ["4.14", "invalid stack type R2 off=-4 access_size=8"],
    ["where other variables lie behind it", "invalid indirect read from stack R2 off -4+4 size 8"],
  ])("a key on the stack, in the words of Linux %s", (_release, message) => {
    const { code, headline, fixes } = explained(call(LOOKUP, message));
    expect(code).toBe("map-argument-too-small");
    expect(headline).toBe(
      "bpf_map_lookup_elem reads a key of 8 bytes, as those of counts are, and is given a variable of 4 bytes",
    );
    expect(fixes.map((each) => each.code)).toEqual(["__u64 key = skb->mark;", "__type(key, __u32);"]);
  });

  it("a declaration of several variables, or one that the log does not show", () => {
    const message = "invalid read from stack R2 off=-4 size=8";
    const several = explained(call(LOOKUP, message, "__u32 a = f(b, c), key = skb->mark;"));
    expect(several.fixes[0]!.code).toBe("__u64 key = …;");
    const hidden = explained(call(LOOKUP, message, "return run(skb);"));
    expect(hidden.headline).toMatch(/is given a variable of at most 4 bytes$/);
    expect(hidden.fixes.map((each) => each.code)).toEqual(["__u64 key = …;"]);
  });

  it("keys of no number's size have the type that the map is declared with", () => {
    const line = "v = bpf_map_lookup_elem(&flows, (void *)&key);";
    const log = call(line, "invalid read from stack R2 off=-4 size=12").replace(
      "map=counts,ks=8",
      "map=flows,ks=12",
    );
    expect(explained(log).fixes[0]).toEqual({
      text: "Declare key with the type of the map's keys, of 12 bytes.",
      code: "typeof(*flows.key) key = {};",
    });
  });

  it("what a helper writes", () => {
    const log = call("bpf_map_pop_elem(&queue, &key)", "invalid write to stack R2 off=-4 size=16").replace(
      "bpf_map_lookup_elem#1",
      "bpf_map_pop_elem#88",
    );
    expect(explained(log).headline).toBe(
      "bpf_map_pop_elem writes a value of 16 bytes, as those of queue are, and is given a variable of 4 bytes",
    );
  });

  const memory = (value: string, message: string) => `0: R0=${value} R6=ctx() R10=fp0
; bpf_map_update_elem(&flows, &key, v, BPF_ANY); @ m.bpf.c:9
0: (bf) r3 = r0 ; R0=${value} R3=${value}
1: (85) call bpf_map_update_elem#2
${message}
R3 min value is outside of the allowed memory range
`;

  it.each([
    ["a map value", "map_value(map=m,ks=4,vs=8)", "invalid access to map value, value_size=8 off=0 size=16"],
    ["memory", "mem(ref_obj_id=2,sz=8)", "invalid access to memory, mem_size=8 off=0 size=16"],
  ])("%s in place of a value", (what, value, message) => {
    const { code, headline, fixes } = explained(memory(value, message));
    expect(code).toBe("map-argument-too-small");
    expect(headline).toBe(
      `bpf_map_update_elem reads a value of 16 bytes, as those of flows are, and is given ${what} of 8 bytes`,
    );
    expect(fixes[0]!.code).toBe(
      "typeof(*flows.value) map_value = {};\n__builtin_memcpy(&map_value, v, 8);\nbpf_map_update_elem(&flows, &key, &map_value, BPF_ANY);",
    );
  });

  it("but not what moves a pointer, nor other helpers", () => {
    const outside = memory(
      "map_value(map=m,ks=4,vs=32)",
      "invalid access to map value, value_size=32 off=40 size=16",
    );
    expect(explained(outside).code).toBe("map-value-out-of-bounds");
    const other = call("bpf_get_current_comm(&key, 8);", "invalid write to stack R2 off=-4 size=8").replace(
      "bpf_map_lookup_elem#1",
      "bpf_probe_read_kernel#113",
    );
    expect(explained(other).code).toBe("stack-out-of-bounds");
  });
});

describe("keys that are not written whole", () => {
  const partly = (stores: string, message: string) => `0: R1=ctx() R10=fp0
; key.a = 1; @ s.bpf.c:6
${stores}
2: (bf) r2 = r10 ; R2=fp0 R10=fp0
3: (07) r2 += -16 ; R2=fp-16
; v = bpf_map_lookup_elem(&flows, &key); @ s.bpf.c:7
4: (18) r1 = 0xffff888100000000 ; R1=map_ptr(map=flows,ks=12,vs=8)
6: (85) call bpf_map_lookup_elem#1
${message}
`;

  it("name the variable, and the map's type", () => {
    const { code, why, fixes } = explained(
      partly(
        "0: (62) *(u32 *)(r10 -16) = 1 ; R10=fp0 fp-16=????mmmm\n1: (6a) *(u16 *)(r10 -12) = 1 ; R10=fp0 fp-16=??mmmmmm",
        "invalid indirect read from stack R2 off -16+6 size 12",
      ),
    );
    expect(code).toBe("uninitialised-stack");
    expect(why.at(-1)!.text).toBe(
      "bpf_map_lookup_elem reads a key of 12 bytes, as those of flows are: the bytes from fp-10 on were never written on this path",
    );
    expect(fixes.map((each) => each.code)).toEqual([
      "typeof(*flows.key) key = {};",
      "__builtin_memset(&key, 0, sizeof(key));",
    ]);
  });

  it("say so where the variable may be a smaller one", () => {
    const { fixes } = explained(
      partly(
        "0: (62) *(u32 *)(r10 -16) = 1 ; R10=fp0 fp-16=????mmmm",
        "invalid indirect read from stack R2 off -16+4 size 12",
      ),
    );
    expect(fixes[0]!.text).toBe(
      "Where key is a number of 4 bytes: declare it with the type of the map's keys, of 12 bytes.",
    );
  });
});

describe("maps that a helper does not take", () => {
  const mismatch = (line: string, map: number, helper: string) =>
    explained(
      `0: R1=map_ptr(map=m,ks=4,vs=4) R2=fp-8 R10=fp0\n; ${line} @ h.bpf.c:3\n4: (85) call ${helper}\ncannot pass map_type ${map} into func ${helper}\n`,
      { type: BpfProgType.SCHED_CLS },
    );

  it("are named, with what the helper takes, and what takes them", () => {
    const { headline, fixes, why } = mismatch("bpf_map_pop_elem(&ports, &n);", 2, "bpf_map_pop_elem#88");
    expect(headline).toBe("bpf_map_pop_elem does not take maps of type array");
    expect(why[0]!.text).toBe("ports is of type array, which has other helpers");
    expect(fixes[0]).toMatchObject({
      text: expect.stringMatching(/^bpf_map_pop_elem takes maps of type queue or stack:/),
      code: "__uint(type, BPF_MAP_TYPE_QUEUE);",
    });
    expect(fixes[1]!.text).toMatch(/maps of type array: bpf_map_lookup_elem, bpf_map_update_elem/);
  });

  it("may be filled by user space alone", () => {
    const { fixes } = mismatch("bpf_map_update_elem(&progs, &k, &k, 0);", 3, "bpf_map_update_elem#2");
    expect(fixes[0]!.text).toMatch(/^Let user space put in/);
    expect(fixes[1]!.text).toBe("What programs have for maps of type prog_array: bpf_tail_call.");
  });

  it("may have no keys", () => {
    const log = `0: R1=map_ptr(map=ring,ks=0,vs=0) R2=fp-4 R10=fp0
; bpf_map_lookup_elem(&ring, &k); @ r.bpf.c:3
4: (85) call bpf_map_lookup_elem#1
R2 invalid zero-sized read
`;
    for (const each of [log, log.replace("R2 invalid", "invalid")]) {
      expect(explained(each)).toMatchObject({
        code: "map-helper-mismatch",
        headline: "bpf_map_lookup_elem is given a map that has no keys",
      });
    }
    expect(explained(log.replaceAll("bpf_map_lookup_elem#1", "bpf_trace_printk#6")).code).toBe("zero-size");
  });
});
