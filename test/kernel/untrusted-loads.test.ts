import { describe, expect, it } from "vitest";
import { CaseProgram } from "./case-program.ts";

/** One load for both: a value of a map where the mark is 0, and else any address at all. */
const PROGRAM = (condition: string) => `type: sched_cls
map m: array, key 4, value 48, entries 1
element m: 00000000 = zeros(8) 0700000000000000 zeros(32)
code:
  r6 = *(u32 *)(r1 + 8)
  r1 = 0x1234567890 ll
  r2 = 0
  call kfunc bpf_rdonly_cast
  if r6 ${condition} goto join
  r0 = %m[0]+0
join:
  r0 = *(u64 *)(r0 + 8)
  exit
`;

describe("a load through a pointer that is any number on some path", () => {
  it.each([
    ["followed last", "!= 0", 7],
    ["followed first", "== 0", 0],
  ])("does no harm: that path is %s", (_, condition, expected) => {
    using program = new CaseProgram(PROGRAM(condition), { execute: true });
    expect(program.run()).toBe(expected);
    const { progFd, kernel } = program;
    const ctxIn = new Uint8Array(192);
    // `mark`
    ctxIn[8] = 1;
    const { retval } = kernel.progTestRun({ progFd, dataIn: new Uint8Array(64), ctxIn });
    expect(retval).toBe(7 - expected);
    expect(kernel.lastFault).toBeNull();
  });
});
