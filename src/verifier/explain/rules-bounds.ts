import { addedName, boundFixes, isSigned } from "./bound-fixes.ts";
import type { Cause } from "./cause.ts";
import { causeOfReach } from "./cause-access.ts";
import { causeOfPacket } from "./cause-packet.ts";
import { calledName } from "./lock-call.ts";
import { bytesText } from "./number-text.ts";
import { packetFixes } from "./packet-fixes.ts";
import { roomOf } from "./room.ts";
import { type Finding, fix, type Refusal, type Rule } from "./rule.ts";
import { sizeFix } from "./size-fix.ts";
import { exactOf, rangeOf } from "./value-range.ts";

/** Offsets and sizes that lead out of what is known to be there. */
export const BOUNDS_RULES: readonly Rule[] = [
  {
    code: "packet-out-of-bounds",
    patterns: [
      /^R(\d+) offset is outside of the packet/,
      /^invalid access to packet, off=-?\d+ size=-?\d+, R(\d+)/,
    ],
    find: (match, refusal) => packet(Number(match[1]), refusal),
  },
  {
    code: "memory-out-of-bounds",
    patterns: [
      /^invalid access to memory, mem_size=(\d+) off=(-?\d+) size=(\d+)/,
      /^R\d+ invalid (?:rdonly |rdwr |tracepoint )?\S* ?buffer access: off=(-?\d+), size=(\d+)/,
      /^R(\d+) (?:min|max) value is outside of the allowed memory range/,
      /^invalid access to flow keys off=(-?\d+) size=(\d+)/,
    ],
    find: (match, refusal) => {
      const other = /value is outside/.test(match[0]) && !/mem_size=/.test(refusal.log.messages.join("\n"));
      return other ? null : bounds(match, refusal, "memory");
    },
  },
  {
    code: "map-value-out-of-bounds",
    patterns: [
      /^invalid access to map (?:value|key), (?:value|key)_size=(\d+) off=(-?\d+) size=(\d+)/,
      /^R(\d+) (?:min|max) value is outside of the (?:allowed memory range|array range)/,
    ],
    find: (match, refusal) => bounds(match, refusal, "map value"),
  },
  {
    code: "unbounded-offset",
    patterns: [
      /^R(\d+) unbounded memory access, make sure to bounds check any such access/,
      /^math between (\S+) pointer and register with unbounded min value is not allowed/,
      /^R(\d+) invalid variable buffer offset/,
      /^invalid (?:unbounded )?variable-offset(?: indirect)?(?: read from| write to| access to)? stack R(\d+)/,
      /^variable offset stack pointer cannot be passed into helper/,
      /^variable stack (?:access|read)(?: R(\d+))? var_off/,
    ],
    find: (match, refusal) => variable(match, refusal, "an offset into memory can be any number"),
  },
  {
    code: "negative-offset",
    patterns: [
      /^R(\d+) min value is negative(?: \(-?\d+\))?, either use unsigned index or/,
      /^R(\d+) is \S+ invalid negative access: off=-?\d+/,
    ],
    find: (match, refusal) => variable(match, refusal, "an offset into memory may be negative"),
  },
  {
    code: "offset-too-large",
    patterns: [
      /^(\S+) pointer offset -?\d+ is not allowed/,
      /^math between (\S+) pointer and -?\d+ is not allowed/,
      /^value (-?\d+) makes (\S+) pointer be out of bounds/,
    ],
    find: (match, refusal) => variable(match, refusal, "a pointer is moved too far"),
  },
];

/** Whether what is taken for a signed number has an upper limit: without its sign it is bounded then. */
function isBoundedAbove({ history }: Refusal, { at }: Cause): boolean {
  const { smax } = rangeOf(history.known(at.effect.writes, at.position + 1) ?? "");
  return smax < 0x7fff_ffffn;
}

function packet(register: number, refusal: Refusal): Finding {
  const position = refusal.last?.position ?? 0;
  const known = refusal.known(register) ?? "";
  const message = refusal.log.messages.find((line) => /size=\d+/.test(line)) ?? "";
  const [, off, size] = /off=(-?\d+) size=(\d+)/.exec(message) ?? [];
  const told = /\br=(\d+)\)/.exec(message)?.[1] ?? /\br=(0x[0-9a-f]+|\d+)/.exec(known)?.[1] ?? "0";
  const range = BigInt.asIntN(16, BigInt(told));
  const cause = causeOfPacket(refusal.history, register, position);
  const access = off === undefined ? null : { offset: Number(off), size: Number(size) };
  const call = refusal.last?.effect.call ?? null;
  const callee = call?.startsWith("pc") === true ? calledName(refusal) : null;
  const who = callee === null ? "this access" : `what ${callee || "the function"} may access`;
  const reach =
    access === null
      ? `${who} leaves what was compared`
      : `${who} ends ${bytesText(access.offset + access.size)} from there`;
  const compared =
    range > 0n
      ? `${reach}; ${bytesText(Number(range))} are known to be there`
      : `${reach}, and nothing is known to be there`;
  return {
    headline:
      callee === null
        ? "a packet is accessed beyond what was compared with data_end"
        : `${callee || "a global function"} gets a pointer into the packet, and may access more of it than was compared with data_end`,
    operand: `R${register}`,
    why: refusal.chain(register, compared, cause),
    fixes: packetFixes(refusal, register, access, cause),
  };
}

