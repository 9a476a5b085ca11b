import fc from "fast-check";
import { type Insn, ProgramBuilder, r0, r1 } from "../../src/isa/index.ts";

/** How a block of a generated program ends: it returns, jumps, or branches (and otherwise goes on). */
export type Ending = { readonly to: number; readonly kind: "exit" | "goto" | "branch" };

/** A program of one function with a block for each ending; `to` counts blocks, modulo their number. */
export function programOf(endings: readonly Ending[]): Insn[] {
  const code = new ProgramBuilder();
  endings.forEach(({ to, kind }, index) => {
    code.label(`b${index}`).mov64(r0, index & 0xffff);
    const last = index === endings.length - 1;
    const target = `b${to % endings.length}`;
    if (kind === "goto") code.gotol(target);
    else if (kind === "exit" || last) code.exit();
    else code.branch("jeq", r1, 1, target);
  });
  return code.insns();
}

export const endings: fc.Arbitrary<Ending[]> = fc.array(
  fc.record({
    to: fc.nat(40),
    kind: fc.constantFrom("exit" as const, "goto" as const, "branch" as const, "branch" as const),
  }),
  { minLength: 1, maxLength: 24 },
);

/** Two chains of blocks, entered from one branch, with an edge from each block of the first to the second. */
export function ladder(rungs: number): Insn[] {
  const code = new ProgramBuilder();
  code.branch("jeq", r1, 0, "b0");
  for (let i = 0; i < rungs; i++) {
    code.label(`a${i}`).branch("jeq", r1, i, `a${i + 1}`);
    code.label(`b${i}`).ja(`b${i + 1}`);
  }
  code.label(`a${rungs}`).exit().label(`b${rungs}`).exit();
  return code.insns();
}

/** Loops nested in each other: every header is entered before the next, and every latch leads back to its header. */
export function nest(depth: number): Insn[] {
  const code = new ProgramBuilder();
  for (let i = 0; i < depth; i++) code.label(`h${i}`).branch("jeq", r1, i, 0);
  for (let i = depth - 1; i >= 0; i--) {
    // Too far for the 16 bits of a conditional jump.
    code.branch("jne", r1, i, 1).gotol(`h${i}`);
  }
  return code.exit().insns();
}
