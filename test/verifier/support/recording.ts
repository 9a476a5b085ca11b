import { disassemble } from "../../../src/asm/index.ts";
import { bytesOfHex, hexOf } from "../../../src/base/index.ts";
import { decode, slotsOf } from "../../../src/isa/index.ts";
import { Errno, errnoName } from "../../../src/uapi/index.ts";
import { sectionsOf } from "./case-sections.ts";
import type { CaseOutcome, VerifierRecord } from "./verifier-case.ts";

/** Writes what a kernel said to the cases of a file, in the form that {@link readRecording} reads. */
export function writeRecording(kernel: string, records: ReadonlyMap<string, VerifierRecord>): string {
  const parts = [`# What Linux ${kernel} says. Written by \`npm run record:verifier\`; do not edit.\n`];
  for (const [name, record] of records) {
    const lines = [`=== ${name}`];
    lines.push(`verdict: ${record.errno === 0 ? "accepted" : `rejected ${errnoName(record.errno)}`}`);
    for (const run of record.runs) lines.push(`run: ${outcomeText(run)}`);
    if (record.stats !== null) lines.push("log:", ...indented(record.stats));
    if (record.level1 !== null) lines.push("log 1:", ...indented(record.level1));
    if (record.level2 !== null) {
      if (record.level2 === record.level1) lines.push("log 2: the same");
      else lines.push("log 2:", ...indented(record.level2));
    }
    if (record.xlated !== null) lines.push("xlated:", ...listing(record.xlated));
    parts.push(`${lines.join("\n")}\n`);
  }
  return parts.join("\n");
}

/** The records of a file by the names of their cases. */
export function readRecording(text: string, file: string): Map<string, VerifierRecord> {
  const records = new Map<string, VerifierRecord>();
  for (const section of sectionsOf(text, file).cases) {
    const value = (key: string) => section.entries.find((entry) => entry.key === key)?.value;
    const verdict = value("verdict") ?? "";
    const level1 = logOf(value("log 1"));
    const second = value("log 2");
    const xlated = value("xlated");
    records.set(section.name, {
      errno: verdict === "accepted" ? 0 : errnoOf(verdict.replace(/^rejected /, "")),
      stats: logOf(value("log")),
      level1,
      level2: second === "the same" ? level1 : logOf(second),
      xlated: xlated === undefined ? null : bytesOf(xlated),
      runs: section.entries.filter(({ key }) => key === "run").map((entry) => outcomeOf(entry.value)),
    });
  }
  return records;
}

/** `"0x1"`, `"any"`, `"EINVAL"`. */
export function outcomeText({ errno, retval }: CaseOutcome): string {
  if (errno !== 0) return errnoName(errno);
  return retval === null ? "any" : `0x${retval.toString(16)}`;
}

function outcomeOf(text: string): CaseOutcome {
  if (text === "any") return { errno: 0, retval: null };
  return text.startsWith("0x") ? { errno: 0, retval: Number(text) } : { errno: errnoOf(text), retval: 0 };
}

function errnoOf(name: string): number {
  const known = (Errno as Readonly<Record<string, number>>)[name] ?? Number(/^errno (\d+)$/.exec(name)?.[1]);
  if (Number.isNaN(known)) throw new Error(`there is no errno '${name}'`);
  return known;
}

/** A mark before each line keeps blanks at ends and empty lines. */
function indented(log: string): string[] {
  return log
    .replace(/\n$/, "")
    .split("\n")
    .map((line) => `  |${line}`);
}

function logOf(block: string | undefined): string | null {
  if (block === undefined) return null;
  const lines = block.split("\n").map((line) => line.replace(/^ {2}\|/, ""));
  return lines.length === 1 && lines[0] === "" ? "" : `${lines.join("\n")}\n`;
}

/** The bytes of each instruction, and behind them what they say. */
function listing(bytes: Uint8Array): string[] {
  const insns = decode(bytes);
  const lines: string[] = [];
  const texts = disassemble(insns, { labels: false }).split("\n");
  let slot = 0;
  for (const text of texts) {
    if (slot >= insns.length) break;
    const size = slotsOf(insns[slot]!) * 8;
    const code = hexOf(bytes.subarray(slot * 8, slot * 8 + size));
    lines.push(`  ${code.padEnd(32)} ${String(slot).padStart(4)}: ${text.trim()}`);
    slot += size / 8;
  }
  return lines;
}

function bytesOf(block: string): Uint8Array {
  const code = block.split("\n").map((line) => /^\s*([0-9a-f]+)/.exec(line)?.[1] ?? "");
  const bytes = bytesOfHex(code.join(""));
  if (bytes === null) throw new Error("the program is no hex digits");
  return bytes;
}
