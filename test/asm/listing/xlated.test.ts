import { describe, expect, it } from "vitest";
import { assemble, jsonText, xlatedJson, xlatedText } from "../../../src/asm/index.ts";
import { ProgramBuilder, r0, r1, r2, WideKind } from "../../../src/isa/index.ts";
import { describeWith, golden } from "../../support/referee.ts";
import { GOLDEN, goldenProgram } from "./golden-program.ts";

const CASES = [
  ["plain", {}],
  ["opcodes", { opcodes: true }],
  ["linum", { linum: true }],
  ["opcodes_linum", { opcodes: true, linum: true }],
] as const;

/** A recorded output without the command line above it and the exit status below. */
function recorded(name: string): string {
  return golden(`bpftool-7.8/xlated_${name}.txt`)
    .text()
    .replace(/^\$ .*\n/, "")
    .replace(/\[rc=0\]\n$/, "");
}

const files = CASES.flatMap(([name]) => [name, `${name}_p`]).map((name) =>
  golden(`bpftool-7.8/xlated_${name}.txt`),
);
describeWith([...Object.values(GOLDEN), ...files], "bpftool 7.8's listing, byte for byte", () => {
  const { insns, context } = goldenProgram();

  it.each(CASES)("text, %s", (name, options) => {
    expect(xlatedText(insns, context, options)).toBe(recorded(name));
  });

  it.each(CASES)("JSON, %s", (name, options) => {
    expect(jsonText(xlatedJson(insns, context, options), { pretty: true })).toBe(recorded(`${name}_p`));
  });

  it("reads back", () => {
    const plain = assemble(xlatedText(insns, context)).insns;
    // Calls have no ids in a listing of addresses, and a local call's displacement moves to where a program has it.
    const local = insns.map((insn) =>
      insn.opcode === plain[65]!.opcode && insn.src === 1 ? { ...insn, off: 0, imm: insn.off } : insn,
    );
    expect(plain).toEqual(local);
    expect(assemble(recorded("opcodes_linum")).insns).toEqual(local);
  });
});

const recorded71 = golden("bpftool-7.1/xlated_plain_j.txt");
describeWith([...Object.values(GOLDEN), recorded71], "bpftool 7.1's JSON in one line", () => {
  it("is ours but for per-CPU addresses, which it did not know", () => {
    const { insns, context } = goldenProgram();
    const ours = jsonText(xlatedJson(insns, context));
    expect(ours.replace("r0 = &(void __percpu *)(r0)", "r0 = r0")).toBe(
      `${recorded71.text().split("\n")[1]}\n`,
    );
  });
});

describe("xlatedText", () => {
  const insns = new ProgramBuilder()
    .ldPseudo64(r1, WideKind.mapFd, 7)
    .ldPseudo64(r1, WideKind.mapValue, 7, 12)
    .ldPseudo64(r1, WideKind.mapIdxValue, 1, 4)
    .ldFunc(r2, "sub")
    .ldImm64(r2, -1n)
    .callLocal("sub")
    .callKfunc(99)
    .call(1)
    .exit()
    .label("sub")
    .mov64(r0, 0)
    .exit()
    .insns();

  it("names maps, subprograms and functions", () => {
    const text = xlatedText(insns, {
      helperName: (id) => (id === 1 ? "bpf_map_lookup_elem" : undefined),
      callDisplacement: (insn) => insn.imm,
    });
    expect(text).toBe(`   0: (18) r1 = map[id:7]
   2: (18) r1 = map[id:7][0]+12
   4: (18) r1 = map[idx:1]+4
   6: (18) r2 = subprog[+7]
   8: (18) r2 = 0xffffffffffffffff
  10: (85) call pc+3
  11: (85) call kernel-function#99
  12: (85) call bpf_map_lookup_elem#1
  13: (95) exit
  14: (b7) r0 = 0
  15: (95) exit
`);
    expect(assemble(text).insns).toEqual(insns);
  });

  it("pads slot numbers as C's '% 4d'", () => {
    const long = new ProgramBuilder();
    for (let i = 0; i < 1001; i++) long.exit();
    const lines = xlatedText(long.insns()).split("\n");
    expect([lines[0], lines[999], lines[1000]]).toEqual([
      "   0: (95) exit",
      " 999: (95) exit",
      " 1000: (95) exit",
    ]);
  });
});
