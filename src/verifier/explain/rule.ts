import type { Cause } from "./cause.ts";
import type { Explanation, ExplanationStep } from "./explanation.ts";
import { History, type ValueLink } from "./history.ts";
import type { ParsedLog } from "./log-model.ts";
import { LogPaths } from "./path.ts";
import type { PathStep } from "./path-step.ts";
import type { ProgramFacts } from "./program-facts.ts";
import { rangeOf, rangeWords } from "./value-range.ts";
import { memoryText, valueText } from "./value-text.ts";

/** What a rule says of a refusal. */
export interface Finding {
  readonly headline: string;
  /** The register or expression under the caret; the instruction as a whole where it is absent. */
  readonly operand?: string;
  /** The chain; the refused instruction alone where it is absent. */
  readonly why?: readonly ExplanationStep[];
  /** The instruction that is refused, where it is not the last of the log. */
  readonly at?: number;
  /** No instruction is to blame: the program as a whole is refused. */
  readonly whole?: true;
  /** What is wrong with the instruction, for the one step of a rule without a chain. */
  readonly need?: string;
  readonly fixes: Explanation["fixes"];
}

/** One kind of refusal. */
export interface Rule {
  /** Stable: names a page of the catalogue. */
  readonly code: string;
  /** The kernel's words, those of older kernels included. Tried against each message; the first match wins. */
  readonly patterns: readonly RegExp[];
  /** null: after all it is not of this kind. */
  readonly find: (match: RegExpExecArray, refusal: Refusal) => Finding | null;
}

/** More links than a person reads: of the rest the oldest is kept, and the nearest. */
const LONGEST_CHAIN = 7;

/** A refusal as rules look at it. */
export class Refusal {
  readonly log: ParsedLog;
  readonly paths: LogPaths;
  readonly history: History;
  readonly program: ProgramFacts;

  constructor(log: ParsedLog, program: ProgramFacts = {}) {
    this.log = log;
    this.program = program;
    this.paths = new LogPaths(log);
    this.history = new History(this.paths.failing());
  }

  /** The instruction that was refused; undefined where none was looked at yet. */
  get last(): PathStep | undefined {
    return this.history.last;
  }

  /** What the log knows of a register in front of the refused instruction. */
  known(register: number): string | null {
    return this.history.known(register, this.last?.position ?? 0);
  }

