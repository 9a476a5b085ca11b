import type { LogReport, LogSource, LogStep, ParsedLog } from "./log-model.ts";
import { withoutPrefixes } from "./log-prefix.ts";
import { isReport, parseReport } from "./parse-report.ts";
import { parseState } from "./parse-state.ts";

const STEP = /^(\d+): \(([0-9a-f]{2})\) (.*)$/;
const STATE = /^(\d+): ?((?:frame\d+: ?)?(?:R\d|fp-?\d|refs=).*)$/;
/** Behind branches, calls and returns; at level 1, and of kernels before 5.16, in a line of its own. */
const BARE_STATE = /^ ((?:frame\d+: ?)?(?:R\d+(?:_[rwD]+)?=|fp-?\d+\S*=|refs=).*)$/;
const PATH = /^(?:from )?(\d+) to (\d+)( \(speculative execution\))?:(.*)$/;
const SOURCE = /^; (.*)$/;
const SOURCE_PLACE = /^(.*) @ (\S+?):(\d+)$/;
const FRAME = /^\s*frame(\d+):\s*/;
/** Behind an instruction: `; R1=ctx() R2=pkt(r=0)`. */
const STATE_BEHIND = /\s+; ?((?:frame\d+: ?)?(?:(?:R\d|fp-?\d|refs=).*)?)$/;
/** What libbpf writes in place of an instruction that it could not relocate. */
const UNRESOLVED = /^(\d+): (<invalid [^>]+>)$/;
/** A global function is verified for itself. */
const VALIDATING = /^Validating .*\(\) func#\d+/;
const FUNCTION = /^func#(\d+) @(\d+)/;
/** In lines of its own, or behind `processed …` before 5.2. */
const STACK_DEPTH = /(?:^|, )stack depth (\d+(?:\+\d+)*)/;
/** Instructions in a loop have its number in front. */
const LIVE_TABLE = /^\s+(?:\d+\s+)?(\d+): [.\d]{10,11} \([0-9a-f]{2}\) (.*)$/;

