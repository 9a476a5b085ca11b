import { bound } from "./arithmetic.ts";
import { constant, type Draft, type DraftMap, SCALAR, SLOTS, type Value } from "./draft.ts";

const SIZES = [1, 2, 4, 8] as const;
type Size = (typeof SIZES)[number];

/** Reads or writes `size` bytes at a register and an offset. */
function access(draft: Draft, register: number, off: number, size: Size, writable = true): void {
  const { random } = draft;
  const place = `(r${register} ${off < 0 ? "-" : "+"} ${Math.abs(off)})`;
  const bits = size * 8;
  switch (writable ? random.below(8) : 0) {
    case 1:
    case 2: {
      const source = draft.scalar();
      draft.emit(`*(u${bits} *)${place} = r${source === register ? draft.scalar() : source}`);
      return;
    }
    case 3:
      draft.emit(`*(u${bits} *)${place} = ${constant(random)}`);
      return;
    case 4:
      if (size >= 4 && off % size === 0) {
        const source = draft.scalar();
        const operator = random.pick(["+=", "|=", "&=", "^="]);
        if (!draft.kept.has(source) && source !== register && random.oneIn(2)) {
          const name = { "+=": "add", "|=": "or", "&=": "and", "^=": "xor" }[operator];
          const letter = size === 8 ? "r" : "w";
          draft.emit(`${letter}${source} = atomic_fetch_${name}((u${bits} *)${place}, ${letter}${source})`);
          draft.set(source, SCALAR);
        } else draft.emit(`lock *(u${bits} *)${place} ${operator} r${source}`);
        return;
      }
  }
  const dst = draft.target();
  if (size < 8 && random.oneIn(6)) draft.emit(`r${dst} = *(s${bits} *)${place}`);
  else draft.emit(`r${dst} = *(u${bits} *)${place}`);
  draft.set(dst, size === 1 ? { kind: "scalar", max: 255 } : SCALAR);
}

/** Loads, stores, spills and fills of the stack. */
export function stack(draft: Draft): void {
  const { random, state } = draft;
  const written = state.stack.flatMap((value, slot) => (value === undefined ? [] : [slot]));
  const slot = random.below(SLOTS);
  const off = -8 * (slot + 1);
  const fixed = draft.fixedKinds > 0;
  if (written.length > 0 && random.oneIn(2)) {
    const from = random.pick(written);
    const value = state.stack[from]!;
    if (value.kind !== "scalar" || random.oneIn(2)) {
      const dst = value.kind === "scalar" ? draft.target() : draft.scratch();
      draft.emit(`r${dst} = *(u64 *)(r10 - ${8 * (from + 1)})`);
      draft.set(dst, value);
      return;
    }
    const size = random.pick(SIZES);
    access(draft, 10, -8 * (from + 1) + size * random.below(8 / size), size, !fixed);
    return;
  }
  if (fixed && state.stack[slot]?.kind !== "scalar") return;
  if (random.oneIn(3)) {
    draft.emit(`*(u64 *)(r10 - ${-off}) = ${constant(random)}`);
    state.stack[slot] = SCALAR;
    return;
  }
  const pointers = fixed
    ? []
    : state.regs.flatMap((value, register) =>
        value !== undefined && value.kind !== "scalar" ? [register] : [],
      );
  if (pointers.length > 0 && random.oneIn(3)) {
    const register = random.pick(pointers);
    draft.emit(`*(u64 *)(r10 - ${-off}) = r${register}`);
    state.stack[slot] = state.regs[register];
    return;
  }
  const register = draft.scalar();
  const size = random.oneIn(2) ? 8 : random.pick(SIZES);
  draft.emit(`*(u${size * 8} *)(r10 - ${-off}) = r${register}`);
  if (size === 8) state.stack[slot] = state.regs[register];
  else if (state.stack[slot] !== undefined) state.stack[slot] = SCALAR;
  if (size === 4 && random.oneIn(2)) {
    const dst = draft.target();
    draft.emit(`r${dst} = *(u32 *)(r10 - ${-off})`);
    draft.set(dst, SCALAR);
  }
}

/** The stack at an offset that is a number. */
export function indexedStack(draft: Draft, out: string): void {
  const { random, state } = draft;
  const slots = 2 + random.below(3);
  for (let slot = 0; slot < slots; slot++) {
    if (state.stack[slot]?.kind === "scalar") continue;
    if (draft.fixedKinds > 0) return;
    draft.emit(`*(u64 *)(r10 - ${8 * (slot + 1)}) = ${random.below(50)}`);
    state.stack[slot] = SCALAR;
  }
  const size = random.pick(SIZES);
  const index = bound(draft, draft.scalar(), slots * 8 - size, out);
  const pointer = draft.scratch(index);
  const step = draft.scratch(index, pointer);
  draft.emit(`r${step} = r${index}`);
  // The stack must be accessed in step with the size.
  if (!random.oneIn(20)) draft.emit(`r${step} &= ${-size}`);
  draft.emit(`r${pointer} = r10`, `r${pointer} += -${8 * slots}`, `r${pointer} += r${step}`);
  draft.set(step, SCALAR);
  draft.set(pointer, undefined);
  const place = `(r${pointer} + 0)`;
  if (random.oneIn(2)) draft.emit(`*(u${size * 8} *)${place} = ${random.below(9)}`);
  else {
    const dst = draft.target();
    draft.emit(`r${dst} = *(u${size * 8} *)${place}`);
    draft.set(dst, SCALAR);
  }
}

