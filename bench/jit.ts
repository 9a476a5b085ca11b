// What a run of a program takes: with the running kernel's JIT, as the machine's own code, and in the embedded kernel
// with each of its engines.
//
//   npm run bench -- jit [--only NAME]… [--engines live,native,interp,jit] [--rounds N] [--json FILE]
//   npm run bench -- jit --compile [--rounds N] [--json FILE]
//
// Kernels are asked by BPF_PROG_TEST_RUN with many repeats, so that what a kernel does between two runs counts: the
// program `tiny` shows it. Ratios are raw: nothing is taken off for it. Linux beside that pays for what the embedded
// kernel has no need of, as guards against processors that guess, and the safe replacement of elements for readers on
// other CPUs.

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { BpfCommands } from "../src/sys/index.ts";
import { livePort } from "../test/support/live-port.ts";
import { disagreement } from "./jit/agreement.ts";
import { compileText, compileTimes, emptyModuleTime } from "./jit/compile-time.ts";
import { type Absence, type Contender, ENGINE_NAMES, type EngineName } from "./jit/contender.ts";
import { embedded, live } from "./jit/in-kernel.ts";
import { NativeCode } from "./jit/native.ts";
import { type BenchProgram, PROGRAMS } from "./jit/programs.ts";
import { HEAD, jsonOf, meansText, type Row, rowText } from "./jit/report.ts";
import { timesOf } from "./jit/timing.ts";

const USAGE = `usage: npm run bench -- jit [--only NAME]… [--engines ENGINE,…] [--rounds N] [--json FILE]
       npm run bench -- jit --compile [--rounds N] [--json FILE]
  --only NAME    programs whose name contains this
  --engines …    of ${ENGINE_NAMES.join(", ")}; all unless told
  --rounds N     61 unless told; 1 for a quick look that all agree
  --json FILE    the numbers
  --compile      what compiling costs, by size
programs: ${PROGRAMS.map(({ name }) => name).join(" ")}
`;

/** What can run programs here, and why the rest cannot. */
interface Machines {
  readonly engines: readonly EngineName[];
  readonly sys: BpfCommands | string;
  readonly native: NativeCode | string;
}

export async function benchJit(args: readonly string[]): Promise<number> {
  const options = optionsOf(args);
  if (typeof options === "string") {
    process.stderr.write(options === "" ? USAGE : `bench jit: ${options}\n${USAGE}`);
    return 2;
  }
  if (options.compile) {
    const rows = compileTimes(options.rounds);
    process.stdout.write(compileText(rows, emptyModuleTime(200)));
    if (options.json !== undefined) writeJson(options.json, rows);
    return 0;
  }
  const { engines } = options;
  const port = engines.includes("live") ? await livePort() : null;
  const machines: Machines = {
    engines,
    sys: port === null ? "not asked for" : port.port === null ? port.why : new BpfCommands(port.port),
    native: engines.includes("native") ? await NativeCode.create() : "not asked for",
  };
  try {
    return runAll(options, machines);
  } finally {
    if (typeof machines.native !== "string") machines.native[Symbol.dispose]();
  }
}

type Options = Exclude<ReturnType<typeof optionsOf>, string>;

function runAll({ programs, rounds, json }: Options, machines: Machines): number {
  const out = process.stdout;
  const { native, sys, engines } = machines;
  if (engines.includes("live") && typeof sys === "string") out.write(`Linux is not asked: ${sys}\n`);
  if (engines.includes("native"))
    out.write(
      typeof native === "string" ? `no native code: ${native}\n` : `native: ${native.compiler} -O2\n`,
    );
  out.write(`nanoseconds of one run, ${rounds} round${rounds === 1 ? "" : "s"}\n${HEAD}\n`);
  const rows: Row[] = [];
  let wrong = false;
  for (const program of programs) {
    const row = measured(program, machines, rounds);
    if (typeof row === "string") {
      wrong = true;
      out.write(`${program.name}: ${row}\n`);
      continue;
    }
    rows.push(row);
    out.write(rowText(row));
  }
  out.write(`\n${meansText(rows)}`);
  if (json !== undefined) writeJson(json, rows.map(jsonOf));
  return wrong ? 1 : 0;
}

/** A row, or where the engines disagree: times of wrong results are none. */
function measured(program: BenchProgram, machines: Machines, rounds: number): Row | string {
  const all = contendersOf(program, machines);
  const present = all.filter((one): one is Contender => !("why" in one));
  const absent = all.filter((one): one is Absence => "why" in one);
  try {
    const problem = disagreement(program, present);
    if (problem !== null) return problem;
    return {
      program: program.name,
      mapFree: program.mapFree,
      times: timesOf(present, program.packet, { rounds, warmUp: Math.min(400, 10 * rounds) }),
      notes: absent.map(({ engine, why }) => `${engine}: ${why}`),
    };
  } finally {
    for (const contender of present) contender[Symbol.dispose]();
  }
}

function contendersOf(program: BenchProgram, { engines, sys, native }: Machines): (Contender | Absence)[] {
  return engines.flatMap((engine) => {
    if (engine === "live") return typeof sys === "string" ? [] : [live(program, sys)];
    if (engine === "native")
      return typeof native === "string" || !program.mapFree ? [] : [native.contender(program)];
    return [embedded(program, engine)];
  });
}

function optionsOf(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        only: { type: "string", multiple: true },
        engines: { type: "string" },
        rounds: { type: "string" },
        json: { type: "string" },
        compile: { type: "boolean" },
        help: { type: "boolean" },
      },
    });
    if (values.help === true) return "";
    const rounds = Number(values.rounds ?? 61);
    if (!Number.isInteger(rounds) || rounds < 1) return "expected a number for --rounds";
    const wanted = values.engines?.split(",") ?? ENGINE_NAMES;
    const unknown = wanted.find((name) => !ENGINE_NAMES.includes(name as EngineName));
    if (unknown !== undefined) return `there is no engine '${unknown}'`;
    const only = values.only ?? [""];
    const programs = PROGRAMS.filter(({ name }) => only.some((part) => name.includes(part)));
    if (programs.length === 0) return `there is no program '${only.join("' or '")}'`;
    const engines = ENGINE_NAMES.filter((name) => wanted.includes(name));
    return { engines, programs, rounds, json: values.json, compile: values.compile === true };
  } catch (error) {
    return (error as Error).message;
  }
}

function writeJson(path: string, rows: readonly object[]): void {
  writeFileSync(path, `${JSON.stringify({ node: process.version, rows }, null, 2)}\n`);
}
