import type { Span } from "../../base/index.ts";
import { CLASSIC_OPS, type ClassicOp, type SockFilter } from "../../isa/index.ts";
import { ClassicDiagnostic, type Cursor, describe } from "./cursor.ts";
import { readOperand, type WrittenOperand } from "./operand.ts";

/** A jump's target: the name of a label, or (in the output of `tcpdump -d`) the number of an instruction. */
interface Target extends Span {
  readonly to: string | number;
}

interface Draft {
  readonly op: ClassicOp;
  readonly k: number;
  readonly whenTrue?: Target;
  readonly whenFalse?: Target;
}

/** Other names of instructions, and of jumps on the opposite condition. */
const ALIASES: ReadonlyMap<string, { readonly name: string; readonly negated: boolean }> = new Map([
  ["jmp", { name: "ja", negated: false }],
  ["ldi", { name: "ld", negated: false }],
  ["ldxi", { name: "ldx", negated: false }],
  ["jne", { name: "jeq", negated: true }],
  ["jneq", { name: "jeq", negated: true }],
  ["jlt", { name: "jge", negated: true }],
  ["jle", { name: "jgt", negated: true }],
]);

const ROWS_BY_MNEMONIC: ReadonlyMap<string, readonly ClassicOp[]> = new Map(
  CLASSIC_OPS.map(({ mnemonic }) => [mnemonic, CLASSIC_OPS.filter((row) => row.mnemonic === mnemonic)]),
);

/**
 * Reads instructions by name: what `tcpdump -d` prints, with a number before each instruction and jumps to such
 * numbers, and the language of the kernel's bpf_asm, with labels. The two may be mixed.
 */
export function readSymbolic(cursor: Cursor): SockFilter[] {
  const drafts: (Draft | undefined)[] = [];
  const labels = new Map<string, number>();
  while (!cursor.atEnd) {
    const before = drafts.length;
    cursor.statement(() => {
      readPlace(cursor, drafts.length, labels);
      drafts.push(readInstruction(cursor));
    });
    // A statement with an error still counts, so that later numbers and jumps agree.
    if (drafts.length === before && !cursor.atEnd) drafts.push(undefined);
  }
  return drafts.map((draft, index) => resolve(cursor, draft, index, labels));
}

/** `(003)` and `label:` before an instruction. */
function readPlace(cursor: Cursor, index: number, labels: Map<string, number>): void {
  if (cursor.is("(")) {
    const start = cursor.take().start;
    // Leading zeros do not make these octal.
    const token = cursor.token;
    if (token.kind !== "number") cursor.fail(`expected an instruction's number, got ${describe(token)}`);
    cursor.take();
    const end = cursor.expect(")").end;
    if (!/^[0-9]+$/.test(token.text) || Number.parseInt(token.text, 10) !== index) {
      const got = cursor.source.text.slice(start, end);
      cursor.report(`expected instruction number ${index}, got ${got}`, ClassicDiagnostic.count, {
        start,
        end,
      });
    }
  }
  while (cursor.token.kind === "word" && cursor.following.text === ":") {
    const label = cursor.take();
    cursor.take();
    if (labels.has(label.text)) {
      cursor.report(`label '${label.text}' is defined twice`, ClassicDiagnostic.duplicateLabel, label);
    }
    labels.set(label.text, index);
  }
}

function readInstruction(cursor: Cursor): Draft {
  const word = cursor.token;
  if (word.kind !== "word") cursor.fail(`expected an instruction, got ${describe(word)}`);
  const { name, negated } = ALIASES.get(word.text) ?? { name: word.text, negated: false };
  const rows = ROWS_BY_MNEMONIC.get(name);
  if (rows === undefined) {
    cursor.fail(`unknown instruction '${word.text}'`, ClassicDiagnostic.unknownInstruction);
  }
  cursor.take();
  const first = rows[0]!;
  if (first.operand === "none") return { op: first, k: 0 };
  if (first.operand === "target") return { op: first, k: 0, whenTrue: readTarget(cursor) };
  // tcpdump writes `ret` alone where bpf_asm has `ret a`.
  if (name === "ret" && (cursor.token.kind === "end" || cursor.token.line !== word.line)) {
    return { op: rows.find((row) => row.operand === "a")!, k: 0 };
  }
  const start = cursor.token.start;
  const operand = readOperand(cursor);
  const op = rowFor(name === "ldx" && operand.kind === "msh" ? "ldxb" : name, operand);
  if (op === undefined) {
    const end = cursor.previous.end;
    cursor.fail(
      `${word.text} takes no operand ${cursor.source.text.slice(start, end)}`,
      ClassicDiagnostic.syntax,
      { start, end },
    );
  }
  if (!op.conditional) return { op, k: operand.k };
  const targets = readTargets(cursor);
  const [whenTrue, whenFalse] = negated ? [targets[1], targets[0]] : targets;
  return {
    op,
    k: operand.k,
    ...(whenTrue === undefined ? {} : { whenTrue }),
    ...(whenFalse === undefined ? {} : { whenFalse }),
  };
}

function rowFor(mnemonic: string, operand: WrittenOperand): ClassicOp | undefined {
  return ROWS_BY_MNEMONIC.get(mnemonic)?.find((row) =>
    operand.kind === "constant"
      ? row.operand === "hex" || row.operand === "dec"
      : row.operand === operand.kind,
  );
}

/** `, L1`, `, L1, L2` or `jt 2 jf 5`. */
function readTargets(cursor: Cursor): [Target, Target | undefined] {
  if (cursor.accept("jt")) {
    const whenTrue = readTarget(cursor);
    cursor.expect("jf");
    return [whenTrue, readTarget(cursor)];
  }
  cursor.expect(",");
  const whenTrue = readTarget(cursor);
  return [whenTrue, cursor.accept(",") ? readTarget(cursor) : undefined];
}

function readTarget(cursor: Cursor): Target {
  const { kind, text, start } = cursor.token;
  if (kind === "word") {
    const { end } = cursor.take();
    return { to: text, start, end };
  }
  if (kind !== "number" && text !== "-") cursor.fail(`expected a label, got ${describe(cursor.token)}`);
  const to = cursor.integer("an instruction's number", -0x8000_0000, 0x7fff_ffff);
  return { to, start, end: cursor.previous.end };
}

function resolve(
  cursor: Cursor,
  draft: Draft | undefined,
  index: number,
  labels: ReadonlyMap<string, number>,
): SockFilter {
  if (draft === undefined) return { code: 0, jt: 0, jf: 0, k: 0 };
  const { op, k, whenTrue, whenFalse } = draft;
  const distance = (target: Target): number => {
    const to = typeof target.to === "number" ? target.to : labels.get(target.to);
    if (to !== undefined) return to - index - 1;
    cursor.report(`label '${target.to}' is not defined`, ClassicDiagnostic.undefinedLabel, target);
    return 0;
  };
  const short = (target: Target | undefined): number => {
    if (target === undefined) return 0;
    const skipped = distance(target);
    if (skipped >= 0 && skipped <= 0xff) return skipped;
    const problem = skipped < 0 ? "leads back" : `skips ${skipped} instructions`;
    cursor.report(
      `expected a jump over 0 to 255 instructions, this one ${problem}`,
      ClassicDiagnostic.jumpTooFar,
      target,
    );
    return 0;
  };
  if (op.operand === "target") return { code: op.code, jt: 0, jf: 0, k: distance(whenTrue!) >>> 0 };
  return { code: op.code, jt: short(whenTrue), jf: short(whenFalse), k };
}
