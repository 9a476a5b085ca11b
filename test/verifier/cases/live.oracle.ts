import { afterAll, expect, it } from "vitest";
import { describeWith, liveKernel } from "../../support/referee.ts";
import { caseGroups, recordedCases } from "../support/case-folder.ts";
import { compareCase } from "../support/compare.ts";
import { groundtruthCases } from "../support/groundtruth.ts";
import { KernelVerifier } from "../support/kernel-verifier.ts";
import type { RecordedCase } from "../support/verifier-case.ts";

describeWith([liveKernel("6.18")], "the recorded answers are those of the running kernel", async () => {
  const live = await KernelVerifier.live();
  if (typeof live === "string") {
    it.skip(`skipped: ${live}`, () => {});
    return;
  }
  afterAll(() => live.close());
  const differing = async (cases: readonly RecordedCase[]) => {
    const found: string[] = [];
    for (const { test, record } of cases) {
      if (record === null || !live.takes(test)) continue;
      const { differences } = await compareCase(live, { test, record }, live.types);
      for (const { check, ours, theirs } of differences) {
        found.push(`${test.name}: ${check}\n  recorded: ${theirs}\n  now:      ${ours}`);
      }
    }
    return found;
  };

  it.each(caseGroups())("to the cases of %s", async (group) => {
    expect(await differing(recordedCases().filter(({ test }) => test.group === group))).toEqual([]);
  });

  const cases = groundtruthCases();
  it.skipIf(typeof cases === "string")("to the groundtruth", async () => {
    expect(await differing(cases as readonly RecordedCase[])).toEqual([]);
  });
});
