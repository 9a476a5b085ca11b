import fc from "fast-check";
import { Operation } from "../../../src/isa/index.ts";
import { type Bounds, type BoundsFields, UNKNOWN, withBounds } from "../../../src/verifier/ranges/bounds.ts";
import { Condition } from "../../../src/verifier/ranges/condition.ts";
import { least, type ModelOperation, most, signed, unsigned } from "./model.ts";

const EDGES = [0n, 1n << 7n, 1n << 15n, 1n << 31n, 1n << 32n, 1n << 63n, 1n << 33n];

/** Unsigned 64-bit numbers, many of them where signs and halves change. */
export const word: fc.Arbitrary<bigint> = fc
  .oneof(
    fc.tuple(fc.constantFrom(...EDGES), fc.integer({ min: -3, max: 3 })).map(([edge, d]) => edge + BigInt(d)),
    fc
      .tuple(fc.constantFrom(...EDGES), fc.integer({ min: -300, max: 300 }))
      .map(([edge, d]) => -edge + BigInt(d)),
    fc.integer({ min: -70_000, max: 70_000 }).map(BigInt),
    fc.bigInt(0n, (1n << 32n) - 1n),
    fc.bigInt(0n, (1n << 64n) - 1n),
  )
  .map((x) => unsigned(64, x));

/** The tightest bounds of some numbers. */
export function boundsOf(values: readonly bigint[]): BoundsFields {
  const spread = (cast: (x: bigint) => bigint): [bigint, bigint] => {
    const all = values.map(cast);
    return [all.reduce(least), all.reduce(most)];
  };
  const [smin, smax] = spread((x) => signed(64, x));
  const [umin, umax] = spread((x) => unsigned(64, x));
  const [s32min, s32max] = spread((x) => signed(32, x));
  const [u32min, u32max] = spread((x) => unsigned(32, x));
  const ones = values.reduce((a, b) => a & b);
  const any = values.reduce((a, b) => a | b);
  return {
    value: unsigned(64, ones),
    mask: unsigned(64, any & ~ones),
    smin,
    smax,
    umin,
    umax,
    s32min: Number(s32min),
    s32max: Number(s32max),
    u32min: Number(u32min),
    u32max: Number(u32max),
  };
}

/** Bounds and a number that they allow. Some of the ranges know nothing. */
export interface Sample {
  readonly bounds: Bounds;
  readonly member: bigint;
}

export const sample: fc.Arbitrary<Sample> = fc
  .tuple(
    fc.array(word, { minLength: 1, maxLength: 4 }),
    fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
  )
  .map(([values, keep]) => {
    const tight = boundsOf(values);
    const kept: Partial<BoundsFields> = {
      ...(keep[0] ? { value: tight.value, mask: tight.mask } : {}),
      ...(keep[1] ? { smin: tight.smin, smax: tight.smax } : {}),
      ...(keep[2] ? { umin: tight.umin, umax: tight.umax } : {}),
      ...(keep[3] ? { s32min: tight.s32min, s32max: tight.s32max } : {}),
      ...(keep[4] ? { u32min: tight.u32min, u32max: tight.u32max } : {}),
    };
    return { bounds: withBounds(UNKNOWN, kept), member: values[0]! };
  });

/** Any bounds, also such that contradict each other, as on dead branches. */
export const anyBounds: fc.Arbitrary<Bounds> = fc
  .tuple(word, word, word, word, word, word, word, word, word, word)
  .map(([a, b, c, d, e, f, g, h, i, j]) =>
    withBounds(UNKNOWN, {
      value: a & ~b,
      mask: b,
      smin: signed(64, c),
      smax: signed(64, d),
      umin: e,
      umax: f,
      s32min: Number(signed(32, g)),
      s32max: Number(signed(32, h)),
      u32min: Number(unsigned(32, i)),
      u32max: Number(unsigned(32, j)),
    }),
  );

export function allows(b: BoundsFields, x: bigint): boolean {
  const s32 = Number(signed(32, x));
  const u32 = Number(unsigned(32, x));
  return (
    unsigned(64, x & ~b.mask) === b.value &&
    b.smin <= signed(64, x) &&
    signed(64, x) <= b.smax &&
    b.umin <= unsigned(64, x) &&
    unsigned(64, x) <= b.umax &&
    b.s32min <= s32 &&
    s32 <= b.s32max &&
    b.u32min <= u32 &&
    u32 <= b.u32max
  );
}

/** What the machine computes. */
export function compute(operation: ModelOperation, a: bigint, b: bigint, alu32: boolean): bigint {
  const width = alu32 ? 32 : 64;
  const n = unsigned(width, b) & BigInt(width - 1);
  const results: Record<ModelOperation, () => bigint> = {
    add: () => a + b,
    sub: () => a - b,
    neg: () => -a,
    mul: () => a * b,
    and: () => a & b,
    or: () => a | b,
    xor: () => a ^ b,
    lsh: () => a << n,
    rsh: () => unsigned(width, a) >> n,
    arsh: () => signed(width, a) >> n,
  };
  return unsigned(width, results[operation]());
}

export const OPERATIONS: Readonly<Record<ModelOperation, Operation>> = {
  add: Operation.add,
  sub: Operation.sub,
  neg: Operation.neg,
  mul: Operation.mul,
  and: Operation.and,
  or: Operation.or,
  xor: Operation.xor,
  lsh: Operation.lsh,
  rsh: Operation.rsh,
  arsh: Operation.arsh,
};

/** Whether the condition holds between two numbers. */
export function holds(condition: Condition, a: bigint, b: bigint, jmp32: boolean): boolean {
  const width = jmp32 ? 32 : 64;
  const [ua, ub, sa, sb] = [unsigned(width, a), unsigned(width, b), signed(width, a), signed(width, b)];
  const answers: Record<keyof typeof Condition, boolean> = {
    eq: ua === ub,
    ne: ua !== ub,
    gt: ua > ub,
    ge: ua >= ub,
    lt: ua < ub,
    le: ua <= ub,
    sgt: sa > sb,
    sge: sa >= sb,
    slt: sa < sb,
    sle: sa <= sb,
    set: (ua & ub) !== 0n,
    clear: (ua & ub) === 0n,
  };
  const name = (Object.keys(Condition) as (keyof typeof Condition)[]).find(
    (key) => Condition[key] === condition,
  );
  return answers[name!];
}
