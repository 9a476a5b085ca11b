import { type Draft, FRAME } from "./draft.ts";

/** Bytes at a register. */
export interface Place {
  readonly register: number;
  readonly offset: number;
  readonly size: number;
}

export interface PlaceWish {
  /** Bytes; any of 1, 2, 4 and 8 unless told. */
  readonly size?: number;
  readonly atomic?: boolean;
}

const SIZES = [1, 2, 4, 8] as const;

/** Somewhere in what the function can reach: its stack, its packet, what it was given. */
export function place(draft: Draft, wish: PlaceWish = {}): Place {
  const { random, bases } = draft;
  const atomic = wish.atomic === true;
  const open = bases.filter((base) => !atomic || base.atomics);
  if (open.length === 0 || random.oneIn(2)) {
    const found = stackPlace(draft, wish);
    if (found !== null) return found;
  }
  const base = open.length === 0 ? null : random.pick(open);
  if (base === null) return { register: FRAME, offset: draft.low, size: wish.size ?? 8 };
  const size = wish.size ?? random.pick(atomic ? [4, 8] : SIZES);
  const step = base.aligned || atomic ? size : 1;
  const count = Math.floor((base.to - base.from - size) / step) + 1;
  const near = nearby(draft, base.register);
  const at = near === null ? step * random.below(count) : clamp(near - base.from, step, count);
  const found = { register: base.register, offset: base.from + at, size };
  draft.remember(found.register, found.offset);
  return found;
}

/** An offset from a register that was used lately, or one beside it: what accesses have in common shows only there. */
function nearby(draft: Draft, register: number): number | null {
  const offsets = draft.recent.get(register);
  if (offsets === undefined || draft.random.oneIn(3)) return null;
  return draft.random.pick(offsets) + draft.random.pick(NEAR);
}

const NEAR = [0, 0, 0, 0, 1, 2, 4, -1, -2, -4, 7, -7] as const;

function clamp(offset: number, step: number, count: number): number {
  return step * Math.max(0, Math.min(count - 1, Math.floor(offset / step)));
}

/** In a word of the stack, as its kind has it; null where none was found that has what is wished. */
function stackPlace(draft: Draft, { size, atomic }: PlaceWish): Place | null {
  const { random, words, low } = draft;
  for (let tries = 0; tries < 6; tries++) {
    const near = nearby(draft, FRAME);
    const word =
      near === null || near < low || near >= low + 8 * words.length
        ? random.below(words.length)
        : Math.floor((near - low) / 8);
    const kind = words[word]!;
    const wanted = size ?? (kind === 0 ? random.pick(atomic === true ? [4, 8] : SIZES) : kind);
    if (kind !== 0 && kind !== wanted) continue;
    if (atomic === true && wanted < 4) continue;
    const at = near === null ? wanted * random.below(8 / wanted) : clamp(near & 7, wanted, 8 / wanted);
    const offset = low + 8 * word + at;
    draft.remember(FRAME, offset);
    return { register: FRAME, offset, size: wanted };
  }
  return null;
}

const SUFFIX: { readonly [size: number]: string } = { 1: "b", 2: "h", 4: "w", 8: "dw" };

export function sizeName(size: number): string {
  return SUFFIX[size]!;
}

export function load(draft: Draft, { register, offset, size }: Place, dst: number): void {
  const signed = size < 8 && draft.random.oneIn(4);
  draft.put(`${signed ? "ldsx" : "ldx"}_${sizeName(size)}`, dst, register, offset);
  draft.sets(dst);
}

export function store(draft: Draft, { register, offset, size }: Place): void {
  const name = sizeName(size);
  if (draft.random.oneIn(4)) draft.put(`st_${name}`, register, 0, offset, draft.word());
  else draft.put(`stx_${name}`, register, draft.scalar(), offset);
}

const FETCHING = ["atomic_fetch_add", "atomic_fetch_or", "atomic_fetch_and", "atomic_fetch_xor", "xchg"];
const PLAIN = ["atomic_add", "atomic_or", "atomic_and", "atomic_xor"];

