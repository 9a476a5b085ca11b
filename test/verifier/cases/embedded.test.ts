import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { bundled } from "../../../scripts/run.mjs";
import { caseGroups } from "../support/case-folder.ts";
import type { Check } from "../support/compare.ts";
import { groundtruthCases } from "../support/groundtruth.ts";
import type { Answers } from "./answers.ts";

const KNOWN = "testdata/verifier/differences.txt";
/** Some 2,400 programs, some of half a million steps, on a machine that does other things, too. */
const PATIENCE = 900_000;

/** Differences that are known, as `check: case`; what follows a tab says why. */
const known = new Set(
  existsSync(KNOWN)
    ? readFileSync(KNOWN, "utf8")
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("#"))
        .map((line) => line.split("\t")[0]!)
    : [],
);

const answers = new Map<string, Answers>();

beforeAll(async () => {
  const program = await bundled("test/verifier/cases/answers.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [program], {
    timeout: PATIENCE,
    maxBuffer: 1 << 26,
  });
  for (const line of stdout.trimEnd().split("\n")) {
    const group: Answers = JSON.parse(line);
    answers.set(group.group, group);
  }
}, PATIENCE);

describe("the embedded kernel answers as Linux 6.18 did", () => {
  it.each(caseGroups())("to the cases of %s", (group) => {
    const found = answers.get(group)!.differences.map(({ check, name }) => `${check}: ${name}`);
    const expected = [...known].filter((line) => line.includes(`: ${group}: `));
    expect(found.sort()).toEqual(expected.sort());
  });

  it.skipIf(typeof groundtruthCases() === "string")("to the groundtruth", () => {
    const { differences, checked } = answers.get("groundtruth")!;
    const share = (check: Check): number => {
      const all = checked[check]!;
      return (all - differences.filter((difference) => difference.check === check).length) / all;
    };
    expect(differences.filter(({ check }) => check === "verdict" || check === "crash")).toEqual([]);
    expect(share("error line")).toBeGreaterThanOrEqual(0.98);
    expect(share("processed")).toBeGreaterThanOrEqual(0.97);
    expect(share("xlated")).toBeGreaterThanOrEqual(0.9);
    expect(share("level 2")).toBeGreaterThanOrEqual(0.8);
    const runs = differences.filter(({ check }) => check === "runs").map(({ name }) => `runs: ${name}`);
    expect(runs).toEqual([...known].filter((line) => line.startsWith("runs: groundtruth/")));
  });
});
