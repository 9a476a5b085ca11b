import { disassemble } from "../../../src/asm/index.ts";
import { decode } from "../../../src/isa/index.ts";
import { classOf } from "./classes.ts";
import type { CaseResult } from "./compare.ts";
import type { KernelTypes } from "./kernel-types.ts";
import { maskLog, maskXlated } from "./mask.ts";
import { sideBySide } from "./side-by-side.ts";

/** A case's program, what differs, and both answers side by side (ours left). */
export function differenceText(result: CaseResult, types: KernelTypes | null, width: number): string {
  const { recorded, answers, differences } = result;
  const { test, record } = recorded;
  const parts = [`${test.name}\n${classOf(result) ?? "as recorded"}\n`];
  for (const { check, ours, theirs } of differences) {
    parts.push(`${check}\n  Linux: ${theirs}\n  here:  ${ours}\n`);
  }
  parts.push(`\n${test.source === "" ? disassemble(decode(test.insns)) : test.source}\n`);
  const both = (title: string, ours: string | undefined, theirs: string | null | undefined) => {
    if (theirs === null || theirs === undefined) return;
    const masked = (text: string) => maskLog(text, test, types).trimEnd();
    parts.push(`\n${title}: here │ Linux\n${sideBySide(masked(ours ?? ""), masked(theirs), width)}\n`);
  };
  both("short log", answers.level1?.log, record!.stats ?? record!.level1);
  both("level 2", answers.level2?.log, record!.level2);
  if (record!.xlated !== null) {
    const text = (bytes: Uint8Array | null | undefined) =>
      bytes === null || bytes === undefined ? "" : disassemble(decode(maskXlated(bytes, test))).trimEnd();
    parts.push(
      `\nxlated: here │ Linux\n${sideBySide(text(answers.level1?.xlated), text(record!.xlated), width)}\n`,
    );
  }
  return parts.join("");
}
