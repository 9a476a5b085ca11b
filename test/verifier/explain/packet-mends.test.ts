import { describe, expect, it } from "vitest";
import { BpfProgType } from "../../../src/uapi/index.ts";
import { explainLog } from "../../../src/verifier/explain/index.ts";

/** What stands behind the access: in the table that logs at level 2 begin with. */
type Code = readonly string[];

interface Access {
  /** The line of the access, and its instruction. */
  readonly line: string;
  readonly code: string;
  /** What the pointer in R1 is, and what the message says of the access. */
  readonly pointer?: string;
  readonly message: string;
  readonly behind?: Code;
  /** The line of the comparison. */
  readonly check?: string;
}

/** A packet of which `check` has proved some bytes. */
function fixes({ line, code, pointer = "pkt(r=14)", message, behind = [], check }: Access) {
  const table = [code, ...behind].map((each, i) => `     ${20 + i}: .......... (71) ${each}`).join("\n");
  const log = `func#0 @0
Live regs before insn:
${table}
; void *data = (void *)(long)ctx->data; @ p.bpf.c:4
0: R1=ctx() R10=fp0
0: (61) r1 = *(u32 *)(r1 +0) ; R1=pkt(r=0)
1: (61) r2 = *(u32 *)(r6 +4) ; R2=pkt_end() R6=ctx()
2: (bf) r3 = r1 ; R1=pkt(r=0) R3=pkt(r=0)
3: (07) r3 += 14 ; R3=pkt(off=14,r=0)
; ${check ?? "if (data + sizeof(*eth) > data_end)"} @ p.bpf.c:5
4: (2d) if r3 > r2 goto pc+30 ; R1=${pointer} R2=pkt_end() R3=pkt(off=14,r=14)
; ${line} @ p.bpf.c:6
20: (71) ${code}
${message}
R1 offset is outside of the packet
`;
  return explainLog(log, { program: { type: BpfProgType.XDP } })!.fixes;
}

const codes = (access: Access) => fixes(access).map(({ code }) => code);
const check = (end: string) => `if (${end} > data_end)\n\treturn XDP_PASS;`;
const said = (off: number, size: number, id = 0, r = 14) =>
  `invalid access to packet, off=${off} size=${size}, R1(id=${id},off=${off},r=${r})`;

