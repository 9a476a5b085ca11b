import { SKF_AD_OFF, SKF_LL_OFF, SKF_NET_OFF } from "./ancillary.ts";
import { type AncillaryValues, loadAncillary } from "./ancillary-values.ts";
import { checkClassic } from "./check.ts";
import { CLASSIC_MEM_WORDS, type SockFilter } from "./sock-filter.ts";

/** What a classic program can ask about a packet besides its bytes. All of it is optional. */
export interface ClassicContext extends AncillaryValues {
  /** What `ld #len` gives: the length on the wire. By default the bytes from `start` on. */
  readonly length?: number;
  /** Index of the byte that offset 0 names, where lower headers stand before it. 0 by default. */
  readonly start?: number;
  /** Index of the network header's first byte, for loads at `SKF_NET_OFF`; these fail where it is absent. */
  readonly network?: number;
  /** Index of the link-layer header's first byte, for loads at `SKF_LL_OFF`; these fail where it is absent. */
  readonly link?: number;
}

const NOTHING: ClassicContext = {};
const OUTSIDE = -1;

/**
 * Runs one classic program on packets, as Linux does: registers and scratch memory start at 0, shifts by X count
 * modulo 32, a load outside the packet and a division by an X of 0 end the program with 0.
 *
 * The program is checked once, so it always ends: all jumps go forward.
 */
export class ClassicMachine {
  readonly #codes: Uint16Array;
  readonly #jt: Uint8Array;
  readonly #jf: Uint8Array;
  readonly #k: Int32Array;
  readonly #memory = new Int32Array(CLASSIC_MEM_WORDS);

  /** @throws ClassicCheckError where Linux refuses the program. */
  constructor(program: readonly SockFilter[]) {
    checkClassic(program);
    this.#codes = Uint16Array.from(program, (insn) => insn.code);
    this.#jt = Uint8Array.from(program, (insn) => insn.jt);
    this.#jf = Uint8Array.from(program, (insn) => insn.jf);
    this.#k = Int32Array.from(program, (insn) => insn.k | 0);
  }

