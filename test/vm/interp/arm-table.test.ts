import { expect, it } from "vitest";
import { Operation, ROWS } from "../../../src/isa/index.ts";
import { createKernelMemory } from "../../../src/mem/index.ts";
import { ARMS } from "../../../src/vm/interp/arm-table.ts";
import { emitInterpreter } from "../../../src/vm/interp/emit-module.ts";

it("has an arm for every operation, and none beside", () => {
  expect(Object.keys(ARMS).sort()).toEqual(Object.keys(Operation).sort());
});

it("numbers arms as the rows, which are dense", () => {
  for (const [i, row] of ROWS.entries()) expect(row.id).toBe(i);
});

it.each([true, false])(
  "emits a module that the builder's checker and the engine accept (checked: %s)",
  (checked) => {
    const memory = createKernelMemory({ maximumPages: 16 });
    const place = {
      checked,
      stateAt: 0x2_0000,
      stackLow: 0x3_0000,
      stackEnd: 0x4_0000,
      framesAt: 0x4_0000,
      framesEnd: 0x5_0000,
      executor: 0,
    };
    expect(WebAssembly.validate(emitInterpreter(place, memory, true))).toBe(true);
  },
);