/** One of the atomic operations, at a place that may have them. */
export function atomic(draft: Draft): void {
  const { random } = draft;
  const kind = random.below(8);
  if (kind < 2) {
    ordered(draft, kind === 0);
    return;
  }
  const { register, offset, size } = place(draft, { atomic: true });
  const name = sizeName(size);
  if (kind === 2) {
    if ((draft.locked & 1) !== 0) return;
    if (!draft.has(0)) draft.define(0);
    // Often what is there: then it is exchanged.
    if (random.oneIn(2)) draft.put(`ldx_${name}`, 0, register, offset);
    draft.put(`cmpxchg_${name}`, register, draft.scalar(), offset);
  } else if (kind < 6) {
    draft.put(`${random.pick(FETCHING)}_${name}`, register, draft.variable(), offset);
  } else {
    draft.put(`${random.pick(PLAIN)}_${name}`, register, draft.scalar(), offset);
  }
}

/** Load-acquire or store-release: where atomic operations may be, and aligned. */
function ordered(draft: Draft, loads: boolean): void {
  const { register, offset, size } = place(draft, { atomic: true });
  if (loads) {
    const dst = draft.target();
    draft.put(`load_acquire_${sizeName(size)}`, dst, register, offset);
    draft.sets(dst);
  } else {
    draft.put(`store_release_${sizeName(size)}`, register, draft.scalar(), offset);
  }
}

/** Where a run of bytes can be read one by one. */
function bytesPlace(draft: Draft, count: number): Place | null {
  const { random, bases, words, low } = draft;
  const open = bases.filter(({ from, to }) => to - from >= count);
  if (open.length > 0 && !random.oneIn(3)) {
    const { register, from, to } = random.pick(open);
    return { register, offset: from + random.below(to - from - count + 1), size: count };
  }
  const start = random.below(words.length);
  const needed = Math.ceil(count / 8);
  for (let word = start; word < start + needed; word++) if ((words[word] ?? 8) > 1) return null;
  const slack = needed * 8 - count;
  return { register: FRAME, offset: low + 8 * start + random.below(slack + 1), size: count };
}

/** A number put together byte by byte, of either byte order; sometimes not quite. */
export function ladder(draft: Draft): void {
  const { random } = draft;
  const count = random.pick([2, 2, 3, 4, 4, 4, 8]);
  const found = bytesPlace(draft, count);
  if (found === null) return;
  const sum = draft.target();
  const part = draft.target(sum);
  const wide = count > 4 || random.oneIn(2);
  const width = wide ? "64" : "32";
  const big = random.oneIn(2);
  const order = Array.from({ length: count }, (_, i) => i);
  if (random.oneIn(3)) order.sort(() => random.below(3) - 1);
  const shifted = wide && count < 8 && random.oneIn(4) ? 8 * random.below(8 - count + 1) : 0;
  for (const [step, index] of order.entries()) {
    const register = step === 0 ? sum : part;
    const off = found.offset + (random.oneIn(25) ? 0 : index);
    draft.put("ldx_b", register, found.register, off);
    draft.sets(register);
    // Before the bytes are put together, or after.
    draft.remember(found.register, off);
    if (random.oneIn(15)) store(draft, random.oneIn(2) ? place(draft) : { ...found, offset: off, size: 1 });
    const byte = random.oneIn(25) ? random.below(count) : index;
    const shift = shifted + 8 * (big ? count - 1 - byte : byte);
    if (shift > 0) draft.put(`lsh${width}_k`, register, 0, 0, shift);
    if (step > 0) draft.put(`${random.oneIn(12) ? random.pick(["add", "xor"]) : "or"}${width}_x`, sum, part);
  }
  if (random.oneIn(3)) draft.put(random.pick(["be16", "be32", "be64", "bswap16", "bswap32", "bswap64"]), sum);
}

/** The same place read twice, and what lies over it or beside it written in between. */
export function reread(draft: Draft): void {
  const { random } = draft;
  const found = place(draft);
  const first = draft.target();
  load(draft, found, first);
  for (let count = random.below(3); count > 0; count--) {
    // Often right at its edges.
    draft.remember(
      found.register,
      found.offset + random.pick([0, found.size - 1, found.size, -1, -2, -4, -8]),
    );
    store(draft, place(draft));
  }
  const second = draft.target(first);
  load(draft, found, second);
  if (random.oneIn(2)) draft.put("xor64_x", first, second);
}

