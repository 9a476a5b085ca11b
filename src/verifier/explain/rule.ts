import type { Explanation, ExplanationStep } from "./explanation.ts";
import type { History, PathStep, ValueLink } from "./history.ts";
import type { ParsedLog } from "./log-model.ts";
import { rangeText, valueText } from "./value-text.ts";

/** What a rule says of a refusal. */
export interface Finding {
  readonly headline: string;
  /** The register or expression under the caret; the instruction as a whole where it is absent. */
  readonly operand?: string;
  readonly why?: readonly ExplanationStep[];
  readonly fixes: Explanation["fixes"];
}

/** One kind of refusal. */
export interface Rule {
  /** Stable: names a page of the catalogue. */
  readonly code: string;
  /** The kernel's words, those of older kernels included. Tried against each message; the first match wins. */
  readonly patterns: readonly RegExp[];
  readonly find: (match: RegExpExecArray, refusal: Refusal) => Finding;
}

/** A refusal as rules look at it. */
export class Refusal {
  readonly log: ParsedLog;
  readonly history: History;

  constructor(log: ParsedLog, history: History) {
    this.log = log;
    this.history = history;
  }

  /** The instruction that was refused; undefined where none was looked at yet. */
  get last(): PathStep | undefined {
    return this.history.last;
  }

  /** The program's own name for what a register holds, guessed from the source line; the register where there is none. */
  name(register: number): string {
    return `R${register}`;
  }

  /** The chain of a register's value, oldest first, and the instruction that needs it. */
  chain(register: number, need: string, words: ChainWords = {}): ExplanationStep[] {
    const { last } = this;
    if (last === undefined) return [];
    const links = this.history.origin(register, last.position);
    const steps = links.map((link, i) => this.#link(link, i === links.length - 1, words));
    return [...steps.reverse(), stepOf(last, "used", need)];
  }

  #link(link: ValueLink, oldest: boolean, words: ChainWords): ExplanationStep {
    const { at, place, known, kind } = link;
    const { effect } = at;
    switch (kind) {
      case "clobbered":
        return stepOf(
          at,
          "lost",
          `the call of ${effect.call} does not keep ${place}: R1 to R5 are gone behind any call`,
        );
      case "argument":
        return stepOf(at, oldest ? "origin" : "passed", `${place} is what the caller passes`);
      case "copied":
        return stepOf(at, oldest ? "origin" : "passed", copyText(at, place));
      case "changed":
        return stepOf(
          at,
          words.changed?.(link) === undefined ? "passed" : "lost",
          words.changed?.(link) ?? changeText(link),
        );
      default: {
        const what = known === null ? "" : `: ${valueText(known)}`;
        return stepOf(at, "origin", words.made?.(link) ?? `${place} is made here${what}`);
      }
    }
  }
}

/** What a rule says of the links of a chain, where it knows better. */
export interface ChainWords {
  readonly made?: (link: ValueLink) => string;
  /** A text makes the link the one where the fact was lost. */
  readonly changed?: (link: ValueLink) => string | undefined;
}

function copyText({ effect }: PathStep, place: string): string {
  const [from] = effect.reads;
  if (effect.stack?.store === true) return `R${effect.reads[1]} is kept on the stack, at ${place}`;
  if (effect.stack !== null) return `${place} is loaded back from the stack, at fp${effect.stack.offset}`;
  if (effect.operation === "exit") return "the function returns it";
  return from === undefined ? `${place} is set` : `${place} is a copy of R${from}`;
}

function changeText({ at, place, known }: ValueLink): string {
  const range = known === null ? null : rangeText(known);
  const limits = range === null ? "" : `; it can now be ${range}`;
  return `${place} is changed by \`${at.step.text}\`${limits}`;
}

export function stepOf({ step }: PathStep, role: ExplanationStep["role"], text: string): ExplanationStep {
  return { role, instruction: step.index, code: step.text, source: step.source, text };
}

export function fix(text: string, code: string | null = null): Explanation["fixes"][number] {
  return { text, code };
}
