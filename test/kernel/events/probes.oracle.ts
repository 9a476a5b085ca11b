import { expect, it } from "vitest";
import { describeWith } from "../../support/referee.ts";
import { functionProbes, secondKernel } from "../../support/second-kernel.ts";
import { type Comparison, compareProbes } from "./probes/compare.ts";

const SECONDS = 480;
const here = functionProbes();
const second = secondKernel();
const needs = [here.present ? here : { ...second, why: `${here.why}, and ${second.why}` }];

describeWith(needs, "programs at functions, as on Linux", () => {
  it(
    "kprobes, kretprobes, fentry, fexit, fmod_ret, LSM",
    async () => {
      const { release, calls, differences } = here.present
        ? await compareProbes()
        : (JSON.parse(await second.run("test/kernel/events/probes/main.ts", SECONDS)) as Comparison);
      console.log(`Linux ${release}: ${Object.entries(calls).map((entry) => entry.join(" "))}`);
      expect(Object.entries(differences).filter(([, found]) => found.length > 0)).toEqual([]);
      for (const count of Object.values(calls)) expect(count).toBeGreaterThan(0);
    },
    (SECONDS + 120) * 1000,
  );
});
