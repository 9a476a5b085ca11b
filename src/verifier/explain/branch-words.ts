import type { History } from "./history.ts";
import type { PathStep } from "./path-step.ts";
import { endOfBrackets } from "./source-text.ts";
import { exactOf } from "./value-range.ts";

/** The side of a branch that the path took. */
export interface Side {
  /** As the program's line has it: `"skb->mark == 7"`; null where the line does not show which condition it is. */
  readonly condition: string | null;
  /** Whether that holds on this side; null where that is not known. */
  readonly holds: boolean | null;
  /** What the instruction found: `"R1 is 7"`; null where it compares two things that are not known. */
  readonly found: string | null;
  /** The branch instruction jumped. */
  readonly jumped: boolean;
}

/** `"`skb->mark == 7` is true"`, else what the instruction found or did. */
export function sideWords({ condition, holds, found, jumped }: Side): string {
  if (condition !== null && holds !== null) return `\`${condition}\` is ${holds ? "true" : "false"}`;
  return found ?? (jumped ? "the branch is taken" : "the branch is not taken");
}

/** Which way the path went at a branch; null at its end. */
export function sideOf(history: History, here: PathStep): Side | null {
  const next = history.path[here.position + 1];
  if (next === undefined || here.effect.jump === null) return null;
  // A jump to the next instruction has no sides.
  const jumped = next.step.index !== here.step.index + 1;
  const machine = relationOf(history, here, jumped);
  const conditions = conditionsIn(here.step.source?.text ?? "").flatMap((condition) => {
    const holds = machine === null ? null : sameSide(relationIn(condition), machine);
    return holds === null ? [] : [{ condition, holds }];
  });
  const [only] = conditions;
  const found = machine === null ? null : relationWords(machine);
  return conditions.length === 1
    ? { ...only!, found, jumped }
    : { condition: null, holds: null, found, jumped };
}

/** A comparison with what stands on its right; null: something that has no number there. */
interface Relation {
  readonly operator: string;
  readonly constant: bigint | null;
}

/** What an instruction compares with a constant. */
interface Compared extends Relation {
  readonly register: number;
  readonly constant: bigint;
}

const OPPOSITE: Readonly<Record<string, string>> = {
  "==": "!=",
  "!=": "==",
  ">": "<=",
  "<=": ">",
  "<": ">=",
  ">=": "<",
};
const TURNED: Readonly<Record<string, string>> = { ">": "<", "<": ">", ">=": "<=", "<=": ">=" };

/** What the instruction found to be so; null where it compares two registers that are not known. */
function relationOf(history: History, { effect, position }: PathStep, jumped: boolean): Compared | null {
  const [left, right] = effect.reads;
  if (effect.operation !== "branch" || left === undefined) return null;
  const bits = effect.operator === "&";
  const exact = (register: number | undefined) =>
    register === undefined ? null : exactOf(history.known(register, position) ?? "");
  const known = effect.constant ?? exact(right);
  const turned = known === null ? exact(left) : null;
  const operator = bits ? "!=" : effect.operator.replace(/^s/, "");
  const opposite = OPPOSITE[operator];
  const constant = known ?? turned;
  if (opposite === undefined || constant === null || (bits && turned !== null)) return null;
  const found = jumped ? operator : opposite;
  return {
    operator: turned === null ? found : (TURNED[found] ?? found),
    constant: bits ? 0n : constant,
    register: turned === null ? left : right!,
  };
}

function relationWords(relation: Compared): string {
  const { operator, constant } = closed(relation);
  const words = { "==": "", "!=": "not ", ">=": "at least ", "<=": "at most " }[operator] ?? "";
  return `R${relation.register} is ${words}${constant}`;
}

/** The conditions of an `if` or a loop, those that `&&` and `||` join each on its own. */
function conditionsIn(line: string): readonly string[] {
  const start = /\b(?:if|while|for)\s*(?=\()/.exec(line);
  const open = start === null ? -1 : start.index + start[0].length;
  const end = open < 0 ? null : endOfBrackets(line, open);
  if (end === null) return [];
  const inside = line.slice(open + 1, end - 1);
  const condition = start![0].startsWith("for") ? (inside.split(";")[1] ?? "") : inside;
  const parts = condition.split(/&&|\|\|/).map((each) => each.trim());
  // Brackets around several of them were cut.
  return parts.every((each) => count(each, "(") === count(each, ")"))
    ? parts.filter((each) => each !== "")
    : [];
}

function count(text: string, letter: string): number {
  return text.split(letter).length - 1;
}

function relationIn(condition: string): Relation | null {
  const compared = /^(.+?)\s*([=!<>]=|[<>])(?![<>=])\s*(.+)$/.exec(condition.replaceAll(/->|<<|>>/g, "  "));
  if (compared === null) {
    if (/\?|=/.test(condition)) return null;
    return { operator: condition.startsWith("!") ? "==" : "!=", constant: 0n };
  }
  const [, left = "", operator = "", right = ""] = compared;
  if (/^-?(?:0[xX][\da-fA-F]+|\d+)[uUlL]*$/.test(right)) {
    const digits = right.replace(/[uUlL]*$/, "");
    const value = digits.startsWith("-") ? -BigInt(digits.slice(1)) : BigInt(digits);
    return { operator, constant: value };
  }
  // Constants have names in capitals; NULL is 0.
  if (right === "NULL") return { operator, constant: 0n };
  // Which side is which does not matter here.
  if (operator === "==" || operator === "!=") return { operator, constant: null };
  return /^(?:\w+\()?[A-Z][A-Z0-9_]*\)?$/.test(right) && !/^[A-Z][A-Z0-9_]*$/.test(left)
    ? { operator, constant: null }
    : null;
}

/** Whether two comparisons of a value say the same (true) or opposite things (false); null where they are of other values. */
function sameSide(one: Relation | null, machine: Relation): boolean | null {
  if (one === null) return null;
  if (isSame(one, machine)) return true;
  return isSame(one, { ...machine, operator: OPPOSITE[machine.operator]! }) ? false : null;
}

function isSame(one: Relation, other: Relation): boolean {
  const [a, b] = [closed(one), closed(other)];
  return a.operator === b.operator && (a.constant === null || a.constant === b.constant);
}

/** With `>=` and `<=` in place of `>` and `<`. */
function closed({ operator, constant }: Relation): Relation {
  if (operator === ">") return { operator: ">=", constant: constant === null ? null : constant + 1n };
  if (operator === "<") return { operator: "<=", constant: constant === null ? null : constant - 1n };
  return { operator, constant };
}
