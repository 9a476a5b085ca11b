import { hexOf } from "../base/index.ts";
import { JsonWriter } from "../btf/index.ts";
import type { ProgTestRunResult } from "../sys/index.ts";
import { progTypeNames } from "../uapi/index.ts";
import { countText, durationText, percentText, quantityText, shortText, tableText } from "../user/index.ts";
import type { OpenKernel } from "./io.ts";
import { mapsText, type ReportedMap, writeMapsJson } from "./map-report.ts";
import { type PacketRun, takesPackets } from "./program-run.ts";
import type { Style } from "./style.ts";
import { traceText, writeTraceJson } from "./trace-report.ts";
import { verdictName, verdictText } from "./verdicts.ts";

/** What was run, where. */
export interface RunSubject {
  readonly object: string;
  readonly program: string;
  /** A value of `BpfProgType`. */
  readonly type: number;
  /** `"embedded"` … */
  readonly kernel: string;
  readonly maps: readonly ReportedMap[];
  readonly opened: OpenKernel;
  /** See `mayRunLong`. */
  readonly long: boolean;
}

/** What a test run gave, and how often it ran: less often than was asked for where the user ended it. */
export type RepeatedResult = ProgTestRunResult & { readonly runs: number };

/** `count_flows (xdp) of flow.bpf.o on the embedded kernel, interpreted` */
export function subjectText({ object, program, type, kernel }: RunSubject, style: Style): string {
  const where = kernel === "embedded" ? "the embedded kernel (--kernel chooses)" : `kernel ${kernel}`;
  return `${style.bold(program)} (${typeName(type)}) of ${object} on ${where}\n`;
}

/** `(31.2 k packets/s, 120 ms)` */
export function rateText(count: number, seconds: number, things = "packets"): string {
  const rate = seconds > 0 ? `${shortText(count / seconds)} ${things}/s, ` : "";
  return `(${rate}${durationText(seconds)})`;
}

/** Verdicts as a table, the most frequent first. */
export function verdictsText(type: number, run: PacketRun, style: Style): string {
  const rows = [...run.verdicts].sort((one, other) => other[1] - one[1]);
  const table = rows.map(([retval, count]) => [
    verdictText(type, retval),
    countText(count),
    percentText(count, run.packets),
  ]);
  for (const [reason, count] of run.refused) {
    table.push([`not run: ${reason}`, countText(count), percentText(count, run.packets)]);
  }
  const columns = [
    { name: "verdict", right: false },
    { name: "packets", right: true },
    { name: "share", right: true },
  ];
  return table.length === 0
    ? ""
    : tableText(columns, table, { width: style.width, indent: 2, heading: style.dim }).text;
}

/** Everything about a run over a capture. */
export function packetRunText(subject: RunSubject, path: string, run: PacketRun, style: Style): string {
  const { opened, maps, type } = subject;
  const packets = quantityText(run.packets, "packet");
  const bytes = quantityText(run.bytes, "byte");
  const repeated = run.repeat > 1;
  const runs = repeated ? `, ${quantityText(run.runs, "run")}` : "";
  const rate = repeated
    ? rateText(run.runs, run.seconds, "runs")
    : rateText(run.packets, run.seconds, "packets");
  const head = `${path}: ${packets}, ${bytes}${runs} ${style.dim(rate)}${run.interrupted ? " interrupted" : ""}\n`;
  const one = (count: number, single: string, several: string) => (count === 1 ? single : several);
  const reframed =
    run.reframed === 0
      ? ""
      : `  ${countText(run.reframed)} of them had no Ethernet header and ${one(run.reframed, "was", "were")} given one\n`;
  const cut =
    run.cut === 0
      ? ""
      : `  ${countText(run.cut)} ${one(run.cut, "was", "were")} captured in part: programs see that part\n`;
  return [
    traceText(opened, style),
    head + reframed + cut,
    verdictsText(type, run, style),
    mapsText(opened.sys, maps, style),
  ]
    .filter((part) => part !== "")
    .join("\n");
}

