import type { ResultClass } from "./classes.ts";
import { type CaseResult, CHECKS } from "./compare.ts";

/** How many cases have each thing as recorded. */
export function totalsText(results: readonly CaseResult[], unrecorded: number): string {
  const rows = CHECKS.map((check) => {
    const checked = results.filter((result) => result.checked.has(check));
    const same = checked.filter(
      ({ differences }) => !differences.some((each) => each.check === check || each.check === "crash"),
    );
    const share = checked.length === 0 ? "" : `${((same.length / checked.length) * 100).toFixed(1)} %`;
    return `${check.padEnd(12)} ${String(same.length).padStart(6)} of ${String(checked.length).padStart(6)}  ${share.padStart(8)}\n`;
  });
  const whole = results.filter(({ differences }) => differences.length === 0).length;
  const skipped = unrecorded === 0 ? "" : `, ${unrecorded} more without a recorded answer`;
  return `${results.length} cases${skipped}; ${whole} the same in everything\n${rows.join("")}`;
}

/** The classes with how many cases each has, and the names of some of them. */
export function classText(classes: readonly ResultClass[], names: number): string {
  return classes
    .map(({ title, results }) => {
      const shown = results.slice(0, names).map(({ recorded }) => `        ${recorded.test.name}\n`);
      const more = results.length > names ? `        … ${results.length - names} more\n` : "";
      return `${String(results.length).padStart(6)}  ${title}\n${shown.join("")}${more}`;
    })
    .join("");
}
