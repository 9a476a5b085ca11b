import { wrapped } from "../../base/index.ts";
import type { Explanation, ExplanationStep } from "./explanation.ts";
import type { LogSource } from "./log-model.ts";

/** How an explanation is dressed. */
export interface ExplanationStyle {
  /** Columns to use; Infinity where it is no terminal that reads. */
  readonly width: number;
  bold(text: string): string;
  dim(text: string): string;
  bad(text: string): string;
  good(text: string): string;
}

/** No colours, and lines as long as they come. */
export const PLAIN: ExplanationStyle = {
  width: Number.POSITIVE_INFINITY,
  bold: (text) => text,
  dim: (text) => text,
  bad: (text) => text,
  good: (text) => text,
};

/** Prose is not read in longer lines, wherever it is shown. */
const LONGEST_LINE = 100;

/** In place of an instruction that was refused before the verifier went through any. */
const NOT_SHOWN = "(not in the log)";

/** An explanation as people read it, with a line break at its end. */
export function explanationText(explanation: Explanation, style: ExplanationStyle = PLAIN): string {
  const width = Math.min(style.width, LONGEST_LINE);
  const { code, headline, message, why, fixes } = explanation;
  const lines = [
    ...wrapped(`error[${code}]: ${headline}`, width).map((line, i) =>
      i === 0 ? line.replace(/^error\[[^\]]*\]:/, (found) => style.bad(found)) : line,
    ),
    ...refusedPlace(explanation, width, style),
  ];
  if (why.length > 1) {
    lines.push("", style.bold("why:"));
    for (const [i, step] of why.entries())
      lines.push(...stepLines(step, i === explanation.cause, width, style));
  }
  if (fixes.length > 0) {
    lines.push("", style.bold(fixes.length === 1 ? "what would mend it:" : "what would mend it, one of:"));
    for (const { text, code: example } of fixes) {
      lines.push(...hanging("  - ", text, width));
      for (const line of example?.split("\n") ?? []) lines.push(`        ${style.good(expanded(line))}`);
    }
  }
  const words = message.split("\n").filter((line) => line !== "");
  if (words.length > 0 && words.at(-1) !== headline) {
    lines.push("", style.bold("in the kernel's words:"));
    for (const line of words) lines.push(...hanging("    ", line, width, "      ").map(style.dim));
  }
  return `${lines.join("\n")}\n`;
}

/** The source line and the instruction, with what is wrong below the one that is closest to what people wrote. */
function refusedPlace(explanation: Explanation, width: number, style: ExplanationStyle): string[] {
  const { instruction, source, why } = explanation;
  if (instruction === null) return [];
  const numbers = [`${instruction.index}`, ...(source?.line == null ? [] : [`${source.line}`])];
  const margin = Math.max(...numbers.map(({ length }) => length));
  const bar = (number: string) => style.dim(`${number.padStart(margin + 2)} | `);
  const room = width - margin - 5;
  const place = placeText(source);
  const where = `${place === "" ? "" : `${place}, `}instruction ${instruction.index}`;
  const lines = hanging(`${" ".repeat(margin + 1)}--> `, where, width);
  const note = why.at(-1)?.text ?? "";
  const marked = (at: number, length: number, words: string) => {
    const caret = `${" ".repeat(at)}${"^".repeat(length)}`;
    if (words === "") return [`${bar("")}${style.bad(caret)}`];
    if (at + length + 1 + words.length <= room) return [`${bar("")}${style.bad(`${caret} ${words}`)}`];
    return [caret, ...wrapped(words, room)].map((line) => `${bar("")}${style.bad(line)}`);
  };
  const spot = sourceSpot(source);
  if (source !== null && source.text !== "") {
    const shown = excerpt(expanded(source.text), spot ?? [0, 1], room);
    lines.push(`${bar(source.line === null ? "" : `${source.line}`)}${shown.text}`);
    if (spot !== null) lines.push(...marked(shown.at, shown.length, note));
  }
  const code = instruction.code === "" ? NOT_SHOWN : instruction.code;
  const operand = operandPlace(code, instruction.operand);
  const shown = excerpt(code, operand, room);
  // Not to be taken for a line of the source: as the steps have it.
  const number = style.dim(`${`${instruction.index}`.padStart(margin + 2)}:  `);
  lines.push(`${number}${style.bold(shown.text)}`);
  if (spot === null) lines.push(...marked(shown.at, shown.length, note));
  else if (operand[1] < code.length) lines.push(...marked(shown.at, shown.length, ""));
  return lines;
}

