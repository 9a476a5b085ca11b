import { disasm, jsonText, xlatedDisasm, xlatedJson, xlatedText } from "../asm/index.ts";
import { hexOf } from "../base/index.ts";
import { dotGraph } from "../cfg/index.ts";
import { encode, INSN_SIZE, isWide } from "../isa/index.ts";
import type { XlatedProgram } from "./xlated-program.ts";

/** What is to be shown beside the instructions. */
export interface DumpOptions {
  readonly opcodes: boolean;
  readonly linum: boolean;
}

/** `prog dump xlated` as text. */
export function dumpText(program: XlatedProgram, options: DumpOptions): string {
  return xlatedText(program.insns, program.context(), options);
}

/** `prog -j dump xlated`: an array of instructions, without a line break at its end. */
export function dumpJson(program: XlatedProgram, options: DumpOptions, pretty: boolean): string {
  return jsonText(xlatedJson(program.insns, program.context(), options), { pretty }).trimEnd();
}

/** The instructions as values, to stand inside other JSON. */
export function dumpEntries(program: XlatedProgram, options: DumpOptions): readonly object[] {
  return xlatedJson(program.insns, program.context(), options);
}

/** `prog dump xlated … visual`: the graph in Graphviz's language. */
export function dumpGraph(program: XlatedProgram, { opcodes, linum }: DumpOptions): string {
  const { insns } = program;
  const context = xlatedDisasm(program.context());
  const bytes = encode(insns);
  const hexAt = (slot: number) => {
    const size = isWide(insns[slot]!) ? 2 * INSN_SIZE : INSN_SIZE;
    return hexOf(bytes.subarray(slot * INSN_SIZE, slot * INSN_SIZE + size)).replaceAll(/(..)(?=.)/g, "$1 ");
  };
  return dotGraph(insns, {
    insn: (slot) => disasm(insns, slot, context),
    ...(opcodes ? { opcodes: hexAt } : {}),
    ...program.graphRecords(linum),
  });
}
