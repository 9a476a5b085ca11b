import type { Cause } from "./cause.ts";
import { causeOfRange, type Limit } from "./cause-number.ts";
import type { History, ValueLink } from "./history.ts";
import type { PathStep } from "./path-step.ts";
import type { Refusal } from "./rule.ts";
import { exactOf, rangeOf } from "./value-range.ts";

/**
 * Why an access, or an argument with its size, does not stay within memory: the variable that was added to the pointer,
 * the size, or a constant that moved it too far. null: the instruction itself reaches too far.
 */
export function causeOfReach(refusal: Refusal, register: number, message: string): Cause | null {
  const { history, last } = refusal;
  if (last === undefined) return null;
  const limit = limitOf(refusal.log.messages.join("\n"), refusal.known(register));
  if (last.effect.operation === "alu") return causeOfSum(history, last, limit);
  const links = history.origin(register, last.position);
  const added = links.find((link) => link.kind === "changed" && link.at.effect.reads.length > 1);
  const variable = added !== undefined && !isExactlyKnown(history, added);
  const size = sizeArgument(refusal, register, message);
  // A constant size is not to blame where the offset is a variable.
  if (size !== null && !(variable && exactOf(refusal.known(size) ?? "") !== null))
    return causeOfRange(history, size, last.position, "high");
  if (variable) {
    const number = addedNumber(history, added);
    const subtracted = added.at.effect.operator === "-=";
    // What is subtracted leads too low where it is too large.
    const wanted = !subtracted || limit === "both" ? limit : limit === "low" ? "high" : "low";
    return (
      causeOfRange(history, number, added.at.position, wanted) ?? {
        at: added.at,
        text: `R${number} is ${subtracted ? "subtracted from" : "added to"} the pointer`,
      }
    );
  }
  return movedOut(history, links, message);
}

/** Arithmetic that is refused itself: the number on its right, or the sum. */
function causeOfSum(history: History, last: PathStep, limit: Limit): Cause | null {
  const added = last.effect.reads[1];
  if (added === undefined) return null;
  return causeOfRange(history, history.sumOf(last)?.number ?? added, last.position, limit);
}

function limitOf(messages: string, pointer: string | null): Limit {
  if (/min value is negative|unbounded min value|^value -\d+ makes/m.test(messages)) return "low";
  // The stack lies below its pointer: all offsets are negative.
  if (/\bstack R\d/.test(messages)) return rangeOf(pointer ?? "").smin < 0n ? "low" : "high";
  return /min value is outside|off=-/.test(messages) ? "low" : "high";
}

/** Behind a pointer argument stands its size, in the next register; null where the message is about something else. */
function sizeArgument(refusal: Refusal, register: number, message: string): number | null {
  if (refusal.last?.effect.operation !== "call" || register >= 5) return null;
  const size = refusal.known(register + 1);
  const bytes = /(?<![a-z_])size=(\d+)/.exec(message)?.[1];
  if (size === null || bytes === undefined || !/^(?:P?scalar|inv|P|-?\d|0x)/.test(size)) return null;
  return rangeOf(size).umax === BigInt(bytes) ? register + 1 : null;
}

/** The number of an addition: what stands on its right, or what the pointer on its right was added to. */
export function addedNumber(history: History, { at }: ValueLink): number {
  return history.sumOf(at)?.number ?? at.effect.reads[1]!;
}

/** Whether the number of an addition is a constant to the verifier. */
export function isExactlyKnown(history: History, link: ValueLink): boolean {
  const value = history.known(addedNumber(history, link), link.at.position);
  return value !== null && exactOf(value) !== null;
}

/** The newest constant move that left the memory, where the access itself is not what reaches too far. */
function movedOut(history: History, links: readonly ValueLink[], message: string): Cause | null {
  const size = /(?:value_size|key_size|mem_size)=(\d+)/.exec(message)?.[1];
  const moved = links.find(({ kind }) => kind === "changed");
  if (moved === undefined) return null;
  const offset = offsetOf(moved.known ?? "");
  if (offset >= 0 && (size === undefined || offset < Number(size))) return null;
  const added = moved.at.effect.reads[1];
  const amount = added === undefined ? null : history.known(added, moved.at.position);
  return {
    at: moved.at,
    text: `this moves the pointer to offset ${offset}${amount === null ? "" : ` (R${added} is ${amount})`}: out of the memory`,
  };
}

/** The constant part of a pointer's offset. */
export function offsetOf(value: string): number {
  const stack = /^fp(?:\[\d+\])?(-?\d+)/.exec(value);
  if (stack !== null) return Number(stack[1]);
  const [, sign = "", digits = "0"] = /[(,]off=(-?)(0x[\da-f]+|\d+)/.exec(value) ?? [];
  return sign === "-" ? -Number(digits) : Number(digits);
}

/** The arithmetic that moved a pointer: at all, or away from a multiple of `alignment`. */
export function causeOfMovedPointer(
  history: History,
  register: number,
  before: number,
  alignment?: number,
): Cause | null {
  const links = history.origin(register, before);
  for (const { kind, at, place, known } of links) {
    if (kind !== "changed") continue;
    if (
      alignment !== undefined &&
      known !== null &&
      offsetOf(known) % alignment === 0 &&
      !/var_off/.test(known)
    )
      return null;
    const [, added] = at.effect.reads;
    const amount = added === undefined ? `${at.effect.constant ?? ""}` : `R${added}`;
    return {
      at,
      text:
        alignment === undefined
          ? `this moves the pointer in ${place}`
          : `${amount} is no multiple of ${alignment}: ${place} is not aligned after this`,
    };
  }
  return null;
}

/** What moved a pointer that has to stay as it is: the addition of a variable, where there is one, else the newest move. */
export function causeOfMovedContext(history: History, register: number, before: number): Cause | null {
  const moves = history.origin(register, before).filter(({ kind }) => kind === "changed");
  const variable = moves.find((link) => link.at.effect.reads.length > 1 && !isExactlyKnown(history, link));
  if (variable === undefined) return causeOfMovedPointer(history, register, before);
  const { at, place } = variable;
  return {
    at,
    text: `R${addedNumber(history, variable)}, which is not a constant, is added to the pointer in ${place}`,
  };
}
