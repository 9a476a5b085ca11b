import { NotSupported } from "../../base/index.ts";
import { ancillaryOf, type ClassicOp, classicOp, type SockFilter } from "../../isa/index.ts";

/**
 * How a classic program is written: as `tcpdump -d`, `-dd` and `-ddd` do, or with labels as the kernel's bpf_asm
 * reads it.
 */
export type ClassicStyle = "d" | "dd" | "ddd" | "bpf_asm";

/**
 * A program as text, one instruction a line (libpcap's `bpf_dump()`).
 *
 * @throws NotSupported where bpf_asm's language cannot write an instruction.
 */
export function printClassic(program: readonly SockFilter[], style: ClassicStyle = "d"): string {
  switch (style) {
    case "d":
      return program.map((insn, index) => `${classicImage(insn, index)}\n`).join("");
    case "dd":
      return program
        .map(({ code, jt, jf, k }) => `{ 0x${code.toString(16)}, ${jt}, ${jf}, 0x${hex8(k)} },\n`)
        .join("");
    case "ddd":
      return [
        program.length,
        ...program.map(({ code, jt, jf, k }) => `${code} ${jt} ${jf} ${k >>> 0}`),
        "",
      ].join("\n");
    case "bpf_asm":
      return printBpfAsm(program);
  }
}

/**
 * One instruction as `tcpdump -d` shows it: `(001) jeq      #0x800           jt 2\tjf 5`. Codes that libpcap does not
 * know appear as `unimp`. (libpcap's `bpf_image()`.)
 */
export function classicImage(insn: SockFilter, index: number): string {
  const op = classicOp(insn.code);
  const known = op?.known === true;
  const mnemonic = known ? op.mnemonic : "unimp";
  const operand = known ? imageOperand(op, insn.k, index) : `0x${insn.code.toString(16)}`;
  const head = `(${String(index).padStart(3, "0")}) ${mnemonic.padEnd(8)} `;
  // By class and operation, so that unknown jumps have targets too.
  const branches = (insn.code & 0x07) === 0x05 && (insn.code & 0xf0) !== 0;
  if (!branches) return head + operand;
  return `${head}${operand.padEnd(16)} jt ${index + 1 + insn.jt}\tjf ${index + 1 + insn.jf}`;
}

function imageOperand(op: ClassicOp, k: number, index: number): string {
  switch (op.operand) {
    case "abs":
      return `[${ancillaryOf(k)?.libpcap ?? k | 0}]`;
    case "len":
      return "#pktlen";
    case "target":
      return `${(index + 1 + k) | 0}`;
    case "a":
      return "";
    default:
      return operandText(op, k);
  }
}

function operandText(op: ClassicOp, k: number): string {
  switch (op.operand) {
    case "ind":
      return `[x + ${k | 0}]`;
    case "hex":
      return `#0x${(k >>> 0).toString(16)}`;
    case "dec":
      return `#${k | 0}`;
    case "mem":
      return `M[${k | 0}]`;
    case "msh":
      return `4*([${k | 0}]&0xf)`;
    case "x":
      return "x";
    case "a":
      return "a";
    case "len":
      return "#len";
    case "abs":
      return `[${k | 0}]`;
    case "none":
    case "target":
      return "";
  }
}

/** With a label before each jump target. */
function printBpfAsm(program: readonly SockFilter[]): string {
  const targets = new Set<number>();
  program.forEach(({ code, jt, jf, k }, index) => {
    const op = classicOp(code);
    if (op?.operand === "target") targets.add((index + 1 + k) | 0);
    if (op?.conditional === true) targets.add(index + 1 + jt).add(index + 1 + jf);
  });
  for (const target of targets) {
    if (target < 0 || target >= program.length) {
      throw new NotSupported(`a jump to instruction ${target} of ${program.length} in bpf_asm's text`);
    }
  }
  const lines: string[] = [];
  for (let index = 0; index < program.length; index++) {
    const label = targets.has(index) ? `${labelOf(index)}:` : "";
    lines.push(`${label.padEnd(8)}${bpfAsm(program[index]!, index)}\n`);
  }
  return lines.join("");
}

function labelOf(index: number): string {
  return `L${index}`;
}

function bpfAsm({ code, jt, jf, k }: SockFilter, index: number): string {
  const op = classicOp(code);
  if (op === undefined) throw new NotSupported(`instruction code 0x${code.toString(16)} in bpf_asm's text`);
  const ancillary = op.operand === "abs" ? ancillaryOf(k)?.asm[0] : undefined;
  const operand = ancillary ?? operandText(op, k);
  if (op.operand === "target") return `ja ${labelOf((index + 1 + k) | 0)}`;
  if (op.conditional) {
    return `${op.mnemonic} ${operand}, ${labelOf(index + 1 + jt)}, ${labelOf(index + 1 + jf)}`;
  }
  return operand === "" ? op.mnemonic : `${op.mnemonic} ${operand}`;
}

function hex8(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}
