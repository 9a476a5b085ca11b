import { sourceJson, sourceText } from "../asm/index.ts";
import { hexOf } from "../base/index.ts";
import type { Btf } from "../btf/index.ts";
import type { ProgInfo } from "../sys/index.ts";
import { type FunctionListing, type ListedInstruction, listFunctions } from "../wasm/index.ts";
import { prototypeText } from "./prototype.ts";
import type { DumpOptions } from "./xlated-dump.ts";
import { type LineRecord, lineRecords, records } from "./xlated-program.ts";

/** What a listing needs of `struct bpf_prog_info`. */
export const JITED_PARTS = [
  "jitedProgInsns",
  "jitedFuncLens",
  "jitedLineInfo",
  "funcInfo",
  "lineInfo",
  "progTags",
] as const;

/** One instruction, and the source line that begins with it. */
interface Listed {
  readonly insn: ListedInstruction;
  readonly source: LineRecord | undefined;
  readonly bytes: Uint8Array;
}

interface ListedFunction {
  readonly prototype: string;
  /** As Linux names it in /proc/kallsyms. */
  readonly name: string;
  readonly listing: FunctionListing;
  readonly instructions: Iterable<Listed>;
}

/** Whether an image of compiled code is a WebAssembly module, as the embedded kernel makes them. */
export function isWasm(image: Uint8Array): boolean {
  return image[0] === 0 && image[1] === 0x61 && image[2] === 0x73 && image[3] === 0x6d;
}

/** The compiled code of a program as text: its functions one behind the other. */
export function jitedText(info: ProgInfo, btf: Btf | null, { opcodes, linum }: DumpOptions): string {
  let out = "";
  for (const { prototype, name, listing, instructions } of functionsOf(info, btf)) {
    if (prototype !== "") out += `${prototype}:\n`;
    out += `${name}:\n`;
    const declared = [listing.signature, listing.locals].filter((part) => part !== "").join(" ");
    out += `\t(func ${listing.name}${declared === "" ? "" : ` ${declared}`})\n`;
    for (const { insn, source, bytes } of instructions) {
      if (source !== undefined) out += sourceText(source, linum);
      out += `${insn.at.toString(16).padStart(4)}:\t${"  ".repeat(insn.depth)}${insn.text}\n`;
      if (opcodes) out += `\t${Array.from(bytes, (byte) => `${hexOf(Uint8Array.of(byte))} `).join("")}\n`;
    }
    out += "\n";
  }
  return out;
}

/** The compiled code of a program as values, in the shape of `bpftool -j prog dump jited`. */
export function jitedJson(info: ProgInfo, btf: Btf | null, { opcodes, linum }: DumpOptions): object[] {
  return Array.from(functionsOf(info, btf), ({ prototype, name, listing, instructions }) => ({
    ...(prototype === "" ? {} : { proto: prototype }),
    name,
    signature: listing.signature,
    locals: listing.locals,
    insns: Array.from(instructions, ({ insn, source, bytes }) => {
      const [operation, ...operands] = insn.text.split(" ");
      return {
        ...sourceJson(source, linum),
        pc: `0x${insn.at.toString(16)}`,
        operation,
        operands,
        ...(opcodes ? { opcodes: Array.from(bytes, (byte) => `0x${hexOf(Uint8Array.of(byte))}`) } : {}),
      };
    }),
  }));
}

function* functionsOf(info: ProgInfo, btf: Btf | null): Iterable<ListedFunction> {
  const functions = btf === null ? [] : records(info.funcInfo, info.funcInfoRecSize);
  const lines = btf === null ? [] : linesOf(info, btf);
  const tags = info.progTags.length / TAG_SIZE;
  let at = 0;
  for (const listing of listFunctions(info.jitedProgInsns)) {
    if (at >= info.jitedFuncLens.length) return;
    const type = functions[at]?.getUint32(4, true);
    const tag = info.progTags.subarray(at * TAG_SIZE, (at + 1) * TAG_SIZE);
    const typed = btf !== null && type !== undefined && btf.has(type);
    const name = typed ? btf.name(type) : at === 0 ? info.name : "F";
    yield {
      prototype: typed ? prototypeText(btf, type) : "",
      name: `bpf_prog_${hexOf(at < tags ? tag : info.tag)}${name === "" ? "" : `_${name}`}`,
      listing,
      instructions: withLines(listing, lines),
    };
    at++;
  }
}

/** `BPF_TAG_SIZE` */
const TAG_SIZE = 8;

interface PlacedLine {
  /** Offset in the image. */
  readonly at: number;
  readonly line: LineRecord;
}

/** Lines that there is code for, by where it begins. */
function linesOf(info: ProgInfo, btf: Btf): readonly PlacedLine[] {
  const places = records(info.jitedLineInfo, info.jitedLineInfoRecSize);
  return lineRecords(info, btf)
    .flatMap((line, i) => {
      const at = Number(places[i]?.getBigUint64(0, true) ?? 0n);
      return at === 0 ? [] : [{ at, line }];
    })
    .sort((a, b) => a.at - b.at);
}

function* withLines(listing: FunctionListing, lines: readonly PlacedLine[]): Iterable<Listed> {
  const { offset, code } = listing;
  let next = lines.findIndex(({ at }) => at >= offset);
  for (const insn of listing.instructions) {
    let source: LineRecord | undefined;
    for (; next >= 0 && next < lines.length && lines[next]!.at <= offset + insn.at; next++)
      source = lines[next]!.line;
    yield { insn, source, bytes: code.subarray(insn.at, insn.at + insn.size) };
  }
}
