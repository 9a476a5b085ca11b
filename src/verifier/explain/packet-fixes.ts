import { BpfProgType } from "../../uapi/index.ts";
import type { Cause } from "./cause.ts";
import { calledName } from "./lock-call.ts";
import { bytesText } from "./number-text.ts";
import { furthestAccess } from "./packet-reach.ts";
import { type Finding, fix, type Refusal } from "./rule.ts";
import { argumentsIn, endOfBrackets, pointerIn } from "./source-text.ts";
import { rangeOf } from "./value-range.ts";

/** What is accessed of a packet, in bytes from its start, or from where a variable was added to the pointer. */
export interface PacketAccess {
  readonly offset: number;
  readonly size: number;
}

/** The comparison that is missing, with the program's own names where its line shows them. */
export function packetFixes(
  refusal: Refusal,
  register: number,
  access: PacketAccess | null,
  cause: Cause | null,
): Finding["fixes"] {
  const { last, history, program } = refusal;
  const known = refusal.known(register) ?? "";
  const meta = /^pkt_meta/.test(known);
  const limit = meta ? "data" : "data_end";
  const moved = /[(,]id=[1-9]/.test(known);
  const visited = history.path
    .slice(0, last?.position ?? 0)
    .some(({ step, opener }) => step.index === last?.step.index && opener === last.opener);
  const looping = visited && last?.effect.call == null;
  const leave = looping ? "break" : `return ${program.type === BpfProgType.XDP ? "XDP_PASS" : "0"}`;
  const end = access === null ? null : access.offset + access.size;
  const furthest = end === null ? null : furthestAccess(refusal, register, end);
  const start = startOf(refusal, register, meta, cause);
  const named = namedEnd(refusal, register, access, furthest);
  const own = pointerOf(cause);
  const rest = `${looping ? (own ?? "pos") : start} + ${furthest ?? "size"}`;
  const whole =
    named?.text ??
    (moved || looping ? `(void *)${own ?? "pos"} + ${relative(refusal, access, furthest)}` : rest);
  const compared = moved && /[(,]r=[1-9]/.test(known);
  const callee = last?.effect.call?.startsWith("pc") === true ? calledName(refusal) || "the function" : null;
  const later = named?.type === true && !moved && furthest !== null && furthest > end!;
  // Where as much may be added, even a comparison of the pointer itself counts for nothing.
  const unbounded = moved && rangeOf(known).umax > MAX_OFFSET;
  const bounding = unbounded
    ? [
        fix(
          "The variable that is added must be bounded too, or the comparison does not count.",
          boundedSum(cause) ?? `${own ?? "pos"} = data + (offset & 0xfff);`,
        ),
      ]
    : [];
  if (cause?.text.includes("does not count") === true) {
    const rounds = roundsFix(refusal, cause, looping, leave);
    const limited = rounds ?? limitedOffset(cause, leave);
    return limited !== null ? [limited] : bounding.length > 0 ? bounding : [keepNear(own, limit)];
  }
  return [
    fix(firstText(limit, looping, moved && !compared, callee), `if (${whole} > ${limit})\n\t${leave};`),
    ...(later
      ? [
          fix(
            `Or compare once for all that is read behind this: up to ${bytesText(furthest)} from the packet's start. Packets that are shorter are not seen then.`,
            `if (${start} + ${furthest} > ${limit})\n\t${leave};`,
          ),
        ]
      : []),
    ...bounding,
  ];
}

/** Rounds that a loop may have in place of as many as the packet has bytes. */
const ROUNDS = 200;

/** A loop that moves the pointer on without end: with a number of rounds it stays near the start. */
function roundsFix(
  { last }: Refusal,
  cause: Cause,
  looping: boolean,
  leave: string,
): Finding["fixes"][number] | null {
  if (!looping) return null;
  const lines = [cause.at.step.source?.text ?? "", last?.step.source?.text ?? ""];
  const text =
    "Bound the number of rounds: the verifier follows the pointer until it is 65535 bytes from the packet's start, and from there on comparisons with data_end count for nothing.";
  for (const line of lines) {
    const start = /\bwhile ?\(/.exec(line);
    const end = start === null ? null : endOfBrackets(line, start.index + start[0].length - 1);
    if (start === null || end === null || /^\s*;/.test(line.slice(end))) continue;
    const condition = line.slice(start.index + start[0].length, end - 1);
    const whole = /\|\|/.test(condition) ? `(${condition})` : condition;
    return fix(
      text,
      `${line.slice(0, start.index)}for (int i = 0; i < ${ROUNDS} && ${whole}; i++)${line.slice(end)}`,
    );
  }
  const compared = lines.find((line) => /^if ?\(/.test(line));
  return fix(
    text,
    `for (int i = 0; i < ${ROUNDS}; i++) {\n\t${compared ?? `if ((void *)(${pointerOf(cause) ?? "pos"} + 1) > data_end)\n\t\t${leave};`}\n\t…\n}`,
  );
}

/** A variable that is added to the pointer, with a limit in front: then the comparison that is there counts. */
function limitedOffset(cause: Cause, leave: string): Finding["fixes"][number] | null {
  const line = cause.at.step.source?.text ?? "";
  const number = /^[^;]*\+=? ?([A-Za-z_]\w*);/.exec(line)?.[1];
  if (number === undefined) return null;
  return fix(
    "Bound the variable before it is added, beside the comparison with data_end: where the sum may be more than 65535, the comparison does not count.",
    `if (${number} > 1000)\n\t${leave};\n${line}`,
  );
}

function keepNear(own: string | null, limit: string): Finding["fixes"][number] {
  return fix(
    `Keep ${own ?? "the pointer"} within 65535 bytes of the packet's start: bound what is added to it, and the number of rounds that add to it, beside the comparison with ${limit}.`,
  );
}

/** The pointer as the line that compares it, or that makes it by an addition, names it; null where neither does. */
function pointerOf(cause: Cause | null): string | null {
  const line = cause?.at.step.source?.text ?? "";
  const compared =
    cause?.at.effect.operation === "branch"
      ? /\(void ?\*\) ?\(?(\w+) ?(?:\+|[<>])|\(\(?(\w+) \+ \w+\)? [<>]/.exec(line)
      : /(?:^|[\s*])([A-Za-z_]\w*) \+?= [^=]/.exec(line);
  const name = compared?.[1] ?? compared?.[2] ?? null;
  return name === null || /^(?:data(?:_end|_meta)?|\d.*|[rw]\d+)$/.test(name) ? null : name;
}

/** The line of a sum with its last number bounded; null where it does not show that alone. */
function boundedSum(cause: Cause | null): string | null {
  const [, sum, number] = /^([^;]*\+ ?)([A-Za-z_][\w.>-]*);/.exec(cause?.at.step.source?.text ?? "") ?? [];
  return number === undefined ? null : `${sum}(${number} & 0xfff);`;
}

/** With more that may have been added, a comparison counts for nothing (`MAX_PACKET_OFF`). */
const MAX_OFFSET = 0xffffn;

function firstText(limit: string, looping: boolean, uncompared: boolean, callee: string | null): string {
  if (callee !== null)
    return `Compare the end of what ${callee} may access with ${limit} before the call, and leave where it is beyond: all that its parameter points at, read or not.`;
  if (looping)
    return "Compare in each round, before the access: a comparison in front of the loop, or of the round before, says nothing of where the pointer is now.";
  return uncompared
    ? `Compare the very pointer that is accessed with ${limit}: after a variable was added to it, comparisons from before say nothing of it.`
    : `Compare the end of what is accessed with ${limit} first, and leave where it is beyond.`;
}

/**
 * The packet's start. The program's variable for it may have been moved on, and no instruction may tell of that: it is
 * named where the comparison that was made counts from it, or where no source is known.
 */
function startOf(
  { log, history, last }: Refusal,
  register: number,
  meta: boolean,
  cause: Cause | null,
): string {
  const name = meta ? "data_meta" : "data";
  const moves = new RegExp(String.raw`(?<![\w>.])${name}\s*(?:\+=|=(?!=)(?!.*->${name}\b))`);
  const compared = cause?.at.step.source?.text ?? "";
  const counts = compared === "" || new RegExp(String.raw`(?<![\w>.])${name} \+`).test(compared);
  if (counts && !log.steps.some(({ source }) => moves.test(source?.text ?? ""))) return name;
  const loaded = history.origin(register, last?.position ?? 0).at(-1)?.at.step.source?.text ?? "";
  return `(void *)(long)${new RegExp(String.raw`(\w+)->${name}\b`).exec(loaded)?.[1] ?? "ctx"}->${name}`;
}

/** The end of what is accessed, in terms of the pointer that the line names; null where it names none, or several. */
function namedEnd(
  refusal: Refusal,
  register: number,
  access: PacketAccess | null,
  furthest: number | null,
): {
  readonly text: string /** It is the end of what the pointer's type has. */;
  readonly type: boolean;
} | null {
  const { last } = refusal;
  const line = last?.step.source?.text ?? "";
  if (last?.effect.call != null) {
    const given = argumentsIn(line, calledName(refusal))?.[register - 1]?.replace(
      /^\(void \*\)\s*(?=\w+$)/,
      "",
    );
    if (given === undefined || access === null) return null;
    return { text: `(void *)${/^\w+$/.test(given) ? given : `(${given})`} + ${access.size}`, type: false };
  }
  const pointer = pointerIn(line);
  if (pointer === null) return null;
  const { name, arrow } = pointer;
  const element = new RegExp(String.raw`\b${name}(?:->\w+)?\[(\w+)\]`).exec(line);
  if (arrow) {
    // An array at the end of a struct may have more than the struct.
    return element === null
      ? { text: `(void *)(${name} + 1)`, type: true }
      : { text: `(void *)(&${element[0]} + 1)`, type: false };
  }
  if (element !== null && !/^\d/.test(element[1]!))
    return { text: `(void *)(&${element[0]} + 1)`, type: false };
  if (access === null || furthest === null) return { text: `(void *)(${name} + 1)`, type: false };
  const from = access.offset - Number(element?.[1] ?? 0) * access.size;
  return { text: `(void *)${name} + ${furthest - from}`, type: false };
}

/** Bytes from where the register points. */
function relative({ last }: Refusal, access: PacketAccess | null, furthest: number | null): number | string {
  if (access === null || furthest === null) return "size";
  return furthest - access.offset + (last?.effect.memory?.offset ?? 0);
}
