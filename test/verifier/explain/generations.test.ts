import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { explainLog, parseLog } from "../../../src/verifier/explain/index.ts";

const LOGS = "testdata/verifier/explain/logs";

/** What is the same in the words of every kernel: an index that is compared with 8 where 7 is the last. */
const BOUNDS = { code: "map-value-out-of-bounds", instruction: 21, cause: 18 };
/** A pointer to a value that nothing tests. */
const NULL = { code: "null-pointer", instruction: 7, cause: 6 };
/** The comparison with data_end proves 14 bytes. */
const PACKET = { code: "packet-out-of-bounds", instruction: 6, cause: 5 };

function summary(log: string) {
  const explanation = explainLog(log);
  if (explanation === null) return null;
  const { code, instruction, why, cause } = explanation;
  return {
    code,
    instruction: instruction?.index ?? null,
    cause: cause === null ? null : why[cause]!.instruction,
  };
}

describe("logs of real kernels, by way of bpftool and libbpf", () => {
  it.each(["6.1", "6.18"])("Linux %s", (release) => {
    const log = readFileSync(`${LOGS}/linux-${release}.log`, "utf8");
    expect(summary(log)).toEqual(BOUNDS);
    const { steps, processed, messages } = parseLog(log);
    expect(processed).toBe(21);
    expect(messages.length).toBe(2);
    expect(steps.at(-1)!.source?.text).toBe("value->bytes[index]++;");
    expect(steps.at(-1)!.source?.line).toBe(release === "6.18" ? 36 : null);
  });
});

describe("logs of older kernels", () => {
  it("4.9: constants are imm, other numbers inv, helpers have numbers, and bcc gives hints", () => {
    const log = `bpf: Permission denied
0: (b7) r1 = 0
1: (7b) *(u64 *)(r10 -8) = r1
2: (18) r1 = 0x4e0d6540
4: (bf) r2 = r10
5: (07) r2 += -8
6: (85) call 1
7: (79) r1 = *(u64 *)(r0 +0)
R0 invalid mem access 'map_value_or_null'

HINT: The 'map_value_or_null' error can happen if you dereference a pointer value from a map lookup without first checking it.

Traceback (most recent call last):
  File "./tool.py", line 62, in <module>
`;
    expect(summary(log)).toEqual(NULL);
    expect(explainLog(log)!.message).toBe("R0 invalid mem access 'map_value_or_null'");
    expect(explainLog(log)!.why[explainLog(log)!.cause!]!.text).toContain("bpf_map_lookup_elem");
  });

  it("4.9: states of branches", () => {
    const log = `0: (61) r2 = *(u32 *)(r1 +76)
1: (61) r3 = *(u32 *)(r1 +80)
2: (bf) r4 = r2
3: (07) r4 += 14
4: (b7) r0 = 2
5: (2d) if r4 > r3 goto pc+1
 R0=imm2,min_value=2,max_value=2 R1=ctx R2=pkt(id=0,off=0,r=14) R3=pkt_end R4=pkt(id=0,off=14,r=14) R10=fp
6: (69) r0 = *(u16 *)(r2 +14)
invalid access to packet, off=14 size=2, R2(id=0,off=0,r=14)
`;
    expect(summary(log)).toEqual(PACKET);
    const state = parseLog(log).steps.at(-1)!.before!;
    expect(state.get("R0")).toBe("2");
  });

  it("4.19: whole states behind branches, frames with their call, and instructions behind `from`", () => {
    const log = `0: (61) r2 = *(u32 *)(r1 +76)
1: (61) r3 = *(u32 *)(r1 +80)
2: (bf) r4 = r2
3: (07) r4 += 14
4: (15) if r1 == 0x0 goto pc+2
 R1=ctx(id=0,off=0,imm=0) R2=pkt(id=0,off=0,r=0,imm=0) R3=pkt_end(id=0,off=0,imm=0) R4=pkt(id=0,off=14,r=0,imm=0) R10=fp0,call_-1
5: (2d) if r4 > r3 goto pc+2
 R1=ctx(id=0,off=0,imm=0) R2=pkt(id=0,off=0,r=14,imm=0) R3=pkt_end(id=0,off=0,imm=0) R4=pkt(id=0,off=14,r=14,imm=0) R10=fp0,call_-1
6: (69) r0 = *(u16 *)(r2 +12)
7: (05) goto pc+0
8: (95) exit

from 5 to 8: R1=ctx(id=0,off=0,imm=0) R2=pkt(id=0,off=0,r=0,imm=0) R3=pkt_end(id=0,off=0,imm=0) R4=pkt(id=0,off=14,r=0,imm=0) R10=fp0,call_-1 8: (95) exit
R0 !read_ok
processed 10 insns (limit 131072), stack depth 0
`;
    const explanation = explainLog(log)!;
    expect(explanation.code).toBe("uninitialised-register");
    expect(explanation.instruction!.index).toBe(8);
    // The path to the end is that of the branch that was taken: instruction 6 sets r0 on the other.
    expect(explanation.why[explanation.cause!]!.instruction).toBe(5);
  });

  it("5.10: states with _w, marks of precision, libbpf's older frame", () => {
    const log = `libbpf: load bpf program failed: Permission denied
libbpf: -- BEGIN DUMP LOG ---
libbpf:
; void *data = (void *)(long)skb->data;
0: (61) r2 = *(u32 *)(r1 +76)
1: (61) r3 = *(u32 *)(r1 +80)
2: (bf) r4 = r2
3: (07) r4 += 14
4: (b7) r0 = 0
; if (data + sizeof(*eth) > data_end)
5: (2d) if r4 > r3 goto pc+1
 R0_w=invP0 R1=ctx(id=0,off=0,imm=0) R2_w=pkt(id=0,off=0,r=14,imm=0) R3_w=pkt_end(id=0,off=0,imm=0) R4_w=pkt(id=0,off=14,r=14,imm=0) R10=fp0
; return eth->h_proto;
6: (69) r0 = *(u16 *)(r2 +14)
invalid access to packet, off=14 size=2, R2(id=0,off=0,r=14)
R2 offset is outside of the packet
processed 7 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0

libbpf: -- END LOG --
libbpf: failed to load program 'parse'
libbpf: failed to load object 'parse.o'
`;
    expect(summary(log)).toEqual(PACKET);
    const explanation = explainLog(log)!;
    expect(explanation.source?.text).toBe("return eth->h_proto;");
    expect(explanation.message.split("\n").length).toBe(2);
    expect(explanation.fixes[0]!.code).toContain("(void *)(eth + 1) > data_end");
  });

  it("6.6: imm=0 is gone, states stand behind the instruction", () => {
    const log = `0: R1=ctx(off=0,imm=0) R10=fp0
0: (b7) r1 = 0                        ; R1_w=0
1: (7b) *(u64 *)(r10 -8) = r1         ; R1_w=0 R10=fp0 fp-8_w=00000000
2: (18) r1 = 0xffff95b5c6d05800       ; R1_w=map_ptr(off=0,ks=8,vs=8,imm=0)
4: (bf) r2 = r10                      ; R2_w=fp0 R10=fp0
5: (07) r2 += -8                      ; R2_w=fp-8
6: (85) call bpf_map_lookup_elem#1    ; R0_w=map_value_or_null(id=1,off=0,ks=8,vs=8,imm=0)
7: (79) r1 = *(u64 *)(r0 +0)
R0 invalid mem access 'map_value_or_null'
processed 7 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`;
    expect(summary(log)).toEqual(NULL);
  });
});

