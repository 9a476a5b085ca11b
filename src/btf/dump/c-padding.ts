/** The types of unnamed bit fields, the largest first: `long`, which is as large as a pointer, `int`, `short`, `char`. */
const WIDTHS_64 = [64, 32, 16, 8] as const;
const WIDTHS_32 = [32, 32, 16, 8] as const;

/** Receives one unnamed bit field: the number of its type, from 0 for `long` to 3 for `char`, and its bits. */
export interface PaddingSink {
  padding(type: number, bits: number): void;
}

/**
 * Gives the unnamed bit fields that C needs between the end of one member and the start of the next, in bits, to put
 * it where it is (`btf_dump_emit_bit_padding` of libbpf): as few as natural alignment allows.
 *
 * `nextAlign` is the next member's alignment in bytes; `inBitfield` tells that it and the one before are bit fields.
 */
export function padBetween(
  from: number,
  to: number,
  nextAlign: number,
  inBitfield: boolean,
  pointerSize: number,
  sink: PaddingSink,
): void {
  const widths = pointerSize === 8 ? WIDTHS_64 : WIDTHS_32;
  let type = 0;
  while (type < 3 && roundUp(from, widths[type]!) > to) type++;
  const aligned = roundUp(from, widths[type]!);
  if (aligned > from && aligned <= to) {
    // A zero-width field moves on to where its type is aligned. It can be left out where the compiler gets there
    // itself: by the next member's own alignment, or by that of padding that does not fit in the hole.
    if (
      inBitfield ||
      (aligned === to && roundUp(from, nextAlign * 8) !== aligned) ||
      (aligned !== to && to - aligned <= aligned - from)
    ) {
      sink.padding(type, inBitfield ? aligned - from : 0);
    }
    from = aligned;
  }
  while (from !== to) {
    const bits = Math.min(to - from, widths[type]!);
    if (bits < widths[type]!) for (type = 3; widths[type]! < bits; ) type--;
    sink.padding(type, bits);
    from += bits;
  }
}

function roundUp(value: number, multiple: number): number {
  return multiple === 0 ? value : Math.ceil(value / multiple) * multiple;
}
