import { describe, expect, it } from "vitest";
import { markFastcallPatterns } from "../../../src/verifier/program/fastcall.ts";
import { releaseFastcallStack } from "../../../src/verifier/program/fastcall-stack.ts";
import { computeLiveRegisters } from "../../../src/verifier/program/live-registers.ts";
import { computeScc } from "../../../src/verifier/program/scc.ts";
import { checkMaxStackDepth } from "../../../src/verifier/program/stack-depth.ts";
import { refusal } from "../calls/support.ts";
import { walked } from "./support.ts";

describe("the postorder", () => {
  it("has successors first", () => {
    const { env } = walked("r0 = 0\nif r1 == 0 goto +1\nr0 = 1\nexit");
    expect([...env.flow.postorder]).toEqual([3, 2, 1, 0]);
  });

  it("goes through one subprogram after the other", () => {
    const { env } = walked("call one\nexit\none:\nr0 = 0\nexit");
    expect([...env.flow.postorder]).toEqual([1, 0, 3, 2]);
    expect(env.subprograms.map(({ postorderStart }) => postorderStart)).toEqual([0, 2]);
  });
});

describe("strongly connected components", () => {
  it("are loops", () => {
    const { env } = walked(`
      r0 = 0
    outer:
      r6 = 0
    inner:
      r6 += 1
      if r6 < 5 goto inner
      r0 += 1
      if r0 < 5 goto outer
      exit`);
    expect(computeScc(env)).toBe(2);
    expect(env.aux.map(({ scc }) => scc)).toEqual([0, 1, 1, 1, 1, 1, 0]);
  });

  it("are numbered in the order in which they are left", () => {
    const { env } = walked(`
      r0 = 0
    first:
      r0 += 1
      if r0 < 5 goto first
    second:
      may_goto out
      goto second
    out:
      exit`);
    expect(computeScc(env)).toBe(3);
    expect(env.aux.map(({ scc }) => scc)).toEqual([0, 2, 2, 1, 1, 0]);
  });

  it("has the instruction that leads to itself", () => {
    const { env } = walked("r0 = 0\nself:\nif r0 < 5 goto self\nexit");
    computeScc(env);
    expect(env.aux.map(({ scc }) => scc)).toEqual([0, 1, 0]);
  });
});

describe("live registers", () => {
  it("are those that may be read before they are written", () => {
    const test = walked(
      `
      r2 = 1 ll
      r3 = r2
      if r1 == 0 goto out
      *(u64 *)(r10 - 8) = r3
      call bpf_get_prandom_u32
      r0 += r6
    out:
      exit`,
      { level: 2 },
    );
    computeLiveRegisters(test.env);
    expect(test.log()).toBe(
      [
        "func#0 @0",
        "Live regs before insn:",
        "      0: 01....6... (18) r2 = 0x1",
        "      2: 012...6... (bf) r3 = r2",
        "      3: 01.3..6... (15) if r1 == 0x0 goto pc+3",
        "      4: ...3..6... (7b) *(u64 *)(r10 -8) = r3",
        "      5: ......6... (85) call bpf_get_prandom_u32#7",
        "      6: 0.....6... (0f) r0 += r6",
        "      7: 0......... (95) exit",
        "",
      ].join("\n"),
    );
  });

  it("are all arguments where a function of the program is called", () => {
    const { env } = walked("call one\nexit\none:\nr0 = 0\nexit");
    computeLiveRegisters(env);
    expect(env.aux[0]!.liveRegsBefore).toBe(0b111110);
  });

  it("are the helper's parameters, and what atomic operations read", () => {
    const { env } = walked(`
      r0 = 0
      lock *(u64 *)(r10 - 8) += r2
      r3 = atomic_fetch_add((u64 *)(r10 - 8), r3)
      r0 = cmpxchg_64(r10 - 8, r0, r4)
      r1 = r3
      call bpf_map_delete_elem
      exit`);
    computeLiveRegisters(env);
    const FP = 1 << 10;
    expect(env.aux.map(({ liveRegsBefore }) => liveRegsBefore)).toEqual([
      FP | 0b11100,
      FP | 0b11101,
      FP | 0b11101,
      FP | 0b11101,
      0b1100,
      0b110,
      1,
    ]);
  });
});

