import { describe, expect, it } from "vitest";
import { Errno } from "../../src/uapi/index.ts";
import { HISTORY_KINDS, runHistory } from "./histories.ts";
import { ABSENT, type Operation, SOMETHING } from "./history.ts";
import { findViolation } from "./linearizable.ts";

const RULES = { own: false, values: 1, evicts: false } as const;

/** Operations as `KIND VALUE RESULT [START, END] PROCESS`, on key 0. */
function operation(
  kind: Operation["kind"],
  [start, end]: readonly [number, number],
  more: Partial<Operation>,
): Operation {
  return { kind, process: 0, key: 0, value: 0, flags: 0, result: 0, start, end, ...more };
}

const update = (value: number, when: readonly [number, number], more: Partial<Operation> = {}) =>
  operation("update", when, { value, ...more });
const lookup = (result: number, when: readonly [number, number], more: Partial<Operation> = {}) =>
  operation("lookup", when, { result, ...more });
const remove = (result: number, when: readonly [number, number], more: Partial<Operation> = {}) =>
  operation("delete", when, { result, ...more });

describe("the check of histories", () => {
  it("accepts what can be put in an order", () => {
    expect(
      findViolation([update(1, [0, 1]), lookup(1, [2, 3]), remove(0, [4, 5]), lookup(ABSENT, [6, 7])], RULES),
    ).toBeNull();
    // Two that overlap: either may be the first.
    for (const seen of [ABSENT, 1, SOMETHING]) {
      expect(findViolation([update(1, [0, 3]), lookup(seen, [1, 2], { process: 1 })], RULES)).toBeNull();
    }
    const both = [update(1, [0, 5]), update(2, [1, 4], { process: 1 }), lookup(1, [6, 7]), lookup(1, [8, 9])];
    expect(findViolation(both, RULES)).toBeNull();
  });

  it("finds what was lost, what came back and what never was", () => {
    const lost = [update(1, [0, 1]), lookup(ABSENT, [2, 3])];
    const back = [update(1, [0, 1]), update(2, [2, 3]), lookup(1, [4, 5])];
    const never = [lookup(7, [0, 1])];
    const twice = [
      update(1, [0, 3], { flags: 1 }),
      update(2, [1, 2], { flags: 1, process: 1 }),
      lookup(1, [4, 5]),
    ];
    const turned = [
      update(1, [0, 1]),
      update(2, [2, 9]),
      lookup(2, [3, 4], { process: 1 }),
      lookup(1, [5, 6], { process: 1 }),
    ];
    const gone = [update(1, [0, 1]), remove(-Errno.ENOENT, [2, 3])];
    for (const history of [lost, back, never, twice, turned, gone]) {
      expect(findViolation(history, RULES)).not.toBeNull();
    }
    // What evicts may lose, and nothing else.
    expect(findViolation(lost, { ...RULES, evicts: true })).toBeNull();
    expect(findViolation(back, { ...RULES, evicts: true })).not.toBeNull();
  });

  it("knows values of each process's own", () => {
    const rules = { own: true, values: 2, evicts: false };
    const history = [update(1, [0, 1]), lookup(0, [2, 3], { process: 1 }), lookup(1, [4, 5])];
    expect(findViolation(history, rules)).toBeNull();
    expect(findViolation([update(1, [0, 1]), lookup(1, [2, 3], { process: 1 })], rules)).not.toBeNull();
  });
});

describe("lookup, update and delete of several executors", () => {
  it.each(HISTORY_KINDS.map((kind) => [kind.name, kind] as const))(
    "%s: are linearisable, key by key",
    async (_, kind) => {
      // How often two meet is the machine's to say: `npm run stress` tells, and goes on for longer.
      expect((await runHistory(kind, { steps: 15_000, seed: 1 })).violation).toBeNull();
    },
  );
});
