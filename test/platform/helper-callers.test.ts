import { describe, expect, it } from "vitest";
import {
  HELPER_PROTOTYPES,
  HELPER_SIGNATURES,
  helperCallers,
  PROGRAM_TYPES,
  prototypeOf,
} from "../../src/platform/index.ts";

const ids = [...HELPER_PROTOTYPES.keys()];

describe("helperCallers", () => {
  it.each(PROGRAM_TYPES)("agrees with prototypeOf for $name", ({ type, name, attachTypes }) => {
    for (const id of ids) {
      const callers = helperCallers(id).filter(({ programType }) => programType === name);
      const given = [0, ...attachTypes].flatMap((expectedAttachType) =>
        [false, true].map((sleepable) =>
          prototypeOf(id, { programType: type, expectedAttachType, sleepable, missingOptions: new Set() }),
        ),
      );
      const always = callers.find(({ condition }) => condition === null);
      // Earlier choices may give another prototype; the last, without a condition, never gives none.
      if (always !== undefined) for (const each of given) expect(each, `${id}`).not.toBeNull();
      if (callers.length === 0)
        expect(
          given.every((each) => each === null),
          `${id}`,
        ).toBe(true);
      for (const each of given) {
        if (each !== null) expect(callers.map(({ prototype }) => prototype)).toContainEqual(each);
      }
    }
  });
});

describe("HELPER_SIGNATURES", () => {
  it("has a parameter for each argument of every helper, by its name", () => {
    expect(HELPER_SIGNATURES.length).toBe(ids.length);
    for (const id of ids) {
      const signature = HELPER_SIGNATURES[id - 1]!;
      expect(signature).toContain(`${HELPER_PROTOTYPES.get(id)!.name}(`);
      const parameters = /\((.*)\)$/.exec(signature)![1]!;
      const count = parameters === "void" ? 0 : parameters.replace(", ...", "").split(", ").length;
      for (const { prototype } of helperCallers(id))
        expect(prototype.args.length, signature).toBeLessThanOrEqual(signature.includes("...") ? 5 : count);
    }
  });
});
