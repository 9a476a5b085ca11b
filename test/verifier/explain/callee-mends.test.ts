import { describe, expect, it } from "vitest";
import { BpfProgType } from "../../../src/uapi/index.ts";
import { explainLog } from "../../../src/verifier/explain/index.ts";

describe("arguments of kernel functions", () => {
  it("are told by the structs that the log names", () => {
    const { code, headline, why } = explainLog(`0: R1=ctx() R10=fp0
0: (79) r1 = *(u64 *)(r1 +0) ; R1=trusted_ptr_cgroup()
1: (85) call bpf_task_acquire#65913
kernel function bpf_task_acquire args#0 expected pointer to STRUCT task_struct but R1 has a pointer to STRUCT cgroup
`)!;
    expect(code).toBe("argument-type");
    expect(headline).toBe(
      "argument 1 of bpf_task_acquire is a pointer to struct cgroup, where one to struct task_struct is wanted",
    );
    expect(why.at(-1)!.text).toContain("a pointer to struct task_struct, and got one to struct cgroup");
  });
});

describe("global functions", () => {
  it("return numbers", () => {
    const { code, headline, fixes } = explainLog(`0: R1=ctx() R10=fp0
0: (18) r1 = 0xffff800000020b40 ; R1=map_value(map=bss,ks=4,vs=4)
2: (85) call pc+5
Global function find() doesn't return scalar. Only those are supported.
Caller passes invalid args into func#1 ('find')
`)!;
    expect(code).toBe("global-function-argument");
    expect(headline).toContain("the global function find returns no number");
    expect(fixes.map((each) => each.code)).toEqual([
      "static __noinline void *find(…)",
      "__noinline int find(…)",
    ]);
  });

  it("may have parameters that they do not use, and that no caller sets", () => {
    const log = (before: string) => `0: R1=ctx() R10=fp0
${before}1: (85) call pc+1
R2 is not a scalar
Caller passes invalid args into func#1 ('work')
`;
    const unset = explainLog(log("0: (61) r1 = *(u32 *)(r1 +12) ; R1=scalar()\n"))!;
    expect(unset.headline).toBe(
      "argument 2 of work is not set: the compiler leaves out what the function does not use",
    );
    expect(unset.fixes[0]!.code).toBe("static __noinline int work(…)");
    expect(explainLog(log("0: (bf) r2 = r10 ; R2=fp0 R10=fp0\n"))!.headline).not.toContain("is not set");
  });
});

describe("helpers that the kernel may be built without", () => {
  it("name the option", () => {
    const log = `0: R1=ctx() R10=fp0
1: (85) call bpf_override_return#58
program of this type cannot use helper bpf_override_return#58
`;
    const { fixes } = explainLog(log, { program: { type: BpfProgType.KPROBE } })!;
    expect(fixes).toHaveLength(1);
    expect(fixes[0]!.text).toContain("CONFIG_BPF_KPROBE_OVERRIDE");
    expect(explainLog(log, { program: { type: BpfProgType.XDP } })!.fixes[0]!.text).toContain("kprobe");
  });
});