describe("the comparison that a packet needs", () => {
  it("reaches to the furthest of the accesses behind it", () => {
    const behind = [
      "if r2 == 0x1 goto pc+2",
      "r2 = *(u8 *)(r1 +17)",
      "exit",
      "r3 = *(u16 *)(r1 +30)",
      "exit",
    ];
    expect(
      codes({ line: "switch (kind(p)) {", code: "r2 = *(u8 *)(r1 +15)", message: said(15, 1), behind }),
    ).toEqual([check("data + 32")]);
    // Copies of the pointer count, other pointers do not.
    const moved = ["r4 = r1", "r4 += 20", "r5 = *(u32 *)(r4 +4)", "r1 = r6", "r5 = *(u32 *)(r1 +76)", "exit"];
    expect(
      codes({
        line: "switch (kind(p)) {",
        code: "r2 = *(u8 *)(r1 +15)",
        message: said(15, 1),
        behind: moved,
      }),
    ).toEqual([check("data + 28")]);
  });

  it("but not behind another comparison, or a call that moves the packet", () => {
    const line = "switch (kind(p)) {";
    const code = "r2 = *(u8 *)(r1 +15)";
    const compared = ["r4 = r1", "r4 += 40", "if r4 > r9 goto pc+1", "r2 = *(u8 *)(r1 +39)", "exit"];
    expect(codes({ line, code, message: said(15, 1), behind: compared })).toEqual([check("data + 16")]);
    const called = ["call bpf_xdp_adjust_head#44", "r2 = *(u8 *)(r1 +39)", "exit"];
    expect(codes({ line, code, message: said(15, 1), behind: called })).toEqual([check("data + 16")]);
  });

  it("is in terms of the pointer that the line names", () => {
    const code = "r2 = *(u8 *)(r1 +23)";
    const behind = ["r3 = *(u16 *)(r1 +36)", "exit"];
    expect(codes({ line: "if (ip->protocol != 17)", code, message: said(23, 1), behind })).toEqual([
      check("(void *)(ip + 1)"),
      check("data + 38"),
    ]);
    expect(codes({ line: "if (p[9] == 6)", code, message: said(23, 1), behind })).toEqual([
      check("(void *)p + 24"),
    ]);
    expect(codes({ line: "return *p;", code, message: said(23, 1) })).toEqual([check("(void *)p + 1")]);
    expect(codes({ line: "sum += p[i];", code, message: said(23, 1) })).toEqual([
      check("(void *)(&p[i] + 1)"),
    ]);
    expect(codes({ line: "return o->body[3];", code, message: said(23, 1) })).toEqual([
      check("(void *)(&o->body[3] + 1)"),
    ]);
  });

  it("counts no header twice where the pointer has been moved on", () => {
    const pointer = "pkt(id=1,off=22,r=22,smin=0,smax=umax=60,var_off=(0x0; 0x3c))";
    const access = {
      code: "r2 = *(u8 *)(r1 +0)",
      pointer,
      message: said(22, 1, 1, 22),
      behind: ["r2 = *(u8 *)(r1 +3)", "exit"],
    };
    expect(codes({ ...access, line: "if (pay[0] == 1)" })).toEqual([check("(void *)pay + 4")]);
    expect(codes({ ...access, line: "switch (kind(x)) {" })).toEqual([check("(void *)pos + 4")]);
    // `data` itself may have been moved.
    const moved = { line: "switch (kind(p)) {", code: "r2 = *(u8 *)(r1 +23)", message: said(23, 1) };
    expect(codes({ ...moved, check: "if ((void *)(eth + 1) > data_end)" })).toEqual([
      check("(void *)(long)ctx->data + 24"),
    ]);
  });

  it("counts for nothing where too much may be added", () => {
    const log = `0: R1=ctx() R10=fp0
0: (61) r2 = *(u32 *)(r1 +76) ; R1=ctx() R2=pkt(r=0)
; __u8 *p = data + ctx->mark; @ p.bpf.c:7
1: (61) r3 = *(u32 *)(r1 +8) ; R1=ctx() R3=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))
2: (0f) r2 += r3 ; R2=pkt(id=1,r=0,smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))
3: (61) r4 = *(u32 *)(r1 +80) ; R4=pkt_end()
4: (bf) r5 = r2 ; R2=pkt(id=1,r=0,smin=0,smax=umax=0xffffffff) R5=pkt(id=1,r=0,smin=0,smax=umax=0xffffffff)
5: (07) r5 += 1 ; R5=pkt(id=1,off=1,r=0,smin=0,smax=umax=0xffffffff)
6: (2d) if r5 > r4 goto pc+1 ; R2=pkt(id=1,r=0,smin=0,smax=umax=0xffffffff) R4=pkt_end() R5=pkt(id=1,off=1,r=0,smin=0,smax=umax=0xffffffff)
; return *p; @ p.bpf.c:9
7: (71) r0 = *(u8 *)(r2 +0)
invalid access to packet, off=0 size=1, R2(id=1,off=0,r=0)
R2 offset is outside of the packet
`;
    expect(explainLog(log)!.fixes.map(({ code }) => code)).toEqual(["__u8 *p = data + (ctx->mark & 0xfff);"]);
  });
});

describe("a packet that a function of the program is given", () => {
  it("a global function's parameter is compared before the call", () => {
    const log = `0: R1=ctx() R10=fp0
0: (61) r2 = *(u32 *)(r1 +76) ; R1=ctx() R2=pkt(r=0)
1: (07) r2 += 14 ; R2=pkt(off=14,r=0)
; return parse(skb->len, ip); @ g.bpf.c:17
6: (85) call pc+1
invalid access to packet, off=14 size=20, R2(id=0,off=14,r=0)
R2 offset is outside of the packet
Caller passes invalid args into func#1 ('parse')
`;
    const { code, headline, fixes: found, why } = explainLog(log)!;
    expect(code).toBe("packet-out-of-bounds");
    expect(headline).toMatch(/^parse gets a pointer into the packet/);
    expect(why.at(-1)!.text).toMatch(/^what parse may access ends 34 bytes from there/);
    expect(found).toEqual([
      {
        text: expect.stringMatching(
          /^Compare the end of what parse may access with data_end before the call/,
        ),
        code: "if ((void *)ip + 20 > data_end)\n\treturn 0;",
      },
    ]);
    // Other arguments are as they were.
    expect(
      explainLog(log.replace(/invalid access.*\n.*packet\n/, "R2 type=pkt_end expected=fp\n"))!.code,
    ).toBe("global-function-argument");
  });
});
