/** One interface that packets of a capture were taken from. A classic pcap file has exactly one. */
export interface CaptureInterface {
  /** Its number inside its section (pcapng restarts at 0 in each section). */
  readonly id: number;
  /** Link-layer header type: `LINKTYPE.ETHERNET` … */
  readonly linktype: number;
  /** The most bytes of a packet that were kept; 0 means no limit. */
  readonly snaplen: number;
  /** `if_name`, empty where the file does not say. */
  readonly name: string;
  /** Timestamp units in a second: 1,000,000 unless the file says otherwise. */
  readonly ticksPerSecond: bigint;
  /** Seconds to add to each timestamp (`if_tsoffset`). */
  readonly offsetSeconds: number;
}

/** What a writer needs of a packet. A {@link CapturedPacket} is one. */
export interface PacketRecord {
  readonly data: Uint8Array;
  /** Length on the wire; `data` may be only its front. The length of `data` where not given. */
  readonly originalLength?: number;
  /** Since 1970-01-01T00:00:00Z. */
  readonly seconds: number;
  /** 0 to 999,999,999. */
  readonly nanoseconds: number;
}

/**
 * The packet a reader stands on: a view that the reader changes when it moves on, so that iteration allocates nothing.
 * Read the fields, or copy what is to be kept. The bytes themselves are the caller's own where the whole file was
 * given at once; fed chunks may be overwritten by the next `feed`.
 */
export class CapturedPacket implements PacketRecord {
  /** The buffer that holds the packet, at `offset`, `length` bytes of it: for loops that want no object per packet. */
  bytes: Uint8Array = new Uint8Array(0);
  offset = 0;
  /** Bytes captured. */
  length = 0;
  /** Bytes that were on the wire. */
  originalLength = 0;
  seconds = 0;
  nanoseconds = 0;
  linktype = 0;
  /** Number of the interface inside its section. */
  interfaceId = 0;
  /** Position of the packet's record or block in the file, in bytes. */
  fileOffset = 0;
  /** How many packets came before this one. */
  index = -1;

  /** The captured bytes, as a view: nothing is copied. */
  get data(): Uint8Array {
    return this.bytes.subarray(this.offset, this.offset + this.length);
  }

  /** Nanoseconds since 1970-01-01T00:00:00Z. */
  get timestamp(): bigint {
    return BigInt(this.seconds) * 1_000_000_000n + BigInt(this.nanoseconds);
  }
}