function bounds(match: RegExpExecArray, refusal: Refusal, what: string): Finding {
  const { last } = refusal;
  const named = /\bR(\d+)/.exec(match.input)?.[1] ?? /\bR(\d+)/.exec(refusal.log.messages.at(-1) ?? "")?.[1];
  const register =
    named === undefined ? (last?.effect.memory?.base ?? last?.effect.reads[0] ?? 0) : Number(named);
  const message = refusal.log.messages.find((line) => /(?<![a-z_])size=\d+/.test(line)) ?? match[0];
  const size = /(?:value_size|key_size|mem_size)=(\d+)/.exec(message)?.[1];
  const off = /\boff=(-?\d+)/.exec(message)?.[1];
  const bytes = /(?<![a-z_])size=(\d+)/.exec(message)?.[1];
  const reach =
    off === undefined
      ? `the access leaves the ${what}`
      : `${bytesText(Number(bytes))} at offset ${off}${size === undefined ? "" : `, of ${what === "memory" ? "" : `a ${what} of `}${bytesText(Number(size))}`}`;
  const room = roomFor(refusal.known(register), Number(size), Number(off), Number(bytes));
  const cause = causeOfReach(refusal, register, message);
  const added = roomOf(refusal, register);
  return {
    headline: `${what === "memory" ? what : `a ${what}`} is accessed outside of its bounds`,
    operand: `R${register}`,
    why: refusal.chain(register, `${reach}${room}`, cause, added?.links),
    fixes:
      added === null
        ? constantFixes(refusal, register, Number(size), Number(off))
        : boundFixes(refusal, register, cause),
  };
}

/** An offset and a size that are known: one of them is too large. */
function constantFixes(refusal: Refusal, register: number, size: number, off: number): Finding["fixes"] {
  const call = refusal.last?.effect.call ?? null;
  const left = size - off;
  if (call !== null && left > 0) return [sizeFix(refusal, call, register, left)];
  return [
    fix(
      `Access no more than ${Number.isNaN(size) ? "the bytes" : `the ${bytesText(size)}`} that there are: the type that is read, or the index, goes further; or what it points at is declared too small.`,
    ),
  ];
}

/** How much may be added to the pointer, where the most that can be is what reaches too far. */
function roomFor(pointer: string | null, size: number, off: number, bytes: number): string {
  const { umax } = rangeOf(pointer ?? "");
  const most = Number(umax);
  // The message has the offset with the most that can be added.
  if (!/max=/.test(pointer ?? "") || !Number.isSafeInteger(most) || most === 0 || most > off) return "";
  const room = size - bytes - (off - most);
  return room >= 0 ? `; what is added may be at most ${bytesText(room)}, and can be ${most}` : "";
}

function variable(match: RegExpExecArray, refusal: Refusal, headline: string): Finding {
  const { last } = refusal;
  const named = /\bR(\d+)/.exec(match.input)?.[1];
  const register =
    last?.effect.operation === "alu"
      ? last.effect.writes
      : named === undefined
        ? (last?.effect.memory?.base ?? 0)
        : Number(named);
  const cause = causeOfReach(refusal, register, match.input);
  const number = last?.effect.operation === "alu" ? (last.effect.reads[1] ?? -1) : -1;
  const exact = number < 0 || last === undefined ? null : exactOf(refusal.known(number) ?? "");
  if (exact !== null || (last?.effect.operation === "alu" && last.effect.constant !== null)) {
    return {
      headline,
      operand: `R${number < 0 ? register : number}`,
      why: refusal.chain(register, "pointers stay within 512 MiB of what they point at", cause),
      fixes: [fix("Move the pointer by less: the constant is larger than any memory that a program has.")],
    };
  }
  return {
    headline,
    operand:
      last?.effect.operation === "alu" ? `R${last.effect.reads[1] ?? last.effect.writes}` : `R${register}`,
    why: refusal.chain(
      register,
      "the verifier must know where this leads",
      cause,
      roomOf(refusal, register)?.links,
    ),
    fixes: [
      ...(cause !== null && isSigned(cause) && isBoundedAbove(refusal, cause)
        ? [
            fix(
              "Make the variable unsigned, where it is never meant to be negative.",
              `__u32 ${addedName(refusal, register, cause)};`,
            ),
          ]
        : []),
      ...boundFixes(refusal, register, cause),
      fix(
        "The test must be of the same variable: one that is loaded from memory again, or a copy of another width, knows nothing of it.",
      ),
    ],
  };
}
