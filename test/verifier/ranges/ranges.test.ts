import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Operation } from "../../../src/isa/index.ts";
import {
  type Bounds,
  constantBounds,
  draftOf,
  isExact,
  sameBounds,
  UNKNOWN,
} from "../../../src/verifier/ranges/bounds.ts";
import { inByteOrder } from "../../../src/verifier/ranges/byte-order.ts";
import { Condition, opposite, swapped } from "../../../src/verifier/ranges/condition.ts";
import { predict } from "../../../src/verifier/ranges/predict.ts";
import { refined } from "../../../src/verifier/ranges/refine.ts";
import { isSafeToCompute, scalarAlu } from "../../../src/verifier/ranges/scalar-alu.ts";
import { synced } from "../../../src/verifier/ranges/sync.ts";
import {
  signExtended,
  signExtended32,
  truncated,
  zeroExtended,
} from "../../../src/verifier/ranges/truncate.ts";
import { allows, anyBounds, compute, holds, OPERATIONS, sample, word } from "./arbitrary.ts";
import { type Model, type ModelOperation, modelAlu, modelOf, modelSync, signed, unsigned } from "./model.ts";

const RUNS = { numRuns: 500 };
const NAMES = Object.keys(OPERATIONS) as ModelOperation[];
const SHIFTS: readonly string[] = ["lsh", "rsh", "arsh"];
const sync = (bounds: Bounds): Bounds => synced(draftOf(bounds));

function expectModel(got: Bounds, wanted: Model): void {
  expect(modelOf(got)).toEqual(wanted);
}

describe("deduction", () => {
  it("keeps every number that was possible", () => {
    fc.assert(
      fc.property(sample, ({ bounds, member }) => allows(sync(bounds), member)),
      RUNS,
    );
  });

  it("goes exactly as far as the kernel's, also where ranges contradict each other", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          anyBounds,
          sample.map((s) => s.bounds),
        ),
        (bounds) => expectModel(sync(bounds), modelSync(modelOf(bounds))),
      ),
      RUNS,
    );
  });

  it("knows a constant", () => {
    fc.assert(
      fc.property(word, (x) => {
        const constant = constantBounds(x);
        expect(isExact(constant)).toBe(true);
        expectModel(sync(constant), modelSync(modelOf(constant)));
      }),
    );
    expect(sync(UNKNOWN)).toBe(UNKNOWN);
  });
});

/** A shift's operand must be known; of the others any. */
function operand(name: ModelOperation, b: { bounds: Bounds; member: bigint }, alu32: boolean) {
  if (!SHIFTS.includes(name)) return b;
  const member = b.member % (alu32 ? 32n : 64n);
  return { bounds: constantBounds(member), member };
}

describe("arithmetic", () => {
  for (const name of NAMES) {
    for (const alu32 of [false, true]) {
      it(`${name} of ${alu32 ? 32 : 64} bits allows what the machine computes`, () => {
        fc.assert(
          fc.property(sample, sample, (a, any) => {
            const b = operand(name, any, alu32);
            const got = scalarAlu(OPERATIONS[name], sync(a.bounds), sync(b.bounds), alu32);
            return allows(got, compute(name, a.member, b.member, alu32));
          }),
          RUNS,
        );
      });

      it(`${name} of ${alu32 ? 32 : 64} bits knows what the kernel does`, () => {
        fc.assert(
          fc.property(sample, sample, fc.boolean(), (a, any, deduced) => {
            const b = operand(name, any, alu32);
            const [x, y] = deduced ? [sync(a.bounds), sync(b.bounds)] : [a.bounds, b.bounds];
            const got = scalarAlu(OPERATIONS[name], x, y, alu32);
            expectModel(got, modelAlu(name, modelOf(x), modelOf(y), alu32));
          }),
          RUNS,
        );
      });
    }
  }

  it("gives up on divisions, and on shifts by what is not known or too far", () => {
    expect(isSafeToCompute(Operation.div, constantBounds(2n), false)).toBe(false);
    expect(isSafeToCompute(Operation.smod, constantBounds(2n), true)).toBe(false);
    expect(isSafeToCompute(Operation.lsh, constantBounds(63n), false)).toBe(true);
    expect(isSafeToCompute(Operation.lsh, constantBounds(64n), false)).toBe(false);
    expect(isSafeToCompute(Operation.arsh, constantBounds(32n), true)).toBe(false);
    expect(isSafeToCompute(Operation.rsh, constantBounds(1n << 32n), true)).toBe(false);
    expect(isSafeToCompute(Operation.rsh, UNKNOWN, false)).toBe(false);
  });
});

