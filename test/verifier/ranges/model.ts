import type { BoundsFields } from "../../../src/verifier/ranges/bounds.ts";

/**
 * The rules of Linux 6.18's ranges once more, with one `bigint` for each number and no thought of speed: what the words
 * of `src/verifier/ranges` are compared with. Limits of the low half are `bigint`s here too.
 */
export interface Model {
  value: bigint;
  mask: bigint;
  s64: [bigint, bigint];
  u64: [bigint, bigint];
  s32: [bigint, bigint];
  u32: [bigint, bigint];
}
type Range = [bigint, bigint];
interface Bits {
  readonly value: bigint;
  readonly mask: bigint;
}

export const signed = (width: number, x: bigint): bigint => BigInt.asIntN(width, x);
export const unsigned = (width: number, x: bigint): bigint => BigInt.asUintN(width, x);
const FULL: Record<"s64" | "u64" | "s32" | "u32", Range> = {
  s64: [signed(64, 1n << 63n), (1n << 63n) - 1n],
  u64: [0n, (1n << 64n) - 1n],
  s32: [signed(32, 1n << 31n), (1n << 31n) - 1n],
  u32: [0n, (1n << 32n) - 1n],
};
export function most(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

export function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

const within = ([a, b]: Range, [c, d]: Range): Range => [most(a, c), least(b, d)];
const low = (x: bigint): bigint => unsigned(32, x);

export function modelOf(b: BoundsFields): Model {
  return {
    value: b.value,
    mask: b.mask,
    s64: [b.smin, b.smax],
    u64: [b.umin, b.umax],
    s32: [BigInt(b.s32min), BigInt(b.s32max)],
    u32: [BigInt(b.u32min), BigInt(b.u32max)],
  };
}

/** Bits that all numbers between have in common. */
export function rangeBits(from: bigint, to: bigint): Bits {
  const differ = from ^ to;
  const mask = differ === 0n ? 0n : (1n << BigInt(differ.toString(2).length)) - 1n;
  return { value: from & ~mask, mask };
}

function both(a: Bits, b: Bits): Bits {
  const mask = a.mask & b.mask;
  return { value: (a.value | b.value) & ~mask, mask };
}

export const Bitwise = {
  add(a: Bits, b: Bits): Bits {
    const sum = a.value + b.value;
    const mask = unsigned(64, (sum ^ (sum + a.mask + b.mask)) | a.mask | b.mask);
    return { value: unsigned(64, sum) & ~mask, mask };
  },
  sub(a: Bits, b: Bits): Bits {
    const difference = a.value - b.value;
    const mask = unsigned(64, ((difference + a.mask) ^ (difference - b.mask)) | a.mask | b.mask);
    return { value: unsigned(64, difference) & ~mask, mask };
  },
  and(a: Bits, b: Bits): Bits {
    const value = a.value & b.value;
    return { value, mask: (a.value | a.mask) & (b.value | b.mask) & ~value };
  },
  or(a: Bits, b: Bits): Bits {
    const value = a.value | b.value;
    return { value, mask: (a.mask | b.mask) & ~value };
  },
  xor(a: Bits, b: Bits): Bits {
    const mask = a.mask | b.mask;
    return { value: (a.value ^ b.value) & ~mask, mask };
  },
  mul(a: Bits, b: Bits): Bits {
    let sum: Bits = { value: 0n, mask: 0n };
    for (let i = 0n; i < 64n; i++) {
      const shifted = { value: unsigned(64, b.value << i), mask: unsigned(64, b.mask << i) };
      const more = Bitwise.add(sum, shifted);
      if ((a.value >> i) & 1n) sum = more;
      else if ((a.mask >> i) & 1n) {
        const mask = (sum.value ^ more.value) | sum.mask | more.mask;
        sum = { value: sum.value & more.value & ~mask, mask };
      }
    }
    return sum;
  },
};

/** The smallest member of `bits` above `x`, found by trying; the largest member where there is none. */
export function memberAbove({ value, mask }: Bits, x: bigint): bigint {
  const top = value | mask;
  if (x >= top) return top;
  if (x < value) return value;
  // From the highest bit down: set one only where the numbers without it are all too small.
  let member = value;
  for (let i = 63n; i >= 0n; i--) {
    const bit = 1n << i;
    if ((mask & bit) === 0n) continue;
    if ((member | (mask & (bit - 1n))) <= x) member |= bit;
  }
  return member;
}

/** Where only one number has both the bits and the unsigned range, it is this one. */
function onlyMember(m: Model): void {
  const next = memberAbove(m, m.u64[0]);
  const isMember = (m.u64[0] & ~m.mask) === m.value;
  let only: bigint | null = null;
  if (isMember) {
    if (next > m.u64[1]) only = m.u64[0];
  } else if (next === (m.value | m.mask)) only = next;
  else if (next <= m.u64[1] && memberAbove(m, next) > m.u64[1]) only = next;
  if (only !== null) Object.assign(m, constant(only));
}

export function constant(x: bigint): Model {
  const of = (cast: typeof signed, width: number): Range => [cast(width, x), cast(width, x)];
  return {
    value: x,
    mask: 0n,
    s64: of(signed, 64),
    u64: of(unsigned, 64),
    s32: of(signed, 32),
    u32: of(unsigned, 32),
  };
}

/** Ranges that the known bits allow. */
function fromBits(m: Model): void {
  for (const width of [32, 64] as const) {
    const top = 1n << BigInt(width - 1);
    const value = unsigned(width, m.value);
    const mask = unsigned(width, m.mask);
    const s: Range = [signed(width, value | (mask & top)), signed(width, value | (mask & ~top))];
    if (width === 64) {
      m.s64 = within(m.s64, s);
      m.u64 = within(m.u64, [value, value | mask]);
    } else {
      m.s32 = within(m.s32, s);
      m.u32 = within(m.u32, [value, value | mask]);
    }
  }
  onlyMember(m);
}

function deduce(m: Model): void {
  const castU = ([a, b]: Range): Range => [low(a), low(b)];
  const castS = ([a, b]: Range): Range => [signed(32, a), signed(32, b)];
  const valid = ([a, b]: Range): boolean => a <= b;
  const [u, s] = [m.u64, m.s64];
  if (u[0] >> 32n === u[1] >> 32n) {
    m.u32 = within(m.u32, castU(u));
    if (valid(castS(u))) m.s32 = within(m.s32, castS(u));
  }
  if (s[0] >> 32n === s[1] >> 32n) {
    if (valid(castU(s))) m.u32 = within(m.u32, castU(s));
    if (valid(castS(s))) m.s32 = within(m.s32, castS(s));
  }
  for (const range of [u, s]) {
    const [from, to] = castS(range);
    if (low((range[0] >> 32n) + 1n) === low(range[1] >> 32n) && from < 0n && to >= 0n) {
      m.s32 = within(m.s32, [from, to]);
    }
  }
  if (valid(castS(m.u32))) m.s32 = within(m.s32, castS(m.u32));
  const halfAsU = castU(m.s32);
  if (valid(halfAsU)) m.u32 = within(m.u32, halfAsU);
  else if (m.u32[1] < halfAsU[0]) {
    m.s32 = [signed(32, m.u32[0]), m.s32[1]];
    m.u32 = [m.u32[0], least(m.u32[1], halfAsU[1])];
  } else if (halfAsU[1] < m.u32[0]) {
    m.s32 = [m.s32[0], signed(32, m.u32[1])];
    m.u32 = [most(m.u32[0], halfAsU[0]), m.u32[1]];
  }

  const asS: Range = [signed(64, m.u64[0]), signed(64, m.u64[1])];
  if (valid(asS)) m.s64 = within(m.s64, asS);
  const asU: Range = [unsigned(64, m.s64[0]), unsigned(64, m.s64[1])];
  if (valid(asU)) m.u64 = within(m.u64, asU);
  else if (m.u64[1] < asU[0]) {
    m.s64 = [signed(64, m.u64[0]), m.s64[1]];
    m.u64 = [m.u64[0], least(m.u64[1], asU[1])];
  } else if (asU[1] < m.u64[0]) {
    m.s64 = [m.s64[0], signed(64, m.u64[1])];
    m.u64 = [most(m.u64[0], asU[0]), m.u64[1]];
  }

  const mix = ([a, b]: Range): Range => [((a >> 32n) << 32n) | m.u32[0], ((b >> 32n) << 32n) | m.u32[1]];
  m.u64 = within(m.u64, mix(m.u64));
  m.s64 = within(m.s64, mix(m.s64));
  if (m.s32[0] >= 0n && m.s64[0] >= FULL.s32[0] && m.s64[1] <= FULL.s32[1]) {
    m.s64 = [...m.s32];
    m.u64 = [unsigned(64, m.s32[0]), unsigned(64, m.s32[1])];
    Object.assign(m, both(m, rangeBits(m.u64[0], m.u64[1])));
  }
}

export function modelSync(m: Model): Model {
  fromBits(m);
  for (let i = 0; i < 3; i++) deduce(m);
  const whole = both(m, rangeBits(m.u64[0], m.u64[1]));
  const half = both({ value: low(whole.value), mask: low(whole.mask) }, rangeBits(m.u32[0], m.u32[1]));
  m.value = ((whole.value >> 32n) << 32n) | half.value;
  m.mask = ((whole.mask >> 32n) << 32n) | half.mask;
  fromBits(m);
  return m;
}

/** Both ends of a signed operation, or everything where an end may not fit. */
function signedRange(width: 32 | 64, results: bigint[], [a, b]: Range): Range {
  if (results.some((x) => signed(width, x) !== x)) return width === 32 ? FULL.s32 : FULL.s64;
  return [a, b];
}

function add(m: Model, n: Model, sign: 1n | -1n): void {
  const ends = ([a, b]: Range, [c, d]: Range): Range => (sign === 1n ? [a + c, b + d] : [a - d, b - c]);
  for (const width of [32, 64] as const) {
    const [s, u] = width === 32 ? (["s32", "u32"] as const) : (["s64", "u64"] as const);
    const sr = ends(m[s], n[s]);
    m[s] = signedRange(width, sr, sr);
    const [from, to] = ends(m[u], n[u]);
    const w = BigInt(width);
    m[u] = from >> w !== to >> w ? FULL[u] : [unsigned(width, from), unsigned(width, to)];
  }
}

function mul(m: Model, n: Model): void {
  for (const width of [32, 64] as const) {
    const [s, u] = width === 32 ? (["s32", "u32"] as const) : (["s64", "u64"] as const);
    const products = m[s].flatMap((a) => n[s].map((b) => a * b));
    m[s] = signedRange(width, products, [products.reduce(least), products.reduce(most)]);
    const ends: Range = [m[u][0] * n[u][0], m[u][1] * n[u][1]];
    m[u] = ends[1] >> BigInt(width) !== 0n ? FULL[u] : ends;
  }
}

function bitwise(m: Model, n: Model, before: Model, operation: "and" | "or" | "xor"): void {
  for (const width of [32, 64] as const) {
    const [s, u] = width === 32 ? (["s32", "u32"] as const) : (["s64", "u64"] as const);
    const value = unsigned(width, m.value);
    const mask = unsigned(width, m.mask);
    if (mask === 0n && unsigned(width, n.mask) === 0n) {
      m[s] = [signed(width, value), signed(width, value)];
      m[u] = [value, value];
      if (width === 64) {
        m.s32 = [signed(32, value), signed(32, value)];
        m.u32 = [low(value), low(value)];
        return;
      }
      continue;
    }
    if (operation === "and") m[u] = [value, least(before[u][1], n[u][1])];
    else if (operation === "or") m[u] = [most(before[u][0], n[u][0]), value | mask];
    else m[u] = [value, value | mask];
    const cast: Range = [signed(width, m[u][0]), signed(width, m[u][1])];
    m[s] = cast[0] <= cast[1] ? cast : FULL[s];
  }
  fromBits(m);
}

function shift(m: Model, n: bigint, operation: "lsh" | "rsh" | "arsh", width: 32 | 64): void {
  const value = unsigned(width, m.value);
  const mask = unsigned(width, m.mask);
  const [s, u] = width === 32 ? (["s32", "u32"] as const) : (["s64", "u64"] as const);
  const { s32, u32 } = m;
  if (operation === "arsh") {
    m[s] = [m[s][0] >> n, m[s][1] >> n];
    m[u] = FULL[u];
    m.value = unsigned(width, signed(width, value) >> n);
    m.mask = unsigned(width, signed(width, mask) >> n);
  } else if (operation === "rsh") {
    m[s] = FULL[s];
    m[u] = [m[u][0] >> n, m[u][1] >> n];
    m.value = value >> n;
    m.mask = mask >> n;
  } else {
    const fits = (w: bigint, to: bigint): boolean => n < w && to <= 1n << (w - 1n - n);
    const half = s32;
    m[s] = [...FULL[s]];
    if (width === 64) {
      if (n === 32n) m.s64 = [half[0] << 32n, half[1] << 32n];
      m.u64 = fits(64n, m.u64[1]) ? [m.u64[0] << n, m.u64[1] << n] : FULL.u64;
    }
    m.s32 = FULL.s32;
    m.u32 = fits(32n, u32[1]) ? [u32[0] << n, u32[1] << n] : FULL.u32;
    m.value = unsigned(width, value << n);
    m.mask = unsigned(width, mask << n);
  }
  if (width === 32) {
    m.s64 = FULL.s64;
    m.u64 = FULL.u64;
    const { s64, u64 } = m;
    fromBits(m);
    Object.assign(m, { s64, u64 });
    return;
  }
  if (operation !== "lsh") Object.assign(m, { s32: FULL.s32, u32: FULL.u32 });
  fromBits(m);
}

export function zext(m: Model): void {
  m.value = low(m.value);
  m.mask = low(m.mask);
  m.u64 = [...m.u32];
  m.s64 = m.s32[0] >= 0n && m.s32[1] >= 0n ? [...m.s32] : [...FULL.u32];
}

export type ModelOperation = "add" | "sub" | "neg" | "mul" | "and" | "or" | "xor" | "lsh" | "rsh" | "arsh";

/** `a operation b`; of shifts `b` is a constant less than the width. */
export function modelAlu(operation: ModelOperation, a: Model, b: Model, alu32: boolean): Model {
  const m = structuredClone(a);
  if (operation === "neg") {
    const zero: Model = { value: 0n, mask: 0n, s64: [0n, 0n], u64: [0n, 0n], s32: [0n, 0n], u32: [0n, 0n] };
    return modelAlu("sub", zero, a, alu32);
  }
  if (operation === "lsh" || operation === "rsh" || operation === "arsh") {
    shift(m, alu32 ? b.u32[0] : b.u64[0], operation, alu32 ? 32 : 64);
  } else {
    Object.assign(m, Bitwise[operation](a, b));
    if (operation === "add") add(m, b, 1n);
    else if (operation === "sub") add(m, b, -1n);
    else if (operation === "mul") mul(m, b);
    else bitwise(m, b, a, operation);
  }
  if (alu32) zext(m);
  return modelSync(m);
}
