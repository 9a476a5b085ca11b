import { Errno } from "../uapi/index.ts";
import { hostKfunc } from "./define.ts";
import type { ArgumentCheck, HelperCall, Kfunc } from "./helper.ts";
import { readKernel } from "./probe-read.ts";

/** `struct bpf_iter_bits_kern`: a word of bits or the address of several, how many bits there are, and the last one found. */
const BITS = 0;
const COUNT = 8;
const BIT = 12;

const WORD_BITS = 64;

/** `BITS_ITER_NR_WORDS_MAX` */
const MAX_WORDS = 511;

const ITERATOR: ArgumentCheck = { kind: "fixedMemory", bytes: 16, write: true };

/** `bpf_iter_bits_new`: a copy of the words, which need not be readable. */
function create(call: HelperCall, at: number, low: number, high: number, count: number): number {
  const iterator = at >>> 0;
  const words = count >>> 0;
  const view = call.memory.view();
  view.setBigUint64(iterator + BITS, 0n, true);
  view.setInt32(iterator + COUNT, 0, true);
  view.setInt32(iterator + BIT, -1, true);
  if ((low === 0 && high === 0) || words === 0) return -Errno.EINVAL;
  if (words > MAX_WORDS) return -Errno.E2BIG;
  if (words === 1) {
    if (readKernel(call, iterator + BITS, 8, low, high) < 0) {
      view.setBigUint64(iterator + BITS, 0n, true);
      return -Errno.EFAULT;
    }
  } else {
    const copy = call.memory.alloc(words * 8);
    if (copy === 0) return -Errno.ENOMEM;
    const result = readKernel(call, copy, words * 8, low, high);
    if (result < 0) {
      call.memory.free(copy);
      return result;
    }
    call.memory.view().setUint32(iterator + BITS, copy, true);
  }
  call.memory.view().setInt32(iterator + COUNT, words * WORD_BITS, true);
  return 0;
}

/** `bpf_iter_bits_next`: where the number of the next bit that is set stands; NULL behind the last. */
function next(call: HelperCall, at: number): number {
  const iterator = at >>> 0;
  const view = call.memory.view();
  const count = view.getInt32(iterator + COUNT, true);
  let bit = view.getInt32(iterator + BIT, true);
  if (count === 0 || bit >= count) return 0;
  const bits = count === WORD_BITS ? iterator + BITS : view.getUint32(iterator + BITS, true);
  bit++;
  while (bit < count) {
    const word = view.getUint32(bits + (bit >>> 5) * 4, true) >>> (bit & 31);
    if (word !== 0) {
      bit += 31 - Math.clz32(word & -word);
      break;
    }
    bit = ((bit >>> 5) + 1) * 32;
  }
  view.setInt32(iterator + BIT, Math.min(bit, count), true);
  return bit < count ? iterator + BIT : 0;
}

function destroy(call: HelperCall, at: number): number {
  const iterator = at >>> 0;
  const view = call.memory.view();
  if (view.getInt32(iterator + COUNT, true) > WORD_BITS)
    call.memory.free(view.getUint32(iterator + BITS, true));
  return 0;
}

/** The open-coded iterator over the bits of some words. */
export const ITER_BITS_KFUNCS: readonly Kfunc[] = [
  hostKfunc("bpf_iter_bits_new", { args: ["ptr", "i64", "i32"], result: "u32", checks: [ITERATOR] }, create),
  hostKfunc("bpf_iter_bits_next", { args: ["ptr"], result: "ptr", checks: [ITERATOR] }, next),
  hostKfunc("bpf_iter_bits_destroy", { args: ["ptr"], result: "void", checks: [ITERATOR] }, destroy),
];