/** Everything about a single run. */
export function singleRunText(
  subject: RunSubject,
  result: RepeatedResult,
  input: { readonly data: Uint8Array | undefined; readonly repeat: number },
  style: Style,
): string {
  const { opened, maps, type } = subject;
  const name = verdictName(type, result.retval);
  const ended = result.runs < input.repeat ? " interrupted" : "";
  const times = input.repeat === 1 ? "" : `, ${quantityText(result.runs, "run")}`;
  // The other types are not timed.
  const time = takesPackets(type)
    ? `  ${style.dim(`(${durationText(result.duration / 1e9)} a run${times})`)}${ended}`
    : "";
  const lines = [`r0 = ${result.retval}${name === undefined ? "" : ` ${style.bold(name)}`}${time}\n`];
  if (input.data !== undefined && result.dataOut.length > 0) {
    const changed = hexOf(result.dataOut) !== hexOf(input.data);
    lines.push(
      changed
        ? `packet: ${quantityText(input.data.length, "byte")} in, ${quantityText(result.dataSizeOut, "byte")} out\n${hexLines(result.dataOut)}`
        : `packet: ${quantityText(input.data.length, "byte")}, unchanged\n`,
    );
  }
  if (result.ctxOut.length > 0)
    lines.push(`context: ${quantityText(result.ctxSizeOut, "byte")} out\n${hexLines(result.ctxOut)}`);
  return [traceText(opened, style), lines.join(""), mapsText(opened.sys, maps, style)]
    .filter((part) => part !== "")
    .join("\n");
}

const BYTES_PER_LINE = 16;
const MAX_LINES = 16;

function hexLines(bytes: Uint8Array): string {
  let text = "";
  const shown = bytes.subarray(0, BYTES_PER_LINE * MAX_LINES);
  for (let at = 0; at < shown.length; at += BYTES_PER_LINE) {
    const line = hexOf(shown.subarray(at, at + BYTES_PER_LINE)).replaceAll(/(..)(?=.)/g, "$1 ");
    text += `  ${at.toString(16).padStart(4, "0")}  ${line}\n`;
  }
  return shown.length < bytes.length
    ? `${text}  … ${quantityText(bytes.length - shown.length, "more byte")}\n`
    : text;
}

function typeName(type: number): string {
  return progTypeNames[type] ?? `type ${type}`;
}

/** Begins the JSON of a run: what was run. */
function startJson(subject: RunSubject, pretty: boolean): JsonWriter {
  const json = new JsonWriter({ pretty });
  json.startObject().field("object", subject.object).field("program", subject.program);
  json.field("type", typeName(subject.type)).field("kernel", subject.kernel);
  return json;
}

function endJson(json: JsonWriter, { opened, maps }: RunSubject): string {
  writeMapsJson(json, opened.sys, maps);
  writeTraceJson(json, opened);
  json.endObject();
  return `${json.out.toString()}\n`;
}

export function packetRunJson(subject: RunSubject, path: string, run: PacketRun, pretty: boolean): string {
  const json = startJson(subject, pretty);
  json.field("capture", path).field("packets", run.packets).field("bytes", run.bytes);
  json.field("seconds", Number(run.seconds.toFixed(6)));
  const perSecond = (count: number) => (run.seconds > 0 ? Math.round(count / run.seconds) : 0);
  json.field("packets_per_second", perSecond(run.packets));
  json.field("runs", run.runs).field("runs_per_second", perSecond(run.runs));
  json.field("captured_in_part", run.cut);
  json.field("interrupted", run.interrupted);
  if (run.problem !== null) json.field("error", run.problem);
  json.name("verdicts").startArray();
  for (const [retval, count] of [...run.verdicts].sort((one, other) => other[1] - one[1])) {
    json.startObject().field("retval", retval);
    const name = verdictName(subject.type, retval);
    if (name !== undefined) json.field("name", name);
    json.field("packets", count).endObject();
  }
  json.endArray().name("not_run").startArray();
  for (const [reason, count] of run.refused) {
    json.startObject().field("reason", reason).field("packets", count).endObject();
  }
  json.endArray();
  return endJson(json, subject);
}

export function singleRunJson(
  subject: RunSubject,
  result: RepeatedResult,
  input: { readonly repeat: number },
  pretty: boolean,
): string {
  const json = startJson(subject, pretty);
  json.field("retval", result.retval);
  const name = verdictName(subject.type, result.retval);
  if (name !== undefined) json.field("name", name);
  json.field("duration_ns", result.duration).field("runs", result.runs);
  json.field("interrupted", result.runs < input.repeat);
  if (result.dataOut.length > 0) json.field("data_out", hexOf(result.dataOut));
  if (result.ctxOut.length > 0) json.field("ctx_out", hexOf(result.ctxOut));
  return endJson(json, subject);
}
