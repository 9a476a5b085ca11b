import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { caseGroups, recordedCases } from "../support/case-folder.ts";
import { type Check, compareCase } from "../support/compare.ts";
import { groundtruthCases } from "../support/groundtruth.ts";
import { KernelVerifier } from "../support/kernel-verifier.ts";
import type { RecordedCase } from "../support/verifier-case.ts";

const KNOWN = "testdata/verifier/differences.txt";
/** A group of a hundred programs, some of half a million steps, on a machine that does other things, too. */
const PATIENCE = 600_000;

const verifier = KernelVerifier.embedded();

/** Differences that are known, as `check: case`; what follows a tab says why. */
const known = new Set(
  existsSync(KNOWN)
    ? readFileSync(KNOWN, "utf8")
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("#"))
        .map((line) => line.split("\t")[0]!)
    : [],
);

/** Every difference from the recorded answers. */
async function differences(cases: readonly RecordedCase[]) {
  const found: { readonly line: string; readonly check: Check | "crash" }[] = [];
  const checked = new Map<Check, number>();
  for (const { test, record } of cases) {
    if (record === null) continue;
    const result = await compareCase(verifier, { test, record }, verifier.types);
    for (const check of result.checked) checked.set(check, (checked.get(check) ?? 0) + 1);
    for (const { check } of result.differences) {
      found.push({ line: `${check}: ${test.name}`, check });
    }
  }
  return { found, checked };
}

describe("the embedded kernel answers as Linux 6.18 did", () => {
  it.each(caseGroups())(
    "to the cases of %s",
    async (group) => {
      const cases = recordedCases().filter(({ test }) => test.group === group);
      const { found } = await differences(cases);
      const expected = [...known].filter((line) => line.includes(`: ${group}: `));
      expect(found.map(({ line }) => line).sort()).toEqual(expected.sort());
    },
    PATIENCE,
  );

  const cases = groundtruthCases();
  it.skipIf(typeof cases === "string")(
    "to the groundtruth",
    async () => {
      const { found, checked } = await differences(cases as readonly RecordedCase[]);
      const share = (check: Check): number => {
        const all = checked.get(check) ?? 0;
        return (all - found.filter((difference) => difference.check === check).length) / all;
      };
      expect(found.filter(({ check }) => check === "verdict" || check === "crash")).toEqual([]);
      expect(share("error line")).toBeGreaterThanOrEqual(0.98);
      expect(share("processed")).toBeGreaterThanOrEqual(0.97);
      expect(share("xlated")).toBeGreaterThanOrEqual(0.9);
      expect(share("level 2")).toBeGreaterThanOrEqual(0.8);
      const runs = found.filter(({ check }) => check === "runs").map(({ line }) => line);
      expect(runs).toEqual([...known].filter((line) => line.startsWith("runs: groundtruth/")));
    },
    PATIENCE,
  );
});
