import { describe, expect, it } from "vitest";
import { explainLog } from "../../../src/verifier/explain/index.ts";

const UNKNOWN = "scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))";
const upTo = (most: number) => `scalar(smin=smin32=0,smax=umax=smax32=umax32=${most},var_off=(0x0; 0xfff))`;

/** Instructions with what R1 is behind each, and the line of source that each is of. */
type Step = readonly [code: string, known: string, line?: string];

interface Access {
  /** The line of the access. */
  readonly line: string;
  /** Of the map's value. */
  readonly size?: number;
  /** Bytes that are read, and where. */
  readonly bytes?: number;
  readonly offset?: number;
  readonly message?: string;
}

/** An access of a map value at an offset that `steps` make of what the context has. */
function fixes(steps: readonly Step[], { line, size = 128, bytes = 8, offset = 0, message }: Access) {
  const most = /umax(?:=smax32=umax32)?=(\w+)/.exec(steps.at(-1)![1])?.[1] ?? "0";
  const lines = steps.map(
    ([code, known, source = line], i) => `; ${source} @ i.bpf.c:5\n${i + 1}: (0f) ${code} ; R1=${known}`,
  );
  const at = steps.length + 1;
  const log = `0: R0=map_value(map=m,ks=4,vs=${size}) R7=ctx() R10=fp0
; __u32 i = skb->mark; @ i.bpf.c:4
0: (61) r1 = *(u32 *)(r7 +8) ; R1=${UNKNOWN} R7=ctx()
${lines.join("\n")}
; ${line} @ i.bpf.c:9
${at}: (0f) r0 += r1 ; R0=map_value(map=m,ks=4,vs=${size},smin=0,smax=umax=${most}) R1=${steps.at(-1)![1]}
${at + 1}: (79) r6 = *(u${bytes * 8} *)(r0 +${offset})
${message ?? `invalid access to map value, value_size=${size} off=${Number(most) + offset} size=${bytes}\nR0 max value is outside of the allowed memory range`}
`;
  return explainLog(log)!.fixes;
}

const codes = (...given: Parameters<typeof fixes>) => fixes(...given).map(({ code }) => code);
const test = (name: string, most: number) => `if (${name} > ${most})\n\treturn 0;`;

