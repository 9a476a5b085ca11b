import { movesPacket } from "./cause.ts";
import { offsetOf } from "./cause-access.ts";
import { effectOf, type InstructionEffect } from "./instruction.ts";
import { otherInstructions } from "./program-text.ts";
import type { Refusal } from "./rule.ts";

/** Instructions behind the refused one that are looked at. */
const MOST = 512;

/** Offsets of registers that point into the packet, from where the refused access counts its own. */
type Offsets = ReadonlyMap<number, number>;

/**
 * Where the furthest access ends that would be made of the packet by this comparison's leave: by the refused
 * instruction, and by those behind it up to the next comparison, or to what moves the packet. In bytes from the packet's
 * start, or from where a variable was added.
 */
export function furthestAccess(refusal: Refusal, register: number, end: number): number {
  const { last } = refusal;
  if (last === undefined) return end;
  const texts = otherInstructions(refusal);
  const seen = new Set<number>();
  const open: { readonly index: number; readonly offsets: Offsets }[] = [
    { index: last.step.index, offsets: offsetsAt(refusal, register, end) },
  ];
  let furthest = end;
  while (open.length > 0 && seen.size < MOST) {
    const { index, offsets } = open.pop()!;
    const text = texts.get(index);
    if (seen.has(index)) continue;
    seen.add(index);
    if (text === undefined) {
      // Constants of 64 bits have two slots.
      if (texts.has(index + 1) && texts.has(index - 1)) open.push({ index: index + 1, offsets });
      continue;
    }
    const effect = effectOf(text);
    furthest = Math.max(furthest, endOf(effect, offsets) ?? 0);
    const next = after(effect, offsets);
    if (next.size === 0 || isEnd(effect, offsets)) continue;
    if (effect.jump !== null) open.push({ index: index + 1 + effect.jump, offsets: next });
    if (effect.operation !== "goto") open.push({ index: index + 1, offsets: next });
  }
  return furthest;
}

function offsetsAt(refusal: Refusal, register: number, end: number): Map<number, number> {
  const memory = refusal.last?.effect.memory ?? null;
  const offsets = new Map<number, number>();
  const own = familyOf(refusal.known(register));
  for (let each = 0; own !== null && each < 10; each++) {
    const known = refusal.known(each);
    if (known !== null && familyOf(known) === own) offsets.set(each, offsetOf(known));
  }
  if (memory !== null) offsets.set(register, end - memory.size - memory.offset);
  return offsets;
}

/** Packet pointers of one family differ by constants. */
function familyOf(value: string | null): string | null {
  const kind = /^pkt(?:_meta)?(?=[(,]|$)/.exec(value ?? "")?.[0];
  return kind === undefined ? null : `${kind} ${/[(,]id=(\d+)/.exec(value!)?.[1] ?? 0}`;
}

function endOf({ memory }: InstructionEffect, offsets: Offsets): number | null {
  const offset = memory === null ? undefined : offsets.get(memory.base);
  return offset === undefined ? null : offset + memory!.offset + memory!.size;
}

/** No access behind this one is made by the same comparison's leave. */
function isEnd({ operation, call, reads }: InstructionEffect, offsets: Offsets): boolean {
  if (operation === "exit") return true;
  if (operation === "branch") return reads.length > 1 && reads.some((register) => offsets.has(register));
  return call !== null && (call.startsWith("pc") || movesPacket(call));
}

function after(
  { operation, operator, constant, reads, writes, narrow }: InstructionEffect,
  offsets: Offsets,
): Offsets {
  if (operation === "call") return new Map([...offsets].filter(([register]) => register > 5));
  if (writes < 0) return offsets;
  const next = new Map(offsets);
  next.delete(writes);
  const from = offsets.get(reads[0] ?? -1);
  if (from === undefined || narrow) return next;
  if (operation === "mov") next.set(writes, from);
  if (operation === "alu" && constant !== null && /^[+-]=$/.test(operator))
    next.set(writes, from + Number(operator === "+=" ? constant : -constant));
  return next;
}
