import { describe, expect, it } from "vitest";
import { explainLog } from "../../../src/verifier/explain/index.ts";

const ACQUIRED = `0: R1=ctx() R10=fp0
; struct task_struct *t = bpf_task_from_pid(1); @ t.bpf.c:9
1: (85) call bpf_task_from_pid#65918 ; R0=ptr_or_null_task_struct(id=2,ref_obj_id=2) refs=2
`;
const LEAK = `Unreleased reference id=2 alloc_insn=1
BPF_EXIT instruction in main prog would lead to reference leak
`;

describe("the mend of a reference that is not released", () => {
  it("is a release behind the last use, where the compiler has no more use of the pointer", () => {
    const log = (test: string) => `${ACQUIRED}; ${test} @ t.bpf.c:10
2: (15) if r0 == 0x0 goto pc+5 ; R0=ptr_task_struct(ref_obj_id=2) refs=2
; bpf_printk("pid %d", t->pid); @ t.bpf.c:11
3: (61) r3 = *(u32 *)(r0 +1264) ; R3=scalar() refs=2
7: (85) call bpf_trace_printk#6 ; R0=scalar() refs=2
8: (b4) w0 = 0 ; R0=0 refs=2
9: (95) exit
${LEAK}`;
    const { why, fixes } = explainLog(log("if (t)"))!;
    expect(why[0]!.text).toMatch(/^the program has no more use of the pointer/);
    expect(fixes).toEqual([
      {
        text: "Release it where it is not NULL: after its last use, before each return.",
        code: "if (t) {\n\t…\n\tbpf_task_release(t);\n}",
      },
    ]);
    expect(explainLog(log("if (!t)"))!.fixes[0]!.code).toBe("bpf_task_release(t);\nreturn 0;");
  });

  it("is a release of the old object, where its variable is set anew", () => {
    const log = `${ACQUIRED}; t = bpf_task_from_pid(2); @ t.bpf.c:12
3: (85) call bpf_task_from_pid#65918 ; R0=ptr_or_null_task_struct(id=4,ref_obj_id=4) refs=2,4
4: (b4) w6 = 0 ; R6=0 refs=2,4
9: (95) exit
${LEAK}`;
    expect(explainLog(log)!.fixes[0]!.text).toBe("Release the old object before its variable is set anew.");
  });

  it("is in the branch that leaves the loop of an iterator, also where the table of the program has gaps", () => {
    const log = `Live regs before insn:
      5: .123..6... (85) call bpf_iter_num_new#64260
     16: .......... (bf) r1 = r10
     18: .1........ (85) call bpf_iter_num_destroy#64257
     19: .......... (b4) w0 = 2
     20: 0......... (95) exit
0: R1=ctx() R10=fp0
; bpf_iter_num_new(&numbers, 0, 100); @ i.bpf.c:9
5: (85) call bpf_iter_num_new#64260 ; R0=scalar() fp-8=iter_num(ref_id=1,state=active,depth=0) refs=1
; while ((v = bpf_iter_num_next(&numbers))) { @ i.bpf.c:10
8: (85) call bpf_iter_num_next#64263 ; R0=rdonly_mem(id=2,ref_obj_id=1,sz=4) refs=1
9: (15) if r0 == 0x0 goto pc+6 ; R0=rdonly_mem(id=2,ref_obj_id=1,sz=4) refs=1
10: (61) r1 = *(u32 *)(r0 +0) ; R1=scalar() refs=1
; if (s > 40) @ i.bpf.c:12
14: (26) if w1 > 0x28 goto pc+5 ; R1=scalar(umax=40) refs=1
15: (05) goto pc-8
8: (85) call bpf_iter_num_next#64263 ; R0=rdonly_mem(id=4,ref_obj_id=1,sz=4) refs=1
9: (15) if r0 == 0x0 goto pc+6 ; R0=rdonly_mem(id=4,ref_obj_id=1,sz=4) refs=1
10: (61) r1 = *(u32 *)(r0 +0) ; R1=scalar() refs=1
14: (26) if w1 > 0x28 goto pc+5 ; R1=scalar(umin=41) refs=1
20: (95) exit
Unreleased reference id=1 alloc_insn=5
BPF_EXIT instruction in main prog would lead to reference leak
`;
    const { why, fixes } = explainLog(log)!;
    expect(why.map(({ instruction }) => instruction)).toEqual([5, 14, 20]);
    expect(why[1]!.text).toMatch(/^`s > 40` is true/);
    expect(fixes[0]!.code).toBe("bpf_iter_num_destroy(&numbers);\nreturn 0;");
  });
});
