import type { Random } from "./random.ts";

/** Inputs grow to at most this, but for the rare ones that look for work out of proportion. */
const USUAL_LIMIT = 64 * 1024;
const LARGE_LIMIT = 512 * 1024;
const LARGE_ONE_IN = 4000;

/** A corpus entry with a few changes; now and then a very large one. */
export function mutateBytes(random: Random, corpus: readonly Uint8Array[]): Uint8Array {
  return changeBytes(random, random.pick(corpus), corpus);
}

/** The bytes with a few changes, some of which bring in parts of the corpus. */
export function changeBytes(random: Random, source: Uint8Array, corpus: readonly Uint8Array[]): Uint8Array {
  const limit = Math.max(source.length, USUAL_LIMIT);
  let bytes: Uint8Array = source.slice();
  for (let count = 1 + random.small(12); count > 0; count--) {
    bytes = changed(random, bytes, corpus);
    if (bytes.length > limit) bytes = bytes.slice(0, limit);
  }
  return random.oneIn(LARGE_ONE_IN) ? grown(random, bytes) : bytes;
}

function changed(random: Random, bytes: Uint8Array, corpus: readonly Uint8Array[]): Uint8Array {
  if (bytes.length === 0) return random.pick(corpus).slice(0, random.small(256));
  switch (random.below(12)) {
    case 0:
      bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
      return bytes;
    case 1:
      bytes[random.below(bytes.length)] = random.u32();
      return bytes;
    case 2:
    case 3:
    case 4:
      return setInteger(random, bytes);
    case 5:
      return setLength(random, bytes);
    case 6:
      return addToInteger(random, bytes);
    case 7:
      return swapFields(random, bytes);
    case 8: {
      const [start, end] = chunk(random, bytes);
      return joined(bytes.subarray(0, start), bytes.subarray(end));
    }
    case 9: {
      const [start, end] = chunk(random, bytes);
      return joined(bytes.subarray(0, end), bytes.subarray(start));
    }
    case 10: {
      const other = random.pick(corpus);
      const [start, end] = chunk(random, other);
      const at = field(random, bytes);
      const rest = random.oneIn(2) ? at : Math.min(bytes.length, at + end - start);
      return joined(bytes.subarray(0, at), other.subarray(start, end), bytes.subarray(rest));
    }
    default:
      return random.oneIn(3) ? bytes.slice(0, random.below(bytes.length)) : setInteger(random, bytes);
  }
}

/** Overwrites a field of 1, 2, 4 or 8 bytes, aligned more often than not, in either byte order. */
function setInteger(random: Random, bytes: Uint8Array): Uint8Array {
  return put(random, bytes, random.interesting());
}

/** As {@link setInteger} with a number that is an offset or a size in these bytes, or just past them. */
function setLength(random: Random, bytes: Uint8Array): Uint8Array {
  const size = bytes.length;
  return put(
    random,
    bytes,
    random.pick([size, size - 1, size + 1, size >> 1, size - 8, random.below(size), size * 2]),
  );
}

function put(random: Random, bytes: Uint8Array, value: number): Uint8Array {
  const size = 1 << random.pick([0, 1, 2, 2, 2, 3]);
  if (bytes.length < size) return bytes;
  const at = place(random, bytes, size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = !random.oneIn(4);
  if (size === 1) view.setUint8(at, value);
  else if (size === 2) view.setUint16(at, value, little);
  else if (size === 4) view.setUint32(at, value, little);
  else view.setBigUint64(at, BigInt.asUintN(64, random.oneIn(4) ? -BigInt(value) : BigInt(value)), little);
  return bytes;
}

function addToInteger(random: Random, bytes: Uint8Array): Uint8Array {
  if (bytes.length < 4) return bytes;
  const at = place(random, bytes, 4);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = !random.oneIn(4);
  view.setUint32(
    at,
    view.getUint32(at, little) + random.pick([1, -1, 4, -4, 8, -8, random.small(4096)]),
    little,
  );
  return bytes;
}

/** Copies one word over another: ids and offsets that are valid somewhere else. */
function swapFields(random: Random, bytes: Uint8Array): Uint8Array {
  if (bytes.length < 4) return bytes;
  const size = bytes.length >= 8 && random.oneIn(3) ? 8 : 4;
  const from = place(random, bytes, size);
  bytes.copyWithin(place(random, bytes, size), from, from + size);
  return bytes;
}

function place(random: Random, bytes: Uint8Array, size: number): number {
  // Headers are short and matter most.
  const span = random.oneIn(3) ? Math.min(bytes.length, 128) : bytes.length;
  const at = random.below(span - size + 1);
  return random.oneIn(5) ? at : at & -Math.min(size, 4);
}

function field(random: Random, bytes: Uint8Array): number {
  const at = random.below(bytes.length + 1);
  return random.oneIn(4) ? at : at & -4;
}

function chunk(random: Random, bytes: Uint8Array): [number, number] {
  const start = field(random, bytes);
  const size = random.oneIn(4) ? random.below(bytes.length - start + 1) : random.small(1024);
  return [start, Math.min(bytes.length, start + (random.oneIn(4) ? size : (size + 3) & -4))];
}

function grown(random: Random, bytes: Uint8Array): Uint8Array {
  const [start, end] = chunk(random, bytes);
  const part = bytes.subarray(start, end);
  if (part.length === 0) return bytes;
  const room = Math.max(bytes.length, random.between(USUAL_LIMIT, LARGE_LIMIT));
  const copies = Math.max(1, Math.floor((room - bytes.length) / part.length));
  return joined(bytes.subarray(0, end), ...new Array<Uint8Array>(copies).fill(part), bytes.subarray(end));
}

/** The parts, one behind the other. */
export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
