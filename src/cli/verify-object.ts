import { TsbpfError } from "../base/index.ts";
import { LoadError, load, programFacts } from "../loader/index.ts";
import { type MapSpec, type ObjectSpec, open, type ProgramSpec } from "../object/index.ts";
import { progInfo } from "../sys/index.ts";
import { explainLog, located, VerifierError } from "../verifier/index.ts";
import type { Invocation } from "./command.ts";
import { CommandError } from "./failure.ts";
import type { CliIo, OpenKernel } from "./io.ts";
import { withKernel } from "./kernel-choice.ts";
import { openObject } from "./load-file.ts";
import { printable, printableLines } from "./printable.ts";
import { reasonsFor, withReason } from "./verify-reasons.ts";
import { type Loaded, verificationCost } from "./verify-stats.ts";
import type { Verdict } from "./verify-verdict.ts";

export interface ObjectRequest {
  /** At least one; `"-"` is standard input. */
  readonly paths: readonly string[];
  /** Only this one; else all that load unless asked. */
  readonly program: string | undefined;
  readonly stats: boolean;
  /** Of the log to show; 0: none. */
  readonly logLevel: number;
}

const LEVEL1 = 1;
const LEVEL2 = 2;
const STATISTICS = 4;
/** Beyond so many instructions a log of all paths is too long to be worth its memory: the failing one is enough. */
const LONGEST_TRACE = 100_000;
/** Bytes of the log of one path: of a longer one the end tells enough. */
const LONGEST_LOG = 1 << 24;

/** A program that waits for its verdict. */
interface Subject {
  readonly file: string;
  readonly spec: ObjectSpec;
  readonly program: ProgramSpec;
}

/**
 * Verifies the programs of objects, one after the other, each on its own. After Ctrl-C the verdicts so far are what
 * comes out. `@throws` where the only object cannot be read.
 */
export async function verifyObjects(
  invocation: Invocation,
  request: ObjectRequest,
): Promise<readonly Verdict[]> {
  const { io, options } = invocation;
  // In the order of the objects; one that cannot be read has its verdict.
  const subjects: (Subject | Verdict)[] = [];
  for (const path of request.paths) {
    try {
      subjects.push(...chosen(await readObject(io, path), path, request));
    } catch (error) {
      // Of several objects the others have their verdicts all the same.
      if (request.paths.length === 1 || !(error instanceof TsbpfError)) throw error;
      subjects.push(unreadObject(path, error));
    }
  }
  const shown = io.stderr.isTerminal && !options.has("quiet") && !invocation.json;
  const stop = io.signal();
  const reasons = reasonsFor(invocation);
  const warnings = new Set<string>();
  const use = async (kernel: OpenKernel) => {
    const verdicts: Verdict[] = [];
    for (const [at, subject] of subjects.entries()) {
      if ("accepted" in subject) {
        verdicts.push(subject);
        continue;
      }
      if (shown) io.stderr.write(`\r\x1b[K${progressLine(io, at, subjects.length, subject.program.name)}`);
      await io.stderr.drain();
      await io.turn();
      if (stop.aborted) break;
      const verdict = io.interruptible(() =>
        new Attempt(io, kernel, subject, { request, warnings }).verdict(),
      );
      if (verdict === null) break;
      verdicts.push(withReason(verdict, reasons(subject.spec, subject.program)));
    }
    if (shown) io.stderr.write("\r\x1b[K");
    for (const warning of warnings) io.stderr.write(`Warning: ${warning}\n`);
    if (verdicts.length < subjects.length)
      io.stderr.write(`stopped: ${verdicts.length} of ${subjects.length} programs verified\n`);
    return verdicts;
  };
  return await withKernel(invocation, "embedded", use, { execute: false });
}

async function readObject(io: CliIo, path: string): Promise<ObjectSpec> {
  return path === "-" ? open(await io.readStdin(), { name: "standard input" }) : await openObject(io, path);
}

/** Stands for all programs of an object that cannot be opened. */
function unreadObject(file: string, { message }: TsbpfError): Verdict {
  const said = message.startsWith(`${file}: `) ? message.slice(file.length + 2) : message;
  return {
    name: "its programs",
    file,
    accepted: false,
    processed: null,
    problem: said,
    explanation: null,
    log: null,
    stats: null,
  };
}

function progressLine(io: CliIo, at: number, count: number, name: string): string {
  return `verifying ${name} (${at + 1} of ${count})`.slice(0, Math.max(0, io.stderr.columns - 1));
}

function chosen(spec: ObjectSpec, file: string, { program }: ObjectRequest): readonly Subject[] {
  const programs = [...spec.programs.values()];
  const names = programs.map(({ name }) => name).join(", ");
  if (programs.length === 0) throw new CommandError(`${file}: has no programs`);
  if (program === undefined) {
    const loaded = programs.filter(({ autoload }) => autoload);
    if (loaded.length > 0) return loaded.map((each) => ({ file, spec, program: each }));
    throw new CommandError(
      `${file}: none of its programs is loaded unless asked: choose one with --prog: ${names}`,
    );
  }
  const found = spec.programs.get(program);
  if (found === undefined) throw new CommandError(`${file}: has no program '${program}', but ${names}`);
  return [{ file, spec, program: found }];
}

