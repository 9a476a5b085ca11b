import { CallKind, decode, encode, type Insn, isWide, lookup, WideKind } from "../../../../src/isa/index.ts";
import type { VerifierCase } from "../../../verifier/support/verifier-case.ts";

const FUNC_INFO_WORDS = 2;
const LINE_INFO_WORDS = 4;

/** A case with one more instruction at a slot; what pointed behind it still points there. */
export function insertedInto(test: VerifierCase, at: number, insn: Insn): VerifierCase {
  const insns = decode(test.insns);
  // Not between the halves of a wide load.
  if (at >= insns.length || (at > 0 && isWide(insns[at - 1]!))) return test;
  const moved = (slot: number) => (slot >= at ? slot + 1 : slot);
  /** A jump to the place leads to the new instruction. */
  const target = (slot: number) => (slot > at ? slot + 1 : slot);
  const displaced = (slot: number, by: number) => target(slot + 1 + by) - moved(slot) - 1;
  const changed = insns.map((each, slot): Insn => {
    const row = lookup(each);
    if (row === undefined) return each;
    if (row.off === "target") return { ...each, off: displaced(slot, each.off) };
    const points =
      row.imm === "target" ||
      (row.kind === "call" && each.src === CallKind.local) ||
      (isWide(each) && each.src === WideKind.func);
    return points ? { ...each, imm: displaced(slot, each.imm) } : each;
  });
  return {
    ...test,
    insns: encode(changed.toSpliced(at, 0, insn)),
    references: test.references.map((reference) => ({ ...reference, slot: moved(reference.slot) })),
    funcInfo: movedRecords(test.funcInfo, FUNC_INFO_WORDS, target),
    lineInfo: movedRecords(test.lineInfo, LINE_INFO_WORDS, target),
  };
}

/** Records whose first word is a slot. */
function movedRecords(bytes: Uint8Array, words: number, moved: (slot: number) => number): Uint8Array {
  const records = new Uint32Array(bytes.slice().buffer);
  for (let at = 0; at < records.length; at += words) records[at] = moved(records[at]!);
  return new Uint8Array(records.buffer);
}
