import { programFacts } from "../loader/index.ts";
import type { ObjectSpec, ProgramSpec } from "../object/index.ts";
import { explainLog, located, type ProgramLog, parseLogs } from "../verifier/index.ts";
import { CommandError } from "./failure.ts";
import type { CliIo } from "./io.ts";
import { openObject } from "./load-file.ts";
import { printable } from "./printable.ts";
import type { Verdict } from "./verify-verdict.ts";

/** A log to be explained. */
export interface LogRequest {
  /** A file, or `"-"`. */
  readonly log: string;
  /** The object that was loaded: for whole paths and columns of the source. */
  readonly object: string | null;
  readonly program: string | undefined;
}

/** Explains the logs of a text, of any kernel's: one for each program that it holds. `@throws` CommandError where there is none. */
export async function verdictsOfLog(io: CliIo, request: LogRequest): Promise<readonly Verdict[]> {
  const bytes = request.log === "-" ? await io.readStdin() : await io.readFile(request.log);
  const text = printable(new TextDecoder().decode(bytes).replaceAll("\r\n", "\n"));
  const shown = request.log === "-" ? "standard input" : request.log;
  const spec = request.object === null ? null : await openObject(io, request.object);
  const logs = chosen(parseLogs(text), request, shown);
  const failed = /BPF program load failed|failed to load/.test(text);
  return logs.map((log) => {
    if (logs.length > 1) return verdictOf(log, logs.length, spec, request, shown);
    const { steps, accepted } = log.log;
    const explanation = explainLog(log.log);
    if (explanation === null && !accepted && steps.length === 0)
      throw new CommandError(`${shown}: expected a log of the verifier, got a text without one`);
    if (explanation === null && (!accepted || failed))
      throw new CommandError(
        `${shown}: the log is not whole: what the verifier complained about is not in it`,
      );
    return verdictOf(log, 1, spec, request, shown);
  });
}

/** Those of the program that is asked for, where the text names its programs; else all. */
function chosen(logs: readonly ProgramLog[], { program }: LogRequest, shown: string): readonly ProgramLog[] {
  if (program === undefined || logs.length === 1) return logs;
  const found = logs.filter((log) => log.program === program);
  if (found.length > 0) return found;
  const names = logs.map((log) => log.program).filter((name) => name !== null);
  throw new CommandError(
    `${shown}: has no log of a program '${program}', but ${names.join(", ") || "none with a name"}`,
  );
}

function verdictOf(
  { program: named, log }: ProgramLog,
  count: number,
  spec: ObjectSpec | null,
  request: LogRequest,
  shown: string,
): Verdict {
  const program = spec === null ? null : programOf(spec, request, named, count);
  const facts = spec === null || program === null ? {} : { program: programFacts(spec, program) };
  const explanation = explainLog(log, facts);
  const whole = explanation !== null || log.accepted;
  return {
    name: program?.name ?? request.program ?? named ?? "the program",
    file: request.object ?? request.log,
    accepted: explanation === null && log.accepted,
    processed: log.processed,
    problem: whole ? null : `${shown}: its log is not whole: what the verifier complained about is not in it`,
    explanation: explanation === null ? null : located(explanation, program?.lineInfo ?? []),
    log: null,
    stats: null,
  };
}

/** The program that a log is of: of several logs those that name none are told without an object. */
function programOf(
  { programs }: ObjectSpec,
  { object, program }: LogRequest,
  named: string | null,
  count: number,
): ProgramSpec | null {
  const name = program ?? named;
  const names = [...programs.keys()].join(", ");
  if (name !== null) {
    const found = programs.get(name);
    if (found === undefined)
      throw new CommandError(`${object}: has no program '${name}', but ${names || "none"}`);
    return found;
  }
  if (programs.size === 1) return [...programs.values()][0]!;
  if (count > 1) return null;
  throw new CommandError(
    `${object}: which program is the log of? Choose one of them with --prog: ${names || "none"}`,
  );
}
