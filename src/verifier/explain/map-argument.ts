import { prototypeArgument } from "./argument-fixes.ts";
import { callName } from "./cause.ts";
import type { Refusal } from "./rule.ts";
import { argumentsIn } from "./source-text.ts";

/** A key or value whose address a helper is given: the map says how many bytes it has. */
export interface MapArgument {
  readonly what: "key" | "value";
  /** The helper writes it. */
  readonly written: boolean;
  /** As the log, or the call's line, names the map; null where neither does. */
  readonly map: string | null;
  /** What stands in the call's line as this argument; null where the line does not show it. */
  readonly text: string | null;
  /** The variable, where its address is what stands there. */
  readonly variable: string | null;
  /** What stands there as all of the arguments. */
  readonly given: readonly string[] | null;
}

/** What a helper is given in a register, where that is a key or a value of a map; else null. */
export function mapArgument(refusal: Refusal, register: number): MapArgument | null {
  const argument = prototypeArgument(refusal, register);
  const what = /^ARG_PTR_TO_MAP_(KEY|VALUE)$/.exec(argument?.type ?? "")?.[1];
  if (argument === null || what === undefined) return null;
  const call = callName(refusal.last?.effect.call ?? "");
  const given = argumentsIn(refusal.last?.step.source?.text ?? "", call);
  const text = given?.[register - 1] ?? null;
  return {
    what: what === "KEY" ? "key" : "value",
    written: argument.flags.includes("MEM_UNINIT") || argument.flags.includes("MEM_WRITE"),
    map: mapName(refusal, given),
    text,
    variable: text === null ? null : addressed(text),
    given,
  };
}

/** The register in which a helper is given the map; null where the log does not name the helper, or it takes none. */
export function mapRegister(refusal: Refusal): number | null {
  for (let register = 1; register <= 5; register++)
    if (prototypeArgument(refusal, register)?.type === "ARG_CONST_MAP_PTR") return register;
  return null;
}

/** The program's name of the map goes before the kernel's, which has 15 letters at most. */
export function mapName(refusal: Refusal, given: readonly string[] | null): string | null {
  const register = mapRegister(refusal);
  if (register === null) return null;
  const own = addressed(given?.[register - 1] ?? "");
  return own ?? /\bmap=([^,)]+)/.exec(refusal.known(register) ?? "")?.[1] ?? null;
}

/** `"key"` of `&key` and of `(void *)&key`; null for other expressions. */
function addressed(text: string): string | null {
  return /^(?:\([^()]*\)\s*)*&(\w+)$/.exec(text)?.[1] ?? null;
}
