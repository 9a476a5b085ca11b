import { changeBytes, joined } from "./bytes-mutator.ts";
import type { Random } from "./random.ts";

/**
 * Several inputs in one, each behind its length (little-endian, 32 bits): for code that takes more than one. A length
 * beyond the end counts as all that is left, so that every byte string is some list of parts.
 */
export function packParts(parts: readonly Uint8Array[]): Uint8Array {
  return joined(...parts.flatMap((part) => [lengthOf(part), part]));
}

function lengthOf(part: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, part.length, true);
  return bytes;
}

/** The first `count` parts; those that are not there are empty. */
export function unpackParts(bytes: Uint8Array, count: number): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  for (let at = 0; parts.length < count; ) {
    if (at + 4 > bytes.length) {
      parts.push(new Uint8Array(0));
      continue;
    }
    const end = Math.min(bytes.length, at + 4 + view.getUint32(at, true));
    parts.push(bytes.slice(at + 4, end));
    at = end;
  }
  return parts;
}

/** Changes one part or two of a corpus entry, mostly with material of the same part of other entries. */
export function mutateParts(random: Random, corpus: readonly Uint8Array[], count: number): Uint8Array {
  const parts = unpackParts(random.pick(corpus), count);
  for (let changes = random.oneIn(3) ? 2 : 1; changes > 0; changes--) {
    const which = random.below(count);
    const others = [unpackParts(random.pick(corpus), count)[which]!];
    parts[which] = random.oneIn(12) ? others[0]! : changeBytes(random, parts[which]!, others);
  }
  return packParts(parts);
}
