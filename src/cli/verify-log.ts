import { programFacts } from "../loader/index.ts";
import type { ObjectSpec, ProgramSpec } from "../object/index.ts";
import { explainLog, type LogStep, located, type ProgramLog, parseLogs } from "../verifier/index.ts";
import { CommandError } from "./failure.ts";
import type { CliIo } from "./io.ts";
import { openObject } from "./load-file.ts";
import { printable, printableLines } from "./printable.ts";
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
  const text = printable(plainText(bytes));
  const shown = request.log === "-" ? "standard input" : request.log;
  const spec = request.object === null ? null : await openObject(io, request.object);
  const logs = chosen(parseLogs(text), request, shown);
  const failed = /BPF program load failed|failed to load/.test(text);
  return logs.map((log) => {
    if (logs.length > 1) return verdictOf(log, logs.length, spec, request, shown);
    const { steps, accepted } = log.log;
    const explanation = explainLog(log.log);
    if (accepted && joinedInstructions(text) > 2 * steps.length)
      throw new CommandError(
        `${shown}: expected a log with its line breaks, got one whose lines were joined`,
      );
    if (explanation === null && !accepted && steps.length === 0)
      throw new CommandError(`${shown}: expected a log of the verifier, got a text without one`);
    if (explanation === null && (!accepted || failed))
      throw new CommandError(
        `${shown}: the log is not whole: what the verifier complained about is not in it`,
      );
    return verdictOf(log, 1, spec, request, shown);
  });
}

const INSTRUCTION = /\b\d+: \([0-9a-f]{2}\) \S/g;
/** So many instructions the verifier's own notes have in no line. */
const JOINED = 3;

/** Instructions that stand with others in a line: an escaped log has as many steps, one whose lines were joined has not. */
function joinedInstructions(text: string): number {
  const counts = text.split("\n").map((line) => line.match(INSTRUCTION)?.length ?? 0);
  return counts.reduce((sum, count) => (count < JOINED ? sum : sum + count), 0);
}
/** How a terminal is told to change colours. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what a coloured log holds
const COLOURS = /\u001b\[[\d;]*m/g;
const ENTITIES: Readonly<Record<string, string>> = {
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&#39;": "'",
  "&amp;": "&",
};

/** A log as it was before editors, terminals and web pages had it. */
function plainText(bytes: Uint8Array): string {
  const wide = bytes[0] === 0xff && bytes[1] === 0xfe;
  const text = new TextDecoder(wide ? "utf-16le" : "utf-8").decode(bytes);
  const lines = text.replaceAll("\r\n", "\n").replaceAll(COLOURS, "");
  // No log of a program has `&lt;` and none of the signs that it stands for.
  if (!/&(?:lt|gt);/.test(lines)) return lines;
  return lines.replaceAll(/&(?:lt|gt|quot|#39|amp);/g, (entity) => ENTITIES[entity]!);
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
  if (program !== null) refuseOther(log.steps, program, request);
  const facts = spec === null || program === null ? {} : { program: programFacts(spec, program) };
  const explanation = explainLog(log, facts);
  const whole = explanation !== null || log.accepted;
  return {
    name: program?.name ?? request.program ?? named ?? "the program",
    file: request.object ?? request.log,
    accepted: explanation === null && log.accepted,
    processed: log.processed,
    problem: whole ? null : `${shown}: its log is not whole: what the verifier complained about is not in it`,
    explanation: explanation === null ? null : located(explanation, printableLines(program)),
    log: null,
    stats: null,
  };
}

/** The log of another program would be explained with this one's lines. Relocations change a few instructions. */
function refuseOther(steps: readonly LogStep[], { name, insns }: ProgramSpec, { object }: LogRequest): void {
  const behind = steps.find(({ index }) => index >= insns.length);
  const others = steps.filter(({ index, opcode }) => opcode !== null && insns[index]?.opcode !== opcode);
  if (behind === undefined && others.length <= steps.length * OTHER_INSTRUCTIONS) return;
  throw new CommandError(
    behind === undefined
      ? `${object}: the log is of another program than ${name}: instruction ${others[0]!.index} is '${others[0]!.text}' in it`
      : `${object}: the log is of another program than ${name}, which has ${insns.length} instructions: it goes on to ${behind.index}`,
  );
}

/** Of all instructions of a log, those that relocations may have made others. */
const OTHER_INSTRUCTIONS = 0.3;

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
