/** What a log says of a number's size: both ways to read its 64 bits. */
export interface ValueRange {
  readonly smin: bigint;
  readonly smax: bigint;
  readonly umin: bigint;
  readonly umax: bigint;
}

const S64_MIN = -(1n << 63n);
const S64_MAX = (1n << 63n) - 1n;
const U64_MAX = (1n << 64n) - 1n;

/** The limits in a log's word for a value: of a number itself, of a pointer those of what was added to it. */
export function rangeOf(value: string): ValueRange {
  const exact = exactOf(value);
  if (exact !== null) return { smin: exact, smax: exact, umin: u64(exact), umax: u64(exact) };
  const limits = limitsOf(value);
  let smin = s64(limits.get("smin") ?? limits.get("smin_value") ?? limits.get("min_value") ?? S64_MIN);
  let smax = s64(limits.get("smax") ?? limits.get("smax_value") ?? limits.get("max_value") ?? S64_MAX);
  let umin = u64(limits.get("umin") ?? limits.get("umin_value") ?? 0n);
  let umax = u64(limits.get("umax") ?? limits.get("umax_value") ?? U64_MAX);
  // What one way to read it says where the top bit is known holds for the other (`__reg64_deduce_bounds`).
  if (umax <= S64_MAX) {
    if (umin > smin) smin = umin;
    if (umax < smax) smax = umax;
  }
  if (smin >= 0n) {
    if (smin > umin) umin = smin;
    if (u64(smax) < umax) umax = u64(smax);
  }
  return { smin, smax, umin, umax };
}

/** The value where it is known exactly. */
export function exactOf(value: string): bigint | null {
  const match = /^(?:inv|imm)?P?(-?)(0x[0-9a-f]+|\d+)$/.exec(value);
  if (match === null) return null;
  const number = BigInt(match[2]!);
  return match[1] === "-" ? -number : s64(number);
}

/** How far apart the limits are. */
export function widthOf({ smin, smax, umin, umax }: ValueRange): bigint {
  const signed = smax - smin;
  const unsigned = umax - umin;
  if (signed < unsigned) return signed;
  return unsigned;
}

export function isUnbounded({ smin, smax, umin, umax }: ValueRange): boolean {
  return smin === S64_MIN && smax === S64_MAX && umin === 0n && umax === U64_MAX;
}

/** `"0 to 255"`, `"at most 7"`; null where nothing is known. */
export function rangeWords(range: ValueRange): string | null {
  if (isUnbounded(range)) return null;
  const { smin, smax, umin, umax } = range;
  if (smin === smax) return `exactly ${numberWords(smin)}`;
  if (smin >= 0n || (smin > S64_MIN && smax < S64_MAX)) return `${numberWords(smin)} to ${numberWords(smax)}`;
  if (smin > S64_MIN) return `at least ${numberWords(smin)}`;
  if (smax < S64_MAX) return `at most ${numberWords(smax)}, and negative too`;
  if (umax < U64_MAX) return `0 to ${numberWords(umax)} as an unsigned number`;
  if (umin > 0n) return `at least ${numberWords(umin)} as an unsigned number`;
  return null;
}

/** Numbers of many digits are read best in hexadecimal. */
function numberWords(value: bigint): string {
  const size = value < 0n ? -value : value;
  if (size <= 1_000_000n) return `${value}`;
  return `${value < 0n ? "-" : ""}0x${size.toString(16)}`;
}

/** `smin=umin=smin32=5,umax=7`: several names may share a number. */
function limitsOf(value: string): ReadonlyMap<string, bigint> {
  const found = new Map<string, bigint>();
  for (const [, names, number] of value.matchAll(/((?:[a-z_0-9]+=)+)(-?(?:0x[0-9a-f]+|\d+))(?=[,)]|$)/g)) {
    const limit = number!.startsWith("-") ? -BigInt(number!.slice(1)) : BigInt(number!);
    for (const name of names!.split("=")) if (name !== "") found.set(name, limit);
  }
  return found;
}

function s64(value: bigint): bigint {
  return BigInt.asIntN(64, value);
}

function u64(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}
