import { existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { kernelRelease } from "../../src/platform/index.ts";
import { recordedCases, recordingOf } from "./support/case-folder.ts";
import { classesOf } from "./support/classes.ts";
import { type CaseResult, compareCase } from "./support/compare.ts";
import { compareVerdicts, differenceLines, verdictsText } from "./support/compare-verdicts.ts";
import { differenceText } from "./support/difference-text.ts";
import { groundtruthCases } from "./support/groundtruth.ts";
import { KernelVerifier } from "./support/kernel-verifier.ts";
import { classText, totalsText } from "./support/report.ts";
import { readVerdicts } from "./support/verdicts.ts";
import type { RecordedCase, VerifierRecord } from "./support/verifier-case.ts";
import { openVerifier, VERIFIERS } from "./support/verifiers.ts";

const USAGE = `usage: node scripts/run.mjs verifier-cases [--by ${VERIFIERS.join("|")}] [--from cases|groundtruth]
         [--engine interp|jit] [--group NAME] [--only NAME]… [--class TEXT] [--diff NAME] [--list] [--times]
       node scripts/run.mjs verifier-cases --release 6.1 [--group NAME] [--only NAME]… [--list] [--differences]
Compares a verifier's answers with those recorded from Linux 6.18: testdata/verifier and ../shared/groundtruth.
  --engine NAME  what runs programs in the embedded kernel: interp unless told
  --only NAME    cases whose name contains this
  --class TEXT   lists the cases of the classes whose title contains this
  --diff NAME    program and both logs of the first case whose name contains this, side by side (ours left)
  --list         each case that differs, with its first difference
  --times        the slowest cases
  --differences  of another release: verdicts and error numbers that differ, a line for each
  --release 6.1  the embedded kernel as Linux 6.1, compared with that kernel's verdicts and last words
Exit code: 0 all as recorded, 1 differences, 2 wrong arguments.
`;

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  const options = optionsOf(argv);
  if (typeof options === "string") {
    process.stderr.write(options === "" ? USAGE : `verifier-cases: ${options}\n${USAGE}`);
    return options === "" ? 0 : 2;
  }
  if (options.release !== undefined) {
    const release = kernelRelease(options.release);
    const path = recordingOf("verdicts", options.release);
    if (release === null || !existsSync(path)) {
      process.stderr.write(`verifier-cases: there are no verdicts of Linux ${options.release}\n`);
      return 2;
    }
    const cases = casesOf(options.from)
      .map(({ test }) => test)
      .filter(
        ({ name, group }) =>
          (options.only?.some((part) => name.includes(part)) ?? true) &&
          (options.group === undefined || group === options.group),
      );
    const kernel = KernelVerifier.embedded(release);
    const results = await compareVerdicts(kernel, cases, readVerdicts(readFileSync(path, "utf8")));
    process.stdout.write(
      options.differences === true ? differenceLines(results) : verdictsText(results, options.list === true),
    );
    return results.every(({ difference }) => difference === null) ? 0 : 1;
  }
  const opened = await openVerifier(
    options.by ?? VERIFIERS[0]!,
    options.engine === undefined ? {} : { engine: options.engine, jit: { after: 0 } },
  );
  if (typeof opened === "string") {
    process.stderr.write(`verifier-cases: ${opened}\n`);
    return 2;
  }
  const { verifier, types } = opened;
  const wanted = options.diff === undefined ? (options.only ?? []) : [options.diff];
  const all = casesOf(options.from).filter(
    ({ test }) =>
      (wanted.length === 0 || wanted.some((part) => test.name.includes(part))) &&
      (options.group === undefined || test.group === options.group),
  );
  const cases = all.filter(
    (each): each is RecordedCase & { record: VerifierRecord } =>
      each.record !== null && (verifier.takes?.(each.test) ?? true),
  );
  const results: CaseResult[] = [];
  for (const each of options.diff === undefined ? cases : cases.slice(0, 1)) {
    results.push(await compareCase(verifier, each, types));
    if (process.stderr.isTTY)
      process.stderr.write(`\r\u001b[K${results.length}/${cases.length} ${each.test.name}`);
  }
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  verifier.close();
  if (options.diff !== undefined) {
    for (const result of results)
      process.stdout.write(differenceText(result, types, process.stdout.columns ?? 200));
  } else {
    process.stdout.write(totalsText(results, all.length - cases.length));
    const classes = classesOf(results);
    const chosen =
      options.class === undefined ? classes : classes.filter(({ title }) => title.includes(options.class!));
    process.stdout.write(
      classText(chosen, options.class === undefined && options.list !== true ? 3 : Infinity),
    );
    if (options.list === true) {
      for (const result of results) {
        const [first] = result.differences;
        if (first === undefined) continue;
        const { name } = result.recorded.test;
        process.stdout.write(`${name}\n  ${first.check}\n  Linux: ${first.theirs}\n  here:  ${first.ours}\n`);
      }
    }
    if (options.times === true) {
      const slow = results.toSorted((a, b) => b.milliseconds - a.milliseconds).slice(0, 20);
      for (const { recorded, milliseconds } of slow) {
        process.stdout.write(`${milliseconds.toFixed(0).padStart(7)} ms  ${recorded.test.name}\n`);
      }
    }
  }
  return results.every(({ differences }) => differences.length === 0) ? 0 : 1;
}

function casesOf(from: string | undefined): RecordedCase[] {
  const own = from === "groundtruth" ? [] : recordedCases();
  if (from === "cases") return own;
  const recorded = groundtruthCases();
  if (typeof recorded !== "string") return [...own, ...recorded];
  process.stderr.write(`verifier-cases: skipped the groundtruth: ${recorded}\n`);
  return own;
}

function optionsOf(argv: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        by: { type: "string" },
        engine: { type: "string" },
        release: { type: "string" },
        differences: { type: "boolean" },
        from: { type: "string" },
        group: { type: "string" },
        only: { type: "string", multiple: true },
        class: { type: "string" },
        diff: { type: "string" },
        list: { type: "boolean" },
        times: { type: "boolean" },
        help: { type: "boolean" },
      },
    });
    if (values.help === true) return "";
    if (values.by !== undefined && !VERIFIERS.includes(values.by))
      return `there is no verifier '${values.by}'`;
    const engine = (["interp", "jit"] as const).find((name) => name === values.engine);
    if (values.engine !== undefined && engine === undefined) return `there is no engine '${values.engine}'`;
    return { ...values, engine };
  } catch (error) {
    return (error as Error).message;
  }
}
