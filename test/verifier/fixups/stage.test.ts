import { describe, expect, it } from "vitest";
import { type Insn, lookup, ProgramBuilder, r0, r1, rowNamed } from "../../../src/isa/index.ts";
import { InsnAux } from "../../../src/verifier/environment/insn-aux.ts";
import { Stage } from "../../../src/verifier/fixups/stage.ts";

function seenFacts(length: number, dead: readonly number[] = []): InsnAux[] {
  return Array.from({ length }, (_, slot) => {
    const aux = new InsnAux();
    aux.seen = dead.includes(slot) ? 0 : 1;
    return aux;
  });
}

function names(insns: readonly Insn[]): string[] {
  return insns.map((insn) => lookup(insn)?.name ?? "?");
}

describe("a program between two passes", () => {
  const program = new ProgramBuilder()
    .mov64(r0, 1)
    .branch("jeq", r0, 1, "yes")
    .mov64(r0, 2)
    .exit()
    .label("yes")
    .mov64(r0, 3)
    .exit()
    .insns();

  it("loses dead code, and branches with a dead side become jumps", () => {
    const stage = new Stage(program, seenFacts(6, [2, 3]), [{ start: 0, depth: 0, subprogram: 0 }]);
    stage.prune();
    expect(names(stage.insns)).toEqual(["mov64_k", "mov64_k", "exit"]);
    expect([...stage.slotMap]).toEqual([0, 1, 1, 1, 1, 2, 3]);
    expect([...stage.removed]).toEqual([0, 1, 1, 1, 0, 0]);
  });

  it("gives the facts of an instruction to the last of what replaces it", () => {
    const facts = seenFacts(6);
    facts[4]!.aluLimit = 7;
    const stage = new Stage(program, facts, [{ start: 0, depth: 0, subprogram: 0 }]);
    const body = new ProgramBuilder().mov32(r1, 0).mov64(r0, 3).insns();
    stage.apply([undefined, undefined, undefined, undefined, { body }]);
    expect(stage.aux.map(({ aluLimit }) => aluLimit)).toEqual([0, 0, 0, 0, 0, 7, 0]);
    // What defines 32 bits is marked as clearing the others.
    expect(stage.aux.map(({ zextDst }) => zextDst)).toEqual([false, false, false, false, true, false, false]);
    expect(facts[4]!.zextDst).toBe(false);
  });

  it("loses functions that nothing reaches", () => {
    const two = new ProgramBuilder().mov64(r0, 0).exit().mov64(r0, 1).exit().insns();
    const stage = new Stage(two, seenFacts(4, [2, 3]), [
      { start: 0, depth: 8, subprogram: 0 },
      { start: 2, depth: 16, subprogram: 1 },
    ]);
    stage.prune();
    expect(stage.functions).toEqual([{ start: 0, depth: 8, subprogram: 0 }]);
    expect(stage.insns).toHaveLength(2);
  });

  it("keeps jumps on their targets where patches grow", () => {
    const stage = new Stage(program, seenFacts(6), [{ start: 0, depth: 0, subprogram: 0 }]);
    const grown = new ProgramBuilder().mov64(r0, 2).mov64(r0, 2).mov64(r0, 2).insns();
    stage.apply([undefined, undefined, { body: grown }]);
    expect(stage.insns[1]).toMatchObject({ opcode: rowNamed("jeq64_k").opcode, off: 4 });
    expect([...stage.slotMap]).toEqual([0, 1, 2, 5, 6, 7, 8]);
  });
});
