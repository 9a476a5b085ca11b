/** One conversion of a format, or text between them. */
export type Piece =
  | { readonly kind: "text"; readonly start: number; readonly end: number }
  | { readonly kind: "percent" }
  | Conversion;

export interface Conversion {
  readonly kind: "integer" | "char" | "string" | "pointer";
  /** `d`, `i`, `u`, `x`, `X` of integers; `s`, `k` (kernel), `u` (user) of strings; of pointers what follows the `p`, or `p`. */
  readonly style: string;
  /** Bytes of the argument that count. */
  readonly size: 4 | 8;
  readonly flags: Flags;
  /** The least number of characters; null where the format says none. */
  readonly width: number | null;
}

export interface Flags {
  readonly zero: boolean;
  readonly plus: boolean;
  readonly left: boolean;
  readonly space: boolean;
}

const PERCENT = 0x25;
const INTEGERS = "diuxX";
/** `FIELD_WIDTH_MAX` */
const WIDTH_LIMIT = 0x7f_ffff;

// As the kernel's ctype has them, which is Latin-1's.
const isSpace = (byte: number): boolean => byte === 0x20 || (byte >= 9 && byte <= 13) || byte === 0xa0;
const isPrint = (byte: number): boolean => byte >= 0x20 && byte < 0x7f;
const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;

function isAlphanumeric(byte: number): boolean {
  return byte >= 0xc0
    ? byte !== 0xd7 && byte !== 0xf7
    : byte < 0x80 && /[A-Za-z0-9]/.test(String.fromCharCode(byte));
}

/** `ispunct`: printable, and neither a letter, nor a digit, nor a blank. */
function isPunctuation(byte: number): boolean {
  if (byte >= 0x80) return byte > 0xa0 && !isAlphanumeric(byte);
  return isPrint(byte) && byte !== 0x20 && !isAlphanumeric(byte);
}

/**
 * Takes a format apart by the rules of `bpf_bprintf_prepare`.
 *
 * @returns null where Linux gives EINVAL: no NUL in `format`, a control character, a conversion that there is not, or
 *   more conversions than `limit`.
 */
export function parseFormat(format: Uint8Array, limit: number): Piece[] | null {
  const end = format.indexOf(0);
  if (end < 0) return null;
  const at = (i: number): number => (i < end ? format[i]! : 0);
  const pieces: Piece[] = [];
  let conversions = 0;
  let text = 0;
  for (let i = 0; i < end; i++) {
    // Text may be UTF-8; control characters are refused.
    if (at(i) < 0x80 && !isPrint(at(i)) && !isSpace(at(i))) return null;
    if (at(i) !== PERCENT) continue;
    if (i > text) pieces.push({ kind: "text", start: text, end: i });
    if (at(i + 1) === PERCENT) {
      pieces.push({ kind: "percent" });
      text = ++i + 1;
      continue;
    }
    if (conversions++ >= limit) return null;
    const found = parseConversion(at, i + 1);
    if (found === null) return null;
    pieces.push(found.conversion);
    i = found.last;
    // `bstr_printf` takes all letters and digits behind a `%p` for its own.
    if (found.conversion.kind === "pointer") while (isAlphanumeric(at(i + 1))) i++;
    text = i + 1;
  }
  if (end > text) pieces.push({ kind: "text", start: text, end });
  return pieces;
}

type At = (i: number) => number;

function parseConversion(at: At, start: number): { conversion: Conversion; last: number } | null {
  let i = start;
  const flags = { zero: false, plus: false, left: false, space: false };
  for (; ; i++) {
    const flag = String.fromCharCode(at(i));
    if (flag === "0") flags.zero = true;
    else if (flag === "+") flags.plus = true;
    else if (flag === "-") flags.left = true;
    else if (flag === " ") flags.space = true;
    else break;
  }
  let width: number | null = null;
  // `skip_atoi` is an int, which wraps: what is negative then is no width at all.
  for (; isDigit(at(i)); i++) width = (Math.imul(width ?? 0, 10) + at(i) - 0x30) | 0;
  if (width !== null) width = Math.min(WIDTH_LIMIT, Math.max(0, width));
  const give = (kind: Conversion["kind"], style: string, size: 4 | 8, last: number) => ({
    conversion: { kind, style, size, flags, width },
    last,
  });
  const letter = String.fromCharCode(at(i));
  if (letter === "p") return parsePointer(at, i, give);
  if (letter === "s") return endsWord(at(i + 1)) ? give("string", "s", 8, i) : null;
  if (letter === "c") return give("char", "c", 4, i);
  let size: 4 | 8 = 4;
  for (let longs = 0; longs < 2 && at(i) === 0x6c; longs++, i++) size = 8;
  const style = String.fromCharCode(at(i));
  return at(i) !== 0 && INTEGERS.includes(style) ? give("integer", style, size, i) : null;
}

type Give = (
  kind: Conversion["kind"],
  style: string,
  size: 4 | 8,
  last: number,
) => { conversion: Conversion; last: number };

function parsePointer(at: At, i: number, give: Give): { conversion: Conversion; last: number } | null {
  const next = String.fromCharCode(at(i + 1));
  if ((next === "k" || next === "u") && at(i + 2) === 0x73) {
    return endsWord(at(i + 3)) ? give("string", next, 8, i + 2) : null;
  }
  // What ends a word belongs to the conversion in `bpf_bprintf_prepare`, but is text to `bstr_printf`.
  if (endsWord(at(i + 1))) return give("pointer", "p", 8, i);
  if ("KxsSB".includes(next)) return give("pointer", next, 8, i + 1);
  const family = String.fromCharCode(at(i + 2));
  if ((next === "i" || next === "I") && (family === "4" || family === "6")) {
    return give("pointer", next + family, 8, i + 2);
  }
  return null;
}

function endsWord(byte: number): boolean {
  return byte === 0 || isSpace(byte) || isPunctuation(byte);
}
