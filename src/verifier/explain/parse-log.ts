import type { LogSource, LogStep, ParsedLog } from "./log-model.ts";
import { parseState } from "./parse-state.ts";

const STEP = /^(\d+): \(([0-9a-f]{2})\) (.*)$/;
const STATE = /^(\d+): ?((?:frame\d+: ?)?(?:R\d|fp-?\d|refs=).*)$/;
const PATH = /^from (\d+) to (\d+)(?: \(speculative execution\))?:(.*)$/;
const SOURCE = /^; (.*)$/;
const SOURCE_PLACE = /^(.*) @ (\S+?):(\d+)$/;
const FRAME = /^\s*frame(\d+):\s*/;
/** Behind an instruction: `; R1=ctx() R2=pkt(r=0)`. */
const STATE_BEHIND = /\s+; ((?:frame\d+: ?)?(?:R\d|fp-?\d|refs=).*)$/;
const LIVE_TABLE = /^\s+\d+: [.\d]{10,11} \([0-9a-f]{2}\) /;

/** Lines that say how the verifier works, not what it found. */
const NOTES: readonly RegExp[] = [
  /^Live regs before insn:/,
  LIVE_TABLE,
  /^mark_precise: /,
  /^last_idx \d+ /,
  /^regs=\S* stack=\S* before /,
  /^parent (?:state|already had|didn't have) /,
  /^propagating /,
  /^verification time /,
  /^stack depth /,
  /^func#\d+ @\d+/,
  /^Validating .*\(\) func#\d+/,
  /^Func#\d+ .* is safe for any args/,
  /^\(\d+(?:,\d+)*\) frame \d+ insn /,
  /live stack update done in /,
  /^(?:caller|callee|returning from callee|to caller at \d+):?$/,
  /^(?:caller|callee|returning from callee):/,
  /^to caller at \d+:/,
  /^ frame\d+: /,
  /^\s*R\d+(?:_[rw]+)?=/,
  /^arg#\d+ reference type/,
  /^func '.*' arg\d+ has btf_id /,
  /^max_states_per_insn /,
  /^-- (?:BEGIN|END) PROG LOAD LOG --$/,
  /^\d+: safe$/,
];

const STATISTICS = /^processed (\d+) insns/;

/** What loaders put in front of each line. */
const PREFIXES = /^(?:libbpf: |\s*\| )/;

/**
 * Takes the log of any kernel apart, whether it came from bpf(2), libbpf, bpftool or another loader. Text that is no
 * log gives no steps.
 */
export function parseLog(text: string): ParsedLog {
  const reader = new LogReader();
  for (const line of text.split(/\r?\n/)) reader.line(line.replace(PREFIXES, ""));
  return reader.result();
}

class LogReader {
  readonly #steps: LogStep[] = [];
  #messages: string[] = [];
  #source: LogSource | null = null;
  #from: number | null = null;
  #before: ReadonlyMap<string, string> | null = null;
  #frame = 0;
  #processed: number | null = null;

  line(line: string): void {
    if (line.trim() === "") return;
    const step = STEP.exec(line);
    if (step !== null) {
      this.#step(Number(step[1]), step[3]!);
      return;
    }
    const path = PATH.exec(line);
    if (path !== null) {
      if (/^\s*safe/.test(path[3]!)) return;
      this.#from = Number(path[1]);
      this.#messages = [];
      this.#state(path[3]!);
      return;
    }
    const state = STATE.exec(line);
    if (state !== null) {
      this.#state(state[2]!);
      return;
    }
    const statistics = STATISTICS.exec(line);
    if (statistics !== null) {
      this.#processed = Number(statistics[1]);
      return;
    }
    const source = SOURCE.exec(line);
    if (source !== null) {
      this.#source = sourceOf(source[1]!);
      return;
    }
    if (!NOTES.some((note) => note.test(line))) this.#messages.push(line.trimEnd());
  }

  result(): ParsedLog {
    const first = this.#steps[0];
    return {
      steps: this.#steps,
      messages: this.#messages,
      processed: this.#processed,
      accepted: this.#messages.length === 0 && this.#processed !== null,
      truncated: first !== undefined && first.before === null && first.index !== 0,
    };
  }

  #step(index: number, rest: string): void {
    const behind = STATE_BEHIND.exec(rest);
    const text = (behind === null ? rest : rest.slice(0, behind.index)).trimEnd();
    const after = behind === null ? null : this.#parse(behind[1]!);
    this.#steps.push({
      index,
      text,
      source: this.#source,
      frame: this.#frame,
      after: after ?? new Map(),
      from: this.#from,
      before: this.#before,
    });
    this.#from = null;
    this.#before = null;
    // What was said before is about a path that went on.
    this.#messages = [];
  }

  #state(text: string): void {
    this.#before = this.#parse(text);
  }

  #parse(text: string): ReadonlyMap<string, string> {
    const frame = FRAME.exec(text);
    if (frame !== null) this.#frame = Number(frame[1]);
    else this.#frame = 0;
    return parseState(frame === null ? text : text.slice(frame[0].length));
  }
}

function sourceOf(text: string): LogSource {
  const place = SOURCE_PLACE.exec(text);
  if (place === null) return { text: text.trim(), file: null, line: null };
  return { text: place[1]!.trim(), file: place[2]!, line: Number(place[3]) };
}
