import { FormatError } from "../base/index.ts";
import { type CaptureFormat, captureFormat, MAGIC_LENGTH } from "./format.ts";
import { CapturedPacket, type CaptureInterface } from "./packet.ts";
import { type PacketBatch, PLACE_WORDS } from "./packet-batch.ts";
import { PcapParser } from "./pcap-parser.ts";
import { PcapngParser } from "./pcapng-parser.ts";
import { Window } from "./window.ts";

/**
 * Reads a capture file, pcap or pcapng, in chunks of any size, so that a file of gigabytes needs the memory of one
 * chunk and one packet.
 *
 * ```ts
 * const reader = new CaptureReader();
 * for (const chunk of chunks) {
 *   reader.feed(chunk);
 *   for (const packet of reader) count(packet.length);
 * }
 * reader.end();
 * ```
 */
export class CaptureReader {
  readonly #window = new Window();
  readonly #packet = new CapturedPacket();
  #parser: PcapParser | PcapngParser | undefined;
  #format: CaptureFormat | undefined;

  /** Known once the first four bytes were read by {@link next}. */
  get format(): CaptureFormat | undefined {
    return this.#format;
  }

  /** The interfaces seen so far; of a pcapng file, those of the current section. */
  get interfaces(): readonly CaptureInterface[] {
    return this.#parser?.interfaces ?? [];
  }

  /** Bytes of the file that were read: for progress. */
  get fileOffset(): number {
    return this.#window.fileOffset;
  }

  /**
   * Adds the next bytes of the file. They are read in place where possible: leave them alone until {@link next} gave
   * null, then the memory may be used again. Packets taken before are no longer valid.
   */
  feed(chunk: Uint8Array): void {
    this.#window.feed(chunk);
  }

  /**
   * The next whole packet of what was fed, or null where more is needed. The same object each time, changed.
   * Throws {@link FormatError}.
   */
  next(): CapturedPacket | null {
    const parser = this.#parser ?? this.#begin();
    if (parser?.next(this.#window, this.#packet)) return this.#packet;
    this.#window.keep();
    return null;
  }

  /**
   * Shows the packets that {@link next} would give one after the other, as far as they are whole, lie in one buffer and
   * come without anything else between; `pass` moves on. None where `next` has to be asked.
   */
  look(batch: PacketBatch): void {
    const parser = this.#parser ?? this.#begin();
    batch.count = 0;
    parser?.look(this.#window, batch);
  }

  /** Moves on behind the first `count` packets of what {@link look} showed last. */
  pass({ places }: PacketBatch, count: number): void {
    if (count === 0) return;
    const last = PLACE_WORDS * (count - 1);
    this.#window.at = this.#parser!.endOf(this.#window, places[last]!, places[last + 1]!);
    this.#packet.index += count;
  }

  /** Says that the file ends here. Throws {@link FormatError} with the offset where it ends inside a packet. */
  end(): void {
    const window = this.#window;
    const parser = this.#parser;
    if (parser === undefined) {
      captureFormat(window.bytes.subarray(window.at, window.end));
      throw new FormatError("capture file", 0, "expected its packets to be read before its end");
    }
    const complete = parser instanceof PcapngParser ? parser.complete : parser.interfaces.length > 0;
    if (window.remaining > 0 || !complete) {
      const left = window.remaining;
      throw new FormatError(
        parser.part,
        window.fileOffset,
        `expected more, the file ends after ${left} bytes`,
      );
    }
  }

  /** The packets that {@link next} gives until it needs more. */
  *[Symbol.iterator](): IterableIterator<CapturedPacket> {
    for (let packet = this.next(); packet !== null; packet = this.next()) yield packet;
  }

  #begin(): PcapParser | PcapngParser | undefined {
    const window = this.#window;
    if (window.remaining < MAGIC_LENGTH) return undefined;
    this.#format = captureFormat(window.bytes.subarray(window.at, window.end));
    this.#parser = this.#format === "pcap" ? new PcapParser() : new PcapngParser();
    return this.#parser;
  }
}

/**
 * The packets of a whole capture file in memory, each the same object, changed. Nothing is copied, and nothing is
 * allocated for a packet. A file cut short gives its whole packets first, then throws {@link FormatError}.
 */
export function* packetsOf(file: Uint8Array): IterableIterator<CapturedPacket> {
  const reader = new CaptureReader();
  reader.feed(file);
  for (let packet = reader.next(); packet !== null; packet = reader.next()) yield packet;
  reader.end();
}
