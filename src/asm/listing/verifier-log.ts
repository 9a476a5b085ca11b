import { type Insn, slotsOf } from "../../isa/index.ts";
import { type DisasmContext, type SourceContext, type SourceLine, trimmedSource } from "./context.ts";
import { disasm } from "./disasm.ts";

/** The instructions as Linux's verifier log has them, one to a line, without the states between: `0: (b7) r0 = 0`. */
export function verifierLogText(insns: readonly Insn[], context: DisasmContext & SourceContext = {}): string {
  let text = "";
  for (let slot = 0; slot < insns.length; slot += slotsOf(insns[slot]!)) {
    const source = context.source?.(slot);
    if (source !== undefined) text += `${verifierSourceLine(source)}\n`;
    text += `${slot}: ${disasm(insns, slot, context)}\n`;
  }
  return text;
}

/** A source line as `verbose_linfo` writes it: `; if (!st) @ demo.bpf.c:60`. */
export function verifierSourceLine(source: SourceLine): string {
  const text = `; ${trimmedSource(source.text)}`;
  if (source.file === undefined) return text;
  return `${text} @ ${source.file.slice(source.file.lastIndexOf("/") + 1)}:${source.line}`;
}
