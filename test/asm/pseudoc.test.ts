import { describe, expect, it } from "vitest";
import { assemble, disassemble } from "../../src/asm/index.ts";
import { hexOf } from "../../src/base/index.ts";
import { encode } from "../../src/isa/index.ts";
import { goldenLines } from "./golden-lines.ts";

const hex = (text: string) =>
  hexOf(encode(assemble(text, { helperId: (name) => ({ bpf_x: 77 })[name] }).insns));
/** The canonical text of what a line means. */
const means = (text: string) => disassemble(assemble(text).insns).trim();

describe("pseudoc", () => {
  it.each(goldenLines("pseudoc.txt"))("%s", (text, bytes) => {
    expect(hex(text)).toBe(bytes);
  });

  it.each([
    // Linux's log and bpftool
    ["7: (85) call bpf_map_lookup_elem#1", "expected instruction 0, got 7"],
    ["(61) r1 = *(u32 *)(r7 +112)", "expected an instruction, got '('"],
  ])("refuses %s", (text, message) => {
    expect(() => assemble(text)).toThrow(message);
  });

  it.each([
    ["  0: (61) r1 = *(u32 *)(r7 +112)", "r1 = *(u32 *)(r7 + 112)"],
    ["0: (55) if r6 != 0x0 goto pc+17", "if r6 != 0 goto +17"],
    ["0: (05) goto pc-3", "goto -3"],
    ["0: (18) r1 = 0x5", "r1 = 5 ll"],
    ["0: (18) r1 = map[id:5566][0]+8", "r1 = map[id:5566][0]+8"],
    ["0: (85) call pc+24#bpf_prog_20ed70870287aa11_slot", "call pc+24"],
    ["0: (85) call pc+24#0xffffffffc0026d90", "call pc+24"],
    ["0: (85) call unknown#77", "call 77"],
    ["0: (85) call 0xffffffff81e94710#10264320", "call 10264320"],
    ["0: (85) call kernel-function#99", "call kfunc(99)"],
    [
      "0: (c3) r1 = atomic_fetch_and((u32 *)(r10 -4), r1)    ; R1=scalar()",
      "r1 = atomic_fetch_and((u32 *)(r10 - 4), r1)",
    ],
    ["0: (db) r0 = atomic64_cmpxchg((u64 *)(r10 -8), r0, r1)", "r0 = cmpxchg_64(r10 - 8, r0, r1)"],
    ["0: (db) r1 = atomic64_xchg((u64 *)(r10 -8), r1)", "r1 = xchg_64(r10 - 8, r1)"],
    // LLVM up to 20
    ["       0:\t16 01 07 00 00 00 00 00\tif w1 == 0x0 goto +0x7 <LBB0_6>", "if w1 == 0 goto +7"],
    ["       0:\t18 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00\tr1 = 0x0 ll", "r1 = 0 ll"],
    ["w0 = *(u8 *)(r1 - 0x1)", "r0 = *(u8 *)(r1 - 1)"],
    ["*(u32 *)(r1 + 0) = w2", "*(u32 *)(r1 + 0) = r2"],
    ["w1 = atomic_fetch_add((u32 *)(r2 + 0), w1)", "r1 = atomic_fetch_add((u32 *)(r2 + 0), r1)"],
    ["w0 = cmpxchg32_32(r1 + 0, w0, w2)", "w0 = cmpxchg32_32(r1 + 0, w0, w2)"],
    ["w1 = xchg32_32(r2 + 0, w1)", "w1 = xchg32_32(r2 + 0, w1)"],
    ["w2 = load_acquire((u32 *)(r1 + 0x8))", "r2 = load_acquire((u32 *)(r1 + 8))"],
    ["lock *(u32 *)(r1 + 0) |= w2", "lock *(u32 *)(r1 + 0) |= r2"],
    ["ld_pseudo\tr1, 3, 77", "r1 = btf[id:77]"],
    ["r1 s/= -3", "r1 s/= -3"],
    ["w1 s%= w2", "w1 s%= w2"],
    ["r1 = -r1", "r1 = -r1"],
    ["r1 = 0xffffffff", "r1 = -1"],
    ["r1 = 010", "r1 = 8"],
    ["r1 = w2", "w1 = w2"],
    ["*(u64 *)(fp - 8) = -1 // store", "*(u64 *)(r10 - 8) = -1"],
    ["R1 = R2 # upper case of some listings", "r1 = r2"],
    ["if r1 & 0x7 goto -1", "if r1 & 7 goto -1"],
    ["call bpf_map_lookup_elem#1 # comment", "call 1"],
  ])("reads %s", (text, canonical) => {
    expect(means(text)).toBe(canonical);
  });

  it("resolves labels, also local ones, and calls by name", () => {
    const { insns, labels } = assemble(`
      ; a comment in the kernel's manner
      start: r1 = 0x10 ll      # two slots
      1:
        r1 -= 1
        if r1 != 0 goto 1b     // back
        if r1 == 0 goto 1f
        call helper; call work
        goto start
      1: exit
      work:
        r2 = subprog[work]
        exit
      helper:
        exit
    `);
    expect(insns.map(({ off }) => off)).toEqual([0, 0, 0, -2, 3, 0, 0, -8, 0, 0, 0, 0, 0]);
    expect(insns[5]).toMatchObject({ src: 1, imm: 6 });
    expect(insns[6]).toMatchObject({ src: 1, imm: 2 });
    expect(insns[9]).toMatchObject({ opcode: 0x18, src: 4, imm: -1 });
    expect([...labels]).toEqual([
      ["start", 0],
      ["work", 9],
      ["helper", 12],
    ]);
  });

  it("takes ';' as a separator behind an instruction", () => {
    expect(means("r1 = 1; r2 = 2;; exit;")).toBe("r1 = 1\nr2 = 2\nexit");
    expect(means("r1 = 1; 1: r1 -= 1; if r1 != 0 goto 1b; last: exit")).toBe(
      "r1 = 1\nr1 -= 1\nif r1 != 0 goto -2\nexit",
    );
  });

  it.each([
    ["r1 = 1; r2 = 99999999999; exit", "1:14: error: expected an immediate of 32 bits"],
    ["r1 = 08", "1:6: error: expected octal digits behind 0, got '08'"],
    ["r1 = 1; exit 5", "1:14: error: expected the end of the line, got '5'"],
    ["r1 = 1; a: exit; a: exit", "1:18: error: label 'a' is defined twice"],
    [
      "r0 = 0; exti",
      "1:9: error: expected an instruction behind ';' (comments begin with '#' or '//'), got 'exti'",
    ],
    ["r0 = 42; rO = 1; exit", "1:10: error: expected an instruction behind ';'"],
    ["r0 = 0; cal 5; exit", "1:9: error: expected an instruction behind ';'"],
    ["exit /* and\nso on", "1:6: error: the comment is not closed"],
  ])("does not lose what is wrong behind ';': %s", (text, message) => {
    expect(() => assemble(text)).toThrow(message);
  });

  it("takes all that follows ';' in a listing for the state of the registers", () => {
    expect(means("0: (b7) r0 = 0                        ; R0=0\n1: (95) exit")).toBe("r0 = 0\nexit");
  });

  it("reads comments of several lines", () => {
    expect(means("/* a\n b */ r1 = 1 /* c\n\n; exit */; r1 = 2 ; /* d */ exit\n# /*\n; /*\nexit")).toBe(
      "r1 = 1\nr1 = 2\nexit\nexit",
    );
  });

  it("ignores what a compiler writes around the instructions", () => {
    expect(
      means(
        '\t.text\n\t.globl f   # -- Begin\n\t.p2align 3\n\t.type f,@function\nf:   # @f\n# %bb.0:\n\texit\n.Lend:\n\t.size f, .Lend-f\n\t.ident "c"',
      ),
    ).toBe("exit");
  });

  it("says once that a listing's numbers have a gap", () => {
    const errors = (text: string) => {
      try {
        return assemble(text).insns.length;
      } catch (error) {
        return (error as Error).message.split("\n").filter((line) => line.startsWith("<input>"));
      }
    };
    expect(errors("0: (b7) r0 = 0\n3: (b7) r0 = 0\n4: (95) exit")).toEqual([
      "<input>:2:1: error: expected instruction 1, got 3 [ASM0009]",
    ]);
    expect(errors("0: (b7) r0 = 0\n1: BUG_20\n1: (20) nonsense\n2: (95) exit")).toEqual([
      "<input>:2:4: error: there is no instruction 'BUG_20' [ASM0002]",
      "<input>:3:9: error: there is no instruction 'nonsense' [ASM0002]",
    ]);
  });

  it("points at every wrong line", () => {
    const text = [
      "r1 = r99",
      "r1 = 5",
      "  r12345 = 1",
      "if r1 >> 5 goto out",
      "goto nowhere",
      "w1 = r2",
      "r1 = 0x123456789",
      "lock *(u8 *)(r1 + 0) += r2",
      "r0 = *(u32 *)(r1 + 40000)",
      "frobnicate r1",
      "x:",
      "x:",
      "exit now",
      "call nothing",
      "store_release((u32 *)(w1 + 0), r2)",
      "r2 = be16 r3",
      "probe exit",
      "r1 = atomic64_fetch_add((u32 *)(r1 + 0), r1)",
    ].join("\n");
    let message = "";
    try {
      assemble(text, { name: "bad.s" });
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message.split("\n").filter((line) => line.startsWith("bad.s"))).toEqual([
      "bad.s:1:6: error: expected a register up to 10, got 'r99' [ASM0003]",
      "bad.s:3:3: error: expected a register up to 10, got 'r12345' [ASM0003]",
      "bad.s:4:8: error: expected a register or a number, got '>' [ASM0001]",
      "bad.s:5:6: error: label 'nowhere' is not defined [ASM0005]",
      "bad.s:6:6: error: expected a 32-bit register (w), got 'r2' [ASM0003]",
      "bad.s:7:6: error: expected an immediate of 32 bits, got 4886718345 (add the suffix 'll') [ASM0004]",
      "bad.s:8:1: error: there is no atomic operation of this size [ASM0002]",
      "bad.s:9:18: error: expected an offset of 16 bits, got 40000 [ASM0004]",
      "bad.s:10:1: error: there is no instruction 'frobnicate' [ASM0002]",
      "bad.s:12:1: error: label 'x' is defined twice [ASM0006]",
      "bad.s:13:6: error: expected the end of the line, got 'now' [ASM0001]",
      "bad.s:14:6: error: there is no helper or label 'nothing' [ASM0008]",
      "bad.s:15:23: error: expected a 64-bit register (r), got 'w1' [ASM0003]",
      "bad.s:16:11: error: expected 'r2' on both sides, got 'r3' [ASM0003]",
      "bad.s:17:1: error: there is no such instruction with 'probe' [ASM0002]",
      "bad.s:18:26: error: expected u64 as the name says, got 'u32' [ASM0001]",
    ]);
  });
});