/** A value of a map: its address by a load, or by a look-up and a test. Gives the register, or null. */
export function mapValue(draft: Draft, out: string): number | null {
  const { random } = draft;
  const held = draft.registersOf("value");
  if (held.length > 0 && random.below(3) > 0) return random.pick(held);
  const map = random.pick(draft.maps);
  draft.usedMaps.add(map);
  if (map.direct && random.below(3) > 0) {
    const dst = draft.fixedKinds > 0 ? draft.scratch() : draft.target();
    const off = random.oneIn(3) ? random.below(map.valueSize) & -4 : 0;
    draft.emit(`r${dst} = %${map.name}[0]+${off}`);
    draft.budget--;
    draft.set(dst, { kind: "value", map, left: map.valueSize - off });
    return dst;
  }
  lookup(draft, map);
  if (random.oneIn(20)) return null;
  draft.emit(`if r0 == 0 goto ${out}`);
  const value: Value = { kind: "value", map, left: map.valueSize };
  draft.set(0, value);
  if (random.oneIn(2) && draft.fixedKinds === 0) {
    const dst = draft.target();
    draft.emit(`r${dst} = r0`);
    draft.set(dst, value);
    return dst;
  }
  return 0;
}

/** r0 = the value or null. The key is at fp-96 and below. */
export function lookup(draft: Draft, map: DraftMap): void {
  const { random } = draft;
  const off = 96 + map.keySize;
  const size = map.keySize * 8;
  if (random.oneIn(2)) draft.emit(`*(u${size} *)(r10 - ${off}) = ${random.below(6)}`);
  else draft.emit(`*(u${size} *)(r10 - ${off}) = r${draft.scalar()}`);
  draft.emit(`r1 = %${map.name}`, "r2 = r10", `r2 += -${off}`, "call bpf_map_lookup_elem");
  draft.budget--;
  draft.called({ kind: "maybe", map, id: draft.budget });
}

/** An access of a map's value, at a constant offset or at a number. */
export function valueAccess(draft: Draft, out: string): void {
  const { random } = draft;
  const pointer = mapValue(draft, out);
  if (pointer === null) return;
  const value = draft.get(pointer);
  if (value?.kind !== "value") return;
  const size = random.pick(SIZES);
  const slip = random.oneIn(draft.slipOneIn) ? 1 : 0;
  if (value.left < size) return;
  if (random.oneIn(2)) {
    const off = Math.floor((random.below(value.left - size + 1) + slip * size) / size) * size;
    access(draft, pointer, off, size);
    return;
  }
  const room = value.left - size;
  const off = random.oneIn(3) ? random.below(room + 1) : 0;
  const scale = random.oneIn(3) ? Math.log2(size) : 0;
  const index = bound(draft, draft.scalar(), (room - off) >> scale, out);
  const known = draft.get(pointer);
  if (known?.kind !== "value") return;
  const sum = draft.scratch(index, pointer);
  if (scale > 0) {
    const scaled = draft.scratch(index, pointer, sum);
    draft.emit(`r${scaled} = r${index}`, `r${scaled} <<= ${scale}`);
    draft.set(scaled, SCALAR);
    draft.emit(`r${sum} = r${pointer}`, `r${sum} += r${scaled}`);
  } else if (random.oneIn(4)) draft.emit(`r${sum} = r${index}`, `r${sum} += r${pointer}`);
  else draft.emit(`r${sum} = r${pointer}`, `r${sum} += r${index}`);
  draft.set(sum, undefined);
  access(draft, sum, off, size, random.below(4) > 0);
}

/** Packet bytes behind a test, at constant offsets or behind a number. */
export function packetAccess(draft: Draft, out: string): void {
  const { random } = draft;
  const held = draft.registersOf("packet");
  const usable = held.filter((register) => (draft.get(register) as { range: number }).range > 0);
  if (usable.length > 0 && random.below(3) > 0) {
    const register = random.pick(usable);
    const { range } = draft.get(register) as { range: number };
    const size = random.pick(SIZES);
    if (range < size) return;
    const off = random.below(range - size + 1 + (random.oneIn(draft.slipOneIn) ? 2 : 0));
    access(draft, register, off, size, false);
    return;
  }
  const ctx = draft.registersOf("ctx")[0];
  if (draft.packet === null || ctx === undefined) return;
  const saved = [7, 8, 9].filter((register) => !draft.kept.has(register));
  const data = draft.fixedKinds > 0 || saved.length === 0 ? draft.scratch(ctx) : random.pick(saved);
  const end = draft.scratch(ctx, data);
  draft.emit(
    `r${data} = *(u32 *)(r${ctx} + ${draft.packet.data})`,
    `r${end} = *(u32 *)(r${ctx} + ${draft.packet.end})`,
  );
  draft.set(data, { kind: "packet", range: 0 });
  draft.set(end, { kind: "end" });
  let index: number | null = null;
  if (random.oneIn(3)) {
    index = bound(draft, draft.scalar(), random.pick([15, 63, 255, 1500]), out);
    if (
      index === data ||
      index === end ||
      draft.get(end)?.kind !== "end" ||
      draft.get(data)?.kind !== "packet"
    ) {
      return;
    }
    draft.emit(`r${data} += r${index}`);
  }
  const sum = draft.scratch(ctx, data, end);
  const range = random.pick([1, 4, 8, 14, 20, 34, 40, 64]);
  draft.emit(`r${sum} = r${data}`, `r${sum} += ${range}`);
  draft.emit(random.pick([`if r${sum} > r${end} goto ${out}`, `if r${end} < r${sum} goto ${out}`]));
  draft.set(sum, undefined);
  draft.set(data, { kind: "packet", range });
}
