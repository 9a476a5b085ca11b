import {
  type AsmDialect,
  type ClassicStyle,
  disasm,
  disassemble,
  type ObjdumpSymbol,
  objdumpSection,
  objdumpText,
  printClassic,
  xlatedText,
} from "../asm/index.ts";
import { FormatError } from "../base/index.ts";
import { type ElfFile, ElfMachine, openElf, SectionFlag, SectionType, SymbolType } from "../elf/index.ts";
import { decode, INSN_SIZE, type Insn, slotsOf } from "../isa/index.ts";
import { isElf } from "./btf-file.ts";
import { classicProgram, isDecimalFilter, isText } from "./classic-input.ts";
import type { CommandFunction, Invocation } from "./command.ts";
import { CommandError, UsageError } from "./failure.ts";
import { hexArgument, hexFile, readInput } from "./input.ts";

const CLASSIC_STYLES: readonly string[] = ["d", "dd", "ddd", "bpf_asm"];

/** `tsbpf disasm { FILE | - | --hex HEX } [--dialect DIALECT | --style STYLE]` */
export const run: CommandFunction = async (invocation) => {
  const { io, words, options } = invocation;
  const hex = options.value("hex");
  if (hex === undefined && words.count === 0) throw new UsageError("expected a file, '-' or --hex");
  const input =
    hex === undefined
      ? await readInput(io, words.take())
      : { bytes: hexArgument(hex, "--hex"), name: "<hex>" };
  words.end();
  io.stdout.write(listing(input.bytes, input.name, invocation));
  return 0;
};

function listing(bytes: Uint8Array, name: string, { options }: Invocation): string {
  const style = options.value("style");
  const dialect = options.value("dialect");
  if (style !== undefined && dialect !== undefined) {
    throw new CommandError("'--style' is not compatible with '--dialect'");
  }
  if (dialect === "classic" || (style !== undefined && CLASSIC_STYLES.includes(style))) {
    return printClassic(classicProgram(bytes, name), (style ?? "d") as ClassicStyle);
  }
  if (isElf(bytes)) return objectListing(openElf(bytes), name, options.has("labels"), style, dialect);
  if (isDecimalFilter(bytes)) return printClassic(classicProgram(bytes, name), "d");
  const program = hexFile(bytes) ?? bytes;
  // Text that is no hexadecimal: a filter as tcpdump prints it.
  if (program === bytes && isText(bytes)) return printClassic(classicProgram(bytes, name), "d");
  return printed(instructions(program, name), options.has("labels"), style, dialect);
}

function instructions(bytes: Uint8Array, name: string): readonly Insn[] {
  if (bytes.length === 0 || bytes.length % INSN_SIZE !== 0) {
    throw new FormatError(
      name,
      bytes.length,
      `expected whole instructions of 8 bytes, got ${bytes.length} bytes`,
    );
  }
  return decode(bytes);
}

function printed(
  insns: readonly Insn[],
  labels: boolean,
  style: string | undefined,
  dialect: string | undefined,
): string {
  switch (style) {
    case "xlated":
      return xlatedText(insns, { callDisplacement: (insn) => insn.imm });
    case "verifier":
      return verifierText(insns);
    case "llvm":
      return objdumpSection({ name: ".text", insns });
    default:
      return disassemble(insns, { labels, dialect: (dialect ?? "pseudoc") as AsmDialect });
  }
}

/** `0: (b7) r0 = 0`, as a verifier's log numbers instructions. */
function verifierText(insns: readonly Insn[]): string {
  let text = "";
  for (let slot = 0; slot < insns.length; slot += Math.max(1, slotsOf(insns[slot]!))) {
    text += `${slot}: ${disasm(insns, slot)}\n`;
  }
  return text;
}

/** Every section with code, below its name. */
function objectListing(
  elf: ElfFile,
  name: string,
  labels: boolean,
  style: string | undefined,
  dialect: string | undefined,
): string {
  const { endian, header } = elf;
  if (header.machine !== ElfMachine.BPF) {
    throw new CommandError(
      `${name}: expected an object for BPF (machine ${ElfMachine.BPF}), got machine ${header.machine}`,
    );
  }
  const sections = elf.sections.filter(
    ({ type, flags, size }) =>
      type === SectionType.PROGBITS && (flags & SectionFlag.EXECINSTR) !== 0 && size > 0,
  );
  const decoded = sections.map((section) => {
    const bytes = elf.data(section);
    if (bytes.length % INSN_SIZE !== 0) {
      throw new FormatError(
        `ELF section ${section.name}`,
        bytes.length,
        `expected whole instructions of 8 bytes, got ${bytes.length} bytes`,
      );
    }
    const symbols: ObjdumpSymbol[] = elf
      .symbols()
      .filter((symbol) => symbol.section === section && isCodeSymbol(symbol.type, symbol.name))
      .map((symbol) => ({ slot: Number(symbol.value) / INSN_SIZE, name: symbol.name }));
    return { name: section.name, insns: decode(bytes, { endian }), symbols, endian };
  });
  if (style === "llvm") return objdumpText(name, decoded);
  return decoded
    .map((section) => {
      const functions = section.symbols.map(({ slot, name: symbol }) => `; ${slot}: ${symbol}\n`);
      return `; section ${section.name}\n${functions.join("")}${printed(section.insns, labels, style, dialect)}`;
    })
    .join("\n");
}

function isCodeSymbol(type: number, name: string): boolean {
  return name !== "" && (type === SymbolType.FUNC || type === SymbolType.NOTYPE);
}
