/**
 * Ones' complement sums as `include/net/checksum.h` has them: unsigned 32-bit partial sums, folded to 16 bits at the
 * end. Which of the two zeros comes out matters to programs, so each step is done as there.
 */

/** `csum_add` */
export function sumAdd(sum: number, addend: number): number {
  const total = (sum >>> 0) + (addend >>> 0);
  return total >= 0x1_0000_0000 ? (total + 1) >>> 0 : total;
}

/** `csum_sub` */
export function sumSub(sum: number, subtrahend: number): number {
  return sumAdd(sum, ~subtrahend);
}

/** `csum_partial` over bytes in memory (little-endian words; the last ones filled up with zeros). */
export function sumBytes(view: DataView, start: number, length: number, sum: number): number {
  let total = sum >>> 0;
  let at = start;
  for (let left = length; left > 0; left -= 4, at += 4) {
    let word: number;
    if (left >= 4) word = view.getUint32(at, true);
    else if (left === 1) word = view.getUint8(at);
    else word = view.getUint16(at, true) | (left === 3 ? view.getUint8(at + 2) << 16 : 0);
    total += word;
    if (total >= 0x1_0000_0000) total -= 0xffff_ffff;
  }
  return total;
}

/** `csum_block_add`: a block that begins at an odd offset counts with its bytes exchanged. */
export function sumBlockAdd(sum: number, block: number, offset: number): number {
  return sumAdd(sum, (offset & 1) === 0 ? block : (block >>> 8) | (block << 24));
}

export function sumBlockSub(sum: number, block: number, offset: number): number {
  return sumBlockAdd(sum, ~block, offset);
}

/** `csum_from32to16` */
export function sumFold(sum: number): number {
  const total = (sum >>> 0) + (((sum << 16) | (sum >>> 16)) >>> 0);
  return (total >>> 0) >>> 16;
}

/** `csum_fold`: what stands in a packet. */
function checksumOf(sum: number): number {
  return ~sumFold(sum) & 0xffff;
}

/** `csum_replace_by_diff` on a checksum as it stands in a packet (host order). */
export function replaceByDiff(checksum: number, difference: number): number {
  return checksumOf(sumAdd(difference, ~checksum & 0xffff));
}

/** `csum_replace4` */
export function replace4(checksum: number, from: number, to: number): number {
  return checksumOf(sumAdd(sumSub(~checksum & 0xffff, from), to));
}

/** `csum_replace2`: by 16-bit sums (`csum16_sub`, `csum16_add`). */
export function replace2(checksum: number, from: number, to: number): number {
  return ~sum16(sum16(~checksum & 0xffff, ~from & 0xffff), to & 0xffff) & 0xffff;
}

function sum16(sum: number, addend: number): number {
  const total = sum + addend;
  return (total + (total >>> 16)) & 0xffff;
}
