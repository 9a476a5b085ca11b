import type { Span } from "../base/index.ts";
import type { Insn } from "../isa/index.ts";
import type { Cursor } from "./cursor.ts";

/** Names that a dialect cannot know by itself. */
export interface AssemblerNames {
  /** The id of a helper (`bpf_map_lookup_elem`). */
  readonly helperId?: (name: string) => number | undefined;
}

/** A name that stands for a place in the program. */
export interface Reference {
  readonly label: string;
  readonly span: Span;
  /** The field that takes the displacement. */
  readonly field: "off" | "imm";
  /** What the statement means where no label has the name; without it, the label must be there. */
  readonly otherwise?: Insn;
  /** A call of something that may also be a helper. */
  readonly callee?: boolean;
  /** A backward (`1b`) or forward (`1f`) local label. */
  readonly direction?: "back" | "forward";
}

/** One instruction as parsed: its slots, and the label that its first slot refers to, where it does. */
export interface Statement {
  readonly insns: readonly Insn[];
  readonly reference?: Reference;
}

/** A syntax of assembly text. */
export interface Dialect {
  /**
   * Reads one instruction; leaves the cursor behind it.
   *
   * @throws StatementError
   */
  parse(cursor: Cursor, names: AssemblerNames): Statement;
  /** Text in one line, such as a listing's prefix, to skip before the instruction; gives where the instruction begins, or `null` to skip the line. */
  skip?(text: string, start: number, end: number): LineStart | null;
  /** A leading 0 makes a number octal, as LLVM and GNU as read it. */
  readonly octal?: boolean;
  /** A label that the first `exit` has without being given one. */
  readonly exitLabel?: string;
}

export interface LineStart {
  readonly start: number;
  /** The slot number that the line claims. */
  readonly slot?: number;
}
