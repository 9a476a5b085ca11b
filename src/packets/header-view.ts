/**
 * A read-only view of one protocol header inside a packet. Views of headers are made by a static `at`, which gives
 * null where the packet ends inside the header's fixed part.
 */
export class HeaderView {
  /** The packet. */
  readonly bytes: Uint8Array;
  /** Where the header begins in it. */
  readonly offset: number;

  protected constructor(bytes: Uint8Array, offset: number) {
    this.bytes = bytes;
    this.offset = offset;
  }

  protected u8(at: number): number {
    return this.bytes[this.offset + at]!;
  }

  protected u16(at: number): number {
    return (this.u8(at) << 8) | this.u8(at + 1);
  }

  protected u32(at: number): number {
    return ((this.u16(at) << 16) | this.u16(at + 2)) >>> 0;
  }

  protected slice(at: number, length: number): Uint8Array {
    return this.bytes.subarray(this.offset + at, this.offset + at + length);
  }
}

/** Whether `length` bytes from `offset` on are in the packet. */
export function fits(bytes: Uint8Array, offset: number, length: number): boolean {
  return offset >= 0 && offset + length <= bytes.length;
}
