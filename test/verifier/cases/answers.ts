import { caseGroups, recordedCases } from "../support/case-folder.ts";
import { type Check, compareCase, runsDiffer } from "../support/compare.ts";
import { groundtruthCases } from "../support/groundtruth.ts";
import { KernelVerifier } from "../support/kernel-verifier.ts";
import type { RecordedCase } from "../support/verifier-case.ts";

/** How the embedded kernel's answers to a group of cases differ from those that were recorded. */
export interface Answers {
  readonly group: string;
  readonly differences: readonly { readonly check: Check | "crash"; readonly name: string }[];
  /** How often each check was made. */
  readonly checked: Readonly<Partial<Record<Check, number>>>;
}

const verifier = KernelVerifier.embedded();

/** What programs return does not depend on what runs them. */
const tiers = {
  baseline: KernelVerifier.embedded("6.18", { engine: "jit", jit: { optimise: false } }),
  optimised: KernelVerifier.embedded("6.18", { engine: "jit", jit: { after: 0 } }),
};

async function answersTo(group: string, cases: readonly RecordedCase[]): Promise<Answers> {
  const differences: { readonly check: Check | "crash"; readonly name: string }[] = [];
  const checked: Partial<Record<Check, number>> = {};
  for (const { test, record } of cases) {
    if (record === null) continue;
    const result = await compareCase(verifier, { test, record }, verifier.types);
    for (const check of result.checked) checked[check] = (checked[check] ?? 0) + 1;
    for (const { check } of result.differences) differences.push({ check, name: test.name });
    for (const [tier, jit] of Object.entries(tiers)) {
      if (await runsDiffer(jit, { test, record }))
        differences.push({ check: "runs", name: `${test.name} (${tier})` });
    }
  }
  return { group, differences, checked };
}

// A program of its own, as a test would run it several times slower: one line of JSON for each group.
const own = recordedCases();
const groundtruth = groundtruthCases();
const groups = new Map(caseGroups().map((group) => [group, own.filter(({ test }) => test.group === group)]));
if (typeof groundtruth !== "string") groups.set("groundtruth", groundtruth);
for (const [group, cases] of groups)
  process.stdout.write(`${JSON.stringify(await answersTo(group, cases))}\n`);
