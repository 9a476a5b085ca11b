import { describe, expect, it } from "vitest";
import { explainLog } from "../../../src/verifier/explain/index.ts";

const MESSAGE = "min value is negative, either use unsigned or 'var &= const'";

function codes(log: string) {
  const { code, fixes } = explainLog(log)!;
  expect(code).toBe("unbounded-size");
  return fixes.map((fix) => fix.code);
}

const loaded = (declaration: string, buffer = "char buf[64];") => `0: R1=ctx() R10=fp0
; ${buffer} @ s.bpf.c:3
0: (bf) r6 = r1 ; R1=ctx() R6=ctx()
; ${declaration} @ s.bpf.c:4
1: (79) r2 = *(u64 *)(r6 +32) ; R2=scalar() R6=ctx()
; if (len > sizeof(buf)) len = sizeof(buf); @ s.bpf.c:5
2: (a6) if w2 < 0x40 goto pc+1 ; R2=scalar()
; bpf_probe_read_user(buf, len, p); @ s.bpf.c:6
5: (bf) r1 = r10 ; R1=fp0 R10=fp0
6: (07) r1 += -64 ; R1=fp-64
7: (85) call bpf_probe_read_user#112
R2 ${MESSAGE}
`;

describe("the bound of a size", () => {
  it("is that of an unsigned variable that is not set to the maximum, or a mask", () => {
    expect(codes(loaded("int len = ctx->args[2];"))).toEqual([
      "__u32 len = ctx->args[2];\nif (len > sizeof(buf))\n\treturn 0;",
      "len &= sizeof(buf) - 1;",
    ]);
  });

  it("has a mask that fits where the size is no power of two", () => {
    expect(codes(loaded("int len = ctx->args[2];", "char buf[100];")).at(-1)).toBe("len &= 63;");
  });

  it("of a helper's result begins with its errors", () => {
    const result = (type: string) => `0: R1=ctx() R10=fp0
; ${type} n = bpf_probe_read_user_str(buf, sizeof(buf), p); @ s.bpf.c:5
5: (85) call bpf_probe_read_user_str#114 ; R0=scalar(smin=-4095,smax=64)
; bpf_ringbuf_output(&rb, buf, n, 0); @ s.bpf.c:6
7: (bf) r2 = r10 ; R2=fp0 R10=fp0
8: (07) r2 += -64 ; R2=fp-64
9: (bf) r3 = r0 ; R0=scalar(id=1,smin=-4095,smax=64) R3=scalar(id=1,smin=-4095,smax=64)
11: (85) call bpf_ringbuf_output#130
R3 ${MESSAGE}
`;
    expect(codes(result("long"))[0]).toBe("if (n < 0)\n\treturn 0;");
    // An int is tested as a copy of 32 bits.
    expect(codes(result("int"))[0]).toBe(
      "long n = bpf_probe_read_user_str(buf, sizeof(buf), p);\nif (n < 0)\n\treturn 0;",
    );
  });

  it("of the distance of two pointers is one of 64 bits, and tests for 0 where that is not taken", () => {
    const log = `0: R1=ctx() R2=pkt(r=0) R4=pkt_end() R10=fp0
; __u32 len = end - data; @ s.bpf.c:6
2: (1c) w4 -= w2 ; R2=pkt(r=0) R4=scalar()
; if (len > sizeof(buf)) len = sizeof(buf); @ s.bpf.c:7
3: (a6) if w4 < 0x40 goto pc+1 ; R4=scalar()
; if (bpf_xdp_load_bytes(ctx, 0, buf, len)) @ s.bpf.c:8
6: (bf) r3 = r10 ; R3=fp0 R10=fp0
7: (07) r3 += -64 ; R3=fp-64
8: (85) call bpf_xdp_load_bytes#189
R4 ${MESSAGE}
`;
    expect(codes(log)).toEqual([
      "__u64 len = end - data;\nif (len == 0 || len > sizeof(buf))\n\treturn 0;",
      "len &= sizeof(buf) - 1;\nif (len == 0)\n\treturn 0;",
    ]);
  });
});