describe("the bound of an index that is scaled", () => {
  const if20: Step = ["if r1 > 0x14 goto pc+3", upTo(20), "if (i > 20)"];

  it("is that of the index, by shifts and by multiplications", () => {
    expect(codes([if20, ["r1 <<= 3", upTo(160)]], { line: "return v[i];" })[0]).toBe(test("i", 15));
    expect(codes([if20, ["r1 *= 12", upTo(240)]], { line: "return v[i].a;", bytes: 4 })[0]).toBe(
      test("i", 10),
    );
    expect(
      codes([if20, ["r1 *= 40", upTo(800)]], { line: "return v->bigs[i].x[2];", size: 376, offset: 272 })[0],
    ).toBe(test("i", 2));
  });

  it("where the scaling itself is what has no limit", () => {
    expect(
      codes([["r1 <<= 3", "scalar(smin=0,smax=umax=0x7fffffff8)"]], {
        line: "v[i] = 1;",
        message: "R0 unbounded memory access, make sure to bounds check any such access",
      })[0],
    ).toBe(test("i", 15));
  });

  it("where shifts to the left and back scale it", () => {
    const steps: Step[] = [if20, ["r1 <<= 32", "scalar()"], ["r1 >>= 29", upTo(160)]];
    expect(codes(steps, { line: "return v[i];" })[0]).toBe(test("i", 15));
  });

  it("where the compiler has made one shift and one mask of several", () => {
    const steps: Step[] = [
      ["r1 >>= 2", "scalar(smin=0,smax=umax=0x3fffffff)"],
      ["r1 &= 504", upTo(504)],
    ];
    expect(fixes(steps, { line: "return v[(skb->mark >> 5) & 63];" })[0]).toEqual({
      text: "Use a mask that fits: & 15.",
      code: "return v[(skb->mark >> 5) & 15];",
    });
    // Nothing of the program says 63.
    expect(codes(steps, { line: "return v[i];" })).toEqual([
      `asm volatile("" : "+r"(i));\n${test("i", 15)}`,
      "i &= 15;",
    ]);
  });

  it("where the program itself has the mask of bytes", () => {
    expect(codes([["r1 &= 504", upTo(504)]], { line: "return *(u64 *)(p + (n & 504));" })[0]).toBe(
      "return *(u64 *)(p + (n & 63));",
    );
  });

  it("with what is added to the index, or taken from it", () => {
    const plus: Step[] = [
      ["if r1 > 0xf goto pc+3", upTo(15), "if (i > 15)"],
      ["r1 += 1", upTo(16)],
      ["r1 <<= 3", upTo(128)],
    ];
    expect(codes(plus, { line: "return v[i + 1];" })[0]).toBe(test("i", 14));
    const minus: Step[] = [
      if20,
      ["r1 += -1", "scalar(smin=-1,smax=19)"],
      ["r1 <<= 32", "scalar()"],
      ["r1 >>= 32", UNKNOWN],
      ["r1 <<= 3", "scalar(smin=0,smax=umax=0x7fffffff8)"],
    ];
    expect(codes(minus, { line: "return v[i - 1];" })[0]).toBe("if (i < 1 || i > 16)\n\treturn 0;");
  });

  it("in the terms of the line: places, sums and several names", () => {
    const loaded: Step[] = [
      ["if r1 > 0xa goto pc+3", upTo(10), "if (v->n > 10)"],
      ["r1 *= 12", upTo(120)],
    ];
    expect(codes(loaded, { line: "return v->ents[v->n].c;", size: 256, bytes: 4, offset: 144 })).toEqual([
      test("v->n", 9),
      "return v->ents[v->n & 7].c;",
    ]);
    const sum: Step[] = [
      ["if r1 > 0x3 goto pc+3", upTo(3), "if (i > 3 || j > 4)"],
      ["r1 += r8", upTo(16)],
      ["r1 <<= 3", upTo(128)],
    ];
    expect(codes(sum, { line: "return v[i * 4 + j];" })).toEqual([
      `__u32 index = i * 4 + j;\n${test("index", 15)}\nreturn v[index];`,
      "return v[(i * 4 + j) & 15];",
    ]);
  });

  it("of a comparison of the offset itself", () => {
    const steps: Step[] = [
      ["r1 <<= 3", UNKNOWN, "__u32 off = i * 8;"],
      ["if r1 > 0xc8 goto pc+3", upTo(200), "if (off > 200)"],
    ];
    expect(codes(steps, { line: "return *(__u64 *)(p + off);" })[0]).toBe(test("off", 120));
  });

  it("where the addition is refused: by the access behind it, and as an unsigned number", () => {
    const log = `func#0 @0
Live regs before insn:
      5: .......... (0f) r0 += r1
      6: .......... (61) r0 = *(u32 *)(r0 +144)
0: R0=map_value(map=m,ks=4,vs=256) R7=ctx() R10=fp0
0: (61) r1 = *(u32 *)(r7 +8) ; R1=${UNKNOWN} R7=ctx()
1: (67) r1 <<= 32 ; R1=scalar()
2: (c7) r1 s>>= 32 ; R1=scalar(smin=0xffffffff80000000,smax=0x7fffffff)
; if (i > 4) @ s.bpf.c:8
3: (65) if r1 s> 0x4 goto pc+3 ; R1=scalar(smin=0xffffffff80000000,smax=smax32=4)
; return v->ents[i].c; @ s.bpf.c:9
4: (27) r1 *= 12 ; R1=scalar(smin=0xfffffffa00000000,smax=48)
5: (0f) r0 += r1
`;
    for (const message of [
      "value -25769803776 makes map_value pointer be out of bounds",
      "math between map_value pointer and register with unbounded min value is not allowed",
    ]) {
      const { why, cause, fixes: found } = explainLog(`${log}${message}\n`)!;
      expect(why[cause!]).toMatchObject({ instruction: 3, text: /sets no lower limit/ });
      expect(found[0]!.code).toBe("if ((__u32)i > 4)\n\treturn 0;");
    }
  });
});

describe("an index into the stack", () => {
  it("has the array's size as its limit, in the program's terms", () => {
    const {
      why,
      cause,
      fixes: found,
    } = explainLog(`0: R1=ctx() R10=fp0
0: (61) r2 = *(u32 *)(r1 +8) ; R2=${UNKNOWN} R1=ctx()
; if (i > 8) @ t.bpf.c:5
1: (25) if r2 > 0x8 goto pc+5 ; R2=${upTo(8)}
; a[i] = 1; @ t.bpf.c:6
2: (67) r2 <<= 2 ; R2=${upTo(32)}
3: (bf) r3 = r10 ; R3=fp0 R10=fp0
4: (07) r3 += -32 ; R3=fp-32
5: (0f) r3 += r2 ; R2=${upTo(32)} R3=fp(off=-32,smin=smin32=0,smax=umax=smax32=umax32=32,var_off=(0x0; 0x3c))
6: (63) *(u32 *)(r3 +0) = r2
invalid variable-offset write to stack R3 var_off=(0x0; 0x3c) off=-32 size=4
`)!;
    expect(why[cause!]).toMatchObject({ instruction: 1, text: /lets too much pass/ });
    expect(found[0]!.code).toBe("if (i >= sizeof(a) / sizeof(a[0]))\n\treturn 0;");
  });
});
