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

/** A source line without the blanks in front, which C's `isspace` counts. */
export function trimmedSource(text: string): string {
  return text.replace(/^[ \t\n\v\f\r]+/, "");
}
