import { ByteReader, FormatError } from "../base/index.ts";

/** Reads the integers, names and vectors of the binary format, strictly (specification 5.2.2). */
export class ModuleReader extends ByteReader {
  fail(problem: string, at = this.offset): never {
    throw new FormatError(this.what, at, problem);
  }

  /** An unsigned LEB128 integer of 32 bits. */
  unsigned(): number {
    const at = this.offset;
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.u8();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    const last = this.u8();
    if (last > 0x0f) this.fail("expected an unsigned integer of 32 bits, got a longer one", at);
    return (value | (last << 28)) >>> 0;
  }

  /** A signed LEB128 integer of `bits` bits. */
  signed(bits: 32 | 33 | 64): bigint {
    const at = this.offset;
    const lastBits = bits % 7;
    let value = 0n;
    for (let shift = 0; ; shift += 7) {
      const byte = this.u8();
      const last = shift + lastBits === bits;
      if (last) {
        // Bits above the value's repeat its sign.
        const rest = ((byte << 25) >> 25) >> (lastBits - 1);
        if (byte >= 0x80 || (rest !== 0 && rest !== -1)) {
          this.fail(`expected a signed integer of ${bits} bits, got a longer one`, at);
        }
      }
      value |= BigInt(byte & 0x7f) << BigInt(shift);
      if (byte < 0x80) return BigInt.asIntN(Math.min(shift + 7, bits), value);
    }
  }

  /** The number of entries that follow; each takes at least one byte, so it is bounded by what is left. */
  count(): number {
    const at = this.offset;
    const count = this.unsigned();
    if (count > this.remaining) this.fail(`expected at most ${this.remaining} entries, got ${count}`, at);
    return count;
  }

  /** A vector of bytes, as a view. */
  vector(): Uint8Array {
    return this.take(this.unsigned());
  }
}
