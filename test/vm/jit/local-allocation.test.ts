import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Block, type IrFunction, Op, type Value } from "../../../src/ir/index.ts";
import { removeDead } from "../../../src/ir/remove-dead.ts";
import { isLeaf, Uses } from "../../../src/vm/jit/ir-uses.ts";
import { allocateLocals } from "../../../src/vm/jit/local-allocation.ts";
import { ModuleBuilder } from "../../../src/wasm/index.ts";
import { irOfText } from "../../ir/support.ts";

const REGISTERS = ["r2", "r3", "r4", "r5", "r6"] as const;

/** Random code with branches forward and back, of registers that are all set first. */
const code = fc
  .array(
    fc.record({
      kind: fc.constantFrom("add", "xor", "move", "branch", "loop"),
      to: fc.constantFrom(...REGISTERS),
      from: fc.constantFrom(...REGISTERS),
      distance: fc.nat(6),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((items) => {
    const lines = REGISTERS.map((register, i) => `${register} = ${i + 1}`);
    const first = lines.length;
    for (const [i, { kind, to, from, distance }] of items.entries()) {
      const left = items.length - i - 1;
      if (kind === "add") lines.push(`${to} += ${from}`);
      else if (kind === "xor") lines.push(`${to} ^= ${from}`);
      else if (kind === "move") lines.push(`${to} = ${from}`);
      else if (kind === "branch") lines.push(`if ${to} > ${from} goto +${Math.min(distance, left)}`);
      else lines.push(`if ${to} s< ${from} goto -${Math.min(distance, lines.length - first) + 1}`);
    }
    lines.push("r0 = r2", "r0 += r3", "r0 ^= r4", "r0 += r5", "r0 ^= r6", "exit");
    return lines.join("\n");
  });

/** Values that are needed where each value is defined, found the plain way: by going back from every use. */
function conflicts(func: IrFunction): [Value, Value][] {
  const uses = new Uses(func);
  const operands = (value: Value): Value[] =>
    isLeaf(func.op(value)) ? [] : uses.inline(value) ? func.argsOf(value).flatMap(operands) : [value];
  const steps = (block: Block): { defines: Value[]; uses: Value[] }[] => {
    const phis = block.phis.map(({ value }) => value).filter((phi) => uses.live(phi));
    const all = [{ defines: phis, uses: [] as Value[] }];
    for (const value of block.values) {
      if (isLeaf(func.op(value)) || uses.inline(value)) continue;
      const defines = func.type(value) === "void" ? [] : [value];
      all.push({ defines, uses: func.argsOf(value).flatMap(operands) });
    }
    const { terminator } = block;
    const end =
      terminator.kind === "branch"
        ? operands(terminator.condition)
        : terminator.kind === "return"
          ? operands(terminator.value)
          : [];
    for (const next of block.successors) {
      const index = next.predecessors.indexOf(block);
      for (const phi of next.phis) end.push(...operands(phi.args[index]!));
    }
    all.push({ defines: [], uses: end });
    return all;
  };
  const blocks = new Map(func.blocks.map((block) => [block, steps(block)]));
  const found: [Value, Value][] = [];
  const liveIn = new Map<Block, Set<Value>>(func.blocks.map((block) => [block, new Set()]));
  for (let changed = true; changed; ) {
    changed = false;
    found.length = 0;
    for (const block of func.blocks) {
      const live = new Set<Value>();
      for (const next of block.successors) for (const value of liveIn.get(next)!) live.add(value);
      for (const { defines, uses: used } of [...blocks.get(block)!].reverse()) {
        for (const value of defines) live.delete(value);
        for (const value of defines) {
          for (const other of live) found.push([value, other]);
          for (const other of defines) if (other !== value) found.push([value, other]);
        }
        for (const value of used) live.add(value);
      }
      const before = liveIn.get(block)!;
      for (const value of live) {
        if (before.has(value)) continue;
        before.add(value);
        changed = true;
      }
    }
  }
  return found;
}

describe("allocateLocals", () => {
  it("never gives two values one local that are needed at the same time", () => {
    fc.assert(
      fc.property(code, (text) => {
        const { func } = irOfText(text);
        removeDead(func);
        const f = new ModuleBuilder().function("f", {});
        const locals = allocateLocals(f, func, new Uses(func));
        for (const [a, b] of conflicts(func)) {
          if (locals[a] === undefined || locals[b] === undefined) continue;
          expect(locals[a] === locals[b] ? `v${a} and v${b}` : "").toBe("");
        }
      }),
      { numRuns: 100 },
    );
  });

  it("gives values one after the other the same local", () => {
    const { func } = irOfText(
      `${Array.from({ length: 200 }, (_, i) => `r${2 + (i % 3)} = *(u64 *)(r1 + ${8 * i})\n*(u64 *)(r1 + ${8 * i + 4000}) = r${2 + (i % 3)}\nr5 = r${2 + (i % 3)}\nr5 *= r${2 + (i % 3)}\n*(u64 *)(r1 + 0) = r5`).join("\n")}\nr0 = 0\nexit`,
    );
    removeDead(func);
    const f = new ModuleBuilder().function("f", {});
    const locals = new Set(allocateLocals(f, func, new Uses(func)).filter((local) => local !== undefined));
    expect(func.blocks[0]!.values.filter((value) => func.op(value) === Op.load).length).toBe(200);
    expect(locals.size).toBeLessThan(5);
  });
});