/** A number taken apart, and stored byte by byte. */
export function storeLadder(draft: Draft): void {
  const { random } = draft;
  const count = random.pick([2, 4, 8]);
  const found = bytesPlace(draft, count);
  if (found === null) return;
  const whole = draft.scalar();
  const part = draft.target(whole);
  const big = random.oneIn(2);
  for (let index = 0; index < count; index++) {
    draft.put(random.oneIn(3) ? "mov32_x" : "mov64_x", part, whole);
    const shift = 8 * (big ? count - 1 - index : index);
    if (shift > 0) draft.put("rsh64_k", part, 0, 0, shift);
    draft.put("stx_b", found.register, part, found.offset + index);
  }
  draft.sets(part);
}

/** An access at an index that is computed, below a known limit. */
export function indexed(draft: Draft): void {
  const { random, bases } = draft;
  // A packet's end would have to be asked for again.
  const open = bases.filter(({ aligned, atomics, alone }) => (aligned && alone !== true) || atomics);
  const size = random.pick(SIZES);
  const index = draft.target();
  const at = draft.target(index);
  const source = draft.scalar();
  const shared = draft.shared;
  const onStack = draft.features.pointers && shared >= 16 && random.oneIn(2);
  const base = onStack || open.length === 0 ? null : random.pick(open);
  if (base === null && !(draft.features.pointers && shared >= 16)) return;
  const length = base === null ? shared : base.to - base.from;
  // The largest power of two that leaves place.
  const mask = 2 ** Math.floor(Math.log2(length)) - 1;
  const step = mask & ~(size - 1);
  draft.put("mov64_x", index, source);
  draft.put("and64_k", index, 0, 0, step);
  draft.put("mov64_x", at, base === null ? FRAME : base.register);
  draft.put("add64_x", at, index);
  draft.sets(index);
  draft.holds(at);
  const offset = base === null ? draft.low : base.from;
  use(draft, { register: at, offset, size });
}

/** Stores or loads at a register that is no use afterwards: it is a number again. */
export function use(draft: Draft, place: Place): void {
  const { random } = draft;
  if (random.oneIn(2)) store(draft, place);
  if (random.oneIn(2)) load(draft, place, draft.target(place.register));
  draft.frees(place.register);
  if (random.oneIn(2)) load(draft, place, place.register);
  else draft.define(place.register);
}

/** A pointer to one of two places, by a condition. */
export function chosenPointer(draft: Draft, condition: (draft: Draft, label: number) => void): void {
  const { random, code } = draft;
  if (draft.shared < 16) return;
  const at = draft.target();
  draft.holds(at);
  const size = random.pick(SIZES);
  const point = () => {
    const base = draft.bases.find((each) => each.alone !== true && (each.aligned || each.atomics));
    if (base !== undefined && random.oneIn(3)) {
      draft.put("mov64_x", at, base.register);
      if (base.from !== 0) draft.put("add64_k", at, 0, 0, base.from);
    } else {
      draft.put("mov64_x", at, FRAME);
      draft.put("add64_k", at, 0, 0, draft.sharedPlace(8));
    }
  };
  const done = code.label();
  point();
  condition(draft, done);
  point();
  code.bind(done);
  use(draft, { register: at, offset: size * random.below(8 / size), size });
}

/** A pointer that waits on the stack while other things happen. */
export function spilledPointer(draft: Draft, meanwhile: () => void): void {
  const { random } = draft;
  if (draft.spilled || draft.shared < 8) return;
  const at = draft.target();
  draft.put("mov64_x", at, FRAME);
  draft.put("add64_k", at, 0, 0, draft.sharedPlace(8));
  draft.put("stx_dw", FRAME, at, POINTER_SLOT);
  draft.define(at);
  draft.spilled = true;
  meanwhile();
  draft.spilled = false;
  const back = draft.target();
  draft.holds(back);
  draft.put("ldx_dw", back, FRAME, POINTER_SLOT);
  const size = random.pick(SIZES);
  use(draft, { register: back, offset: size * random.below(8 / size), size });
}

/** Of the frame: what `spilledPointer` uses, and where the main function keeps its context. */
export const POINTER_SLOT = -16;
export const CONTEXT_SLOT = -8;
