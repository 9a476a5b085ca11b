import {
  classicImage,
  disasm,
  disassemble,
  jsonText,
  LabelNumbers,
  type ObjdumpSection,
  type ObjdumpSymbol,
  objdumpSection,
  objdumpText,
  printClassic,
  type XlatedContext,
  xlatedJson,
  xlatedText,
} from "../asm/index.ts";
import { type Endian, FormatError } from "../base/index.ts";
import {
  type ElfFile,
  ElfMachine,
  type ElfSymbol,
  openElf,
  SectionFlag,
  SectionType,
  SymbolType,
} from "../elf/index.ts";
import { decode, INSN_SIZE, type Insn, type SockFilter, slotsOf } from "../isa/index.ts";
import { classicProgram } from "./classic-input.ts";
import type { CommandFunction } from "./command.ts";
import { classicStyleOf, dialectOf, type Form, formOf, kindOf } from "./disasm-form.ts";
import { CommandError, UsageError } from "./failure.ts";
import { helperText } from "./helper-names.ts";
import { hexArgument, hexFile, readInput } from "./input.ts";

/** `tsbpf disasm { FILE | - | --hex HEX } [--dialect DIALECT | --style STYLE]` */
export const run: CommandFunction = async (invocation) => {
  const { io, words, options, json, pretty } = invocation;
  const hex = options.value("hex");
  if (hex === undefined && words.count === 0) throw new UsageError("expected a file, '-' or --hex");
  const { bytes, name } =
    hex === undefined
      ? await readInput(io, words.take())
      : { bytes: hexArgument(hex, "--hex"), name: "<hex>" };
  words.end();
  const form = formOf(invocation);
  switch (kindOf(bytes, form, name)) {
    case "classic": {
      const program = classicProgram(bytes, name);
      const style = classicStyleOf(form, name);
      io.stdout.write(json ? jsonText(classicJson(program), { pretty }) : printClassic(program, style));
      return 0;
    }
    case "object": {
      const sections = codeSections(openElf(bytes), name);
      io.stdout.write(
        json ? jsonText(sections.map(sectionJson), { pretty }) : objectText(sections, name, form),
      );
      return 0;
    }
    case "instructions": {
      const insns = instructions(hexFile(bytes) ?? bytes, name);
      io.stdout.write(
        json ? jsonText(insnsJson(insns), { pretty }) : printed(insns, form, new LabelNumbers()),
      );
      return 0;
    }
  }
};

function instructions(bytes: Uint8Array, name: string, endian: Endian = "little"): readonly Insn[] {
  if (bytes.length === 0 || bytes.length % INSN_SIZE !== 0) {
    throw new FormatError(
      name,
      bytes.length,
      `expected whole instructions of 8 bytes, got ${bytes.length} bytes`,
    );
  }
  return decode(bytes, { endian });
}

function printed(insns: readonly Insn[], form: Form, numbers: LabelNumbers): string {
  switch (form.style) {
    case "xlated":
      return xlatedText(insns, UNSEEN);
    case "verifier":
      return verifierText(insns);
    case "llvm":
      return objdumpSection({ name: ".text", insns });
    default:
      return disassemble(insns, { labels: form.labels && numbers, dialect: dialectOf(form) });
  }
}

/** In code that no kernel has seen, calls have their distance in `imm`. */
const UNSEEN: XlatedContext = { callDisplacement: (insn) => insn.imm, helperName: helperText };

/** `0: (b7) r0 = 0`, as a verifier's log numbers instructions. */
function verifierText(insns: readonly Insn[]): string {
  let text = "";
  for (let slot = 0; slot < insns.length; slot += slotsOf(insns[slot]!)) {
    text += `${slot}: ${disasm(insns, slot, { helperName: helperText })}\n`;
  }
  return text;
}

interface CodeSection extends ObjdumpSection {
  readonly symbols: readonly ObjdumpSymbol[];
  /** Where functions begin, in order; a label of the compiler inside one is none. */
  readonly functions: readonly ObjdumpSymbol[];
}

/** The sections with code of an object. */
function codeSections(elf: ElfFile, name: string): CodeSection[] {
  const { endian, header } = elf;
  if (header.machine !== ElfMachine.BPF) {
    throw new CommandError(
      `${name}: expected an object for BPF (machine ${ElfMachine.BPF}), got machine ${header.machine}`,
    );
  }
  return elf.sections
    .filter(
      ({ type, flags, size }) =>
        type === SectionType.PROGBITS && (flags & SectionFlag.EXECINSTR) !== 0 && size > 0,
    )
    .map((section) => {
      const place = (symbol: ElfSymbol) => ({ slot: Number(symbol.value) / INSN_SIZE, name: symbol.name });
      const named = elf.symbols().filter((symbol) => symbol.section === section && symbol.name !== "");
      const functions = named.filter(({ type }) => type === SymbolType.FUNC).map(place);
      return {
        name: section.name,
        insns: instructions(elf.data(section), `${name}: section ${section.name}`, endian),
        symbols: named
          .filter(({ type }) => type === SymbolType.FUNC || type === SymbolType.NOTYPE)
          .map(place),
        functions: functions.sort((one, other) => one.slot - other.slot),
        endian,
      };
    });
}

/** Every section below its name, every function below its own. It is one text: no label comes twice. */
function objectText(sections: readonly CodeSection[], name: string, form: Form): string {
  if (form.style === "llvm") return objdumpText(name, sections);
  const comment = form.dialect === "ubpf" ? "#" : ";";
  const numbers = new LabelNumbers();
  const names = new FunctionLabels(form.dialect === "ubpf" ? ["exit"] : []);
  return sections
    .map((section) => {
      const body =
        form.style === undefined && !form.labels
          ? functionsText(section, names, (insns) => printed(insns, form, numbers))
          : printed(section.insns, form, numbers);
      return `${comment} section ${section.name}\n${body}`;
    })
    .join("\n");
}

function functionsText(
  { insns, functions }: CodeSection,
  names: FunctionLabels,
  print: (insns: readonly Insn[]) => string,
): string {
  const starts = functions.filter(({ slot }) => Number.isInteger(slot) && slot < insns.length);
  const first = starts[0]?.slot ?? insns.length;
  let text = first > 0 ? print(insns.slice(0, first)) : "";
  starts.forEach(({ slot, name }, at) => {
    const end = starts[at + 1]?.slot ?? insns.length;
    // Two names for one place: the code stands below both.
    text += `${names.labelOf(name)}:\n${end === slot ? "" : print(insns.slice(slot, end))}`;
  });
  return text;
}

/** Labels of functions: static ones of several sources share names, and symbols may have any characters. */
class FunctionLabels {
  readonly #taken: Set<string>;

  /** @param reserved labels that the dialect has by itself. */
  constructor(reserved: readonly string[]) {
    this.#taken = new Set(reserved);
  }

  labelOf(name: string): string {
    const plain = name.replaceAll(/^[^A-Za-z_.$]|[^\w.$@]/g, "_");
    let label = plain;
    for (let number = 2; this.#taken.has(label); number++) label = `${plain}_${number}`;
    this.#taken.add(label);
    return label;
  }
}

function insnsJson(insns: readonly Insn[]): readonly object[] {
  return xlatedJson(insns, UNSEEN, { opcodes: true });
}

function sectionJson({ name, insns, functions }: CodeSection): object {
  return { section: name, functions, insns: insnsJson(insns) };
}

function classicJson(program: readonly SockFilter[]): readonly object[] {
  return program.map((insn, index) => ({ ...insn, disasm: classicImage(insn, index) }));
}
