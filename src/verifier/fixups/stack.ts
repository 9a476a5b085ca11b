import { join, NONE, type Pointer } from "./pointer.ts";

/**
 * Pointers in stack slots of one frame: offset, pointer, offset, pointer … in ascending order of offsets. Never
 * changed in place, so that states share them. A slot that is absent was never seen to hold a pointer; one that was
 * overwritten by something else holds NONE.
 */
export type StackSlots = Int32Array | null;

const SLOT = 8;

export function loadSlot(slots: StackSlots, offset: number): Pointer {
  if (slots === null) return NONE;
  for (let i = 0; i < slots.length; i += 2) if (slots[i] === offset) return slots[i + 1]!;
  return NONE;
}

/** The slots after a store of `size` bytes. */
export function storeSlot(slots: StackSlots, offset: number, size: number, value: Pointer): StackSlots {
  const whole = size === SLOT;
  let changed = false;
  let present = false;
  const length = slots === null ? 0 : slots.length;
  for (let i = 0; i < length; i += 2) {
    const at = slots![i]!;
    if (at >= offset + size || at + SLOT <= offset) continue;
    if (whole && at === offset) present = true;
    const next = whole && at === offset ? value : NONE;
    changed ||= slots![i + 1] !== next;
  }
  const add = whole && !present && value !== NONE;
  if (!changed && !add) return slots;
  const out = new Int32Array(length + (add ? 2 : 0));
  let to = 0;
  let placed = !add;
  for (let i = 0; i < length; i += 2) {
    const at = slots![i]!;
    if (!placed && at > offset) {
      out[to++] = offset;
      out[to++] = value;
      placed = true;
    }
    const hit = at < offset + size && at + SLOT > offset;
    out[to++] = at;
    out[to++] = !hit ? slots![i + 1]! : whole && at === offset ? value : NONE;
  }
  if (!placed) {
    out[to++] = offset;
    out[to] = value;
  }
  return out;
}

/**
 * Where two paths meet. A slot absent on one side was not written there: Linux lets no program use a pointer from
 * it, so the other side's value stands.
 */
export function joinSlots(a: StackSlots, b: StackSlots, mix: (aIsContext: boolean) => number): StackSlots {
  if (a === b || b === null) return a;
  if (a === null) return b;
  const out: number[] = [];
  let same = true;
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const left = i < a.length ? a[i]! : Infinity;
    const right = j < b.length ? b[j]! : Infinity;
    const at = Math.min(left, right);
    const value = left === right ? join(a[i + 1]!, b[j + 1]!, mix) : left < right ? a[i + 1]! : b[j + 1]!;
    same &&= left === at && value === a[i + 1];
    out.push(at, value);
    if (left === at) i += 2;
    if (right === at) j += 2;
  }
  return same ? a : Int32Array.from(out);
}
