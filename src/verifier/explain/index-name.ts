import type { Cause } from "./cause.ts";
import type { ValueLink } from "./history.ts";
import type { ScaledNumber } from "./index-bound.ts";
import type { Refusal } from "./rule.ts";

/** What a number is called in the program. */
export interface IndexName {
  readonly text: string;
  /** It is a variable: what is found out of it holds where it is used. */
  readonly variable: boolean;
  /** The line that uses it between brackets, and what stands there: where it is what is between them. */
  readonly used: { readonly line: string; readonly subscript: string } | null;
}

const PLACE = String.raw`[A-Za-z_]\w*(?:(?:->|\.)\w+)*`;

const MEMBER = /^[A-Za-z_]\w*(?:(?:->|\.)\w+)+$/;

/** The program's name for the number behind an offset: of the comparison, the subscript or the line that gives it. */
export function indexName(refusal: Refusal, cause: Cause | null, number: ScaledNumber | null): IndexName {
  const line = refusal.last?.step.source?.text ?? "";
  const subscript = subscriptOf(line);
  const inside = subscript === null ? null : nameIn(subscript);
  const used = subscript === null || inside === null ? null : { line, subscript };
  const branch = cause?.at.effect.operation === "branch";
  // A comparison of a part of a sum says nothing of the sum.
  const reached = number?.link === undefined || number.link.at.position < (cause?.at.position ?? 0);
  const compared = branch && reached ? comparedName(refusal, cause!) : null;
  if (compared !== null)
    return { text: compared, variable: true, used: compared === subscript ? used : null };
  // A member of a struct is what is used, wherever it was set before.
  if (inside !== null && MEMBER.test(inside)) return { text: inside, variable: false, used };
  // What a line assigns is not the index that it uses, where it accesses memory.
  const accesses = /\[|->|\*[^=]*$/.test(line);
  const given = [cause?.at, number?.link?.at].filter(
    (at) =>
      at !== undefined && at.effect.operation !== "branch" && !(accesses && at.step.source?.text === line),
  );
  for (const at of given) {
    const name = refusal.variable(at, "");
    if (name !== "") return { text: name, variable: true, used: name === subscript ? used : null };
  }
  if (inside !== null) return { text: inside, variable: /^\w+$/.test(inside), used };
  return { text: "index", variable: true, used: null };
}

/** Whether another line than that of the access gives the variable in its subscript what an instruction makes. */
export function givesIndex(refusal: Refusal, { at }: ValueLink): boolean {
  const line = refusal.last?.step.source?.text ?? "";
  const subscript = subscriptOf(line);
  const name = subscript === null ? null : nameIn(subscript);
  const given = at.step.source?.text ?? "";
  if (name === null || !/^\w+$/.test(name) || given === line) return false;
  return new RegExp(String.raw`(?<![\w>.])${name}\s*(?:[-+*/&|^%]|<<|>>)?=(?!=)`).test(given);
}

/** What stands between brackets, where a line has it once: `"i + 1"`. */
function subscriptOf(line: string): string | null {
  const found = [...line.matchAll(/\[([^[\]]+)\]/g)].map(([, inside]) => inside!.trim());
  const [only] = found.filter((each) => !/^\d+$/.test(each));
  return only === undefined || found.length > 1 ? null : only;
}

/** The number in a subscript that constants may be added to: `"i"` of `i + 1`; all of a sum of several. */
function nameIn(subscript: string): string | null {
  const moved = new RegExp(String.raw`^(${PLACE})(?: [-+] \d+)?$`).exec(subscript)?.[1];
  if (moved !== undefined) return moved;
  // A constant that is added to a sum may be a part of the access's offset.
  return /[-+] \d+$|^\d+ \+/.test(subscript) ? null : subscript;
}

/** The left of the comparison in a branch's line, where its constant is that of the instruction. */
function comparedName(refusal: Refusal, { at }: Cause): string | null {
  const name = refusal.variable(at, "");
  if (name === "") return null;
  const line = at.step.source?.text ?? "";
  const written = new RegExp(String.raw`\(${escaped(name)} [<>=!]=? (0[xX][\da-fA-F]+|\d+)\b`).exec(
    line,
  )?.[1];
  const constant = at.effect.constant;
  if (written === undefined || constant === null) return name;
  const distance = BigInt(written) - constant;
  return distance >= -1n && distance <= 1n ? name : null;
}

function escaped(name: string): string {
  return name.replaceAll(/[.]/g, String.raw`\.`);
}