/** Where in a source line its column is, tabs expanded, and how long the word there is; null where nothing tells. */
function sourceSpot(source: LogSource | null): readonly [at: number, length: number] | null {
  if (source?.offset === undefined) return null;
  const word = /^(?:\w+|[^\s\w])/.exec(source.text.slice(source.offset))?.[0] ?? " ";
  return [expanded(source.text.slice(0, source.offset)).length, word.length];
}

/** As much of a text as there is room for, around a spot in it. */
export function excerpt(
  text: string,
  [at, length]: readonly [at: number, length: number],
  room: number,
): { readonly text: string; readonly at: number; readonly length: number } {
  if (text.length <= room) return { text, at, length };
  // Two thirds of what is shown stand behind the spot: there an expression goes on.
  const start = Math.max(0, Math.min(at - Math.floor(room / 3), text.length - room));
  const before = start > 0 ? CUT : "";
  const behind = start + room < text.length ? CUT : "";
  const middle = text.slice(start + before.length, start + room - behind.length);
  return {
    text: `${before}${middle}${behind}`,
    at: at - start,
    length: Math.max(1, Math.min(length, room - (at - start))),
  };
}

const CUT = "...";

/** Where an operand stands in an instruction's text, and how long it is; all of the text where it does not. */
export function operandPlace(code: string, operand: string): readonly [at: number, length: number] {
  const register = /^R(\d+)$/.exec(operand)?.[1];
  const all = Math.max(1, code.length);
  if (register === undefined) return [0, all];
  // Of several, the address in brackets comes first.
  const inside = new RegExp(String.raw`\(([rw]${register})\b`).exec(code);
  if (inside !== null) return [inside.index + 1, inside[1]!.length];
  const found = new RegExp(String.raw`\b[rw]${register}\b`).exec(code);
  return found === null ? [0, all] : [found.index, found[0].length];
}

function stepLines(
  step: ExplanationStep,
  isCause: boolean,
  width: number,
  style: ExplanationStyle,
): string[] {
  const head = `${isCause ? "  > " : "    "}${step.instruction}: `;
  const indent = " ".repeat(8);
  const place = placeText(step.source);
  const code = excerpt(step.code === "" ? NOT_SHOWN : step.code, [0, 1], width - head.length).text;
  const lines = [`${isCause ? style.bad(head) : style.dim(head)}${isCause ? style.bold(code) : code}`];
  if (step.source !== null && step.source.text !== "") {
    const where = place === "" ? "" : `  ${place}`;
    const { text } = excerpt(
      expanded(step.source.text),
      sourceSpot(step.source) ?? [0, 1],
      width - indent.length,
    );
    const together = indent.length + text.length + where.length <= width;
    lines.push(`${indent}${style.dim(text)}${together ? style.dim(where) : ""}`);
  }
  for (const line of wrapped(step.text, width - indent.length))
    lines.push(`${indent}${isCause ? style.bad(line) : line}`);
  return lines;
}

/** `"flow.bpf.c:42:9"`; empty where nothing is known. */
export function placeText(source: LogSource | null): string {
  if (source?.line == null) return "";
  const file = source.file?.replace(/^.*\//, "") ?? "line ";
  const column = source.column === null ? "" : `:${source.column}`;
  return source.file === null ? `line ${source.line}` : `${file}:${source.line}${column}`;
}

function hanging(first: string, text: string, width: number, rest = " ".repeat(first.length)): string[] {
  return wrapped(text, width - Math.max(first.length, rest.length)).map(
    (line, i) => `${i === 0 ? first : rest}${line}`,
  );
}

function expanded(line: string): string {
  return line.replaceAll("\t", "    ");
}