describe("fastcall patterns", () => {
  const pattern = `
      r1 = 1
      *(u64 *)(r10 - 16) = r1
      call bpf_get_smp_processor_id
      r1 = *(u64 *)(r10 - 16)
      *(u64 *)(r10 - 8) = r1
      exit`;

  it("are spills before and fills after a call, of registers that it has no use for", () => {
    const { env } = walked(pattern);
    markFastcallPatterns(env);
    expect(env.aux.map((aux) => aux.fastcallPattern)).toEqual([false, true, false, true, false, false]);
    expect(env.aux[2]!.fastcallSpillsNum).toBe(1);
    expect(env.subprograms[0]).toMatchObject({ fastcallStackOff: -8, keepFastcallStack: false });
    env.subprograms[0]!.stackDepth = 16;
    releaseFastcallStack(env);
    expect(env.subprograms[0]!.stackDepth).toBe(8);
  });

  it("stay where the call is none", () => {
    const { env } = walked(pattern.replace("get_smp_processor_id", "get_prandom_u32"));
    markFastcallPatterns(env);
    expect(env.aux[2]!.fastcallSpillsNum).toBe(0);
    expect(env.subprograms[0]).toMatchObject({ fastcallStackOff: -8, keepFastcallStack: true });
  });

  it.each([
    [
      "of a register that the call takes",
      pattern.replace("get_smp_processor_id", "ktime_get_ns").replaceAll(" r1", " r0"),
    ],
    ["that is not the lowest", pattern.replace("- 8)", "- 24)")],
    ["of another register", pattern.replace("r1 = *", "r2 = *")],
  ])("are no spill %s", (_, text) => {
    const { env } = walked(text);
    markFastcallPatterns(env);
    expect(env.aux.some((aux) => aux.fastcallPattern)).toBe(false);
  });
});

describe("stack depth", () => {
  const nested = "call one\nexit\none:\ncall two\nexit\ntwo:\nr0 = 0\nexit";

  it("is the sum over the calls, each rounded up", () => {
    const test = walked(nested);
    for (const [i, depth] of [8, 480, 1].entries()) test.env.subprograms[i]!.stackDepth = depth;
    checkMaxStackDepth(test.env);
    test.env.subprograms[2]!.stackDepth = 17;
    expect(refusal(test, () => checkMaxStackDepth(test.env))[1]).toBe(
      "combined stack size of 3 calls is 528. Too large\n",
    );
  });

  it("is each function's own where functions may have stacks of their own", () => {
    const test = walked(nested, { type: "kprobe" });
    for (const subprogram of test.env.subprograms) subprogram.stackDepth = 512;
    checkMaxStackDepth(test.env);
    expect(test.env.subprograms.map(({ privateStack }) => privateStack)).toEqual([2, 2, 2]);
  });

  it("is halved by tail calls", () => {
    const test = walked(nested);
    test.env.subprograms[0]!.stackDepth = 256;
    test.env.subprograms[2]!.hasTailCall = true;
    expect(refusal(test, () => checkMaxStackDepth(test.env))[1]).toBe(
      "tail_calls are not allowed when call stack of previous frames is 256 bytes. Too large\n",
    );
  });

  it("ends at eight frames", () => {
    const functions = ["r0 = 0\nexit"];
    for (let i = 0; i < 8; i++) functions.unshift(`call f${7 - i}\nexit`);
    const text = functions.map((body, i) => (i === 0 ? body : `f${i - 1}:\n${body}`)).join("\n");
    const test = walked(text);
    expect(refusal(test, () => checkMaxStackDepth(test.env))[1]).toBe(
      "the call stack of 8 frames is too deep !\n",
    );
  });
});
