import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { explainLog, UNKNOWN_CODE } from "../../../src/verifier/explain/explain-log.ts";
import { recordedCases } from "../support/case-folder.ts";
import { groundtruthCases } from "../support/groundtruth.ts";
import type { RecordedCase, VerifierRecord } from "../support/verifier-case.ts";

const MARKS = "testdata/verifier/explain/marks.txt";
const truth = groundtruthCases();
const absent = typeof truth === "string";

interface Mark {
  readonly id: number;
  /** null: no instruction is to blame. */
  readonly instruction: number | null;
}

function marks(): Mark[] {
  const lines = readFileSync(MARKS, "utf8").split("\n");
  return lines.flatMap((line) => {
    const match = /^(\d+) (\d+|-) \S/.exec(line);
    if (match === null) return [];
    return [{ id: Number(match[1]), instruction: match[2] === "-" ? null : Number(match[2]) }];
  });
}

function explanationOf({ level2, level1, stats }: VerifierRecord) {
  return explainLog(level2 ?? level1 ?? stats ?? "", { refused: true });
}

function rejected(cases: readonly RecordedCase[]): VerifierRecord[] {
  return cases.flatMap(({ record }) => (record === null || record.errno === 0 ? [] : [record]));
}

describe("the marks", () => {
  it("are at least 80, each of another case", () => {
    const all = marks();
    expect(all.filter(({ instruction }) => instruction !== null).length).toBeGreaterThanOrEqual(80);
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  });
});

describe.skipIf(absent)("explanations of the groundtruth", () => {
  const byId = new Map(
    (absent ? [] : truth).map((each) => [Number(/^groundtruth\/(\d+):/.exec(each.test.name)![1]), each]),
  );

  it("name the very instruction where the fact was lost", () => {
    const missed: string[] = [];
    let asked = 0;
    for (const { id, instruction } of marks()) {
      const explanation = explanationOf(byId.get(id)!.record!);
      const cause = explanation?.cause ?? null;
      const named = cause === null ? null : explanation!.why[cause]!.instruction;
      if (instruction === null) {
        expect(explanation!.instruction, `${id}`).toBeNull();
        continue;
      }
      asked++;
      if (named !== instruction)
        missed.push(`${id}: ${explanation?.code} names ${named}, not ${instruction}`);
    }
    expect(missed.length / asked, missed.join("\n")).toBeLessThanOrEqual(0.05);
  });

  it("are known kinds but for 5 % at most", () => {
    const codes = rejected(absent ? [] : truth).map((record) => explanationOf(record)?.code ?? UNKNOWN_CODE);
    expect(codes.filter((code) => code === UNKNOWN_CODE).length / codes.length).toBeLessThanOrEqual(0.05);
  });
});

describe("explanations of the recorded cases", () => {
  // Where the kernel refuses without a word (rights), there is nothing to explain.
  const records = rejected(recordedCases()).filter(
    ({ level1, level2, stats }) => (level2 ?? level1 ?? stats ?? "") !== "",
  );

  it("are known kinds but for 5 % at most", () => {
    const unknown = records
      .map(explanationOf)
      .flatMap((each) => (each === null || each.code === UNKNOWN_CODE ? [each?.message ?? "nothing"] : []));
    expect(unknown.length / records.length, unknown.join("\n")).toBeLessThanOrEqual(0.05);
  });

  it("have a sentence for each step, and one cause", () => {
    for (const record of records) {
      const explanation = explanationOf(record);
      if (explanation === null) continue;
      expect(explanation.headline).not.toMatch(/undefined|\[object|\.$/);
      for (const step of explanation.why) {
        expect(step.text, explanation.message).not.toMatch(/undefined|null\b|\.$/);
        expect(step.text).not.toBe("");
      }
      expect(explanation.why.filter(({ role }) => role === "lost").length).toBeLessThanOrEqual(1);
      if (explanation.why.length > 0) expect(explanation.why[explanation.cause!]).toBeDefined();
      expect(explanation.why.filter(({ role }) => role === "used").length).toBe(
        explanation.why.length > 0 ? 1 : 0,
      );
    }
  });
});
