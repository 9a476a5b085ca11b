import { Operation } from "../src/isa/index.ts";
import { type Bounds, constantBounds, draftOf, UNKNOWN, withBounds } from "../src/verifier/ranges/bounds.ts";
import { Condition, opposite } from "../src/verifier/ranges/condition.ts";
import { predict } from "../src/verifier/ranges/predict.ts";
import { refined } from "../src/verifier/ranges/refine.ts";
import { isSafeToCompute, scalarAlu } from "../src/verifier/ranges/scalar-alu.ts";
import { synced } from "../src/verifier/ranges/sync.ts";
import { modelAlu, modelOf, modelSync } from "../test/verifier/ranges/model.ts";
import type { Benchmark } from "./frame.ts";

const CONSTANTS: readonly Bounds[] = [0n, 1n, 14n, 255n, 4096n, 0xffff_ffffn, -1n, 1n << 40n].map(
  constantBounds,
);
/** What programs compute with: bytes, lengths, errors, differences, nothing known. */
const RANGES: readonly Bounds[] = [
  { umax: 255n },
  { umin: 14n, umax: 1500n },
  { smin: -4095n, smax: 0n },
  { umax: 0xffff_ffffn },
  { smin: -0x8000_0000n, smax: 0x7fff_ffffn },
  { umin: 1n << 33n, umax: 1n << 47n },
  { s32min: 0, s32max: 1 << 20 },
  {},
].map((fields) => synced(draftOf(withBounds(UNKNOWN, fields))));
const OPERATIONS = [
  Operation.add,
  Operation.sub,
  Operation.and,
  Operation.or,
  Operation.xor,
  Operation.lsh,
  Operation.rsh,
  Operation.arsh,
] as const;
const CONDITIONS = Object.values(Condition).filter((condition) => condition !== Condition.clear);

const REPEAT = 200;

function onPairs(
  left: readonly Bounds[],
  right: readonly Bounds[],
  work: (a: Bounds, b: Bounds) => void,
  repeat: number = REPEAT,
) {
  return (): number => {
    for (let i = 0; i < repeat; i++) {
      for (const a of left) for (const b of right) work(a, b);
    }
    return repeat * left.length * right.length;
  };
}

function alu(operations: readonly Operation[]) {
  let next = 0;
  return (a: Bounds, b: Bounds): void => {
    const operation = operations[next++ % operations.length]!;
    const alu32 = (next & 16) !== 0;
    if (isSafeToCompute(operation, b, alu32)) scalarAlu(operation, a, b, alu32);
  };
}

function branch() {
  let next = 0;
  return (a: Bounds, b: Bounds): void => {
    const condition = CONDITIONS[next++ % CONDITIONS.length]!;
    const jmp32 = (next & 16) !== 0;
    if (predict(condition, a, b, jmp32) !== null) return;
    refined(condition, a, b, jmp32);
    refined(opposite(condition), a, b, jmp32);
  };
}

/** The verifier's ranges alone; each operation is one instruction's. */
export const RANGES_BENCHMARKS: readonly Benchmark[] = [
  {
    name: "ranges.sync",
    operation: "sync",
    candidates: () => [
      { name: "words", run: onPairs(RANGES, RANGES, (a) => synced(draftOf(a))) },
      { name: "one bigint a number", run: onPairs(RANGES, RANGES, (a) => modelSync(modelOf(a)), 1) },
    ],
  },
  {
    name: "ranges.constants",
    operation: "instruction",
    candidates: () => [{ name: "words", run: onPairs(CONSTANTS, CONSTANTS, alu(OPERATIONS)) }],
  },
  {
    name: "ranges.alu",
    operation: "instruction",
    candidates: () => [
      { name: "words", run: onPairs(RANGES, [...RANGES, ...CONSTANTS], alu(OPERATIONS)) },
      {
        name: "one bigint a number (addition)",
        run: onPairs(RANGES, RANGES, (a, b) => modelAlu("add", modelOf(a), modelOf(b), false), 1),
      },
    ],
  },
  {
    name: "ranges.mul",
    operation: "instruction",
    candidates: () => [
      { name: "words", run: onPairs(RANGES, [...RANGES, ...CONSTANTS], alu([Operation.mul])) },
    ],
  },
  {
    name: "ranges.branch",
    operation: "branch",
    candidates: () => [{ name: "words", run: onPairs(RANGES, [...RANGES, ...CONSTANTS], branch()) }],
  },
];
