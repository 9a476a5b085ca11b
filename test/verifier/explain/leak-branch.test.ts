import { describe, expect, it } from "vitest";
import { explainLog } from "../../../src/verifier/explain/index.ts";

/** A record that one side of a branch submits, and the other does not. */
function leak(branch: string, line: string, jumped: boolean, before = "R1=scalar()") {
  const [release, out] = jumped ? [11, 14] : [14, 11];
  const listed = new Map<number, string>([
    [release, "(bf) r1 = r0"],
    [release + 1, "(85) call bpf_ringbuf_submit#132"],
    [jumped ? 13 : 16, "(b7) r0 = 0"],
    [17, "(95) exit"],
  ]);
  const table = [...listed].map(([index, text]) => `     ${index}: .......... ${text}`).join("\n");
  return explainLog(`func#0 @0
Live regs before insn:
${table}
0: R1=ctx() R10=fp0
; struct ev *e = bpf_ringbuf_reserve(&ring, sizeof(*e), 0); @ e.bpf.c:6
5: (85) call bpf_ringbuf_reserve#131 ; R0=ringbuf_mem_or_null(id=2,ref_obj_id=2,sz=8) refs=2
; if (!e) @ e.bpf.c:7
6: (15) if r0 == 0x0 goto pc+10 ; R0=ringbuf_mem(ref_obj_id=2,sz=8) refs=2
; e->a = skb->len; @ e.bpf.c:8
9: (61) r1 = *(u32 *)(r6 +8) ; ${before} refs=2
; ${line} @ e.bpf.c:9
10: (15) ${branch} goto pc+3 ; refs=2
; } @ e.bpf.c:14
${out}: (b7) r0 = 0 ; R0=0 refs=2
${out + 1}: (95) exit
Unreleased reference id=2 alloc_insn=5
BPF_EXIT instruction in main prog would lead to reference leak
`)!;
}

function words(...given: Parameters<typeof leak>) {
  const { code, why } = leak(...given);
  expect(code).toBe("unreleased-reference");
  expect(why.map(({ instruction, role }) => [instruction, role])).toEqual([
    [5, "lost"],
    [10, "passed"],
    [given[2] ? 15 : 12, "used"],
  ]);
  return why[1]!.text.replace(" here: this side goes past the release", "");
}

describe("the branch that leads past a release", () => {
  it("is named with its condition, and what that is on this side", () => {
    expect(words("if r1 == 0x7", "if (skb->mark == 7) return 0;", true)).toBe("`skb->mark == 7` is true");
    expect(words("if r1 != 0x7", "if (skb->mark == 7) return 0;", true)).toBe("`skb->mark == 7` is false");
    expect(words("if r1 != 0x7", "if (skb->mark == 7) return 0;", false)).toBe("`skb->mark == 7` is true");
    expect(words("if r1 > 0x64", "if (skb->mark >= 101) {", true)).toBe("`skb->mark >= 101` is true");
    expect(words("if r1 > 0x64", "if (skb->mark <= 100) {", true)).toBe("`skb->mark <= 100` is false");
    expect(words("if r1 s< 0x3", "while (x->n < 3)", true)).toBe("`x->n < 3` is true");
  });

  it("with conditions of pointers, bits, names of constants and variables", () => {
    expect(words("if r1 == 0x0", "if (!v)", true)).toBe("`!v` is true");
    expect(words("if r1 == 0x0", "if (v)", true)).toBe("`v` is false");
    expect(words("if r1 & 0x4", "if (sk->flags & 4)", true)).toBe("`sk->flags & 4` is true");
    expect(words("if r1 == 0xa", "if (sk->state == BPF_TCP_LISTEN)", true)).toBe(
      "`sk->state == BPF_TCP_LISTEN` is true",
    );
    expect(words("if r1 > 0x9", "if (n > MAX_ITEMS)", true)).toBe("`n > MAX_ITEMS` is true");
    expect(words("if r1 == 0x2", "if (skb->mark == i) break;", true)).toBe("`skb->mark == i` is true");
  });

  it("with one of several conditions", () => {
    expect(words("if r1 == 0x7", "if (v->a > 3 || f(skb, 1) == 7) return 1;", true)).toBe(
      "`f(skb, 1) == 7` is true",
    );
    expect(words("if r1 > 0x3", "for (i = 0; i < 4; i++)", true)).toBe("`i < 4` is false");
  });

  it("with a constant in a register", () => {
    const line = "if (skb->mark > 100) {";
    expect(words("if r2 > r1", line, true, "R1=scalar() R2=101")).toBe("`skb->mark > 100` is false");
    expect(words("if r2 > r1", "switch (x) {", true, "R1=scalar() R2=101")).toBe("R1 is at most 100");
  });

  it("with what the instruction says, where the line does not show it", () => {
    expect(words("if r1 != 0x2", "switch (skb->mark) {", true)).toBe("R1 is not 2");
    expect(words("if r1 > 0x2", "CHECK(skb)", false)).toBe("R1 is at most 2");
    expect(words("if r1 > r2", "if (a > b)", true)).toBe("the branch is taken");
    // Both might be meant.
    expect(words("if r1 == 0x0", "if (!a || !b)", true)).toBe("R1 is 0");
  });

  it("and is mended there", () => {
    expect(leak("if r1 == 0x7", "if (skb->mark == 7) return 2;", true).fixes).toEqual([
      {
        text: "Release it where `skb->mark == 7` is true, before that path leaves.",
        code: "if (skb->mark == 7) {\n\tbpf_ringbuf_discard(e, 0);\n\treturn 2;\n}",
      },
    ]);
    expect(leak("if r1 == 0x7", "if (skb->mark == 7 && x) return 2;", true).fixes[0]!.code).toBe(
      "bpf_ringbuf_discard(e, 0);\nreturn 0;",
    );
  });

  it("is none where nothing is released anywhere", () => {
    const log = `0: R1=ctx() R10=fp0
; struct ev *e = bpf_ringbuf_reserve(&ring, sizeof(*e), 0); @ e.bpf.c:6
5: (85) call bpf_ringbuf_reserve#131 ; R0=ringbuf_mem_or_null(id=2,ref_obj_id=2,sz=8) refs=2
6: (15) if r0 == 0x0 goto pc+1 ; R0=ringbuf_mem(ref_obj_id=2,sz=8) refs=2
7: (b7) r0 = 0 ; R0=0 refs=2
8: (95) exit
Unreleased reference id=2 alloc_insn=5
`;
    expect(explainLog(log)!.why.map(({ instruction }) => instruction)).toEqual([5, 8]);
  });
});
