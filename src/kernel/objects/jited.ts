import type { CodeImage } from "../../vm/index.ts";
import { listFunctions } from "../../wasm/index.ts";

/** What `struct bpf_prog_info` tells of compiled code. */
export interface Jited {
  /** The image: here a WebAssembly module, whose first functions are the program's. */
  readonly insns: Uint8Array;
  /** Bytes of each function's instructions. */
  readonly functionLengths: Uint32Array;
  /** For each line record where in the image its code begins; 0 where it has none. */
  readonly lines: BigUint64Array;
}

/**
 * Describes an image as Linux describes machine code, with offsets in the image in the place of addresses.
 *
 * @param lineSlots first slots of the line records, in ascending order.
 */
export function jitedOf({ bytes, functions }: CodeImage, lineSlots: Uint32Array): Jited {
  const lengths: number[] = [];
  const lines = new BigUint64Array(lineSlots.length);
  const listings = listFunctions(bytes)[Symbol.iterator]();
  for (const [i, { slot, marks }] of functions.entries()) {
    const { value: listing } = listings.next();
    lengths.push(listing!.code.length);
    const end = functions[i + 1]?.slot ?? 0xffff_ffff;
    for (let at = 0; at < marks.length; at += 2) {
      const marked = marks[at + 1]!;
      // What was inlined is shown where it is a function of its own.
      if (marked < slot || marked >= end) continue;
      const line = lineAt(lineSlots, marked);
      if (line >= 0 && lines[line] === 0n) lines[line] = BigInt(listing!.offset + marks[at]!);
    }
  }
  return { insns: bytes, functionLengths: Uint32Array.from(lengths), lines };
}

/** The last record that begins at a slot or before it; -1 for none. */
function lineAt(lineSlots: Uint32Array, slot: number): number {
  let low = 0;
  let high = lineSlots.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (lineSlots[middle]! <= slot) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
