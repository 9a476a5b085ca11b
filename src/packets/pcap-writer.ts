import { ByteWriter, type Endian, FormatError } from "../base/index.ts";
import { MAGIC_MICROSECONDS, MAGIC_NANOSECONDS } from "./format.ts";
import { LINKTYPE, maxCapturedLength } from "./linktypes.ts";
import type { PacketRecord } from "./packet.ts";
import { PCAP_RECORD_LENGTH } from "./pcap-parser.ts";

export interface PcapOptions {
  /** Ethernet where not given. */
  readonly linktype?: number;
  /** Longer packets are cut to this; 262,144 where not given, as tcpdump has it. */
  readonly snaplen?: number;
  /** Whether records keep nanoseconds (the default) or microseconds. */
  readonly precision?: "nanoseconds" | "microseconds";
  readonly endian?: Endian;
}

/**
 * Writes a classic capture file, version 2.4. What {@link take} returned is the file's next part: write it out as it
 * comes, or take it once at the end.
 */
export class PcapWriter {
  readonly #endian: Endian;
  readonly #snaplen: number;
  readonly #nanosecondsPerTick: number;
  #out: ByteWriter;
  readonly #recordBytes = new Uint8Array(PCAP_RECORD_LENGTH);
  readonly #record = new DataView(this.#recordBytes.buffer);
  #packets = 0;

  constructor(options: PcapOptions = {}) {
    const linktype = options.linktype ?? LINKTYPE.ETHERNET;
    const nanoseconds = (options.precision ?? "nanoseconds") === "nanoseconds";
    this.#endian = options.endian ?? "little";
    this.#snaplen = options.snaplen ?? maxCapturedLength(linktype);
    this.#nanosecondsPerTick = nanoseconds ? 1 : 1000;
    this.#out = new ByteWriter({ endian: this.#endian, capacity: 4096 });
    this.#out
      .u32(nanoseconds ? MAGIC_NANOSECONDS : MAGIC_MICROSECONDS)
      .u16(2)
      .u16(4)
      .u32(0)
      .u32(0)
      .u32(this.#snaplen)
      .u32(linktype);
  }

  /** Appends one packet. Throws {@link FormatError} where its time has no place in the format (after 2106, before 1970). */
  write(packet: PacketRecord): this {
    const { seconds, nanoseconds } = packet;
    if (!(Number.isInteger(seconds) && seconds >= 0 && seconds <= 0xffff_ffff)) {
      throw new FormatError(
        "pcap packet",
        this.#packets,
        `expected seconds from 0 to 4294967295, got ${seconds}`,
      );
    }
    const data = packet.data;
    const length = Math.min(data.length, this.#snaplen);
    const record = this.#record;
    const little = this.#endian === "little";
    record.setUint32(0, seconds, little);
    record.setUint32(4, Math.floor(nanoseconds / this.#nanosecondsPerTick), little);
    record.setUint32(8, length, little);
    record.setUint32(12, packet.originalLength ?? data.length, little);
    this.#out.write(this.#recordBytes).write(length === data.length ? data : data.subarray(0, length));
    this.#packets++;
    return this;
  }

  /** What was written since the last call. */
  take(): Uint8Array {
    const bytes = this.#out.finish();
    this.#out = new ByteWriter({ endian: this.#endian, capacity: 4096 });
    return bytes;
  }
}
