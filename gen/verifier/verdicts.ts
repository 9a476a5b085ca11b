import { release } from "node:os";
import { messageOf } from "../../src/base/index.ts";
import { askVerdict } from "../../test/verifier/support/ask-verdict.ts";
import { recordedCases } from "../../test/verifier/support/case-folder.ts";
import { groundtruthCases } from "../../test/verifier/support/groundtruth.ts";
import { KernelVerifier } from "../../test/verifier/support/kernel-verifier.ts";
import { type CaseVerdict, writeVerdicts } from "../../test/verifier/support/verdicts.ts";

/**
 * Puts all cases to the running kernel, whatever release it is (as root), and prints what it says in short: for
 * `testdata/verifier/recorded/linux-RELEASE/verdicts.txt`. Another kernel than the one that the other recordings are of is
 * also asked about programs of more than 4,096 instructions: run it where it may be lost.
 */
process.exitCode = await main();

async function main(): Promise<number> {
  const live = await KernelVerifier.live({ long: !release().startsWith("6.18.") });
  if (typeof live === "string") {
    process.stderr.write(`record-verdicts: ${live}\n`);
    return 2;
  }
  const groundtruth = groundtruthCases();
  const cases = [...recordedCases(), ...(typeof groundtruth === "string" ? [] : groundtruth)];
  const verdicts = new Map<string, CaseVerdict>();
  for (const { test } of cases) {
    if (!live.takes(test)) continue;
    try {
      verdicts.set(test.name, await askVerdict(live, test));
    } catch (error) {
      throw new Error(`${test.name}: ${messageOf(error)}`, { cause: error });
    }
  }
  process.stdout.write(writeVerdicts(/^\d+\.\d+/.exec(release())![0], verdicts));
  return 0;
}
