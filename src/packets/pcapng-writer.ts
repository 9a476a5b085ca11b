import { ByteWriter, type Endian, FormatError, utf8 } from "../base/index.ts";
import type { PacketRecord } from "./packet.ts";
import { BLOCK, BLOCK_OVERHEAD, BYTE_ORDER_MAGIC, OPTION } from "./pcapng-blocks.ts";

const NOTHING = new Uint8Array(0);

export interface PcapngInterfaceOptions {
  readonly linktype: number;
  /** 0, no limit, where not given. */
  readonly snaplen?: number;
  readonly name?: string;
}

/** Writes a pcapng file of one section; timestamps are kept in nanoseconds. Parts come out as from a {@link PcapWriter}. */
export class PcapngWriter {
  readonly #endian: Endian;
  readonly #snaplens: number[] = [];
  #out: ByteWriter;
  #packets = 0;
  readonly #headBytes = new Uint8Array(20);
  readonly #head = new DataView(this.#headBytes.buffer);
  readonly #frameBytes = new Uint8Array(8);
  readonly #frame = new DataView(this.#frameBytes.buffer);

  constructor(options: { readonly endian?: Endian } = {}) {
    this.#endian = options.endian ?? "little";
    this.#out = this.#buffer();
    const body = new ByteWriter({ endian: this.#endian });
    this.#block(BLOCK.SECTION_HEADER, body.u32(BYTE_ORDER_MAGIC).u16(1).u16(0).u64(-1n).finish());
  }

  /** Describes an interface. Returns its number, for {@link write}. Throws {@link FormatError} for a name over 65,535 bytes. */
  addInterface(options: PcapngInterfaceOptions): number {
    const name = utf8(options.name ?? "");
    if (name.length > 0xffff) {
      throw new FormatError("pcapng if_name", 0, `expected at most 65535 bytes, got ${name.length}`);
    }
    const body = new ByteWriter({ endian: this.#endian, capacity: name.length + 64 });
    body
      .u16(options.linktype)
      .u16(0)
      .u32(options.snaplen ?? 0);
    if (options.name !== undefined) body.u16(OPTION.IF_NAME).u16(name.length).write(name).align(4);
    body.u16(OPTION.IF_TSRESOL).u16(1).u8(9).align(4).u32(OPTION.END);
    this.#block(BLOCK.INTERFACE_DESCRIPTION, body.finish());
    return this.#snaplens.push(options.snaplen ?? 0) - 1;
  }

  /** Appends a packet of an interface that was added before. Throws {@link FormatError} for another. */
  write(packet: PacketRecord, interfaceId = 0): this {
    const snaplen = this.#snaplens[interfaceId];
    if (snaplen === undefined) {
      const count = this.#snaplens.length;
      throw new FormatError(
        "pcapng packet",
        this.#packets,
        `expected one of ${count} interfaces, got ${interfaceId}`,
      );
    }
    const time = BigInt(packet.seconds) * 1_000_000_000n + BigInt(packet.nanoseconds);
    if (time < 0n || time > 0xffff_ffff_ffff_ffffn) {
      throw new FormatError(
        "pcapng packet",
        this.#packets,
        `expected a time from 1970 to 2554, got ${time} ns`,
      );
    }
    const data = packet.data;
    const length = snaplen === 0 ? data.length : Math.min(data.length, snaplen);
    const head = this.#head;
    const little = this.#endian === "little";
    head.setUint32(0, interfaceId, little);
    head.setUint32(4, Number(time >> 32n), little);
    head.setUint32(8, Number(time & 0xffff_ffffn), little);
    head.setUint32(12, length, little);
    head.setUint32(16, packet.originalLength ?? data.length, little);
    this.#block(BLOCK.ENHANCED_PACKET, this.#headBytes, data.subarray(0, length));
    this.#packets++;
    return this;
  }

  /** What was written since the last call. */
  take(): Uint8Array {
    const bytes = this.#out.finish();
    this.#out = this.#buffer();
    return bytes;
  }

  #buffer(): ByteWriter {
    return new ByteWriter({ endian: this.#endian, capacity: 4096 });
  }

  #block(type: number, head: Uint8Array, data: Uint8Array = NOTHING): void {
    const little = this.#endian === "little";
    this.#frame.setUint32(0, type, little);
    this.#frame.setUint32(4, BLOCK_OVERHEAD + head.length + ((data.length + 3) & ~3), little);
    this.#out.write(this.#frameBytes).write(head).write(data).align(4).write(this.#frameBytes.subarray(4));
  }
}