/** Lines that say how the verifier works, not what it found. */
const NOTES: readonly RegExp[] = [
  /^Live regs before insn:/,
  /^mark_precise: /,
  /^last_idx \d+ /,
  /^regs=\S* stack=\S* before /,
  /^parent (?:state|already had|didn't have) /,
  /^propagating /,
  /^verification time /,
  /^insns processed /,
  /^Func#\d+ .* is safe for any args/,
  /^Func#\d+ .* is global and assumed valid/,
  /^\(\d+(?:,\d+)*\) frame \d+ insn /,
  /live stack update done in /,
  /^caller:?$/,
  /^callee:?$/,
  /^returning from callee:?$/,
  /^to caller at \d+:?/,
  /^(?:cur|old) state:/,
  /^ ?frame\d+: /,
  /^arg#\d+ reference type/,
  /^func '.*' arg\d+ has btf_id /,
  /^max_states_per_insn /,
  /^\d+: safe$/,
  /^\[\.\.\.\]$/,
  // `tsbpf verify --log-level` in front of a log.
  /^\S+: (?:accepted|refused) \([\d,]+ instructions processed\)$/,
];

const STATISTICS = /^processed (\d+) insns/;
/** Some messages have no line break behind them. */
const JOINED_STATISTICS = /^(\S.*?)(processed \d+ insns \(limit \d+\).*)$/;
const BEGIN = /-- BEGIN (?:PROG LOAD|DUMP) LOG --/;
const END = /-- END (?:PROG LOAD LOG|LOG|DUMP LOG) --/;

/** libbpf's `prog 'count': -- BEGIN …`. */
const FRAMED = /prog '([^']+)': *$/;
/** How the log of a program begins. */
const FIRST_LINE = /^(?:func#0 @0|0: (?:\([0-9a-f]{2}\) |R1=))/;

/** What loaders and journals put in front of each line, and behind it. */
const PREFIXES = /^(?:libbpf: |\[ *\d+\.\d+\] |\t+|.*?\blevel=\S+ msg="|.*?\blevel=\S+$)/;
const QUOTED = /\blevel=\S+ msg="(.*)"[^"]*$/;
/** cilium's libraries sum a log up in one line: `…: permission denied: 7: (71) r1 = *(u8 *)(r9 +2): R9 invalid … (6 lines omitted)`. */
const SUMMARY =
  /^.*?\bload program: [^:]+: (?:(\d+): \([0-9a-f]{2}\) (.*?): )?(\S.*?)(?: \(\d+ line(?:s|\(s\))? omitted\))?$/;

/** The log of one program of several that were pasted together. */
export interface ProgramLog {
  /** As the loader names it; null where it does not. */
  readonly program: string | null;
  readonly log: ParsedLog;
}

/**
 * Takes the log of any kernel apart, whether it came from bpf(2), libbpf, bpftool, cilium or another loader. Text that
 * is no log gives no steps. Of several programs' logs in one text, the first of a refused program counts.
 */
export function parseLog(text: string): ParsedLog {
  const logs = parseLogs(text);
  return (logs.find(({ log }) => log.messages.length > 0 && log.steps.length > 0) ?? logs.at(-1)!).log;
}

/**
 * All logs of a text, in its order: libbpf and bpftool frame each; without frames one begins where the program begins
 * again behind another's end. Never empty.
 */
export function parseLogs(text: string): readonly ProgramLog[] {
  const plain = withoutPrefixes(text);
  const indent = commonIndent(plain);
  const logs: ProgramLog[] = [];
  let program: string | null = null;
  let reader = new LogReader();
  // What comes before the first frame is a log only where there is no frame.
  const finish = () => logs.push({ program, log: reader.result() });
  for (const line of plain.split(/\r?\n/)) {
    const begin = BEGIN.exec(line);
    const plainLine = bare(line, indent);
    if (begin !== null || (reader.ended && FIRST_LINE.test(plainLine))) {
      if (reader.began) finish();
      program = begin === null ? null : (FRAMED.exec(line.slice(0, begin.index))?.[1] ?? null);
      reader = new LogReader();
    }
    if (begin === null) reader.line(plainLine);
  }
  if (reader.began || logs.length === 0) finish();
  return logs;
}

function bare(line: string, indent: string): string {
  const quoted = QUOTED.exec(line);
  if (quoted !== null) return quoted[1]!.replaceAll('\\"', '"');
  return (line.startsWith(indent) ? line.slice(indent.length) : line).replace(PREFIXES, "");
}

/** Of logs that were pasted into a text: what stands in front of every instruction. */
function commonIndent(text: string): string {
  let indent: string | null = null;
  for (const [, found] of text.matchAll(/^([ \t>|]*)\d+: \([0-9a-f]{2}\) /gm)) {
    if (indent === null || found!.length < indent.length) indent = found!;
    if (indent === "") break;
  }
  return indent ?? "";
}

class LogReader {
  readonly #steps: LogStep[] = [];
  readonly #program = new Map<number, string>();
  readonly #functions: number[] = [];
  #depths: readonly number[] = [];
  #messages: string[] = [];
  /** What a library said in one line in front of the log. */
  #summary: string | null = null;
  #source: LogSource | null = null;
  #from: number | null = null;
  #before: ReadonlyMap<string, string> | null = null;
  #frame = 0;
  #begins = false;
  /** The path that begins is one that a CPU only guesses. */
  #speculative = false;
  #processed: number | null = null;
  #report: string[] | null = null;
  #ended = false;
  /** A blank line came behind the messages: what follows is someone else's advice, unless the log goes on. */
  #closed = false;

  get ended(): boolean {
    return this.#ended;
  }

  /** Something of a verifier's came: words alone may be a loader's. */
  get began(): boolean {
    return this.#steps.length > 0 || this.#processed !== null || this.#report !== null || this.#ended;
  }

  line(line: string): void {
    if (this.#ended) return;
    if (END.test(line)) {
      this.#ended = true;
      return;
    }
    const depths = STACK_DEPTH.exec(line);
    if (depths !== null) this.#depths = depths[1]!.split("+").map(Number);
    const joined = JOINED_STATISTICS.exec(line);
    if (joined !== null) {
      this.line(joined[1]!);
      this.line(joined[2]!);
      return;
    }
    const statistics = STATISTICS.exec(line);
    if (statistics !== null) {
      this.#processed = Number(statistics[1]);
      this.#ended = true;
      return;
    }
    if (this.#report !== null) this.#report.push(line);
    else if (isReport(line)) this.#report = [line];
    else if (line.trim() !== "") this.#word(line);
    else this.#closed = this.#messages.length > 0;
  }

  #word(line: string): void {
    const step = STEP.exec(line);
    if (step !== null) {
      // At level 1 what was said of another path is taken back, line break and all.
      const joined = /^(.*?\S)\s+(\d+: (?:frame\d+: ?)?R\d.*)$/.exec(step[3]!);
      this.#step(Number(step[1]), joined?.[1] ?? step[3]!, Number.parseInt(step[2]!, 16));
      if (joined !== null) this.#word(joined[2]!);
      return;
    }
    const unresolved = UNRESOLVED.exec(line);
    if (unresolved !== null) {
      this.#step(Number(unresolved[1]), unresolved[2]!);
      return;
    }
    const begins = FUNCTION.exec(line);
    if (begins !== null) {
      this.#functions[Number(begins[1])] = Number(begins[2]);
      return;
    }
    if (STACK_DEPTH.test(line)) return;
    if (VALIDATING.test(line)) {
      this.#begins = true;
      this.#frame = 0;
      return;
    }
    const path = PATH.exec(line);
    if (path !== null) {
      if (/^\s*safe/.test(path[4]!)) return;
      this.#from = Number(path[1]);
      this.#speculative = path[3] !== undefined;
      this.#messages = [];
      // Kernels before 5.0 begin no new line for the instruction.
      const joined = /^(.*?) (\d+: \([0-9a-f]{2}\) .*)$/.exec(path[4]!);
      this.#state(joined?.[1] ?? path[4]!);
      if (joined !== null) this.#word(joined[2]!);
      return;
    }
    const state = STATE.exec(line);
    if (state !== null) {
      this.#state(state[2]!);
      return;
    }
    const bare = BARE_STATE.exec(line);
    if (bare !== null) {
      this.#state(bare[1]!);
      return;
    }
    const row = LIVE_TABLE.exec(line);
    if (row !== null) {
      this.#program.set(Number(row[1]), row[2]!.trimEnd());
      return;
    }
    const source = SOURCE.exec(line);
    if (source !== null) {
      this.#source = sourceOf(source[1]!);
      return;
    }
    const summary = SUMMARY.exec(line);
    if (summary !== null) {
      if (summary[1] !== undefined) this.#step(Number(summary[1]), summary[2]!);
      this.#messages = [summary[3]!];
      this.#summary = summary[3]!;
      return;
    }
    if (this.#closed) return;
    // Without a newline behind the message, the statistics stand in its line.
    const message = line.replace(/verification time \d+ usec$/, "").trimEnd();
    if (message !== "" && !NOTES.some((note) => note.test(message))) this.#messages.push(message);
  }

  result(): ParsedLog {
    const first = this.#steps[0];
    const report: LogReport | null = this.#report === null ? null : parseReport(this.#report);
    // Of a log that was cut off behind its summary, that alone says what was wrong.
    const cut = this.#messages.length === 0 && report === null && this.#processed === null;
    if (cut && this.#summary !== null) this.#messages = [this.#summary];
    return {
      steps: this.#steps,
      functions: this.#functions,
      stackDepths: this.#depths,
      program: this.#program,
      messages: this.#messages,
      report,
      processed: this.#processed,
      accepted: this.#messages.length === 0 && report === null && this.#processed !== null,
      truncated: first !== undefined && first.before === null && first.index !== 0,
    };
  }

  #step(index: number, rest: string, opcode: number | null = null): void {
    const behind = STATE_BEHIND.exec(rest);
    const text = (behind === null ? rest : rest.slice(0, behind.index)).trimEnd();
    const frame = this.#frame;
    const after = behind === null || behind[1] === "" ? null : this.#parse(behind[1]!);
    this.#steps.push({
      index,
      text,
      opcode,
      source: this.#source,
      frame: behind === null || behind[1] === "" || text.startsWith("call ") ? frame : this.#frame,
      after: after ?? new Map(),
      from: this.#from,
      ...(this.#begins ? { begins: true } : {}),
      ...(this.#speculative ? { speculative: true } : {}),
      before: this.#before,
    });
    this.#begins = false;
    this.#speculative = false;
    if (/^call pc[+-]/.test(text)) this.#frame = frame + 1;
    else if (text === "exit") this.#frame = Math.max(0, frame - 1);
    this.#from = null;
    this.#before = null;
    // What was said before is about a path that went on.
    this.#messages = [];
    this.#closed = false;
  }

  #state(text: string): void {
    this.#before = this.#parse(text);
  }

  #parse(text: string): ReadonlyMap<string, string> {
    const frame = FRAME.exec(text);
    if (frame !== null) this.#frame = Number(frame[1]);
    else if (text.trim() !== "") this.#frame = 0;
    return parseState(frame === null ? text : text.slice(frame[0].length));
  }
}

function sourceOf(text: string): LogSource | null {
  const place = SOURCE_PLACE.exec(text);
  if (place === null)
    return text.trim() === "" ? null : { text: text.trim(), file: null, line: null, column: null };
  // Line 0 is code of no line.
  if (place[3] === "0") return null;
  return { text: place[1]!.trim(), file: place[2]!, line: Number(place[3]), column: null };
}
