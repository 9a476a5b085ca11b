import { callName } from "./cause.ts";
import { type Declaration, declarationOf, unsignedOf } from "./declared.ts";
import { type MapArgument, mapArgument } from "./map-argument.ts";
import { bytesText } from "./number-text.ts";
import { roomOf } from "./room.ts";
import { type Finding, fix, type Refusal } from "./rule.ts";

/** Memory that a helper is given for a key or a value, and that is too small for it. */
interface Given {
  /** Bytes of the map's keys or values. */
  readonly wanted: number;
  /** Bytes that are there. */
  readonly there: number;
  /** `"a variable"`, `"a map value"`. */
  readonly kind: string;
  /** No more than `there` can be, and it may be less. */
  readonly most: boolean;
  readonly declared: Declaration | null;
}

/** A key or a value that has fewer bytes than the map's; null: the message is about something else. */
export function smallMapArgument(match: RegExpExecArray, refusal: Refusal): Finding | null {
  const register = Number(match[1]);
  const argument = mapArgument(refusal, register);
  if (argument === null) return null;
  const given = givenFor(match.input, refusal, argument);
  // An offset that is a variable is another matter.
  if (given === null || roomOf(refusal, register) !== null) return null;
  const call = callName(refusal.last?.effect.call ?? "");
  const { what, written } = argument;
  const map = argument.map ?? "the map";
  const { wanted, there, kind, most } = given;
  const room = `${kind} of ${most ? `at most ${bytesText(there)}` : bytesText(there)}`;
  return {
    headline: `${call} ${written ? "writes" : "reads"} a ${what} of ${bytesText(wanted)}, as those of ${map} are, and is given ${room}`,
    operand: `R${register}`,
    why: refusal.chain(
      register,
      `${map} has ${what}s of ${bytesText(wanted)}; ${most ? "at most" : "only"} ${bytesText(there)} lie where R${register} points`,
      null,
    ),
    fixes: sizeFixes(call, argument, given),
  };
}

function givenFor(message: string, refusal: Refusal, { variable }: MapArgument): Given | null {
  const declared = variable === null ? null : declarationOf(refusal, variable);
  const stack = /stack .*?off[ =](-?\d+)(?:\+(\d+))? (?:access_)?size[ =](\d+)/.exec(message);
  if (stack !== null) {
    const [start, wanted] = [Number(stack[1]), Number(stack[3])];
    if (start >= 0 || start < -MAX_STACK) return null;
    if (declared !== null && declared.bytes < wanted)
      return { wanted, there: declared.bytes, kind: "a variable", most: false, declared };
    // Within the stack, bytes that nobody wrote may be those of a struct that is large enough.
    if (start + wanted <= 0) return null;
    return { wanted, there: -start, kind: "a variable", most: true, declared: null };
  }
  for (const line of refusal.log.messages) {
    const found = /(value|key|mem)_size=(\d+) off=(-?\d+) size=(\d+)/.exec(line);
    if (found === null) continue;
    const [offset, wanted] = [Number(found[3]), Number(found[4])];
    const there = Number(found[2]) - offset;
    if (offset < 0 || there <= 0 || wanted <= there) return null;
    const kind = found[1] === "mem" ? "memory" : `a map ${found[1]}`;
    return { wanted, there, kind: offset === 0 ? kind : `a part of ${kind}`, most: false, declared };
  }
  return null;
}

/** `MAX_BPF_STACK`. */
const MAX_STACK = 512;

function sizeFixes(call: string, argument: MapArgument, given: Given): Finding["fixes"] {
  const { what, variable, text } = argument;
  const typed = `Declare ${variable ?? "the variable"} with the type of the map's ${what}s, of ${bytesText(given.wanted)}.`;
  const change = mapChange(argument, given);
  if (variable !== null || text === null)
    return [fix(typed, declaration(variable ?? what, argument, given)), ...change];
  const copy = `map_${what}`;
  const passed = argument.given!.map((each) => (each === text ? `&${copy}` : each)).join(", ");
  return [
    fix(
      argument.written
        ? `Let it write into a variable that has the type of the map's ${what}s.`
        : `Pass a variable that has the type of the map's ${what}s, of ${bytesText(given.wanted)}, with what is needed copied into it.`,
      [
        `${typeOf(argument, given.wanted)} ${copy} = ${initial(given.wanted)};`,
        ...(argument.written ? [] : [`__builtin_memcpy(&${copy}, ${text}, ${given.there});`]),
        `${call}(${passed});`,
      ].join("\n"),
    ),
    ...change,
  ];
}

function declaration(name: string, argument: MapArgument, { declared, wanted }: Given): string {
  const type = typeOf(argument, wanted);
  if (declared === null || !declared.alone)
    return `${type} ${name} = ${declared === null && unsignedOf(wanted) === null ? "{}" : "…"};`;
  if (unsignedOf(wanted) === null) return `${type} ${name} = {};`;
  return /^[^;]*;/
    .exec(declared.line.slice(declared.line.indexOf(declared.type)))![0]
    .replace(declared.type, type);
}

/** The type of a map's keys or values: a number of so many bytes, where there is one; else what `__type` gave the map. */
export function typeOf({ map, what }: MapArgument, wanted: number): string {
  return unsignedOf(wanted) ?? `typeof(*${map ?? "map"}.${what})`;
}

function initial(wanted: number): string {
  return unsignedOf(wanted) === null ? "{}" : "0";
}

/** The map might be what is wrong. */
function mapChange({ what }: MapArgument, { declared, there, most }: Given): Finding["fixes"] {
  const type = declared?.type ?? (most ? null : unsignedOf(there));
  return type === null
    ? []
    : [fix(`Or, where ${bytesText(there)} are meant, declare the map so.`, `__type(${what}, ${type});`)];
}