  /**
   * The program's own name for what a step gives, or compares, where its line of source has only one that it can be;
   * else `otherwise`.
   */
  variable(at: PathStep | undefined, otherwise: string): string {
    const text = at?.step.source?.text ?? "";
    const pattern =
      at?.effect.operation === "branch"
        ? /\(([A-Za-z_][\w.]*(?:->\w+)*) (?:[<>]=?|[!=]=) /g
        : /(?:^|[\s*])([A-Za-z_]\w*) = (?!=)/g;
    const names = [...text.matchAll(pattern)].map(([, name]) => name!);
    const [name] = names;
    return name === undefined || names.length > 1 || /^[rw]\d+$/.test(name) ? otherwise : name;
  }

  /** The group of a pattern in the first message that it matches; null where it matches none. */
  said(pattern: RegExp): string | null {
    for (const message of this.log.messages) {
      const found = pattern.exec(message)?.[1];
      if (found !== undefined) return found;
    }
    return null;
  }

  /** A step for the refused instruction. */
  used(text: string): ExplanationStep[] {
    return this.last === undefined ? [] : [stepOf(this.last, "used", text)];
  }

  /** The cause, if there is one, and the refused instruction. */
  steps(cause: Cause | null, need: string): ExplanationStep[] {
    const used = this.used(need);
    if (cause === null) return used;
    if (cause.at === this.last) return [stepOf(cause.at, "used", cause.text)];
    return [stepOf(cause.at, "lost", cause.text), ...used];
  }

  /** The chain of a register's value in the order of the program, with its cause, and the instruction that needs it. */
  chain(
    register: number,
    need: string,
    cause: Cause | null,
    /** What went into the value besides: that of another register, told from its origin. */
    added: readonly ValueLink[] = [],
    /** How the value came to be, where that is not what its register's first operands were. */
    origin: readonly ValueLink[] | null = null,
  ): ExplanationStep[] {
    const { last } = this;
    if (last === undefined) return [];
    // What became of a pointer after its end is no more than a number.
    const end = cause?.ended === undefined ? last.position : cause.at.position;
    const links = shortened(
      (origin ?? this.history.origin(register, last.position)).filter(
        ({ at, kind }) => at.position < end || kind === "copied",
      ),
    );
    const found: { at: PathStep; step: ExplanationStep }[] = links.map((link, i) => ({
      at: link.at,
      step: stepOf(
        link.at,
        i === links.length - 1 ? "origin" : "passed",
        linkText(link, i === links.length - 1, this.history),
      ),
    }));
    const other = added.at(-1);
    if (other !== undefined && cause?.at !== other.at && !links.some(({ at }) => at === other.at))
      found.push({ at: other.at, step: stepOf(other.at, "passed", linkText(other, true, this.history)) });
    if (cause !== null && cause.at !== last) {
      const same = found.findIndex(({ at }) => at === cause.at);
      const lost = { at: cause.at, step: stepOf(cause.at, "lost", cause.text) };
      if (same >= 0) found[same] = lost;
      else found.push(lost);
    }
    found.sort((a, b) => a.at.position - b.at.position);
    const ending = cause !== null && cause.at === last ? cause.text : need;
    return [...found.map(({ step }) => step), stepOf(last, "used", ending)];
  }

  /** An instruction that a message names by its slot. */
  stepAt(index: number, role: ExplanationStep["role"], text: string): ExplanationStep {
    const visited = this.history.path.findLast(({ step }) => step.index === index)?.step;
    const seen = visited ?? this.log.steps.find((step) => step.index === index);
    const code = seen?.text ?? this.log.program.get(index) ?? "";
    return { role, instruction: index, code, source: seen?.source ?? null, text };
  }
}

/** Loops repeat their instructions, and copies of copies say little. */
function shortened(links: readonly ValueLink[]): readonly ValueLink[] {
  const seen = new Set<number>();
  const once = links.filter(({ at }, i) => {
    const repeated = seen.has(at.step.index);
    seen.add(at.step.index);
    return !repeated || i === links.length - 1;
  });
  if (once.length <= LONGEST_CHAIN) return once;
  return [...once.slice(0, LONGEST_CHAIN - 1), once.at(-1)!];
}

function linkText(link: ValueLink, oldest: boolean, history: History): string {
  const sum = history.sumOf(link.at)?.number;
  const { at, place, known, kind } = link;
  const { effect } = at;
  switch (kind) {
    case "clobbered":
      return `the call does not keep ${place}: R1 to R5 hold nothing after it`;
    case "partial":
      return "this writes a part of what is read later";
    case "argument":
      return `${place} is what the caller passes`;
    case "returned":
      return "the function returns it";
    case "copied":
      return copyText(at, place);
    case "changed":
      return changeText(link, sum);
    default: {
      const what = known === null ? "" : `: ${valueText(known)}`;
      if (effect.operation === "load")
        return `${place} is loaded from ${memoryText(history.known(effect.memory!.base, at.position))}${what}`;
      if (effect.call !== null && !effect.call.startsWith("pc"))
        return `${effect.call.replace(/#.*$/, "") || "the call"} gives ${place}${what}`;
      return oldest || what !== "" ? `${place} is set here${what}` : `${place} is set here`;
    }
  }
}

function copyText({ effect, stack }: PathStep, place: string): string {
  if (effect.memory?.store === true) return `R${effect.reads[1]} is kept on the stack, at ${place}`;
  if (stack !== null) return `${place} comes back from the stack, from fp${stack.offset}`;
  const [from] = effect.reads;
  return from === undefined ? `${place} is set` : `${place} is a copy of R${from}`;
}

function changeText({ at, place, known }: ValueLink, sum: number | undefined): string {
  if (known !== null && /^(?:P?scalar|inv|-?\d|0x|P)/.test(known)) {
    const range = rangeWords(rangeOf(known));
    const [, right] = at.effect.reads;
    if (at.effect.operator === "+=" && right !== undefined && `R${right}` !== place)
      return `R${right} is added to ${place}${range === null ? "" : `, which can be ${range} then`}`;
    return `${place} is changed${range === null ? "" : `, and can be ${range}`}`;
  }
  const number = sum ?? at.effect.reads[1];
  return at.effect.reads.length > 1
    ? `R${number} is ${at.effect.operator === "-=" ? "subtracted from" : "added to"} the pointer${sum === undefined || sum === at.effect.reads[1] ? ` in ${place}` : ""}`
    : `${place} is moved`;
}

export function stepOf({ step }: PathStep, role: ExplanationStep["role"], text: string): ExplanationStep {
  return { role, instruction: step.index, code: step.text, source: step.source, text };
}

export function fix(text: string, code: string | null = null): Explanation["fixes"][number] {
  return { text, code };
}

/** A rule whose refused instruction speaks for itself. */
export function plainRule(
  code: string,
  patterns: readonly RegExp[],
  headline: string,
  need: string,
  ...fixes: Explanation["fixes"]
): Rule {
  return { code, patterns, find: () => ({ headline, need, fixes }) };
}

/** A rule about the program as a whole. */
export function wholeRule(
  code: string,
  patterns: readonly RegExp[],
  headline: string,
  ...fixes: Explanation["fixes"]
): Rule {
  return { code, patterns, find: () => ({ headline, whole: true, fixes }) };
}
