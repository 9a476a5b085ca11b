import {
  type AsmDialect,
  type ClassicStyle,
  classicImage,
  disasm,
  disassemble,
  jsonText,
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
import { helperName } from "../uapi/index.ts";
import { isElf } from "./btf-file.ts";
import { classicProgram, isDecimalFilter, isText } from "./classic-input.ts";
import type { CommandFunction, Invocation } from "./command.ts";
import { CommandError, UsageError } from "./failure.ts";
import { hexArgument, hexFile, readInput } from "./input.ts";

const CLASSIC_STYLES: readonly string[] = ["d", "dd", "ddd", "bpf_asm"];

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
  if (isClassic(bytes, form)) {
    const program = classicProgram(bytes, name);
    const style = (form.style ?? "d") as ClassicStyle;
    io.stdout.write(json ? jsonText(classicJson(program), { pretty }) : printClassic(program, style));
  } else if (isElf(bytes)) {
    const sections = codeSections(openElf(bytes), name);
    io.stdout.write(
      json ? jsonText(sections.map(sectionJson), { pretty }) : objectText(sections, name, form),
    );
  } else {
    const insns = instructions(hexFile(bytes) ?? bytes, name);
    io.stdout.write(json ? jsonText(insnsJson(insns), { pretty }) : printed(insns, form));
  }
  return 0;
};

/** How instructions are to be written. */
interface Form {
  readonly style: string | undefined;
  readonly dialect: string | undefined;
  readonly labels: boolean;
}

function formOf({ options }: Invocation): Form {
  const [style, dialect] = [options.value("style"), options.value("dialect")];
  if (style !== undefined && dialect !== undefined) {
    throw new CommandError("'--style' is not compatible with '--dialect'");
  }
  return { style, dialect, labels: options.has("labels") };
}

/** A classic program: asked for, or text that can be nothing else. */
function isClassic(bytes: Uint8Array, { style, dialect }: Form): boolean {
  if (dialect === "classic" || (style !== undefined && CLASSIC_STYLES.includes(style))) return true;
  if (isElf(bytes)) return false;
  return isDecimalFilter(bytes) || (isText(bytes) && hexFile(bytes) === null);
}

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

function printed(insns: readonly Insn[], { style, dialect, labels }: Form): string {
  switch (style) {
    case "xlated":
      return xlatedText(insns, UNSEEN);
    case "verifier":
      return verifierText(insns);
    case "llvm":
      return objdumpSection({ name: ".text", insns });
    default:
      return disassemble(insns, { labels, dialect: (dialect ?? "pseudoc") as AsmDialect });
  }
}

/** In code that no kernel has seen, calls have their distance in `imm`. */
const UNSEEN: XlatedContext = { callDisplacement: (insn) => insn.imm, helperName: helperText };

function helperText(id: number): string | undefined {
  const name = helperName(id);
  return name === undefined ? undefined : `bpf_${name}`;
}

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

/** Every section below its name, every function below its own. */
function objectText(sections: readonly CodeSection[], name: string, form: Form): string {
  if (form.style === "llvm") return objdumpText(name, sections);
  const comment = form.dialect === "ubpf" ? "#" : ";";
  return sections
    .map((section) => {
      const body =
        form.style === undefined && !form.labels
          ? functionsText(section, form)
          : printed(section.insns, form);
      return `${comment} section ${section.name}\n${body}`;
    })
    .join("\n");
}

function functionsText({ insns, functions }: CodeSection, form: Form): string {
  const starts = functions.filter(({ slot }) => Number.isInteger(slot) && slot < insns.length);
  const first = starts[0]?.slot ?? insns.length;
  let text = first > 0 ? printed(insns.slice(0, first), form) : "";
  starts.forEach(({ slot, name }, at) => {
    const end = starts[at + 1]?.slot ?? insns.length;
    // Two names for one place: the code stands below both.
    text += `${name}:\n${end === slot ? "" : printed(insns.slice(slot, end), form)}`;
  });
  return text;
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
