import { expect, it } from "vitest";
import { explainLog } from "../../../src/verifier/explain/index.ts";

it("an index has the bounds of the variable that the access names, not of what that was made of", () => {
  const log = `0: R1=ctx() R10=fp0
; int i = ctx->ingress_ifindex - 1; @ i.bpf.c:4
1: (61) r1 = *(u32 *)(r1 +12) ; R1=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))
2: (04) w1 += -1 ; R1=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))
; if (i < 16) return table[i]; @ i.bpf.c:5
3: (66) if w1 s> 0xf goto pc+8 ; R1=scalar(smin=0,smax=umax=0xffffffff,smax32=15,var_off=(0x0; 0xffffffff))
4: (67) r1 <<= 32 ; R1=scalar(smax=0xf00000000,umax=0xffffffff00000000)
5: (c7) r1 s>>= 32 ; R1=scalar(smin=0xffffffff80000000,smax=smax32=15)
6: (67) r1 <<= 2 ; R1=scalar(smax=0x7ffffffffffffffc,umax=0xfffffffffffffffc)
7: (18) r2 = 0xffff80000007b000 ; R2=map_value(map=i.bss,ks=4,vs=64)
9: (0f) r2 += r1
math between map_value pointer and register with unbounded min value is not allowed
`;
  const table = log.replace(
    "0: R1=ctx",
    `func#0 @0
Live regs before insn:
      9: .......... (0f) r2 += r1
     10: .......... (61) r0 = *(u32 *)(r2 +0)
0: R1=ctx`,
  );
  const { code, fixes } = explainLog(table)!;
  expect(code).toBe("unbounded-offset");
  const codes = fixes.map((each) => each.code);
  expect(codes).toContain("if ((__u32)i > 15)\n\treturn 0;");
  expect(codes).toContain("__u32 i;");
  expect(codes).toContain("i &= 15;");
});
