import { prototypeArgument } from "./argument-fixes.ts";
import type { Cause } from "./cause.ts";
import { callName } from "./cause.ts";
import { type Finding, fix, type Refusal } from "./rule.ts";
import { argumentsIn, callIn } from "./source-text.ts";

/** A call under a lock, as the program's lines show it. */
interface LockedCall {
  /** The line, and the call in it: `"v->sum = f(x);"` and `"f(x)"`. */
  readonly line: string;
  readonly call: string;
  /** The line that takes the lock, and that which gives it back. */
  readonly lock: string;
  readonly unlock: string;
  /** The variable that leads to the value with the lock: `"v"`; null where the lock's line does not show it. */
  readonly value: string | null;
  /** Arguments that are addresses. */
  readonly arrays: readonly string[];
  /** What the call is given is set under the lock: from the value, or from other things. */
  readonly prepared: "value" | "other" | null;
}

/** Name of what is called; of a function of the program, where the object or the line tells it. */
export function calledName({ last, program }: Refusal): string {
  const call = last?.effect.call ?? "";
  if (!call.startsWith("pc")) return callName(call);
  const slot = (last?.step.index ?? 0) + 1 + Number(call.slice(2));
  const known = program.functions?.find((each) => each.slot === slot)?.name ?? "";
  return known !== "" ? known : (callIn(last?.step.source?.text ?? "", null)?.name ?? "");
}

/** How to take a call out of what is done under a lock. */
export function movedCallFixes(refusal: Refusal, lock: Cause | null, unlock: string): Finding["fixes"] {
  const line = refusal.last?.step.source?.text ?? "";
  const name = calledName(refusal);
  // A macro has another name than the helper behind it.
  const found = callIn(line, name) ?? callIn(line, null);
  if (found === null) {
    return [
      fix(
        "Move the call in front of bpf_spin_lock, or behind the unlock; what it needs of the value is copied while the lock is held.",
        `${unlock}\n${name === "" ? "work" : name}(…);`,
      ),
    ];
  }
  const lockLine = lock?.at.step.source?.text ?? "";
  const takes = /\bbpf_(?:res_)?spin_lock(?:_irqsave)?\([^;]*\);/.exec(lockLine)?.[0];
  const value = /&(\w+)(?:->|\.)/.exec(takes ?? "")?.[1] ?? null;
  const locked: LockedCall = {
    line,
    call: found.text,
    lock: takes ?? "bpf_spin_lock(&value->lock);",
    unlock,
    value,
    arrays: addressesIn(refusal, name, line),
    prepared: lock === null ? null : preparation(refusal, lock, found.text, value),
  };
  return line.replace(/;.*$/, "") === found.text ? aloneFixes(locked) : resultFixes(locked);
}

/** A call whose result is not used. */
function aloneFixes(locked: LockedCall): Finding["fixes"] {
  const { call, lock, unlock, prepared } = locked;
  const { copies, text } = withCopies(locked);
  return [
    fix(
      copies.length === 0
        ? "Move the call behind the unlock."
        : "Copy what the call needs of the value while the lock is held, and move the call behind the unlock.",
      [...copies, unlock, `${text};`].join("\n"),
    ),
    ...(copies.length > 0 || prepared !== null
      ? []
      : [fix("Or move it in front of the lock.", `${call};\n${lock}`)]),
  ];
}

/** A call whose result goes into the value, into a variable or into a condition. */
function resultFixes(locked: LockedCall): Finding["fixes"] {
  const { line, call, lock, unlock, prepared, value } = locked;
  const { copies, text } = withCopies(locked);
  const target = line.slice(0, line.indexOf(call));
  // `x = f();`: the variable is the program's own.
  const own = /^(?:[\w\s*]*[\s*])?(\w+) = $/.exec(target)?.[1];
  const whole = own !== undefined && own !== value && /^;?$/.test(line.slice(target.length + call.length));
  const lines = (called: string) =>
    whole
      ? [line.replace(call, called), lock]
      : [`__u64 result = ${called};`, lock, line.replace(call, "result")];
  if (copies.length > 0 || prepared === "value") {
    return [
      fix(
        "Copy what the call needs while the lock is held, unlock, and call then; take the lock again for what is done with the result.",
        [...copies, unlock, ...lines(text)].join("\n"),
      ),
    ];
  }
  const moved = prepared === null ? "the call" : "the call, and what sets its arguments,";
  return [
    fix(
      `Move ${moved} in front of the lock${whole ? "" : ", and keep what it gives in a variable"}.`,
      lines(call).join("\n"),
    ),
  ];
}

/** The call with copies of the members of the value that it is given. */
function withCopies({ call, value, arrays }: LockedCall): { copies: readonly string[]; text: string } {
  if (value === null) return { copies: [], text: call };
  const copies = new Set<string>();
  const members = new RegExp(String.raw`\b${value}->(\w+)(?![\w(.[]|->)`, "g");
  const text = call.replaceAll(members, (member, name: string) => {
    copies.add(
      arrays.includes(member)
        ? `typeof(${member}) ${name};\n__builtin_memcpy(&${name}, &${member}, sizeof(${name}));`
        : `typeof(${member}) ${name} = ${member};`,
    );
    return name;
  });
  return { copies: [...copies], text };
}

/** What stands in a call where a helper wants an address: no number. */
function addressesIn(refusal: Refusal, name: string, line: string): readonly string[] {
  return (argumentsIn(line, name) ?? []).filter((_text, i) =>
    /^ARG_PTR_/.test(prototypeArgument(refusal, i + 1)?.type ?? ""),
  );
}

/** Whether lines between the lock and the call set what the call is given, and from what. */
function preparation(
  { history, last }: Refusal,
  { at }: Cause,
  call: string,
  value: string | null,
): LockedCall["prepared"] {
  const given = call.slice(call.indexOf("(")).replaceAll(/"(?:[^"\\]|\\.)*"/g, "");
  const names = new Set([...given.matchAll(/(?<![\w>.])[a-z_]\w*/gi)].map(([name]) => name));
  let found: LockedCall["prepared"] = null;
  for (const { step } of history.path.slice(at.position + 1, last?.position)) {
    const line = step.source?.text ?? "";
    if (line === last?.step.source?.text || line === at.step.source?.text) continue;
    for (const match of line.matchAll(ASSIGNMENT)) {
      if (!names.has(match[1]!)) continue;
      const from = line.slice(match.index + match[0].length);
      if (value !== null && new RegExp(String.raw`\b${value}\b`).test(from)) return "value";
      found = "other";
    }
  }
  return found;
}

const ASSIGNMENT = /(?<![\w>.])([a-z_]\w*)(?:\[[^\]]*\])?\s*(?:[-+*/|&^]|<<|>>)?=(?!=)/gi;
