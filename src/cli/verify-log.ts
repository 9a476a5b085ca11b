import type { ProgramSpec } from "../object/index.ts";
import { explainLog, located, parseLog } from "../verifier/index.ts";
import { CommandError } from "./failure.ts";
import type { CliIo } from "./io.ts";
import { openObject } from "./load-file.ts";
import { printable } from "./printable.ts";
import type { Verdict } from "./verify-object.ts";

/** A log to be explained. */
export interface LogRequest {
  /** A file, or `"-"`. */
  readonly log: string;
  /** The object that was loaded: for whole paths and columns of the source. */
  readonly object: string | null;
  readonly program: string | undefined;
}

/** Explains a log of any kernel's. `@throws` CommandError where the text is none. */
export async function verdictOfLog(io: CliIo, request: LogRequest): Promise<Verdict> {
  const bytes = request.log === "-" ? await io.readStdin() : await io.readFile(request.log);
  const text = printable(new TextDecoder().decode(bytes).replaceAll("\r\n", "\n"));
  const shown = request.log === "-" ? "standard input" : request.log;
  const log = parseLog(text);
  const explanation = explainLog(log);
  if (explanation === null && !log.accepted && log.steps.length === 0) {
    throw new CommandError(`${shown}: expected a log of the verifier, got a text without one`);
  }
  if (explanation === null && !(log.accepted && !/BPF program load failed|failed to load/.test(text))) {
    throw new CommandError(`${shown}: the log is not whole: what the verifier complained about is not in it`);
  }
  const program = request.object === null ? null : await programOf(io, request.object, request.program, text);
  const name = program?.name ?? request.program ?? nameIn(text) ?? "the program";
  return {
    name,
    file: request.object ?? request.log,
    accepted: explanation === null,
    processed: log.processed,
    problem: null,
    explanation: explanation === null ? null : located(explanation, program?.lineInfo ?? []),
    log: null,
    stats: null,
  };
}

/** libbpf's and bpftool's logs name the program in front. */
function nameIn(text: string): string | null {
  return /prog '([^']+)': -- BEGIN PROG LOAD LOG --/.exec(text)?.[1] ?? null;
}

async function programOf(
  io: CliIo,
  path: string,
  wanted: string | undefined,
  text: string,
): Promise<ProgramSpec> {
  const { programs } = await openObject(io, path);
  const name = wanted ?? nameIn(text);
  const names = [...programs.keys()].join(", ");
  if (name !== null) {
    const found = programs.get(name);
    if (found === undefined)
      throw new CommandError(`${path}: has no program '${name}', but ${names || "none"}`);
    return found;
  }
  if (programs.size === 1) return [...programs.values()][0]!;
  throw new CommandError(
    `${path}: which program is the log of? Choose one of them with --prog: ${names || "none"}`,
  );
}
