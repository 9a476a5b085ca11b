import type { Span } from "../../base/index.ts";
import { AsmCode, type Cursor, StatementError, signed } from "../cursor.ts";

export interface Register {
  readonly number: number;
  /** 64 for `r1`, 32 for `w1`. */
  readonly width: 32 | 64;
  readonly text: string;
  readonly span: Span;
}

/** Size letters of row names, by width. */
export const SIZE_OF_WIDTH: Readonly<Record<number, string>> = { 8: "b", 16: "h", 32: "w", 64: "dw" };

const REGISTER = /^([rRwW])(1[0-5]|[0-9])$/;

/** Looks like a register, also like one that does not exist: `parseRegister` says so. */
export function isRegister(text: string): boolean {
  return /^[rRwW][0-9]+$/.test(text) || text === "fp";
}

/** `r0` to `r10`, `w0` to `w10`, `fp`; up to 15 as the encoding has room: a check of the program rejects those. */
export function parseRegister(cursor: Cursor): Register {
  const token = cursor.peek();
  const match = REGISTER.exec(token.text);
  if (match === null && token.text !== "fp") {
    if (isRegister(token.text)) {
      throw new StatementError(AsmCode.register, `expected a register up to 10, got '${token.text}'`, token);
    }
    throw cursor.expected("a register");
  }
  cursor.next();
  const span = { start: token.start, end: token.end };
  if (match === null) return { number: 10, width: 64, text: token.text, span };
  return {
    number: Number(match[2]),
    width: match[1] === "r" || match[1] === "R" ? 64 : 32,
    text: token.text,
    span,
  };
}

export interface TypeName {
  readonly width: number;
  readonly signed: boolean;
  readonly span: Span;
}

/** `(u32 *)` */
export function parseType(cursor: Cursor): TypeName {
  cursor.expect("(");
  const token = cursor.peek();
  const match = /^([us])(8|16|32|64)$/.exec(token.text);
  if (match === null) throw cursor.expected("a type such as u32");
  cursor.next();
  cursor.expect("*");
  cursor.expect(")");
  return { width: Number(match[2]), signed: match[1] === "s", span: { start: token.start, end: token.end } };
}

/** `(r1 + 8)`, `(r1 +8)`, `(r1 - 8)`, `(r1)`; gives the address register as `dst`. */
export function parseMemory(cursor: Cursor): { readonly dst: number; readonly off: number } {
  cursor.expect("(");
  const address = parseAddress(cursor);
  cursor.expect(")");
  return address;
}

export function parseAddress(cursor: Cursor): { readonly dst: number; readonly off: number } {
  const register = parseRegister(cursor);
  if (register.width !== 64) {
    throw new StatementError(
      AsmCode.register,
      `expected a 64-bit register (r), got '${register.text}'`,
      register.span,
    );
  }
  return { dst: register.number, off: parseDisplacement(cursor) };
}

/** `+ 8`, `- 0x8`, `+ -8` or nothing. */
function parseDisplacement(cursor: Cursor): number {
  const sign = cursor.peek();
  if (sign.text !== "+" && sign.text !== "-") return 0;
  cursor.next();
  const { value, span } = cursor.integer("an offset");
  return signed(sign.text === "-" ? -value : value, { start: sign.start, end: span.end }, 16, "an offset");
}
