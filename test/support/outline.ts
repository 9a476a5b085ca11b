import { type Insn, lookup } from "../../src/isa/index.ts";

/** The names of a program's instructions with what tells them apart: short enough to compare by eye. */
export function outline(insns: readonly Insn[]): string[] {
  return insns.map((insn) => {
    const row = lookup(insn);
    if (row === undefined) return `next imm=${insn.imm}`;
    const fields = [
      row.dst === "register" ? `r${insn.dst}` : "",
      row.src === "register" ? `r${insn.src}` : "",
      row.off === "memory" || row.off === "target" ? `off=${insn.off}` : "",
      typeof row.imm === "string" ? `imm=${insn.imm}` : "",
    ];
    return [row.name, ...fields.filter((field) => field !== "")].join(" ");
  });
}
