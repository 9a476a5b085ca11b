/** A 64-bit number as halves. */
interface Wide {
  low: number;
  high: number;
}

function add(to: Wide, other: Wide): void {
  const low = (to.low >>> 0) + (other.low >>> 0);
  to.high = (to.high + other.high + (low >= 2 ** 32 ? 1 : 0)) | 0;
  to.low = low | 0;
}

function xor(to: Wide, other: Wide): void {
  to.low ^= other.low;
  to.high ^= other.high;
}

/** Rotates to the left; `by` is neither 0 nor 32. */
function rotate(value: Wide, by: number): void {
  const { low, high } = value;
  const [top, bottom] = by < 32 ? [high, low] : [low, high];
  const bits = by & 31;
  value.high = (top << bits) | (bottom >>> (32 - bits));
  value.low = (bottom << bits) | (top >>> (32 - bits));
}

function swapHalves(value: Wide): void {
  const { low } = value;
  value.low = value.high;
  value.high = low;
}

function round(v0: Wide, v1: Wide, v2: Wide, v3: Wide): void {
  add(v0, v1);
  rotate(v1, 13);
  xor(v1, v0);
  swapHalves(v0);
  add(v2, v3);
  rotate(v3, 16);
  xor(v3, v2);
  add(v0, v3);
  rotate(v3, 21);
  xor(v3, v0);
  add(v2, v1);
  rotate(v1, 17);
  xor(v1, v2);
  swapHalves(v2);
}

/**
 * SipHash-2-4 of Aumasson and Bernstein.
 *
 * @param key four words, the lowest first.
 * @returns the hash as halves.
 */
export function sipHash(bytes: Uint8Array, key: readonly [number, number, number, number]): Wide {
  const v0 = { low: key[0] ^ 0x70736575, high: key[1] ^ 0x736f6d65 };
  const v1 = { low: key[2] ^ 0x6e646f6d, high: key[3] ^ 0x646f7261 };
  const v2 = { low: key[0] ^ 0x6e657261, high: key[1] ^ 0x6c796765 };
  const v3 = { low: key[2] ^ 0x79746573, high: key[3] ^ 0x74656462 };
  const take = (word: Wide) => {
    xor(v3, word);
    round(v0, v1, v2, v3);
    round(v0, v1, v2, v3);
    xor(v0, word);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = bytes.length & -8;
  for (let at = 0; at < whole; at += 8) {
    take({ low: view.getInt32(at, true), high: view.getInt32(at + 4, true) });
  }
  const last = { low: 0, high: bytes.length << 24 };
  for (let at = whole; at < bytes.length; at++) {
    const within = at - whole;
    if (within < 4) last.low |= bytes[at]! << (8 * within);
    else last.high |= bytes[at]! << (8 * (within - 4));
  }
  take(last);
  v2.low ^= 0xff;
  for (let i = 0; i < 4; i++) round(v0, v1, v2, v3);
  return { low: v0.low ^ v1.low ^ v2.low ^ v3.low, high: v0.high ^ v1.high ^ v2.high ^ v3.high };
}