describe("truncation and extension", () => {
  it("keep the low bytes", () => {
    fc.assert(
      fc.property(sample, fc.constantFrom(1, 2, 4), ({ bounds, member }, size) => {
        const bits = size * 8;
        const from = sync(bounds);
        expect(allows(truncated(from, size), unsigned(bits, member))).toBe(true);
        expect(allows(signExtended(from, size), signed(bits, member))).toBe(true);
        expect(allows(zeroExtended(from), unsigned(32, member))).toBe(true);
        if (size < 4) {
          expect(allows(signExtended32(from, size), unsigned(32, signed(bits, member)))).toBe(true);
        }
      }),
      RUNS,
    );
  });

  it("and bytes in another order keep what is possible", () => {
    fc.assert(
      fc.property(sample, fc.constantFrom(16, 32, 64), fc.boolean(), ({ bounds, member }, bits, swapped) => {
        const bytes = unsigned(bits, member)
          .toString(16)
          .padStart(bits / 4, "0")
          .match(/../g)!;
        const wanted = swapped ? BigInt(`0x${bytes.reverse().join("")}`) : unsigned(bits, member);
        return allows(inByteOrder(sync(bounds), bits, swapped), wanted);
      }),
      RUNS,
    );
  });

  it("tell numbers that fit from those that do not", () => {
    const bytes = truncated(UNKNOWN, 1);
    expect([bytes.umin, bytes.umax, bytes.smin, bytes.smax]).toEqual([0n, 255n, 0n, 255n]);
    const extended = signExtended(bytes, 1);
    expect([extended.smin, extended.smax, extended.s32min, extended.s32max]).toEqual([
      -128n,
      127n,
      -128,
      127,
    ]);
    const small = signExtended(sync(scalarAlu(Operation.and, bytes, constantBounds(127n), false)), 1);
    expect([small.smin, small.smax, small.umin, small.umax]).toEqual([0n, 127n, 0n, 127n]);
  });
});

const CONDITIONS = Object.values(Condition);

describe("conditions", () => {
  it("have an opposite and a mirror image", () => {
    fc.assert(
      fc.property(word, word, fc.constantFrom(...CONDITIONS), fc.boolean(), (a, b, condition, jmp32) => {
        expect(holds(opposite(condition), a, b, jmp32)).toBe(!holds(condition, a, b, jmp32));
        expect(holds(swapped(condition), b, a, jmp32)).toBe(holds(condition, a, b, jmp32));
      }),
      RUNS,
    );
  });

  it("are predicted rightly", () => {
    fc.assert(
      fc.property(sample, sample, fc.constantFrom(...CONDITIONS), fc.boolean(), (a, b, condition, jmp32) => {
        const answer = predict(condition, sync(a.bounds), sync(b.bounds), jmp32);
        return answer === null || answer === holds(condition, a.member, b.member, jmp32);
      }),
      { numRuns: 3000 },
    );
  });

  it("of constants are always predicted, but for the opposite of set, which is no instruction", () => {
    fc.assert(
      fc.property(word, word, fc.constantFrom(...CONDITIONS), fc.boolean(), (a, b, condition, jmp32) => {
        const answer = predict(condition, constantBounds(a), constantBounds(b), jmp32);
        expect(answer).toBe(condition === Condition.clear ? null : holds(condition, a, b, jmp32));
      }),
      RUNS,
    );
  });

  it("narrow both sides to no less than what is possible", () => {
    fc.assert(
      fc.property(sample, sample, fc.constantFrom(...CONDITIONS), fc.boolean(), (a, b, condition, jmp32) => {
        if (!holds(condition, a.member, b.member, jmp32)) return;
        const got = refined(condition, sync(a.bounds), sync(b.bounds), jmp32);
        expect(allows(got.a, a.member) && allows(got.b, b.member)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  it("narrow: what follows from comparisons with constants", () => {
    const ten = constantBounds(10n);
    const below = refined(Condition.lt, UNKNOWN, ten, false).a;
    expect([below.umin, below.umax, below.smin, below.smax]).toEqual([0n, 9n, 0n, 9n]);
    expect([below.value, below.mask]).toEqual([0n, 15n]);
    const negative = refined(Condition.slt, UNKNOWN, constantBounds(0n), false).a;
    expect([negative.umin, negative.smax]).toEqual([1n << 63n, -1n]);
    const low = refined(Condition.le, UNKNOWN, constantBounds(5n), true).a;
    expect([low.u32max, low.umax]).toEqual([5, (0xffff_ffffn << 32n) | 5n]);
    const equal = refined(Condition.eq, UNKNOWN, ten, false);
    expect(sameBounds(equal.a, ten)).toBe(true);
    const bit = refined(Condition.set, UNKNOWN, constantBounds(1n << 40n), false).a;
    expect([bit.value, bit.umin]).toEqual([1n << 40n, 1n << 40n]);
    const clear = refined(Condition.clear, UNKNOWN, constantBounds(0xff00n), true).a;
    expect(clear.mask).toBe(0xffff_ffff_ffff_00ffn);
    const notZero = refined(Condition.ne, truncated(UNKNOWN, 1), constantBounds(0n), false).a;
    expect(notZero.umin).toBe(1n);
  });
});
