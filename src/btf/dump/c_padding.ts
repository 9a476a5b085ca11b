/** One bit field without a name that C needs to put the next member where it is. */
export interface Pad {
  readonly type: "long" | "int" | "short" | "char";
  readonly bits: number;
}

/**
 * The unnamed bit fields between the end of one member and the start of the next, in bits
 * (`btf_dump_emit_bit_padding` of libbpf): as few as natural alignment allows.
 *
 * `nextAlign` is the next member's alignment in bytes; `inBitfield` tells that it and the one before are bit fields.
 */
export function* paddingBetween(
  from: number,
  to: number,
  nextAlign: number,
  inBitfield: boolean,
  pointerSize: number,
): Generator<Pad> {
  const types: Pad[] = [
    { type: "long", bits: pointerSize * 8 },
    { type: "int", bits: 32 },
    { type: "short", bits: 16 },
    { type: "char", bits: 8 },
  ];
  let pad = types[3]!;
  let aligned = from;
  for (const type of types) {
    pad = type;
    aligned = roundUp(from, type.bits);
    if (aligned <= to) break;
  }
  if (aligned > from && aligned <= to) {
    // A zero-width field moves on to where its type is aligned. It can be left out where the compiler gets there
    // itself: by the next member's own alignment, or by that of padding that does not fit in the hole.
    if (
      inBitfield ||
      (aligned === to && roundUp(from, nextAlign * 8) !== aligned) ||
      (aligned !== to && to - aligned <= aligned - from)
    ) {
      yield { type: pad.type, bits: inBitfield ? aligned - from : 0 };
    }
    from = aligned;
  }
  while (from !== to) {
    const bits = Math.min(to - from, pad.bits);
    if (bits < pad.bits) pad = types.findLast((type) => type.bits >= bits) ?? pad;
    yield { type: pad.type, bits };
    from += bits;
  }
}

function roundUp(value: number, multiple: number): number {
  return multiple === 0 ? value : Math.ceil(value / multiple) * multiple;
}
