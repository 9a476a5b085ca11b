import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { binary, extendU, negate, wrap } from "../../src/ir/fold.ts";
import { type IrType, Op, type Value, ValueMaker, ValueTable } from "../../src/ir/index.ts";
import { evaluate, evaluateBinary } from "./evaluate.ts";

/** Makes each value anew. */
class PlainMaker extends ValueMaker {
  readonly func = new ValueTable(64);

  override append(value: Value): Value {
    return value;
  }

  load(size: number, signed: boolean, address: Value): Value {
    return this.func.value(Op.load, size === 8 ? "i64" : "i32", [address], { size, signed });
  }
}

const FRAME = 0x2_0000n;
const EDGES = [
  0n,
  1n,
  2n,
  7n,
  8n,
  31n,
  32n,
  33n,
  63n,
  64n,
  255n,
  256n,
  0xffffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
];
const numbers = fc.oneof(
  fc.constantFrom(...EDGES, ...EDGES.map((edge) => BigInt.asUintN(64, -edge)), 1n << 32n, 1n << 63n),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
);

interface Step {
  readonly kind: "binary" | "constant" | "wrap" | "extendU" | "extendS" | "negate" | "bswap" | "extend";
  readonly op: Op;
  readonly a: number;
  readonly b: number;
  readonly number: bigint;
}

const BINARY = Object.values(Op).filter((op) => op >= Op.add && op <= Op.shrS);
const COMPARE = Object.values(Op).filter((op) => op >= Op.eq && op <= Op.leS);

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(
      ...(["binary", "binary", "binary", "constant", "constant", "constant"] as const),
      ...(["wrap", "extendU", "extendS", "negate", "bswap", "extend"] as const),
    ),
    op: fc.constantFrom(...BINARY, ...BINARY, ...COMPARE),
    a: fc.nat(1000),
    b: fc.nat(1000),
    number: numbers,
  }),
  { minLength: 1, maxLength: 25 },
);

interface Known {
  readonly value: Value;
  /** What it has to be. */
  readonly number: bigint;
}

describe("folding", () => {
  it("never changes what a value is", () => {
    fc.assert(
      fc.property(steps, fc.array(numbers, { minLength: 6, maxLength: 6 }), (list, leaves) => {
        const make = new PlainMaker();
        const pool = start(make, leaves);
        const leafNumbers = new Map(pool.map(({ value, number }) => [value, number]));
        const around = { leaf: (value: Value) => leafNumbers.get(value)!, frame: FRAME };
        for (const step of list) {
          const next = taken(make, pool, step);
          expect(
            evaluate(make.func, next.value, around),
            JSON.stringify(step, (_, v) => (typeof v === "bigint" ? `${v}` : v)),
          ).toBe(next.number);
          pool.push(next);
        }
      }),
      { numRuns: 5000 },
    );
  });

  it("computes what is known", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...BINARY, ...COMPARE),
        numbers,
        numbers,
        fc.boolean(),
        (op, a, b, wide) => {
          const make = new PlainMaker();
          const type = wide ? "i64" : "i32";
          const value = binary(make, op, constant(make, type, a), constant(make, type, b));
          expect(evaluate(make.func, value, NOWHERE)).toBe(evaluateBinary(op, type, a, b));
          // Signed quotients are left to the machine, and remainders of one.
          if (op !== Op.divS && op !== Op.remS) expect(make.func.op(value)).toBe(Op.const);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

const NOWHERE = {
  leaf: (): bigint => {
    throw new Error("expected no leaf");
  },
  frame: FRAME,
};

/** Parameters, loads, and a place in the frame. */
function start(make: PlainMaker, leaves: readonly bigint[]): Known[] {
  const [first, second, byte, half, word, signedByte] = leaves as [
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  const frame = make.leaf(Op.frame, "i32");
  const at = make.i32(16);
  const unsigned = (bits: number, number: bigint) => BigInt.asUintN(bits, number);
  return [
    { value: make.leaf(Op.param, "i64", 1), number: first },
    { value: make.leaf(Op.param, "i64", 2), number: second },
    { value: make.load(1, false, at), number: unsigned(8, byte) },
    { value: make.load(2, false, at), number: unsigned(16, half) },
    { value: make.load(4, false, at), number: unsigned(32, word) },
    { value: make.load(1, true, at), number: unsigned(32, BigInt.asIntN(8, signedByte)) },
    { value: make.one(Op.address, "i64", frame), number: 0xffff_8000_0000_0000n | FRAME },
  ];
}

function constant(make: PlainMaker, type: IrType, number: bigint): Value {
  const low = Number(BigInt.asIntN(32, number));
  return type === "i32" ? make.i32(low) : make.i64(low, Number(BigInt.asIntN(32, number >> 32n)));
}

/** The value that a step makes of those that are there, and the number that it has to be. */
function taken(make: PlainMaker, pool: readonly Known[], { kind, op, a, b, number }: Step): Known {
  const first = pool[a % pool.length]!;
  const type = make.func.type(first.value);
  const bits = type === "i64" ? 64 : 32;
  const wide = type === "i64";
  const low = BigInt.asUintN(32, first.number);
  switch (kind) {
    case "constant":
    case "binary": {
      const peers = pool.filter(({ value }) => make.func.type(value) === type);
      const second =
        kind === "binary"
          ? peers[b % peers.length]!
          : { value: constant(make, type, number), number: BigInt.asUintN(bits, number) };
      // Either may stand first.
      const [x, y] = kind === "constant" && b % 4 === 0 ? [second, first] : [first, second];
      return {
        value: binary(make, op, x.value, y.value),
        number: evaluateBinary(op, type, x.number, y.number),
      };
    }
    case "wrap":
      return wide ? { value: wrap(make, first.value), number: low } : first;
    case "extendU":
      return wide ? first : { value: extendU(make, first.value), number: first.number };
    case "extendS":
      if (wide) return first;
      return {
        value: make.one(Op.extendS, "i64", first.value),
        number: BigInt.asUintN(64, BigInt.asIntN(32, low)),
      };
    case "negate":
      return wide ? first : { value: negate(make, first.value), number: first.number === 0n ? 1n : 0n };
    case "bswap": {
      if (wide) return first;
      const swapped = ((low & 0xffn) << 8n) | ((low >> 8n) & 0xffn);
      return { value: make.one(Op.bswap, "i32", first.value, 16), number: swapped };
    }
    case "extend":
      return {
        value: make.one(Op.extend, type, first.value, 8),
        number: BigInt.asUintN(bits, BigInt.asIntN(8, first.number)),
      };
  }
}
