import { describe, expect, it } from "vitest";
import { bytesOfHex, hex64 } from "../../src/base/index.ts";
import { createHelpers } from "../../src/helpers/index.ts";
import { decode, type Insn, ProgramBuilder, r2 } from "../../src/isa/index.ts";
import { createKernelMemory } from "../../src/mem/index.ts";
import { defaultLayout } from "../../src/platform/index.ts";
import { createExecutor, FunctionIndices, Jit, Vm } from "../../src/vm/index.ts";
import { describeWith, groundtruth } from "../support/referee.ts";

interface Case {
  readonly name: string;
  readonly insns: string;
  readonly mem: string;
  readonly result: string;
  readonly error: string;
}

const KTIME_GET_NS = 5;

const cases = groundtruth("bpf_conformance.json.gz");

describeWith([cases], "bpf_conformance cases", () => {
  const all = cases.json<Case[]>();

  it("has all of them", () => expect(all.length).toBe(313));

  describe.each(["interp", "jit"] as const)("on the bare machine, %s", (engine) => {
    it.each(all)("$name", ({ insns, mem, result }) => {
      const r0 = new Vm(bytesOfHex(insns)!, { engine }).run(bytesOfHex(mem)!);
      expect(hex64(r0)).toBe(hex64(BigInt(result)));
    });
  });

  // The bare machine tests every access, which is the first tier's; these are compiled as what a verifier has seen.
  describe.each([
    ["the first tier", { optimise: false }],
    ["the optimised tier", { after: 0 }],
  ] as const)("as verified code, on %s", (_, options) => {
    const memory = createKernelMemory({ maximumPages: 64 });
    const executor = createExecutor(memory, {
      indices: new FunctionIndices(),
      services: { monotonic: () => 1, boottime: () => 1, random: () => 5, trace: () => undefined, cpus: 1 },
    });
    // Two cases call it.
    const helpers = new Map([[KTIME_GET_NS, createHelpers(defaultLayout()).get(KTIME_GET_NS)!]]);
    const jit = new Jit(options);

    it.each(all)("$name", ({ insns, mem, result }) => {
      const bytes = bytesOfHex(mem)!;
      const block = bytes.length === 0 ? 0 : memory.alloc(bytes.length);
      if (block !== 0) memory.bytes().set(bytes, block);
      const program = jit.compile(
        {
          name: "case",
          insns: withLength(decode(bytesOfHex(insns)!), bytes.length),
          helpers,
          mode: "verified",
          mapOfSlot: new Map(),
        },
        executor,
      );
      const low = program.run(block);
      expect(executor.fault).toBeNull();
      expect(hex64((BigInt(executor.resultHigh >>> 0) << 32n) | BigInt(low >>> 0))).toBe(
        hex64(BigInt(result)),
      );
      program.close();
      if (block !== 0) memory.free(block);
    });
  });
});

/** The program with what it is called with beside its context: r2, the length of the memory. */
function withLength(insns: readonly Insn[], length: number): readonly Insn[] {
  return [...new ProgramBuilder().mov64(r2, length).insns(), ...insns];
}
