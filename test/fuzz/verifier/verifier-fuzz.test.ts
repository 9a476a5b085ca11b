import { describe, expect, it } from "vitest";
import { BtfBuilder } from "../../../src/btf/index.ts";
import { KernelTypes } from "../../verifier/support/kernel-types.ts";
import type { CaseVerifier, VerifierAnswer } from "../../verifier/support/verifier-answer.ts";
import { caseOf, caseTextOf, classOfTrial, programOf, tryProgram } from "./differential.ts";
import { shrink } from "./shrink.ts";

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