/** One program, loaded as often as it takes to find out what was asked. */
class Attempt {
  readonly #io: CliIo;
  readonly #kernel: OpenKernel;
  readonly #file: string;
  readonly #spec: ObjectSpec;
  readonly #program: ProgramSpec;
  readonly #request: ObjectRequest;
  readonly #warnings: Set<string>;

  /** @param parts `warnings` takes what is worth saying once, however often it comes up. */
  constructor(
    io: CliIo,
    kernel: OpenKernel,
    { file, spec, program }: Subject,
    { request, warnings }: { readonly request: ObjectRequest; readonly warnings: Set<string> },
  ) {
    this.#io = io;
    this.#kernel = kernel;
    this.#file = file;
    this.#spec = withoutTailCalls(spec);
    this.#program = program;
    this.#request = request;
    this.#warnings = warnings;
  }

  verdict(): Verdict {
    // First without a log of each step: how long that would be is not known yet.
    const first = this.#load(STATISTICS);
    const processed = processedIn(first.log);
    const { name } = this.#program;
    const common = { name, file: this.#file, processed };
    if (first.accepted) {
      const log = this.#shownLog(processed);
      const trace = this.#request.stats && (processed ?? 0) <= LONGEST_TRACE ? this.#load(LEVEL2).log : null;
      const stats = this.#request.stats
        ? verificationCost(first, trace, printableLines(this.#program))
        : null;
      return { ...common, accepted: true, problem: null, explanation: null, log, stats };
    }
    if (first.problem !== null) {
      return {
        ...common,
        accepted: false,
        problem: first.problem,
        explanation: null,
        log: null,
        stats: null,
      };
    }
    const long = (processed ?? 0) > LONGEST_TRACE;
    const { log } = this.#load((long ? LEVEL1 : LEVEL2) | STATISTICS, long ? LONGEST_LOG : undefined);
    const explanation = explainLog(log, { refused: true, program: programFacts(this.#spec, this.#program) });
    return {
      ...common,
      accepted: false,
      problem: explanation === null ? "the kernel refuses it, and its log does not say why" : null,
      explanation: explanation === null ? null : located(explanation, printableLines(this.#program)),
      log: this.#shownLog(processed),
      stats: this.#request.stats
        ? verificationCost(first, log, printableLines(this.#program), long ? "path" : "all")
        : null,
    };
  }

  /** The log that was asked for; of all paths only where a person could read it. */
  #shownLog(processed: number | null): string | null {
    const { logLevel } = this.#request;
    if (logLevel === 0) return null;
    const long = logLevel === LEVEL2 && (processed ?? 0) > LONGEST_TRACE;
    if (long) {
      this.#io.stderr.write(
        `${this.#program.name}: ${processed} instructions are too many for a log of all paths: it gets that of level 1\n`,
      );
    }
    return this.#load((long ? LEVEL1 : logLevel) | STATISTICS).log;
  }

  #load(logLevel: number, logSize?: number): Loaded {
    const name = this.#program.name;
    const btf = this.#kernel.targetBtf();
    try {
      using object = load(this.#spec, this.#kernel.sys, {
        ...(btf === null ? {} : { kernelBtf: btf }),
        warn: (problem) => this.#warnings.add(`${this.#file}: ${problem}`),
        autoload: (program) => program.name === name,
        logLevel,
        ...(logSize === undefined ? {} : { logSize }),
      });
      const loaded = object.programs.get(name);
      if (loaded === undefined)
        return { accepted: false, problem: "no map of the object uses it", log: "", fixed: 0 };
      const { xlatedProgInsns } = progInfo(this.#kernel.sys, loaded.fd, ["xlatedProgInsns"]);
      return { accepted: true, problem: null, log: printable(loaded.log), fixed: xlatedProgInsns.length / 8 };
    } catch (error) {
      if (!(error instanceof LoadError)) throw error;
      const verified = error.part.kind === "program" && isRefusal(error);
      const problem = error.message.split("\n")[0]!.replace(/^object \S+: /, "");
      return { accepted: false, problem: verified ? null : problem, log: printable(error.log), fixed: 0 };
    }
  }
}

/** The verifier spoke; other parts of a load fail without it. */
function isRefusal({ cause }: LoadError): boolean {
  return cause instanceof VerifierError;
}

function processedIn(log: string): number | null {
  const match = /^processed (\d+) insns/m.exec(log);
  return match === null ? null : Number(match[1]);
}

/** Programs are verified one by one: what stands in program arrays is not loaded with the one that calls it. */
function withoutTailCalls(spec: ObjectSpec): ObjectSpec {
  const maps = new Map<string, MapSpec>();
  for (const [key, map] of spec.maps)
    maps.set(key, map.slots.length === 0 || map.inner !== null ? map : { ...map, slots: [] });
  return { ...spec, maps };
}
