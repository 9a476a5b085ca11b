import { FormatError } from "../base/index.ts";
import type { CapturedPacket } from "./packet.ts";

/** How an interface's 64-bit timestamps become seconds and nanoseconds. */
export interface TimestampScale {
  readonly ticksPerSecond: bigint;
  /** `ticksPerSecond` where it is a power of ten up to 10^9, so that numbers suffice; else 0. */
  readonly fast: number;
  readonly nanosecondsPerTick: number;
  readonly offsetSeconds: number;
}

/**
 * The scale of `if_tsresol` (draft-ietf-opsawg-pcapng section 4.2): the top bit chooses powers of 2 or of 10, the rest
 * is the negative exponent.
 */
export function timestampScale(resolution: number, offsetSeconds: number): TimestampScale {
  const exponent = resolution & 0x7f;
  const binary = (resolution & 0x80) !== 0;
  const ticksPerSecond = (binary ? 2n : 10n) ** BigInt(exponent);
  const fast = exponent === 0 ? 1 : binary || exponent > 9 ? 0 : 10 ** exponent;
  return { ticksPerSecond, fast, nanosecondsPerTick: fast === 0 ? 0 : 1e9 / fast, offsetSeconds };
}

/** Sets a packet's time from the two halves of a timestamp. */
export function setTimestamp(packet: CapturedPacket, scale: TimestampScale, high: number, low: number): void {
  const unit = scale.fast;
  if (unit !== 0) {
    // Long division by 16-bit digits: every intermediate value stays below 2^46 and is exact.
    const first = high % unit;
    const second = first * 0x1_0000 + (low >>> 16);
    const third = (second % unit) * 0x1_0000 + (low & 0xffff);
    const ticks = third % unit;
    packet.seconds =
      Math.floor(high / unit) * 0x1_0000_0000 +
      Math.floor(second / unit) * 0x1_0000 +
      Math.floor(third / unit) +
      scale.offsetSeconds;
    packet.nanoseconds = ticks * scale.nanosecondsPerTick;
    return;
  }
  const ticks = (BigInt(high) << 32n) | BigInt(low);
  packet.seconds = Number(ticks / scale.ticksPerSecond) + scale.offsetSeconds;
  packet.nanoseconds = Number(((ticks % scale.ticksPerSecond) * 1_000_000_000n) / scale.ticksPerSecond);
}

/** `if_tsoffset` as a number. Throws {@link FormatError} where it is no time at all. */
export function offsetSecondsOf(value: bigint, fileOffset: number): number {
  if (value > 0x1f_ffff_ffff_ffffn || value < -0x1f_ffff_ffff_ffffn) {
    throw new FormatError("pcapng if_tsoffset", fileOffset, `expected seconds below 2^53, got ${value}`);
  }
  return Number(value);
}
