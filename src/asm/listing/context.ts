import type { Insn } from "../../isa/index.ts";

/** What a listing of Linux's disassembler has to be told: names that the instructions do not hold. */
export interface DisasmContext {
  /** The name of a helper by id, with `bpf_` in front; ids that are none have no name. */
  readonly helperName?: (id: number) => string | undefined;
  /** The text for a call of anything that is no helper by id: a kernel function's name, a helper's symbol, or a subprogram's displacement and name (`+24#bpf_prog_20ed70870287aa11_slot`). */
  readonly callName?: (insn: Insn, slot: number) => string | undefined;
  /** The text for the immediate of a wide load. */
  readonly immText?: (insn: Insn, next: Insn | undefined, imm: bigint, slot: number) => string | undefined;
}

/** A line of source code that an instruction begins. */
export interface SourceLine {
  readonly text: string;
  readonly file?: string;
  /** From 1; 0 where unknown. */
  readonly line: number;
  readonly column: number;
}

export interface SourceContext {
  /** The prototype of the function that begins at a slot: `int count(struct __sk_buff * skb)`. */
  readonly prototype?: (slot: number) => string | undefined;
  /** The source line whose code begins at a slot. */
  readonly source?: (slot: number) => SourceLine | undefined;
}

/** The line of a listing that shows a source line, and with `linum` where it stands. */
export function sourceText({ text, file = "", line, column }: SourceLine, linum: boolean): string {
  const place = linum ? ` [file:${file} line_num:${line} line_col:${column}]` : "";
  return `; ${trimmedSource(text)}${place}\n`;
}

/** What bpftool's JSON says of a source line. */
export interface SourceJson {
  readonly src?: string;
  readonly file?: string;
  readonly line_num?: number;
  readonly line_col?: number;
}

/** The same as fields of JSON: none where there is no line, and no numbers that are not known. */
export function sourceJson(source: SourceLine | undefined, linum: boolean): SourceJson {
  if (source === undefined) return {};
  const { text, file, line, column } = source;
  const src = trimmedSource(text);
  if (!linum) return { src };
  return {
    src,
    ...(file === undefined ? {} : { file }),
    ...(line === 0 ? {} : { line_num: line }),
    ...(column === 0 ? {} : { line_col: column }),
  };
}

/** A source line without the blanks in front, which C's `isspace` counts. */
export function trimmedSource(text: string): string {
  return text.replace(/^[ \t\n\v\f\r]+/, "");
}
