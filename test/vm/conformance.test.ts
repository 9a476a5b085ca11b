import { describe, expect, it } from "vitest";
import { bytesOfHex, hex64 } from "../../src/base/index.ts";
import { Vm } from "../../src/vm/index.ts";
import { describeWith, groundtruth } from "../support/referee.ts";

interface Case {
  readonly name: string;
  readonly insns: string;
  readonly mem: string;
  readonly result: string;
  readonly error: string;
}

const cases = groundtruth("bpf_conformance.json.gz");

describeWith([cases], "the bare machine and the bpf_conformance cases", () => {
  const all = cases.json<Case[]>();

  it("has all of them", () => expect(all.length).toBe(313));

  describe.each(["interp", "jit"] as const)("%s", (engine) => {
    it.each(all)("$name", ({ insns, mem, result }) => {
      const r0 = new Vm(bytesOfHex(insns)!, { engine }).run(bytesOfHex(mem)!);
      expect(hex64(r0)).toBe(hex64(BigInt(result)));
    });
  });
});
