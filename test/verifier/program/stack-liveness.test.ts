import { describe, expect, it } from "vitest";
import { Frame } from "../../../src/verifier/state/frame.ts";
import type { Case } from "../calls/support.ts";
import { walked } from "./support.ts";

interface Marks {
  readonly at: number;
  readonly reads?: readonly number[];
  readonly writes?: readonly number[];
  /** The frame whose slots they are; the current one where absent. */
  readonly frame?: number;
}

/** Says what instructions did to the stack, as the verifier does while it executes them. */
function execute({ env }: Case, ...steps: readonly Marks[]): void {
  const { stackLiveness } = env;
  for (const { at, reads = [], writes = [], frame = env.current.curframe } of steps) {
    stackLiveness.resetWriteMarks(at);
    for (const spi of reads) stackLiveness.markRead(frame, at, spi);
    for (const spi of writes) stackLiveness.markWrite(frame, spi);
    stackLiveness.commitWriteMarks();
  }
}

function alive({ env }: Case, at: number, frame: number, slots: readonly number[]): number[] {
  env.current.insnIdx = at;
  env.stackLiveness.query(env.current);
  return slots.filter((spi) => env.stackLiveness.alive(frame, spi));
}

const STRAIGHT = "r1 = 1\nr1 = 2\nr1 = 3\nr0 = 0\nexit";
const DIAMOND = "if r1 == 0 goto else\nr1 = 1\ngoto out\nelse:\nr1 = 2\nout:\nr1 = 3\nr0 = 0\nexit";

describe("stack slots", () => {
  it("live from where they are written to where they are read", () => {
    const test = walked(STRAIGHT);
    execute(test, { at: 0, writes: [0, 40] }, { at: 1 }, { at: 2, reads: [0, 40] });
    test.env.stackLiveness.update();
    expect(alive(test, 0, 0, [0, 40])).toEqual([]);
    expect(alive(test, 1, 0, [0, 1, 40])).toEqual([0, 40]);
    expect(alive(test, 2, 0, [0, 1, 40])).toEqual([0, 40]);
    expect(alive(test, 3, 0, [0, 40])).toEqual([]);
  });

  it("live before a write that not every path makes", () => {
    const test = walked(DIAMOND);
    const after = [{ at: 4, reads: [3] }, { at: 5 }];
    execute(test, { at: 0 }, { at: 1, writes: [3] }, { at: 2 }, ...after);
    execute(test, { at: 0 }, { at: 3 }, ...after);
    test.env.stackLiveness.update();
    expect(alive(test, 0, 0, [3])).toEqual([3]);
    expect(alive(test, 1, 0, [3])).toEqual([]);
    expect(alive(test, 3, 0, [3])).toEqual([3]);
  });

  it("are no longer surely written once one visit did not write them", () => {
    const test = walked(STRAIGHT);
    execute(test, { at: 0 }, { at: 1, writes: [2] }, { at: 2, reads: [2] });
    test.env.stackLiveness.update();
    expect(alive(test, 0, 0, [2])).toEqual([]);
    execute(test, { at: 1 });
    test.env.stackLiveness.update();
    expect(alive(test, 0, 0, [2])).toEqual([2]);
  });

  it("far down stay written, as in Linux 6.18, whatever later visits do", () => {
    const test = walked(STRAIGHT);
    execute(test, { at: 0 }, { at: 1, writes: [40] }, { at: 2, reads: [40] });
    test.env.stackLiveness.update();
    execute(test, { at: 1 });
    test.env.stackLiveness.update();
    expect(alive(test, 0, 0, [40])).toEqual([]);
  });

  it("are read and written by calls, as the function does", () => {
    const test = walked("r6 = 0\ncall one\nr0 = 0\nexit\none:\nr1 = 1\nr1 = 2\nexit");
    const { env } = test;
    // Not the call: what it writes is what the function does.
    execute(test, { at: 0 });
    env.current.frames.push(Frame.create(1, 1, 1, { precise: false }));
    env.stackLiveness.resetCallchain();
    execute(test, { at: 4, writes: [5], frame: 0 }, { at: 5, reads: [6], frame: 0 }, { at: 6 });
    env.stackLiveness.update();
    expect(alive(test, 4, 0, [5, 6])).toEqual([6]);
    env.current.frames.pop();
    env.stackLiveness.resetCallchain();
    execute(test, { at: 2, reads: [5] }, { at: 3 });
    env.stackLiveness.update();
    expect(alive(test, 2, 0, [5, 6])).toEqual([5]);
    // The function always writes the one and reads the other.
    expect(alive(test, 1, 0, [5, 6])).toEqual([6]);
    expect(alive(test, 0, 0, [5, 6])).toEqual([6]);
  });

  it("are told in the log", () => {
    const test = walked(STRAIGHT, { level: 2 });
    execute(test, { at: 0, writes: [0] }, { at: 1 }, { at: 2, reads: [0] });
    test.env.stackLiveness.update();
    expect(test.log()).toBe(
      "func#0 @0\n" +
        "(0) frame 0 insn 2 +live -8 \n" +
        "(0) frame 0 insn 0 +written -8 \n" +
        "(0) live stack update done in 2 iterations\n",
    );
  });
});