describe("reports of newer kernels", () => {
  const REPORT = `
Verification failed: Register Type Safety: Invalid dereference

Reason:
  R0 may be NULL here (a nullable map value pointer). The program could dereference NULL on this path, so the verifier
  cannot prove this access is safe.

At:
  count @ count.bpf.c:13:2
  Source context:
      11 | ...
      12 |         value = bpf_map_lookup_elem(&m, &key);
  >>> 13 |         value->packets++;
         |         ^-- error: invalid dereference of R0 (a nullable map value pointer)
      14 | ...
      15 |         return 0;
  Instruction context:
      6 | (85) call bpf_map_lookup_elem#1
  >>> 7 | (79) r1 = *(u64 *)(r0 +0)
      8 | (07) r1 += 1

Causal path:
  count @ count.bpf.c:12:10
  Source context:
  >>> 12 |         value = bpf_map_lookup_elem(&m, &key);
         |         ^-- update: R0 changed from uninitialized value to nullable map value from
         |             m at offset 0
  Instruction context:
  >>> 6 | (85) call bpf_map_lookup_elem#1

Suggestion:
  Add a NULL check before the access and dereference the pointer only on the non-NULL path.

processed 7 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`;

  it("are no messages, and go with the log in front of them", () => {
    const log = `6: (85) call bpf_map_lookup_elem#1    ; R0=map_value_or_null(id=1,ks=8,vs=8)
7: (79) r1 = *(u64 *)(r0 +0)
R0 invalid mem access 'map_value_or_null'
${REPORT}`;
    expect(summary(log)).toEqual(NULL);
    const { messages, report, processed } = parseLog(log);
    expect(messages).toEqual(["R0 invalid mem access 'map_value_or_null'"]);
    expect(processed).toBe(7);
    expect(report).toMatchObject({
      category: "Register Type Safety",
      problem: "Invalid dereference",
      at: { index: 7, label: "error", source: { file: "count.bpf.c", line: 13, text: "value->packets++;" } },
      events: [{ index: 6, label: "update", source: { line: 12 } }],
    });
    expect(report!.reason).toMatch(/^R0 may be NULL here .* is safe\.$/);
    expect(report!.events[0]!.words).toBe(
      "R0 changed from uninitialized value to nullable map value from m at offset 0",
    );
  });

  it("tell the chain where the log has no steps of it, and the problem where no rule knows it", () => {
    const log = `7: (79) r1 = *(u64 *)(r0 +0)
something that no kernel said before
${REPORT}`;
    const explanation = explainLog(log)!;
    expect(explanation.code).toBe("unknown");
    expect(explanation.headline).toMatch(/^invalid dereference: R0 may be NULL here/);
    expect(explanation.why.map(({ instruction }) => instruction)).toEqual([6, 7]);
    expect(explanation.fixes[0]!.text).toMatch(/^Add a NULL check/);
  });

  it("are read where instructions stand beside the source", () => {
    const log = `4: (79) r0 = *(u64 *)(r0 +8)
R0 invalid mem access 'scalar'

Verification failed: Register Type Safety: Invalid dereference

Reason:
  R0 is an integer scalar here, not a pointer to memory.

At:
  entry @ case.c:128:2
      127 | ...                                                     3 | (79) r0 = *(u64 *)(r10 -8)
  >>> 128 |         r0 = load(r0);                              >>> 4 | (79) r0 = *(u64 *)(r0 +8)
          |         ^-- error: invalid dereference of R0 (scalar)
      129 | ...                                                     5 | (95) exit
`;
    expect(parseLog(log).report!.at).toMatchObject({
      index: 4,
      source: { line: 128, text: "r0 = load(r0);" },
    });
    expect(explainLog(log)!.code).toBe("number-as-pointer");
  });
});