  /** The program's result, unsigned 32 bits: for a socket filter the bytes to keep, 0 to drop the packet. */
  run(packet: Uint8Array, context: ClassicContext = NOTHING): number {
    const codes = this.#codes;
    const constants = this.#k;
    const memory = this.#memory;
    const start = context.start ?? 0;
    // Registers as signed numbers: unsigned ones above 2^31 would not stay small integers.
    let a = 0;
    let x = 0;
    let at = 0;
    for (let pc = 0; ; pc++) {
      const k = constants[pc]!;
      // Literals, because only these make a jump table; the names are those of the table in opcode.ts.
      switch (codes[pc]) {
        case 0x20: // ld [k]
        case 0x28: // ldh [k]
        case 0x30: // ldb [k]
          if (k < 0 && k >= (SKF_AD_OFF | 0)) {
            const value = loadAncillary(k >>> 0, a, x, packet, start, context);
            // No device: the translated program exits at once, with A as its result.
            if (value === undefined) return a >>> 0;
            a = value | 0;
            break;
          }
          at = k >= 0 ? start + k : locate(k, context);
          if (at < 0) return 0;
          if (codes[pc] === 0x20) {
            if (at + 4 > packet.length) return 0;
            a = (packet[at]! << 24) | (packet[at + 1]! << 16) | (packet[at + 2]! << 8) | packet[at + 3]!;
          } else if (codes[pc] === 0x28) {
            if (at + 2 > packet.length) return 0;
            a = (packet[at]! << 8) | packet[at + 1]!;
          } else {
            if (at >= packet.length) return 0;
            a = packet[at]!;
          }
          break;
        case 0x40: // ld [x + k]
          at = (x + k) | 0;
          at = at >= 0 ? start + at : locate(at, context);
          if (at < 0 || at + 4 > packet.length) return 0;
          a = (packet[at]! << 24) | (packet[at + 1]! << 16) | (packet[at + 2]! << 8) | packet[at + 3]!;
          break;
        case 0x48: // ldh [x + k]
          at = (x + k) | 0;
          at = at >= 0 ? start + at : locate(at, context);
          if (at < 0 || at + 2 > packet.length) return 0;
          a = (packet[at]! << 8) | packet[at + 1]!;
          break;
        case 0x50: // ldb [x + k]
          at = (x + k) | 0;
          at = at >= 0 ? start + at : locate(at, context);
          if (at < 0 || at >= packet.length) return 0;
          a = packet[at]!;
          break;
        case 0xb1: // ldxb 4*([k]&0xf)
          at = k >= 0 ? start + k : locate(k, context);
          if (at < 0 || at >= packet.length) return 0;
          x = (packet[at]! & 0xf) << 2;
          break;
        case 0x80: // ld #len
          a = (context.length ?? packet.length - start) | 0;
          break;
        case 0x81: // ldx #len
          x = (context.length ?? packet.length - start) | 0;
          break;
        case 0x00: // ld #k
          a = k;
          break;
        case 0x01: // ldx #k
          x = k;
          break;
        case 0x60: // ld M[k]
          a = memory[k]!;
          break;
        case 0x61: // ldx M[k]
          x = memory[k]!;
          break;
        case 0x02: // st M[k]
          memory[k] = a;
          break;
        case 0x03: // stx M[k]
          memory[k] = x;
          break;
        case 0x04: // add #k
          a = (a + k) | 0;
          break;
        case 0x0c: // add x
          a = (a + x) | 0;
          break;
        case 0x14: // sub #k
          a = (a - k) | 0;
          break;
        case 0x1c: // sub x
          a = (a - x) | 0;
          break;
        case 0x24: // mul #k
          a = Math.imul(a, k);
          break;
        case 0x2c: // mul x
          a = Math.imul(a, x);
          break;
        case 0x34: // div #k
          a = ((a >>> 0) / (k >>> 0)) | 0;
          break;
        case 0x3c: // div x
          if (x === 0) return 0;
          a = ((a >>> 0) / (x >>> 0)) | 0;
          break;
        case 0x44: // or #k
          a |= k;
          break;
        case 0x4c: // or x
          a |= x;
          break;
        case 0x54: // and #k
          a &= k;
          break;
        case 0x5c: // and x
          a &= x;
          break;
        case 0x64: // lsh #k
          a <<= k;
          break;
        case 0x6c: // lsh x
          a <<= x;
          break;
        case 0x74: // rsh #k
          a = (a >>> k) | 0;
          break;
        case 0x7c: // rsh x
          a = (a >>> x) | 0;
          break;
        case 0x84: // neg
          a = -a | 0;
          break;
        case 0x94: // mod #k
          a = ((a >>> 0) % (k >>> 0)) | 0;
          break;
        case 0x9c: // mod x
          if (x === 0) return 0;
          a = ((a >>> 0) % (x >>> 0)) | 0;
          break;
        case 0xa4: // xor #k
          a ^= k;
          break;
        case 0xac: // xor x
          a ^= x;
          break;
        case 0x05: // ja k
          pc += k;
          break;
        case 0x15: // jeq #k
          pc += a === k ? this.#jt[pc]! : this.#jf[pc]!;
          break;
        case 0x1d: // jeq x
          pc += a === x ? this.#jt[pc]! : this.#jf[pc]!;
          break;
        case 0x25: // jgt #k
          pc += a >>> 0 > k >>> 0 ? this.#jt[pc]! : this.#jf[pc]!;
          break;
        case 0x2d: // jgt x
          pc += a >>> 0 > x >>> 0 ? this.#jt[pc]! : this.#jf[pc]!;
          break;
        case 0x35: // jge #k
          pc += a >>> 0 >= k >>> 0 ? this.#jt[pc]! : this.#jf[pc]!;
          break;
        case 0x3d: // jge x
          pc += a >>> 0 >= x >>> 0 ? this.#jt[pc]! : this.#jf[pc]!;
          break;
        case 0x45: // jset #k
          pc += (a & k) !== 0 ? this.#jt[pc]! : this.#jf[pc]!;
          break;
        case 0x4d: // jset x
          pc += (a & x) !== 0 ? this.#jt[pc]! : this.#jf[pc]!;
          break;
        case 0x07: // tax
          x = a;
          break;
        case 0x87: // txa
          a = x;
          break;
        case 0x06: // ret #k
          return k >>> 0;
        case 0x16: // ret a
          return a >>> 0;
      }
    }
  }
}

/** The index in the packet of a negative offset (`bpf_skb_load_helper_convert_offset()`). */
function locate(offset: number, context: ClassicContext): number {
  if (offset >= SKF_NET_OFF) {
    return context.network === undefined ? OUTSIDE : context.network + (offset - SKF_NET_OFF);
  }
  if (offset >= SKF_LL_OFF && context.link !== undefined) return context.link + (offset - SKF_LL_OFF);
  return OUTSIDE;
}

/** Runs a program once. To run it on many packets, keep a {@link ClassicMachine}. */
export function runClassic(
  program: readonly SockFilter[],
  packet: Uint8Array,
  context?: ClassicContext,
): number {
  return new ClassicMachine(program).run(packet, context);
}
