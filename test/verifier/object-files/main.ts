import { readFileSync } from "node:fs";
import { release as runningRelease } from "node:os";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { messageOf } from "../../../src/base/index.ts";
import { Btf } from "../../../src/btf/index.ts";
import { open, type ProgramSpec } from "../../../src/object/index.ts";
import { kernelRelease } from "../../../src/platform/index.ts";
import { BpfCommands } from "../../../src/sys/index.ts";
import { errnoName } from "../../../src/uapi/index.ts";
import { livePort } from "../../support/live-port.ts";
import { sideBySide } from "../support/side-by-side.ts";
import { LogLevel } from "../support/verifier-answer.ts";
import { embeddedWithSymbolsOfThis } from "./embedded-judge.ts";
import {
  depthDifferenceOf,
  differenceOf,
  type ProgramVerdict,
  verdictOf,
  whyLeftOut,
  whyNotHere,
} from "./object-verdicts.ts";

const USAGE = `usage: node scripts/run.mjs verifier-objects [--all] [--alone] [--deep] [--logs PROGRAM] FILE…
Loads every program of these objects on the embedded kernel and on the running one (as root), and compares verdict,
error line and processed count. Nothing is attached or pinned; programs of more than 4,096 instructions are left out.
The embedded kernel is of the running one's release, where it knows that.
  --all           programs on which both agree, too
  --long          programs of any length: on a kernel that may be lost
  --kconfig FILE  the running kernel's configuration, where it does not show it itself
  --alone         the embedded kernel alone, for any length
  --deep          logs at level 2 and programs after fixups, too (of up to 20,000 processed instructions)
  --logs PROGRAM  both logs at level 2 of this program, side by side (ours left)
Exit code: 0 no differences, 1 some, 2 cannot.
`;

/** Logs of more processed instructions are too long to be worth it. */
const DEEPEST = 20_000;

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  const parsed = optionsOf(argv);
  if (typeof parsed === "string") {
    process.stderr.write(parsed === "" ? USAGE : `verifier-objects: ${parsed}\n${USAGE}`);
    return parsed === "" ? 0 : 2;
  }
  const { files, options } = parsed;
  const live = await livePort();
  if (live.port === null && options.alone !== true) {
    process.stderr.write(`verifier-objects: ${live.why}\n`);
    return 2;
  }
  const theirs = live.port === null || options.alone === true ? null : new BpfCommands(live.port);
  const kernelBtf = Btf.parse(new Uint8Array(readFileSync("/sys/kernel/btf/vmlinux")));
  const kconfig =
    options.kconfig === undefined
      ? gunzipSync(readFileSync("/proc/config.gz")).toString("utf8")
      : readFileSync(options.kconfig, "utf8");
  const release = kernelRelease(/^\d+\.\d+/.exec(runningRelease())?.[0] ?? "") ?? "6.18";
  const ours = embeddedWithSymbolsOfThis(kernelBtf, release);
  const logLevel = options.logs === undefined ? LogLevel.stats : LogLevel.two | LogLevel.stats;
  const load = { kernelBtf, kconfig, logLevel };
  const totals = { programs: 0, accepted: 0, refused: 0, leftOut: 0, differ: 0, processed: 0, ms: 0 };
  const leftOut = new Map<string, string[]>();
  const leaveOut = (name: string, { sectionName }: ProgramSpec, why: string) => {
    totals.leftOut++;
    leftOut.set(why, [...(leftOut.get(why) ?? []), `${name} (${sectionName})`]);
  };
  for (const file of files) {
    let spec: ReturnType<typeof open>;
    try {
      spec = open(new Uint8Array(readFileSync(file)), { name: file });
    } catch (error) {
      process.stdout.write(`${file}: ${messageOf(error).split("\n")[0]}\n`);
      continue;
    }
    for (const program of spec.programs.values()) {
      if (options.logs !== undefined && program.name !== options.logs) continue;
      const name = `${file}: ${program.name}`;
      const why = whyLeftOut(program, options.long === true);
      if (why !== null && theirs !== null) {
        leaveOut(name, program, why);
        continue;
      }
      const kernel = theirs === null ? null : verdictOf(spec, program, theirs, load);
      const notHere = kernel === null ? null : whyNotHere(program, kernel, theirs!);
      if (notHere !== null) {
        leaveOut(name, program, notHere);
        continue;
      }
      const mine = verdictOf(spec, program, ours, load);
      let difference = kernel === null ? null : differenceOf(mine, kernel);
      if (
        options.deep === true &&
        difference === null &&
        kernel !== null &&
        (kernel.processed ?? 0) <= DEEPEST
      ) {
        const deep = { ...load, logLevel: LogLevel.two | LogLevel.stats, xlated: true };
        const [here, there] = [ours, theirs!].map((sys) => verdictOf(spec, program, sys, deep));
        difference = depthDifferenceOf(here!, there!);
      }
      totals.programs++;
      totals.processed += mine.processed ?? 0;
      totals.ms += mine.milliseconds;
      if ((kernel ?? mine).errno === 0) totals.accepted++;
      else totals.refused++;
      if (difference !== null) totals.differ++;
      if (difference !== null || options.all === true || kernel === null) {
        process.stdout.write(`${name} (${program.sectionName}, ${program.insns.length} instructions)\n`);
        if (difference !== null) process.stdout.write(`  ${difference} differs\n`);
        if (difference !== null) process.stdout.write(`  Linux: ${textOf(kernel!)}\n`);
        process.stdout.write(`  here:  ${textOf(mine)}\n`);
      }
      if (options.logs !== undefined) {
        const width = process.stdout.columns ?? 200;
        process.stdout.write(`${sideBySide(mine.log, kernel?.log ?? "", width)}\n`);
      }
    }
  }
  for (const [why, programs] of leftOut) {
    process.stdout.write(`left out: ${why}: ${programs.length}\n`);
    if (options.all === true) process.stdout.write(programs.map((name) => `  ${name}\n`).join(""));
  }
  process.stdout.write(
    `${totals.programs} programs: ${totals.accepted} accepted, ${totals.refused} refused, ` +
      `${totals.leftOut} left out, ${totals.differ} differ; ` +
      `${totals.processed} processed in ${(totals.ms / 1000).toFixed(1)} s with all of loading\n`,
  );
  return totals.differ > 0 ? 1 : 0;
}

function textOf({ errno, message, processed, milliseconds }: ProgramVerdict): string {
  const verdict = errno === 0 ? "accepted" : errno === null ? "not loaded" : errnoName(errno);
  const count = processed === null ? "" : `, ${processed} processed`;
  return `${verdict}${count}, ${milliseconds.toFixed(0)} ms${message === "" ? "" : `: ${message}`}`;
}

function optionsOf(argv: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        all: { type: "boolean" },
        alone: { type: "boolean" },
        deep: { type: "boolean" },
        long: { type: "boolean" },
        kconfig: { type: "string" },
        logs: { type: "string" },
        help: { type: "boolean" },
      },
    });
    if (values.help === true) return "";
    if (positionals.length === 0) return "expected object files";
    return { options: values, files: positionals };
  } catch (error) {
    return messageOf(error);
  }
}
