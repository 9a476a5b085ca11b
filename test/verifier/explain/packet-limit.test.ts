import { describe, expect, it } from "vitest";
import { BpfProgType } from "../../../src/uapi/index.ts";
import { explainLog } from "../../../src/verifier/explain/index.ts";

const explained = (log: string) => explainLog(log, { program: { type: BpfProgType.XDP } })!;

/** A loop whose pointer has been moved to where comparisons count for nothing. */
const loop = (head: string, body: string) => `0: R1=pkt(r=0) R2=pkt_end() R10=fp0
; ${body} @ p.bpf.c:6
6: (71) r3 = *(u8 *)(r1 -1) ; R1=pkt(off=0xffff,r=65535) R3=scalar()
8: (07) r1 += 1 ; R1=pkt(off=0x10000,r=65535)
; ${head} @ p.bpf.c:5
9: (bd) if r1 <= r2 goto pc-4 ; R1=pkt(off=0x10000,r=65535) R2=pkt_end()
; ${body} @ p.bpf.c:6
6: (71) r3 = *(u8 *)(r1 -1)
invalid access to packet, off=65535 size=1, R1(id=0,off=65535,r=65535)
R1 offset is outside of the packet
`;

describe("a comparison with data_end that does not count", () => {
  it("in a loop is that of a pointer that was moved too far: rounds need a number", () => {
    const { why, cause, fixes } = explained(loop("while ((void *)(p + 1) <= end) {", "s += *p;"));
    expect(why[cause!]!.text).toMatch(
      /^the pointer can be 65536 bytes from the packet's start here: with more than 65535 the comparison/,
    );
    expect(fixes).toEqual([
      {
        text: expect.stringMatching(/^Bound the number of rounds/),
        code: "for (int i = 0; i < 200 && (void *)(p + 1) <= end; i++) {",
      },
    ]);
    expect(explained(loop("for (; (void *)(p + 1) <= end; p++)", "s += *p;")).fixes[0]!.code).toBe(
      "for (int i = 0; i < 200; i++) {\n\tif ((void *)(p + 1) > data_end)\n\t\tbreak;\n\t…\n}",
    );
  });

  it("of a sum that may be too large needs a bound of what is added", () => {
    const sum = "pkt(id=1,r=0,smin=0,smax=umax=0xffff,var_off=(0x0; 0xffff))";
    const next = "pkt(id=1,off=1,r=0,smin=0,smax=umax=0xffff,var_off=(0x0; 0xffff))";
    const number = "scalar(smin=0,smax=umax=0xffff,var_off=(0x0; 0xffff))";
    const log = `0: R1=pkt(r=2) R2=pkt_end() R10=fp0
; __u16 off = *(__u16 *)data; @ p.bpf.c:5
6: (69) r3 = *(u16 *)(r1 +0) ; R1=pkt(r=2) R3=${number}
; __u8 *p = data + off; @ p.bpf.c:6
7: (0f) r1 += r3 ; R1=${sum} R3=${number}
; if ((void*)(p + 1) > end) @ p.bpf.c:7
8: (bf) r3 = r1 ; R1=${sum} R3=${sum}
9: (07) r3 += 1 ; R3=${next}
10: (2d) if r3 > r2 goto pc+1 ; R2=pkt_end() R3=${next}
; return value(x); @ p.bpf.c:8
11: (71) r0 = *(u8 *)(r1 +0)
invalid access to packet, off=0 size=1, R1(id=1,off=0,r=0)
R1 offset is outside of the packet
`;
    const { why, cause, fixes } = explained(log);
    expect(why[cause!]).toMatchObject({ instruction: 7, text: /more than 65535.* does not count/ });
    expect(fixes).toEqual([
      {
        text: expect.stringMatching(/^Bound the variable before it is added, beside the comparison/),
        code: "if (off > 1000)\n\treturn XDP_PASS;\n__u8 *p = data + off;",
      },
    ]);
    // One byte less: the comparison counts, and something else is wrong.
    const fitting = explained(log.replaceAll("umax=0xffff", "umax=0xfffe")).fixes[0]!;
    expect(fitting.text).not.toMatch(/Bound the variable/);
    // The comparison's line names the pointer.
    expect(fitting.code).toBe("if ((void *)p + 1 > data_end)\n\treturn XDP_PASS;");
  });
});
