import { afterEach, describe, expect, it, vi } from "vitest";
import { ProgramBuilder, r0, r1 } from "../../../src/isa/index.ts";
import { createKernelMemory } from "../../../src/mem/index.ts";
import { createExecutor, FunctionIndices, Jit } from "../../../src/vm/index.ts";

/** Compiles a loop of so many rounds, runs it some times, and tells whether its code has become another. */
function changes(rounds: number, runs: number): boolean {
  const executor = createExecutor(createKernelMemory({ maximumPages: 64 }), {
    indices: new FunctionIndices(),
  });
  const insns = new ProgramBuilder()
    .mov64(r0, 0)
    .mov64(r1, rounds)
    .label("again")
    .alu64("add", r0, 3)
    .alu64("sub", r1, 1)
    .branch("jne", r1, 0, "again")
    .exit()
    .insns();
  const input = { name: "loop", insns, helpers: new Map(), mode: "verified", mapOfSlot: new Map() } as const;
  const program = new Jit().compile(input, executor);
  const before = program.image!.bytes;
  for (let run = 0; run < runs; run++) expect(program.run(0) >>> 0).toBe((3 * rounds) >>> 0);
  return Buffer.compare(before, program.image!.bytes) !== 0;
}

/** Has each run take so many milliseconds. */
function runsTake(milliseconds: number): void {
  let now = 0;
  vi.spyOn(performance, "now").mockImplementation(() => (now += milliseconds));
}

describe("a program is optimised", () => {
  afterEach(() => vi.restoreAllMocks());

  it("not because of a few short runs", () => {
    runsTake(0);
    expect(changes(10, 20)).toBe(false);
  });

  it("after many of them", () => {
    runsTake(0);
    expect(changes(10, 5001)).toBe(true);
  });

  it("after some that took long together", () => {
    runsTake(1);
    expect(changes(10, 3)).toBe(false);
    expect(changes(10, 4)).toBe(true);
  });
});
