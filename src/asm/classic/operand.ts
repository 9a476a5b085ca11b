import { ANCILLARY_OPS, type ClassicOperand, SKF_AD_OFF } from "../../isa/index.ts";
import { ClassicDiagnostic, type Cursor, describe } from "./cursor.ts";

/** An operand as written. `"constant"` is one in decimal or hexadecimal; the table says which the instruction has. */
export interface WrittenOperand {
  readonly kind: Exclude<ClassicOperand, "hex" | "dec" | "target"> | "constant";
  readonly k: number;
}

const ANCILLARY_BY_NAME: ReadonlyMap<string, number> = new Map(
  ANCILLARY_OPS.flatMap(({ offset, libpcap, asm }) =>
    [libpcap, ...asm].map((name): [string, number] => [name, (SKF_AD_OFF + offset) >>> 0]),
  ),
);

/** Reads the operand of any instruction but jumps' targets; fails where there is none. */
export function readOperand(cursor: Cursor): WrittenOperand {
  const { kind, text } = cursor.token;
  if (kind === "number" || text === "-" || text === "+") return readHeaderLength(cursor);
  if (kind === "word") return readWord(cursor);
  switch (text) {
    case "#":
      cursor.take();
      if (cursor.token.kind === "word") return readProperty(cursor);
      return { kind: "constant", k: cursor.number("a constant") };
    case "%":
      cursor.take();
      return readRegister(cursor);
    case "[":
      return readBrackets(cursor);
    default:
      return cursor.fail(`expected an operand, got ${describe(cursor.token)}`);
  }
}

function readWord(cursor: Cursor): WrittenOperand {
  const { text } = cursor.token;
  if (text === "x" || text === "a") return readRegister(cursor);
  if (text !== "m") return readProperty(cursor);
  cursor.take();
  cursor.expect("[");
  const k = cursor.number("a memory word");
  cursor.expect("]");
  return { kind: "mem", k };
}

function readRegister(cursor: Cursor): WrittenOperand {
  if (cursor.accept("x")) return { kind: "x", k: 0 };
  if (cursor.accept("a")) return { kind: "a", k: 0 };
  return cursor.fail(`expected the register 'a' or 'x', got ${describe(cursor.token)}`);
}

/** `len`, or the name of ancillary data. */
function readProperty(cursor: Cursor): WrittenOperand {
  if (cursor.accept("len") || cursor.accept("pktlen")) return { kind: "len", k: 0 };
  const k = ANCILLARY_BY_NAME.get(cursor.token.text);
  if (k === undefined) cursor.fail(`expected an operand, got ${describe(cursor.token)}`);
  cursor.take();
  return { kind: "abs", k };
}

/** `[12]`, `[x + 12]`, `[%x + 12]`, `[vlan_tci]` */
function readBrackets(cursor: Cursor): WrittenOperand {
  cursor.expect("[");
  const named = cursor.token.kind === "word" ? ANCILLARY_BY_NAME.get(cursor.token.text) : undefined;
  let operand: WrittenOperand;
  if (named !== undefined) {
    cursor.take();
    operand = { kind: "abs", k: named };
  } else if (cursor.is("%") || cursor.is("x")) {
    cursor.accept("%");
    cursor.expect("x");
    operand = { kind: "ind", k: readDisplacement(cursor) };
  } else {
    operand = { kind: "abs", k: cursor.number("an offset") };
  }
  cursor.expect("]");
  return operand;
}

/** `+ 12`, `+ -12`, `- 12`, or nothing. */
function readDisplacement(cursor: Cursor): number {
  if (cursor.is("]")) return 0;
  if (!cursor.is("-")) cursor.expect("+");
  return cursor.number("an offset");
}

/** `4*([14]&0xf)`; or a constant without its `#`, which `ldi` and `ldxi` allow. */
function readHeaderLength(cursor: Cursor): WrittenOperand {
  const start = cursor.token.start;
  const factor = cursor.number("a constant");
  if (!cursor.accept("*")) return { kind: "constant", k: factor };
  cursor.expect("(");
  cursor.expect("[");
  const k = cursor.number("an offset");
  cursor.expect("]");
  cursor.expect("&");
  const mask = cursor.number("a mask");
  const end = cursor.expect(")").end;
  if (factor !== 4 || mask !== 0xf) {
    cursor.fail(`expected 4*([k]&0xf), got factor ${factor} and mask ${mask}`, ClassicDiagnostic.range, {
      start,
      end,
    });
  }
  return { kind: "msh", k };
}
