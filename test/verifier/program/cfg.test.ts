import { describe, expect, it } from "vitest";
import { Errno } from "../../../src/uapi/index.ts";
import type { InsnAux } from "../../../src/verifier/environment/insn-aux.ts";
import {
  checkSubprogs,
  findContainingSubprog,
  findSubprog,
} from "../../../src/verifier/program/subprograms.ts";
import { addSubprogramsAndKfuncs } from "../../../src/verifier/program/subprograms-and-kfuncs.ts";
import { refusal } from "../calls/support.ts";
import { ofText, walk, walked } from "./support.ts";

/** Instructions of which something holds. */
function where(aux: readonly InsnAux[], holds: (aux: InsnAux) => boolean): number[] {
  return aux.flatMap((of, at) => (holds(of) ? [at] : []));
}

describe("subprograms", () => {
  const text = `
    call two
    call one
    exit
  one:
    r0 = 1
    exit
  two:
    r0 = 2
    exit`;

  it("are found in the order of their first instructions", () => {
    const { env, log } = walked(text, { level: 2 });
    expect(env.subprograms.map(({ start }) => start)).toEqual([0, 3, 5]);
    expect(log()).toBe("func#0 @0\nfunc#1 @3\nfunc#2 @5\n");
  });

  it("contain instructions", () => {
    const { env } = walked(text);
    expect([0, 2, 3, 4, 5, 6].map((at) => findContainingSubprog(env, at))).toEqual([0, 0, 1, 1, 2, 2]);
    expect([0, 1, 3, 4, 5, 7, -1].map((at) => findSubprog(env, at))).toEqual([0, -1, 1, -1, 2, -1, -1]);
  });

  it("need CAP_BPF", () => {
    const test = ofText(text, { privileged: false });
    expect(refusal(test, () => addSubprogramsAndKfuncs(test.env))).toEqual([
      Errno.EPERM,
      "loading/calling other bpf or kernel functions are allowed for CAP_BPF and CAP_SYS_ADMIN\n",
    ]);
  });

  it.each([
    ["call pc+5\nexit", Errno.EINVAL, "call to invalid destination\n"],
    ["goto +1\nexit", Errno.EINVAL, "jump out of range from insn 0 to 2\n"],
    ["r0 = 0", Errno.EINVAL, "last insn is not an exit or jmp\n"],
    [
      "if r1 == 0 goto one\ncall one\nexit\none:\nr0 = 0\nexit",
      Errno.EINVAL,
      "jump out of range from insn 0 to 3\n",
    ],
    ["call one\nr0 = 0\none:\nr0 = 0\nexit", Errno.EINVAL, "last insn is not an exit or jmp\n"],
  ])("are refused: %s", (code, errno, message) => {
    const test = ofText(code);
    const act = (): void => {
      addSubprogramsAndKfuncs(test.env);
      checkSubprogs(test.env);
    };
    expect(refusal(test, act)).toEqual([errno, message]);
  });
});

describe("the walk over the program", () => {
  it("marks where states are compared and where paths are noted", () => {
    const { env } = walked(`
      r0 = 0
      if r1 == 0 goto out
      r0 = 1
      goto out
    out:
      exit`);
    expect(where(env.aux, (aux) => aux.prunePoint)).toEqual([1, 4]);
    expect(where(env.aux, (aux) => aux.jmpPoint)).toEqual([4]);
    expect(where(env.aux, (aux) => aux.forceCheckpoint)).toEqual([]);
  });

  it("marks calls of the program's functions and what follows calls", () => {
    const { env } = walked(`
      call one
      r6 = r0
      call bpf_get_prandom_u32
      exit
    one:
      r0 = 1
      exit`);
    expect(where(env.aux, (aux) => aux.prunePoint)).toEqual([0, 1, 3, 4]);
    expect(where(env.aux, (aux) => aux.jmpPoint)).toEqual([1, 3, 4]);
  });

  it("marks calls that call back, and may_goto", () => {
    const { env } = walked(`
      r1 = 1
      r2 = subprog[back]
      r3 = 0
      r4 = 0
      call bpf_loop
    again:
      may_goto out
      goto again
    out:
      r0 = 0
      exit
    back:
      r0 = 0
      exit`);
    expect(where(env.aux, (aux) => aux.callsCallback)).toEqual([5]);
    expect(where(env.aux, (aux) => aux.forceCheckpoint)).toEqual([5, 6]);
    expect(env.aux[5]).toMatchObject({ prunePoint: true, jmpPoint: true });
    expect(env.aux[6]).toMatchObject({ prunePoint: true, jmpPoint: true });
  });

  it("sums up what functions do to packets", () => {
    const { env } = walked(`
      r1 = subprog[three]
      call one
      exit
    one:
      call two
      exit
    two:
      call bpf_skb_pull_data
      exit
    three:
      r0 = 0
      exit`);
    expect(env.subprograms.map((subprogram) => subprogram.changesPacket)).toEqual([true, true, true, false]);
  });

  it.each([
    ["exit\nr0 = 0\nexit", "unreachable insn 1\n"],
    ["again:\ngoto again\nexit", "unreachable insn 1\n"],
    ["if r1 == 0 goto +1\nr0 = 0 ll\nexit", "jump into the middle of ldimm64 insn 1\n"],
  ])("refuses: %s", (code, message) => {
    const test = ofText(code);
    expect(refusal(test, () => walk(test))).toEqual([Errno.EINVAL, message]);
  });

  it("refuses loops without CAP_BPF", () => {
    const test = ofText("r0 = 0\nagain:\nr0 += 1\nif r0 < 5 goto again\nexit", { privileged: false });
    expect(refusal(test, () => walk(test))).toEqual([Errno.EINVAL, "back-edge from insn 2 to 1\n"]);
  });
});
