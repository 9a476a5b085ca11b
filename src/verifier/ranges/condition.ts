import { Operation } from "../../isa/index.ts";

/** How two values compare: the operation of a conditional jump, and `clear`, the opposite of `set`. */
export const Condition = {
  eq: 0,
  ne: 1,
  gt: 2,
  ge: 3,
  lt: 4,
  le: 5,
  sgt: 6,
  sge: 7,
  slt: 8,
  sle: 9,
  /** Some bit of the second is set in the first. */
  set: 10,
  /** None is. */
  clear: 11,
} as const;
export type Condition = (typeof Condition)[keyof typeof Condition];

const OF_OPERATION: ReadonlyMap<Operation, Condition> = new Map([
  [Operation.jeq, Condition.eq],
  [Operation.jne, Condition.ne],
  [Operation.jgt, Condition.gt],
  [Operation.jge, Condition.ge],
  [Operation.jlt, Condition.lt],
  [Operation.jle, Condition.le],
  [Operation.jsgt, Condition.sgt],
  [Operation.jsge, Condition.sge],
  [Operation.jslt, Condition.slt],
  [Operation.jsle, Condition.sle],
  [Operation.jset, Condition.set],
]);

/** The condition of a branch's operation. */
export function conditionOf(operation: Operation): Condition {
  return OF_OPERATION.get(operation)!;
}

const { eq, ne, gt, ge, lt, le, sgt, sge, slt, sle, set, clear } = Condition;
/** Both tables are in the order of {@link Condition}. */
const OPPOSITE: readonly Condition[] = [ne, eq, le, lt, ge, gt, sle, slt, sge, sgt, clear, set];
const SWAPPED: readonly Condition[] = [eq, ne, lt, le, gt, ge, slt, sle, sgt, sge, set, clear];

/** What holds where the condition does not (`rev_opcode`). */
export function opposite(condition: Condition): Condition {
  return OPPOSITE[condition]!;
}

/** The same with both sides exchanged (`flip_opcode`). */
export function swapped(condition: Condition): Condition {
  return SWAPPED[condition]!;
}
