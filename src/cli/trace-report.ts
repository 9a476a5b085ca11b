import type { JsonWriter } from "../btf/index.ts";
import { countText, quantityText } from "../user/index.ts";
import type { OpenKernel } from "./io.ts";
import type { Style } from "./style.ts";

/** Lines of text output: what is older is counted. */
const MAX_LINES = 100;

interface Trace {
  readonly lines: readonly string[];
  /** Lines that the kernel's buffer had no room for. */
  readonly lost: number;
}

/** What programs printed. A kernel tells in front how many of the oldest lines it has lost, on each CPU. */
function traceOf(opened: OpenKernel): Trace {
  const lines = opened.tracePipe().split("\n");
  if (lines.at(-1) === "") lines.pop();
  let lost = 0;
  let at = 0;
  for (; at < lines.length; at++) {
    const match = /^CPU:\d+ \[LOST (\d+) EVENTS\]$/.exec(lines[at]!);
    if (match === null) break;
    lost += Number(match[1]);
  }
  return { lines: lines.slice(at), lost };
}

/** The last lines that programs printed, and how many came before; empty where they printed none. */
export function traceText(opened: OpenKernel, style: Style): string {
  const { lines, lost } = traceOf(opened);
  if (lines.length === 0 && lost === 0) return "";
  const shown = lines.slice(-MAX_LINES);
  const earlier = lines.length - shown.length;
  const notes = [
    ...(lost === 0 ? [] : [`${countText(lost)} lost`]),
    ...(earlier === 0 ? [] : [`${quantityText(earlier, "earlier line")} (-j has them)`]),
  ];
  const note = notes.length === 0 ? "" : `  ${style.dim(`… ${notes.join(", ")}`)}\n`;
  return `${style.bold("trace_pipe")}\n${note}${shown.map((line) => `${line}\n`).join("")}`;
}

/** All lines that are kept, and how many are not; no members where nothing was printed. */
export function writeTraceJson(json: JsonWriter, opened: OpenKernel): void {
  const { lines, lost } = traceOf(opened);
  if (lines.length === 0 && lost === 0) return;
  json.field("trace", lines.map((line) => `${line}\n`).join("")).field("trace_lost", lost);
}
