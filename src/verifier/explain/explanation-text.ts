import type { Explanation, ExplanationStep } from "./explanation.ts";
import type { LogSource } from "./log-model.ts";
import { wrapped } from "./wrapped.ts";

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

/** The source line and the instruction with what is wrong with it below. */
function refusedPlace(explanation: Explanation, width: number, style: ExplanationStyle): string[] {
  const { instruction, source, why } = explanation;
  if (instruction === null) return [];
  const numbers = [`${instruction.index}`, ...(source?.line == null ? [] : [`${source.line}`])];
  const margin = Math.max(...numbers.map(({ length }) => length));
  const bar = (number: string) => style.dim(`${number.padStart(margin + 2)} | `);
  const room = width - margin - 5;
  const place = placeText(source);
  const code = instruction.code === "" ? NOT_SHOWN : instruction.code;
  const where = `${place === "" ? "" : `${place}, `}instruction ${instruction.index}`;
  const lines = hanging(`${" ".repeat(margin + 1)}--> `, where, width);
  if (source !== null && source.text !== "") {
    lines.push(`${bar(source.line === null ? "" : `${source.line}`)}${cut(expanded(source.text), room)}`);
  }
  lines.push(`${bar(`${instruction.index}`)}${style.bold(cut(code, room))}`);
  const [at, length] = operandPlace(code, instruction.operand);
  const note = why.at(-1)?.text ?? "";
  const caret = `${" ".repeat(at)}${"^".repeat(length)}`;
  if (at + length + 1 + note.length <= room) lines.push(`${bar("")}${style.bad(`${caret} ${note}`)}`);
  else {
    lines.push(`${bar("")}${style.bad(caret)}`);
    for (const line of wrapped(note, room)) lines.push(`${bar("")}${style.bad(line)}`);
  }
  return lines;
}

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
  const code = cut(step.code === "" ? NOT_SHOWN : step.code, width - head.length);
  const lines = [`${isCause ? style.bad(head) : style.dim(head)}${isCause ? style.bold(code) : code}`];
  if (step.source !== null && step.source.text !== "") {
    const where = place === "" ? "" : `  ${place}`;
    const text = expanded(step.source.text);
    const together = indent.length + text.length + where.length <= width;
    lines.push(`${indent}${style.dim(cut(text, width - indent.length))}${together ? style.dim(where) : ""}`);
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

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(1, width - 3))}...`;
}

function expanded(line: string): string {
  return line.replaceAll("\t", "    ");
}
