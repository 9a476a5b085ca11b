import { describe, expect, it } from "vitest";
import { assemble } from "../../../src/asm/index.ts";
import { createKernelMemory } from "../../../src/mem/index.ts";
import { KnownMaps } from "../../../src/vm/jit/call-facts.ts";
import { emitProgram } from "../../../src/vm/jit/emit-program.ts";
import { printModule } from "../../../src/wasm/index.ts";

/** Round numbers: they stand in the code. */
const PLACE = {
  stateAt: 0x1_0000,
  stackLow: 0x2_0000,
  stackEnd: 0x3_0000,
  framesAt: 0x4_0000,
  framesEnd: 0x5_0000,
  executor: 0,
};

const CASES: Readonly<Record<string, string>> = {
  // Two bytes in the network's order, compared: a parser's first steps.
  "ether-type": `
    r2 = *(u8 *)(r1 + 12)
    r2 <<= 8
    r3 = *(u8 *)(r1 + 13)
    r2 |= r3
    r0 = 0
    if r2 != 0x800 goto out
    r0 = *(u8 *)(r1 + 23)
  out:
    exit`,
  // A loop over bytes with its sum on the stack.
  "sum-loop": `
    *(u64 *)(r10 - 8) = 0
    w3 = 0
  again:
    r4 = *(u8 *)(r1 + 0)
    r5 = *(u64 *)(r10 - 8)
    r5 += r4
    *(u64 *)(r10 - 8) = r5
    r1 += 1
    w3 += 1
    if w3 < 20 goto again
    r0 = *(u64 *)(r10 - 8)
    exit`,
  // A cycle with two entries: a dispatcher.
  irreducible: `
    r0 = 0
    if r1 == 0 goto second
  first:
    r0 += 1
  second:
    r0 += 2
    r1 += -1
    if r1 s> 0 goto first
    if r1 s< -9 goto second
    exit`,
  // Division, whose special cases Wasm would trap on.
  division: `
    r0 = r1
    r0 s/= r2
    r3 = r1
    r3 s%= -1
    r0 += r3
    exit`,
};

/** The text of the main function, on one tier or in checked mode. */
function watOf(code: string, how: "baseline" | "optimised" | "checked"): string {
  const memory = createKernelMemory({ maximumPages: 64 });
  const { bytes } = emitProgram(
    {
      name: "main",
      insns: assemble(code).insns,
      checked: how === "checked",
      throws: new Set(),
      exceptionCallback: 0,
      arena: 0,
      codeAt: 0x6_0000,
      counting: false,
      optimised: how === "optimised" ? new KnownMaps(memory, []) : null,
    },
    PLACE,
    memory,
    { helper: () => null, kfunc: () => null, tailCall: () => 0, linkable: () => null, callback: () => 0 },
    true,
  );
  return printModule(bytes, { function: "main" });
}

// The files are written anew by `npx vitest run test/vm/jit -u`.
describe("the code of programs", () => {
  it.each(Object.entries(CASES))("%s, straight from the instructions", async (name, code) => {
    await expect(watOf(code, "baseline")).toMatchFileSnapshot(`golden/${name}.baseline.wat`);
  });

  it.each(Object.entries(CASES))("%s, optimised", async (name, code) => {
    await expect(watOf(code, "optimised")).toMatchFileSnapshot(`golden/${name}.optimised.wat`);
  });

  it("ether-type, checked", async () => {
    await expect(watOf(CASES["ether-type"]!, "checked")).toMatchFileSnapshot("golden/ether-type.checked.wat");
  });
});
