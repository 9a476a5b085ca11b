import { describe, expect, it } from "vitest";
import type { Helper } from "../../src/helpers/index.ts";
import { r0, r1, r6, r10 } from "../../src/isa/index.ts";
import { type CompiledProgram, createExecutor, FunctionIndices } from "../../src/vm/index.ts";
import { Bench } from "./support.ts";

/** A helper whose body the test writes. */
function helper(id: number, call: (argument: number) => number): Helper {
  return {
    id,
    name: `test_${id}`,
    args: ["i32"],
    result: "i32",
    checks: [{ kind: "anything" }],
    body: { kind: "host", call: (_, argument) => call(argument!) },
  };
}

describe("an executor", () => {
  it("runs a program inside a helper of another one", () => {
    let inner: CompiledProgram | undefined;
    const bench = new Bench(new Map([[900, helper(900, (argument) => inner!.run(argument))]]));
    const block = bench.block(8);
    bench.memory.view().setUint32(block, 7, true);
    inner = bench.compile((b) => b.ldx("w", r0, r1, 0).st("dw", r10, -8, 1).st("dw", r10, -512, 1).exit());
    const outer = bench.compile((b) =>
      b
        .mov64(r6, 30)
        .st("dw", r10, -8, 5)
        .callLocal("f")
        .alu64("add", r0, r6)
        .ldx("dw", r1, r10, -8)
        .alu64("add", r0, r1)
        .exit()
        .label("f")
        .st("dw", r10, -8, 6)
        .call(900)
        .ldx("dw", r1, r10, -8)
        .alu64("mul", r0, r1)
        .exit(),
    );
    expect(bench.run(outer, block)).toBe(77n);
    // A fault of the inner run ends the outer one too, with the inner one's place.
    inner = bench.compile((b) => b.mov64(r1, 0).mov64(r1, 0).ldx("w", r0, r1, 0).exit());
    outer.run(block);
    expect(bench.executor.fault).toMatchObject({ kind: "access", slot: 2, address: 0n });
    inner = bench.compile((b) => b.mov64(r0, 1).exit());
    expect(bench.run(outer, block)).toBe(41n);
  });

  it("is in order again after a helper threw", () => {
    let fails = true;
    const bench = new Bench(
      new Map([
        [
          900,
          helper(900, () => {
            if (fails) throw new Error("broken");
            return 3;
          }),
        ],
      ]),
    );
    const program = bench.compile((b) => b.callLocal("f").exit().label("f").call(900).exit());
    for (let i = 0; i < 1000; i++) expect(() => program.run(0)).toThrow("broken");
    fails = false;
    expect(bench.run(program)).toBe(3n);
    expect(bench.executor.executed).toBe(4);
  });

  it("keeps all 64 bits of r0, and the CPU", () => {
    const bench = new Bench();
    expect(bench.run(bench.compile((b) => b.ldImm64(r0, 0x8000_0001_ffff_fffen).exit()))).toBe(
      0x8000_0001_ffff_fffen,
    );
    bench.executor.cpu = 63;
    expect(bench.executor.cpu).toBe(63);
    expect(bench.executor.call.cpu).toBe(63);
  });

  it("gives NULL for a context of 0, else its address", () => {
    const bench = new Bench();
    const program = bench.compile((b) => b.mov64(r0, r1).exit());
    expect(bench.run(program, 0)).toBe(0n);
    expect(bench.run(program, 0x1234_5678)).toBe(0xffff_8000_1234_5678n);
    expect(bench.run(program, 0xf000_0000)).toBe(0xffff_8000_f000_0000n);
  });

  it("gives its memory back", () => {
    const bench = new Bench();
    const before = bench.memory.used;
    const executor = createExecutor(bench.memory, { indices: new FunctionIndices(), id: 1 });
    expect(() => executor.services).toThrow("expected services of a kernel, got none");
    executor.close();
    expect(bench.memory.used).toBe(before);
  });
});
