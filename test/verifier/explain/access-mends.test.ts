import { describe, expect, it } from "vitest";
import { BpfProgType } from "../../../src/uapi/index.ts";
import { explainLog } from "../../../src/verifier/explain/index.ts";

describe("an index that is a member of a struct", () => {
  it("is put into a variable, and the line uses that", () => {
    const { code, fixes } = explainLog(`0: R1=ctx() R10=fp0
; struct cx c = {}; @ c.bpf.c:9
11: (bf) r2 = r10 ; R2=fp0
; c->b[c->i] = 1; @ c.bpf.c:6
16: (61) r1 = *(u32 *)(r2 -24) ; R1=scalar()
17: (67) r1 <<= 32 ; R1=scalar()
18: (c7) r1 s>>= 32 ; R1=scalar(smin=smin32=-2147483648,smax=smax32=2147483647)
19: (bf) r3 = r2 ; R2=fp0 R3=fp0
20: (0f) r3 += r1
value -2147483648 makes fp pointer be out of bounds
`)!;
    expect(code).toBe("offset-too-large");
    expect(fixes[0]!.code).toBe(
      "__u32 index = c->i;\nif (index >= sizeof(c->b) / sizeof(c->b[0]))\n\treturn 0;\nc->b[index] = 1;",
    );
    // There is no upper limit: without a sign the number has none either.
    expect(fixes.some(({ text }) => text.startsWith("Make the variable unsigned"))).toBe(false);
  });
});

describe("the stack at a variable index, without CAP_PERFMON", () => {
  it("is no matter of bounds", () => {
    const { code, headline, fixes } = explainLog(`0: R1=ctx() R10=fp0
9: (b7) r1 = 3 ; R1=scalar(umax=15)
10: (bf) r3 = r10 ; R3=fp0
; buf[i] = 1; @ s.bpf.c:11
11: (0f) r3 += r1
R3 variable stack access prohibited for !root, var_off=(0x0; 0xf) off=-16
`)!;
    expect(code).toBe("unprivileged-arithmetic");
    expect(headline).toContain("may do so at constant ones alone");
    expect(fixes[0]!.text).toContain("Put buf in the value of a map");
    expect(JSON.stringify(fixes)).not.toContain("index > 15");
  });
});

describe("a return value", () => {
  it("is mended by 0 where that is allowed", () => {
    const code = (low: number, high: number) =>
      explainLog(`0: R1=ctx() R10=fp0
0: (b4) w0 = 7 ; R0=7
1: (95) exit
At program exit the register R0 has smin=7 smax=7 should have been in [${low}, ${high}]
`)!.fixes[0]!.code;
    expect(code(-4095, 0)).toBe("return 0;");
    expect(code(0, 1)).toBe("return 0;");
    expect(code(1, 3)).toBe("return 1;");
  });
});

describe("memory that may only be read", () => {
  const write = (message: string, before = "") => `0: R1=ctx() R10=fp0
${before}; e->h_proto = 0; @ w.bpf.c:12
13: (6b) *(u16 *)(r0 +12) = r7
${message}
`;

  it("of bpf_dynptr_slice is taken by bpf_dynptr_slice_rdwr", () => {
    const slice = `; e = bpf_dynptr_slice(&d, 0, &b, sizeof(b)); @ w.bpf.c:10
11: (85) call bpf_dynptr_slice#63913 ; R0=rdonly_mem(id=2,sz=14)
`;
    const { code, fixes } = explainLog(write("R0 cannot write into rdonly_mem", slice))!;
    expect(code).toBe("read-only-memory");
    expect(fixes.map((each) => each.code)).toEqual(["e = bpf_dynptr_slice_rdwr(&d, 0, &b, sizeof(b));"]);
  });

  it("names types of programs only where packets are written by others", () => {
    const kernel = explainLog(write("only read is supported"))!;
    expect(kernel.headline).toContain("a struct of the kernel");
    expect(JSON.stringify(kernel.fixes)).not.toContain("xdp");
    const packet = (type: number) =>
      JSON.stringify(explainLog(write("cannot write into packet"), { program: { type } })!.fixes);
    expect(packet(BpfProgType.CGROUP_SKB)).toContain("xdp");
    expect(packet(BpfProgType.XDP)).not.toContain("xdp");
  });
});
