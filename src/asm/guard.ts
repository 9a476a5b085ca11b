import { type InsnRow, lookup } from "../isa/index.ts";
import { AsmCode, type Cursor, StatementError } from "./cursor.ts";
import type { Statement } from "./statement.ts";

/** Prefix of the row names of guarded accesses: `probe_ldx_w`. */
export type GuardPrefix = "" | "probe_" | "arena_";

/**
 * Reads a statement behind the word `probe` or `arena`, where one is there: the accesses that Linux's verifier
 * makes of loads that may fault and of accesses to an arena. No other tool has a text for them.
 */
export function parseGuarded(cursor: Cursor, parse: (guard: GuardPrefix) => Statement): Statement {
  const word = cursor.peek();
  if (word.text !== "probe" && word.text !== "arena") return parse("");
  cursor.next();
  const statement = parse(`${word.text}_`);
  const row = lookup(statement.insns[0]!);
  if (row?.guard !== word.text) {
    throw new StatementError(AsmCode.instruction, `there is no such instruction with '${word.text}'`, word);
  }
  return statement;
}

/** `"probe "`, `"arena "` or nothing. */
export function guardWord(row: InsnRow): string {
  return row.guard === "none" ? "" : `${row.guard} `;
}
