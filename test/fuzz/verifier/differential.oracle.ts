import { expect, it } from "vitest";
import { describeWith, liveKernel } from "../../support/referee.ts";
import { KernelVerifier } from "../../verifier/support/kernel-verifier.ts";
import { classOfTrial, forgiving, LONGEST, tryProgram } from "./differential.ts";
import { generatedSubjects, mutatedSubjects, type SubjectSource, splicedSubjects } from "./subject.ts";

const LONGEST_PROGRAM = 4000;
const SEED = 1;
const TIMEOUT = 120_000;

/** A short run of what `npm run fuzz -- verifier` does for as long as it is left to. */
describeWith([liveKernel("6.18")], "random programs, judged as Linux judges them", async () => {
  const live = await KernelVerifier.live();
  if (typeof live === "string") throw new Error(live);
  const ours = forgiving(KernelVerifier.embedded("6.18", { complexityLimit: LONGEST }));
  const kernel = forgiving(live);

  const differing = async (source: SubjectSource, count: number): Promise<string[]> => {
    const found: string[] = [];
    for (let index = 0; index < count; index++) {
      const { test } = source.at(index);
      const what = { level2: index % 8 === 0, xlated: index % 4 === 0, index };
      const title = classOfTrial(await tryProgram(test, kernel, ours, live.types, what));
      if (title !== null) found.push(`${index}: ${title}`);
    }
    return found;
  };

  it("made up", { timeout: TIMEOUT }, async () => {
    expect(await differing(generatedSubjects(SEED), 400)).toEqual([]);
  });

  it("cases put together", { timeout: TIMEOUT }, async () => {
    expect(await differing(splicedSubjects(SEED), 400)).toEqual([]);
  });

  it("cases with small changes", { timeout: TIMEOUT }, async () => {
    expect(await differing(mutatedSubjects(SEED, LONGEST_PROGRAM), 2000)).toEqual([]);
  });
});
