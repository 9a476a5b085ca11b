import { displacementOf, type Insn, lookup } from "../isa/index.ts";
import type { AsmDialect } from "./assemble.ts";
import { LabelNumbers } from "./label-numbers.ts";
import { type PrintNames, signedText } from "./print-names.ts";
import { printPseudoC } from "./pseudoc/print.ts";
import { printUbpf } from "./ubpf/print.ts";

export interface DisassembleOptions {
  /** `pseudoc` by default. */
  readonly dialect?: AsmDialect;
  /**
   * Name the targets of jumps (`L1`) and calls (`func1`) instead of counting slots. Texts that will stand in one file
   * share their numbers: no label must come twice.
   */
  readonly labels?: boolean | LabelNumbers;
  readonly helperName?: (id: number) => string | undefined;
}

const PRINTERS = { pseudoc: printPseudoC, ubpf: printUbpf } as const;

/** A program as text that `assemble` turns into the same slots, one instruction to a line. */
export function disassemble(insns: readonly Insn[], options: DisassembleOptions = {}): string {
  const print = PRINTERS[options.dialect ?? "pseudoc"];
  const numbers = options.labels === true ? new LabelNumbers() : options.labels || undefined;
  const labels = numbers === undefined ? new Map<number, string>() : labelsOf(insns, numbers);
  const names: PrintNames = {
    target: (slot, displacement) => labels.get(slot + 1 + displacement) ?? signedText(displacement),
    ...(options.helperName === undefined ? {} : { helperName: options.helperName }),
  };
  const indent = numbers === undefined ? "" : "  ";
  let text = "";
  for (let slot = 0; slot < insns.length; ) {
    const label = labels.get(slot);
    if (label !== undefined) text += `${label}:\n`;
    text += `${indent}${print(insns, slot, names)}\n`;
    slot += widthAt(insns, slot);
  }
  const end = labels.get(insns.length);
  return end === undefined ? text : `${text}${end}:\n`;
}

/** Slots that the text of one line covers: the second slot of a malformed wide load is a line of its own. */
function widthAt(insns: readonly Insn[], slot: number): number {
  const row = lookup(insns[slot]!);
  if (row?.slots !== 2) return 1;
  const { off, src } = insns[slot]!;
  const next = insns[slot + 1];
  const whole = next !== undefined && (next.opcode | next.dst | next.src | next.off) === 0;
  return whole && off === row.off && src === row.src ? 2 : 1;
}

function labelsOf(insns: readonly Insn[], numbers: LabelNumbers): Map<number, string> {
  const starts = new Set<number>([insns.length]);
  for (let slot = 0; slot < insns.length; slot += widthAt(insns, slot)) starts.add(slot);
  const calls = new Set<number>();
  const jumps = new Set<number>();
  for (const [slot, insn] of insns.entries()) {
    const row = lookup(insn);
    if (row === undefined) continue;
    const displacement = displacementOf(insn, row);
    if (displacement === undefined) continue;
    const target = slot + 1 + displacement;
    // A target outside the program, or inside an instruction, has no line to carry the label.
    if (starts.has(target)) (row.off === "target" || row.kind === "goto" ? jumps : calls).add(target);
  }
  const labels = new Map<number, string>();
  for (const target of [...new Set([...calls, ...jumps])].sort((a, b) => a - b)) {
    labels.set(target, calls.has(target) ? numbers.nextFunction() : numbers.nextPlace());
  }
  return labels;
}
