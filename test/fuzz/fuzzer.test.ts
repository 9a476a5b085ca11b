import { describe, expect, it } from "vitest";
import { FormatError, hexOf, TsbpfError } from "../../src/base/index.ts";
import { minimise } from "./minimise.ts";
import { attempt, demand, judge } from "./oracle.ts";
import { packParts, unpackParts } from "./parts.ts";
import { Random } from "./random.ts";
import { inputOf, runSlice } from "./slice.ts";
import type { Target } from "./target.ts";
import { TARGETS } from "./targets/index.ts";

/** A target with bugs: what begins with these bytes makes it go wrong. */
const BUGS: { readonly [first: number]: () => void } = {
  1: () => (undefined as unknown as string).trim(),
  2: () => {
    throw new FormatError("thing", 1000, "expected more");
  },
  3: () => {
    throw new TsbpfError("");
  },
  4: () => demand(false, "two answers differ"),
  5: () => {
    throw new TsbpfError("expected 4 bytes, got undefined");
  },
  6: () => {
    throw new FormatError("thing", 0, "expected 7");
  },
};
const buggy: Target = {
  name: "buggy",
  corpus: () => [Uint8Array.of(0, 0, 0, 0)],
  mutate: (random) => Uint8Array.from({ length: 64 }, () => random.below(12)),
  run: (input) => BUGS[input.find((byte) => byte >= 1 && byte <= 5) ?? input[0] ?? 0]?.(),
};

describe("the oracle", () => {
  it.each([
    [1, "TypeError"],
    [2, "FormatError is about offset 1000 of 4 bytes"],
    [3, "has an empty message"],
    [4, "two answers differ"],
    [5, "names what it does not know"],
  ])("finds bug %i", (first, words) => {
    const { problem } = judge(buggy, Uint8Array.of(first, 0, 0, 0));
    expect(problem?.description).toContain(words);
  });

  it("takes a proper error for a refusal", () => {
    expect(judge(buggy, Uint8Array.of(6, 0))).toMatchObject({ accepted: false, problem: undefined });
    expect(judge(buggy, Uint8Array.of(0))).toMatchObject({ accepted: true, problem: undefined });
  });

  it("lets a step refuse, and nothing worse", () => {
    expect(attempt(4, BUGS[6]!)).toBeUndefined();
    expect(() => attempt(4, BUGS[1]!)).toThrow(TypeError);
  });
});

describe("a slice", () => {
  it("tells each bug once, with a small input", () => {
    const found: string[] = [];
    const limit = Error.stackTraceLimit;
    const result = runSlice(
      buggy,
      buggy.corpus(),
      { seed: 1, target: "buggy", from: 0, count: 300, milliseconds: 20_000 },
      new Set(),
      {
        started: () => {},
        minimising: () => {},
        found: ({ problem, input }) => {
          found.push(`${problem.signature.split(":")[0]} ${hexOf(input)}`);
        },
      },
    );
    Error.stackTraceLimit = limit;
    expect(result.inputs).toBe(300);
    expect(found.toSorted()).toEqual([
      "Discrepancy 02",
      "Discrepancy 03",
      "Discrepancy 04",
      "Discrepancy 05",
      "TypeError 01",
    ]);
    expect(result.repeated).toBeGreaterThan(100);
  });
});

describe("inputs", () => {
  it.each(TARGETS.map((target) => [target.name, target] as const))(
    "of %s follow from the seed",
    (_, target) => {
      const corpus = target.corpus();
      const inputs = (seed: number) =>
        Array.from({ length: 20 }, (_, index) => hexOf(inputOf(target, corpus, seed, index)));
      expect(inputs(1)).toEqual(inputs(1));
      expect(inputs(2)).not.toEqual(inputs(1));
    },
  );

  it("consist of parts", () => {
    const parts = [Uint8Array.of(1, 2, 3), new Uint8Array(0), Uint8Array.of(4)];
    expect(unpackParts(packParts(parts), 3)).toEqual(parts);
    expect(unpackParts(Uint8Array.of(9, 0, 0, 0, 7), 2)).toEqual([Uint8Array.of(7), new Uint8Array(0)]);
  });

  it("are made smaller as long as they stay bad", () => {
    const input = Uint8Array.from({ length: 1000 }, (_, index) => index);
    const small = minimise(
      input,
      (bytes) => bytes.includes(77) && bytes.length >= 3,
      performance.now() + 5000,
    );
    expect(small.length).toBe(3);
    expect(small.filter((byte) => byte !== 0)).toEqual(Uint8Array.of(77));
  });
});

describe("Random", () => {
  it("is even, and each stream another", () => {
    const random = new Random(1, "a", 2);
    const counts = new Array<number>(16).fill(0);
    for (let i = 0; i < 16_000; i++) counts[random.below(16)]!++;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(200);
    expect(new Random(1, "a", 3).u32()).not.toBe(new Random(1, "a", 2).u32());
  });
});
