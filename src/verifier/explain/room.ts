import { addedNumber, isExactlyKnown, offsetOf } from "./cause-access.ts";
import type { ValueLink } from "./history.ts";
import { effectOf, type MemoryAccess } from "./instruction.ts";
import { otherInstructions } from "./program-text.ts";
import type { Refusal } from "./rule.ts";
import { exactOf } from "./value-range.ts";

/** What may be added to a pointer. */
export interface Room {
  /** The number that is added: the register of the newest addition of a variable. */
  readonly links: readonly ValueLink[];
  /** Bytes of the pointer's memory that are left for it; null where the log does not say how large that is. */
  readonly bytes: number | null;
  /** Bytes of the memory in front of where the pointer is without it. */
  readonly before: number;
}

/** What the addition of a variable to a pointer may be at most: how much memory there is, less what is accessed. */
export function roomOf(refusal: Refusal, register: number): Room | null {
  const { history, last, log } = refusal;
  if (last === undefined) return null;
  const sum = history.sumOf(last);
  if (sum !== null && exactOf(refusal.known(sum.number) ?? "") === null) return roomOfSum(refusal, sum);
  const added = history
    .origin(register, last.position)
    .find(
      (link) => link.kind === "changed" && link.at.effect.reads.length > 1 && !isExactlyKnown(history, link),
    );
  if (added === undefined) return null;
  const links = history.origin(addedNumber(history, added), added.at.position);
  const known = refusal.known(register) ?? "";
  const messages = log.messages.join("\n");
  const size = /(?:value_size|key_size|mem_size)=(\d+)/.exec(messages)?.[1] ?? sizeIn(known);
  const { memory } = last.effect;
  const start = offsetOf(known) + (memory?.offset ?? 0);
  if (added.at.effect.operator === "-=") return { links, bytes: null, before: start };
  const accessed = memory?.size ?? Number(/(?<![a-z_])size=(\d+)/.exec(messages)?.[1] ?? Number.NaN);
  if (size === undefined || Number.isNaN(accessed)) return { links, bytes: null, before: start };
  return { links, bytes: Number(size) - start - accessed, before: start };
}

function sizeIn(pointer: string): string | undefined {
  return /[(,](?:vs|sz|mem_size)=(\d+)/.exec(pointer)?.[1];
}

/** Where the addition itself is refused: the access that it was made for comes behind it. */
function roomOfSum(refusal: Refusal, sum: { readonly pointer: number; readonly number: number }): Room {
  const { history } = refusal;
  const last = refusal.last!;
  const links = history.origin(sum.number, last.position);
  const pointer = refusal.known(sum.pointer) ?? "";
  const size = sizeIn(pointer);
  const access = accessBehind(refusal, last.effect.writes);
  const start = offsetOf(pointer) + (access?.offset ?? 0);
  if (size === undefined || access === null || last.effect.operator === "-=")
    return { links, bytes: null, before: start };
  return { links, bytes: Number(size) - start - access.size, before: start };
}

/** Instructions behind a sum that are looked at. */
const NEAR = 8;

function accessBehind(refusal: Refusal, register: number): MemoryAccess | null {
  const texts = otherInstructions(refusal);
  const from = refusal.last!.step.index + 1;
  for (let index = from; index < from + NEAR; index++) {
    const effect = effectOf(texts.get(index) ?? "");
    if (effect.memory?.base === register) return effect.memory;
    if (effect.writes === register || effect.jump !== null || effect.call !== null) break;
  }
  return null;
}
