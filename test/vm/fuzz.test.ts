import fc from "fast-check";
import { expect, it } from "vitest";
import { TsbpfError } from "../../src/base/index.ts";
import { encode, insnOf, ROWS, wideSlots } from "../../src/isa/index.ts";
import { Vm } from "../../src/vm/index.ts";
import { ENGINES } from "./support.ts";

const rows = ROWS.filter((row) => row.group !== "internal" && row.kind !== "packet");
const small = fc.integer({ min: -8, max: 24 });
const slot = fc
  .tuple(
    fc.constantFrom(...rows),
    fc.integer({ min: 0, max: 10 }),
    fc.integer({ min: 0, max: 10 }),
    small,
    fc.oneof(small, fc.integer()),
  )
  .map(([row, dst, src, off, imm]) =>
    row.kind === "wide"
      ? wideSlots(dst, 0, BigInt.asUintN(64, BigInt(imm) << 20n))
      : [insnOf(row, dst, src, off, imm | 0)],
  );
const exit = insnOf(ROWS.find(({ name }) => name === "exit")!, 0, 0, 0, 0);
const wellFormed = fc.array(slot, { maxLength: 40 }).map((slots) => encode([...slots.flat(), exit]));
const anything = fc.uint8Array({ maxLength: 400 });

it.each(ENGINES)("whatever is run by %s ends with a result or with an error that says why", (engine) => {
  const memory = Uint8Array.from({ length: 64 }, (_, i) => i);
  let results = 0;
  let faults = 0;
  fc.assert(
    fc.property(fc.oneof({ weight: 20, arbitrary: wellFormed }, anything), (bytes) => {
      try {
        const r0 = new Vm(bytes, { budget: 20_000, engine }).run(memory);
        expect(r0 >= 0n && r0 < 2n ** 64n).toBe(true);
        results++;
      } catch (error) {
        if (!(error instanceof TsbpfError)) throw error;
        expect(error.message).not.toMatch(/undefined|NaN|\[object/);
        if (error.name === "VmFault") faults++;
      }
    }),
    { numRuns: 3000 },
  );
  expect(results).toBeGreaterThan(20);
  expect(faults).toBeGreaterThan(20);
});
