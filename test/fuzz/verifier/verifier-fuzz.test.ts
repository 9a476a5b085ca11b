import { describe, expect, it } from "vitest";
import { disassemble } from "../../../src/asm/index.ts";
import { BtfBuilder } from "../../../src/btf/index.ts";
import { decode } from "../../../src/isa/index.ts";
import { Errno } from "../../../src/sys/index.ts";
import { KernelTypes } from "../../verifier/support/kernel-types.ts";
import type { CaseVerifier, VerifierAnswer } from "../../verifier/support/verifier-answer.ts";
import { caseOf, caseTextOf, classOfTrial, forgiving, programOf, tryProgram } from "./differential.ts";
import { insertedInto } from "./mutation/insert.ts";
import { shrink } from "./shrink.ts";
import { mutatedSubjects, splicedSubjects } from "./subject.ts";

const types = new KernelTypes(new BtfBuilder().finish());

/** A verifier that accepts everything but programs that hold this text. */
function refusing(text: string, message: string): CaseVerifier {
  const answer = (errno: number, log: string): VerifierAnswer => ({ errno, log, xlated: null, runs: [] });
  return {
    name: text,
    verify: ({ source }) =>
      source.includes(text)
        ? answer(13, `${message}\nprocessed 3 insns (limit 1000000)\n`)
        : answer(0, "processed 3 insns (limit 1000000)\n"),
    close() {},
  };
}

describe("random programs", () => {
  it("follow from the seed", () => {
    expect(programOf(1, 7)).toEqual(programOf(1, 7));
    expect(programOf(1, 7)).not.toEqual(programOf(2, 7));
  });

  it("are cases that assemble, of at most 512 instructions", () => {
    for (let index = 0; index < 150; index++) {
      const test = caseOf(programOf(5, index), `program ${index}`);
      expect(test.insns.length / 8).toBeLessThanOrEqual(512);
      expect(test.insns.length).toBeGreaterThan(0);
    }
  });

  it("use what they are meant to use", () => {
    const text = Array.from({ length: 200 }, (_, index) => caseTextOf(programOf(9, index), "")).join("\n");
    for (const part of [
      "call bpf_map_lookup_elem",
      "call bpf_loop",
      "call sub",
      "lock *(u64 *)",
      "*(u64 *)(r10",
      "+ 76)",
      "s<=",
      "test_state_freq",
      "bpf_ringbuf_reserve",
      "(s8)",
      "may_goto",
      "bpf_iter_num_next",
    ]) {
      expect(text.includes(part), part).toBe(true);
    }
  });
});

describe("mutated cases", () => {
  const source = mutatedSubjects(11, 4000);

  it("follow from the seed", () => {
    expect(source.at(5).text).toBe(mutatedSubjects(11, 4000).at(5).text);
    expect(source.at(5).text).not.toBe(source.at(6).text);
  });

  it("say what was changed, and differ from what they were", () => {
    const same = Array.from({ length: 100 }, (_, index) => source.at(index).text).filter(
      (text) => !/^# base: .*\n# /m.test(text),
    );
    // Some changes do not fit the case that they were drawn for.
    expect(same.length).toBeLessThan(30);
  });

  it("get an instruction in between without leading jumps astray", () => {
    const test = caseOf(
      { head: ["type: xdp"], code: ["  r0 = 0", "  if r0 == 0 goto out", "  r0 = 1", "out:", "  exit"] },
      "one",
    );
    const nop = { opcode: 0xb7, dst: 5, src: 0, off: 0, imm: 9 };
    const code = (slot: number) =>
      disassemble(decode(insertedInto(test, slot, nop).insns))
        .trim()
        .split("\n");
    expect(code(2)).toEqual(["r0 = 0", "if r0 == 0 goto +2", "r5 = 9", "r0 = 1", "exit"]);
    // A jump to the place comes by the new instruction.
    expect(code(3)).toEqual(["r0 = 0", "if r0 == 0 goto +1", "r0 = 1", "r5 = 9", "exit"]);
    expect(code(0)).toEqual(["r5 = 9", "r0 = 0", "if r0 == 0 goto +1", "r0 = 1", "exit"]);
  });

  it("are made small by taking changes back", async () => {
    const big = Array.from({ length: 200 }, (_, index) => source.at(index)).find(({ text }) =>
      /^# base: .*\n(# .*\n){3}/m.test(text),
    )!;
    const small = await big.shrunk(async () => true, performance.now() + 1000);
    expect(small.text).toMatch(/^# base: .*\n\{/m);
  });
});

describe("cases put together", () => {
  it("follow from the seed, are programs, and come in all forms", () => {
    const source = splicedSubjects(3);
    const texts = Array.from({ length: 60 }, (_, index) => source.at(index).text);
    expect(splicedSubjects(3).at(7).text).toBe(texts[7]);
    for (const [index] of texts.entries()) expect(source.at(index).test.insns.length).toBeGreaterThan(0);
    const all = texts.join("\n");
    for (const part of [
      "call b_",
      "subprog[a_",
      "may_goto done",
      "if r7 <",
      "bpf_rcu_read_lock",
      "goto b_",
    ]) {
      expect(all.includes(part), part).toBe(true);
    }
  });
});

describe("the differential oracle", () => {
  const program = { head: ["type: xdp"], code: ["  r1 = 4", "  r2 = 77", "  r3 = 5", "  r0 = 0", "  exit"] };
  const compare = (kernel: CaseVerifier, ours: CaseVerifier, code = program.code) =>
    tryProgram(caseOf({ ...program, code }, "one"), kernel, ours, types, {
      level2: true,
      xlated: false,
      index: 0,
    });

  it("sorts what differs into classes", async () => {
    const lenient = refusing("nothing", "");
    const strict = refusing("r2 = 77", "R2 is 77");
    const other = refusing("r2 = 77", "R2 is wrong");
    expect(classOfTrial(await compare(strict, strict))).toBeNull();
    expect(classOfTrial(await compare(strict, lenient))).toBe("accepts what Linux rejects: RN is N");
    expect(classOfTrial(await compare(lenient, strict))).toBe("rejects what Linux accepts: RN is N");
    expect(classOfTrial(await compare(strict, other))).toMatch(
      /^error line: Linux: RN is N │ here: RN is wrong/,
    );
  });

  it("takes the errno of a map that cannot be made for an answer", async () => {
    const none: CaseVerifier = {
      ...refusing("", ""),
      verify: () => {
        throw new Errno(22, "BPF_MAP_CREATE");
      },
    };
    const trial = await compare(forgiving(none), forgiving(refusing("nothing", "")));
    expect(classOfTrial(trial)).toBe("accepts what Linux rejects: BPF_MAP_CREATE");
    expect(classOfTrial(await compare(forgiving(none), forgiving(none)))).toBeNull();
  });

  it("makes programs small as long as they differ", async () => {
    const [kernel, ours] = [refusing("r2 = 77", "R2 is 77"), refusing("nothing", "")];
    const small = await shrink(
      program,
      async ({ code }) => code.length > 0 && classOfTrial(await compare(kernel, ours, [...code])) !== null,
      performance.now() + 10_000,
    );
    expect(small.code).toEqual(["  r2 = 77"]);
  });
});