describe("what others wrap around a log", () => {
  it("journals quote each line", () => {
    const lines = [
      "7: (07) r2 += -8",
      "8: (85) call bpf_map_lookup_elem#1",
      "9: (61) r1 = *(u32 *)(r0 +0)",
      "R0 invalid mem access 'map_value_or_null'",
    ];
    const log = lines
      .map((line) => `May 23 18:58:23 host agent[8281]: level=warning msg="${line}" subsys=loader`)
      .join("\n");
    expect(summary(log)).toEqual({ code: "null-pointer", instruction: 9, cause: 8 });
  });

  it("a summary in one line", () => {
    const log =
      "Error: program from_netdev: load program: permission denied: 1030: (71) r1 = *(u8 *)(r9 +23): R9 invalid mem access 'inv' (646 line(s) omitted)";
    expect(summary(log)).toEqual({ code: "number-as-pointer", instruction: 1030, cause: 1030 });
    expect(explainLog(log)!.message).toBe("R9 invalid mem access 'inv'");
  });

  it("tabs in front of each line, and a note on what is left out", () => {
    const log = `load program: permission denied:
\t(638 line(s) omitted)
\t1026: (85) call bpf_map_lookup_elem#1
\t1027: (79) r9 = *(u64 *)(r0 +0)
\tR0 invalid mem access 'map_value_or_null'
\tprocessed 1651 insns (limit 1000000) max_states_per_insn 3 total_states 60 peak_states 60 mark_read 17
`;
    expect(summary(log)).toEqual({ code: "null-pointer", instruction: 1027, cause: 1026 });
    expect(parseLog(log).truncated).toBe(true);
  });

  it("quotations and indentation of an issue", () => {
    const log = `    > 5: (07) r2 += -8
    > 6: (85) call bpf_map_lookup_elem#1
    > 7: (79) r1 = *(u64 *)(r0 +0)
    > R0 invalid mem access 'map_value_or_null'
`;
    expect(summary(log)).toEqual(NULL);
  });

  it("a log in one line of JSON", () => {
    const log =
      "6: (85) call bpf_map_lookup_elem#1\\n7: (79) r1 = *(u64 *)(r0 +0)\\nR0 invalid mem access 'map_value_or_null'\\n";
    expect(summary(log)).toEqual(NULL);
  });

  it("an accepted program before the one that is refused", () => {
    const log = `libbpf: prog 'fine': -- BEGIN PROG LOAD LOG --
0: (b7) r0 = 0
1: (95) exit
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
-- END PROG LOAD LOG --
libbpf: prog 'bad': -- BEGIN PROG LOAD LOG --
6: (85) call bpf_map_lookup_elem#1
7: (79) r1 = *(u64 *)(r0 +0)
R0 invalid mem access 'map_value_or_null'
processed 8 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
-- END PROG LOAD LOG --
`;
    expect(summary(log)).toEqual(NULL);
  });
});

describe("what is no log of a refusal", () => {
  it.each([
    ["nothing", ""],
    ["other text", "make: *** [Makefile:12: all] Error 1\nNothing to see here.\n"],
    [
      "a log of an accepted program",
      "0: (b7) r0 = 0\n1: (95) exit\nprocessed 2 insns (limit 1000000) max_states_per_insn 0\n",
    ],
  ])("%s", (_what, text) => {
    const explanation = explainLog(text);
    if (explanation === null) return;
    // Text without an instruction says nothing that could be explained.
    expect(explanation.instruction).toBeNull();
    expect(explanation.code).toBe("unknown");
  });
});
