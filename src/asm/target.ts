import type { Span } from "../base/index.ts";
import { type Cursor, signed } from "./cursor.ts";
import type { Reference } from "./statement.ts";

/** Where a jump or call leads: slots from the next instruction, or a label. */
export type ParsedTarget =
  | { readonly displacement: number }
  | { readonly label: string; readonly span: Span; readonly direction?: "back" | "forward" };

/** `+3`, `-0x2`, `pc+3`, `label`, `1f`; also what objdump appends to a number: `+3 <LBB0_2>`. */
export function parseTarget(cursor: Cursor, bits: 16 | 32): ParsedTarget {
  const token = cursor.peek();
  if (token.kind === "word" && token.text === "pc") {
    const start = cursor.position;
    cursor.next();
    if (cursor.peek().text === "+" || cursor.peek().text === "-") return number(cursor, bits);
    cursor.position = start;
  }
  if (token.kind === "word") {
    cursor.next();
    return { label: token.text, span: token };
  }
  if (token.kind === "number" && /^[0-9]+$/.test(token.text)) {
    const start = cursor.position;
    cursor.next();
    const suffix = cursor.peek();
    if (suffix.start === token.end && (suffix.text === "f" || suffix.text === "b")) {
      cursor.next();
      const span = { start: token.start, end: suffix.end };
      return { label: token.text, span, direction: suffix.text === "f" ? "forward" : "back" };
    }
    cursor.position = start;
  }
  return number(cursor, bits);
}

function number(cursor: Cursor, bits: 16 | 32): ParsedTarget {
  const { value, span } = cursor.integer("a label or a number of instructions");
  const displacement = signed(value, span, bits, "a jump");
  // What a listing says about the target again.
  if (cursor.peek().text === "<") {
    while (!cursor.atEnd() && cursor.next().text !== ">");
  }
  return { displacement };
}

export function displacementOr(target: ParsedTarget, fallback: number): number {
  return "displacement" in target ? target.displacement : fallback;
}

export function referenceOf(target: ParsedTarget, field: "off" | "imm"): { readonly reference?: Reference } {
  return "displacement" in target ? {} : { reference: { ...target, field } };
}
