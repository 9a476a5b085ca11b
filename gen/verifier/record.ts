import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { messageOf } from "../../src/base/index.ts";
import { Errno, errnoName } from "../../src/uapi/index.ts";
import { liveKernel } from "../../test/support/referee.ts";
import { caseGroups, RELEASE, readGroup, recordingOf } from "../../test/verifier/support/case-folder.ts";
import { errorLine, processedOf } from "../../test/verifier/support/compare.ts";
import { KernelVerifier } from "../../test/verifier/support/kernel-verifier.ts";
import { maskLog, maskXlated } from "../../test/verifier/support/mask.ts";
import { outcomeText, readRecording, writeRecording } from "../../test/verifier/support/recording.ts";
import { whileUnprivilegedMayLoad } from "../../test/verifier/support/unprivileged-loads.ts";
import { LogLevel, type VerifierAnswer } from "../../test/verifier/support/verifier-answer.ts";
import type { VerifierCase, VerifierRecord } from "../../test/verifier/support/verifier-case.ts";

/** Longer logs are not kept: a loop's level-2 log has a line for each instruction that it runs through. */
const LONGEST_LOG = 96 * 1024;

/** Programs that process more instructions are asked about without a log of each. */
const LONGEST_LOGGED = 5000;

const FLAGS: readonly string[] = ["--check", "--show", "--unprivileged"];

const USAGE = `usage: npm run record:verifier [-- [--check] [--show] [--unprivileged] [GROUP]…]
Asks the running kernel (Linux ${RELEASE}, as root) about the cases in testdata/verifier/cases and writes what it says
to testdata/verifier/recorded. --check writes nothing and fails where it says something else; --show prints a line
for each case. Cases whose loader has no CAP_BPF keep what is recorded, unless --unprivileged lets anyone load programs for
the time that the recording takes (kernel.unprivileged_bpf_disabled is 0, and then what it was).
`;

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  const flags = argv.filter((arg) => arg.startsWith("-"));
  const unknown = flags.find((flag) => !FLAGS.includes(flag));
  if (unknown !== undefined) {
    process.stderr.write(
      unknown === "--help" ? USAGE : `record:verifier: unknown option '${unknown}'\n${USAGE}`,
    );
    return unknown === "--help" ? 0 : 2;
  }
  const kernel = liveKernel(RELEASE);
  const live = kernel.present ? await KernelVerifier.live() : kernel.why;
  if (typeof live === "string") {
    process.stderr.write(`record:verifier: ${live}\n`);
    return 2;
  }
  const names = argv.filter((arg) => !arg.startsWith("-"));
  const missing = names.find((name) => !caseGroups().includes(name));
  if (missing !== undefined) {
    process.stderr.write(`record:verifier: there is no group '${missing}'\n`);
    return 2;
  }
  const groups = names.length > 0 ? names : caseGroups();
  const record = async () => recordGroups(live, groups, flags);
  const differing = flags.includes("--unprivileged")
    ? await whileUnprivilegedMayLoad(record)
    : await record();
  if (typeof differing === "string") {
    process.stderr.write(`record:verifier: ${differing}\n`);
    return 2;
  }
  return flags.includes("--check") && differing > 0 ? 1 : 0;
}

/** @returns how many groups have other answers than before. */
function recordGroups(live: KernelVerifier, groups: readonly string[], flags: readonly string[]): number {
  let differing = 0;
  for (const group of groups) {
    const cases = readGroup(group);
    const path = recordingOf(group);
    const old = existsSync(path) ? readFileSync(path, "utf8") : "";
    const known = readRecording(old, path);
    const records = new Map<string, VerifierRecord>();
    for (const test of cases) {
      const name = test.name.slice(group.length + 2);
      if (!live.takes(test)) {
        const kept = known.get(name);
        if (kept !== undefined) records.set(name, kept);
        process.stdout.write(
          `${test.name}: this kernel is not asked: ${kept ? "kept" : "nothing recorded"}\n`,
        );
        continue;
      }
      const record = recordCase(live, test);
      if (record.errno === Errno.EPERM && record.level1 === "" && test.rights === "all") {
        process.stdout.write(`${test.name}: this machine does not permit such programs: nothing recorded\n`);
        continue;
      }
      records.set(name, record);
      if (flags.includes("--show")) process.stdout.write(lineOf(test, record));
    }
    const text = writeRecording(RELEASE, records);
    const accepted = [...records.values()].filter(({ errno }) => errno === 0).length;
    const state = text === old ? "as before" : flags.includes("--check") ? "DIFFERS" : "written";
    process.stdout.write(
      `${group}: ${records.size} cases, ${accepted} accepted, ${records.size - accepted} rejected: ${state}\n`,
    );
    if (text === old) continue;
    differing++;
    if (flags.includes("--check")) continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return differing;
}

function recordCase(live: KernelVerifier, test: VerifierCase): VerifierRecord {
  try {
    const ask = (logLevel: number) => live.verify(test, { logLevel, xlated: true, runs: true });
    const kept = (answer: VerifierAnswer) =>
      answer.errno === Errno.ENOSPC || answer.log.length > LONGEST_LOG
        ? null
        : maskLog(answer.log, test, live.types);
    // With a log that does not fit, the kernel's verdict is not to be had; and writing one takes it minutes.
    const first = ask(LogLevel.stats);
    const second = first.runs.length > 0 ? ask(LogLevel.stats) : first;
    const processed = Number(processedOf(first.log) ?? 0);
    const level1 = processed > LONGEST_LOGGED ? null : kept(ask(LogLevel.one | LogLevel.stats));
    const level2 = processed > LONGEST_LOGGED ? null : kept(ask(LogLevel.two | LogLevel.stats));
    return {
      errno: first.errno,
      stats: level1 === null ? kept(first) : null,
      level1,
      level2,
      xlated: first.xlated === null ? null : maskXlated(first.xlated, test),
      // What comes out differently the second time is an address or a time.
      runs: first.runs.map(({ errno, retval }, index) => ({
        errno,
        retval: retval === second.runs[index]?.retval ? retval : null,
      })),
    };
  } catch (error) {
    throw new Error(`${test.name}: ${messageOf(error)}\n${(error as { log?: string }).log ?? ""}`, {
      cause: error,
    });
  }
}

function lineOf(test: VerifierCase, { errno, stats, level1, runs }: VerifierRecord): string {
  const log = level1 ?? stats ?? "";
  const processed = processedOf(log) ?? "-";
  const said = errno === 0 ? "accepted" : `${errnoName(errno)}: ${errorLine(log)}`;
  const results = runs.map(outcomeText);
  const ran = results.length === 0 ? "" : ` → ${results.join(" ")}`;
  return `${test.name}  [${processed}]  ${said}${ran}\n`;
}
