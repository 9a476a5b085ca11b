import { FormatError } from "../base/index.ts";
import { byteSwapped, isPcapMagic, MAGIC_MODIFIED, MAGIC_NANOSECONDS } from "./format.ts";
import { linktypeName, maxCapturedLength } from "./linktypes.ts";
import type { CapturedPacket, CaptureInterface } from "./packet.ts";
import { type PacketBatch, PLACE_WORDS } from "./packet-batch.ts";
import type { Window } from "./window.ts";

export const PCAP_HEADER_LENGTH = 24;
export const PCAP_RECORD_LENGTH = 16;

/**
 * Records of a classic capture file (pcap-savefile(5), draft-ietf-opsawg-pcap).
 *
 * ```text
 *  file:   magic  major:16 minor:16  zone  sigfigs  snaplen  linktype        24 bytes
 *  packet: seconds  µs or ns  captured length  original length  data …       16 bytes and the data
 * ```
 */
export class PcapParser {
  readonly interfaces: CaptureInterface[] = [];
  #started = false;
  #little = true;
  #recordLength = PCAP_RECORD_LENGTH;
  #nanosecondsPerTick = 1000;
  #linktype = 0;
  #limit = 0;
  #minor = 4;

  /** What the bytes at the window's front are part of, for the error about a file that ends there. */
  get part(): string {
    return this.#started ? "pcap packet" : "pcap file header";
  }

  /** Moves to the next packet. Returns false where more bytes are needed; the window then stands on the packet's start. */
  next(window: Window, packet: CapturedPacket): boolean {
    if (!this.#started && !this.#start(window)) return false;
    const at = window.at;
    const dataAt = at + this.#recordLength;
    if (dataAt > window.end) return false;
    const view = window.view;
    const little = this.#little;
    let length = view.getUint32(at + 8, little);
    let original = view.getUint32(at + 12, little);
    // Until version 2.3 writers disagreed about the order of the two lengths, as libpcap knows.
    if (this.#minor <= 3 && (this.#minor < 3 || length > original)) [length, original] = [original, length];
    if (length > this.#limit) {
      throw new FormatError(
        "pcap packet",
        window.fileOffset,
        `expected at most ${this.#limit} captured bytes, got ${length}`,
      );
    }
    if (dataAt + length > window.end) return false;
    let seconds = view.getUint32(at, little);
    let nanoseconds = view.getUint32(at + 4, little) * this.#nanosecondsPerTick;
    if (nanoseconds >= 1e9) {
      seconds += Math.floor(nanoseconds / 1e9);
      nanoseconds %= 1e9;
    }
    packet.bytes = window.bytes;
    packet.offset = dataAt;
    packet.length = length;
    packet.originalLength = original;
    packet.seconds = seconds;
    packet.nanoseconds = nanoseconds;
    packet.linktype = this.#linktype;
    packet.fileOffset = window.fileOffset;
    packet.index++;
    window.at = dataAt + length;
    return true;
  }

  /** See `CaptureReader.look`. */
  look(window: Window, batch: PacketBatch): void {
    if (!this.#started && !this.#start(window)) return;
    const { view, end } = window;
    const { places, capacity } = batch;
    const little = this.#little;
    const limit = this.#limit;
    batch.bytes = window.bytes;
    batch.linktype = this.#linktype;
    let at = window.at;
    let count = 0;
    // Before version 2.4 the two lengths may be the other way round: `next` knows.
    if (this.#minor <= 3) return;
    while (count < capacity) {
      const dataAt = at + this.#recordLength;
      if (dataAt > end) break;
      const length = view.getUint32(at + 8, little);
      if (length > limit || dataAt + length > end) break;
      const place = PLACE_WORDS * count;
      places[place] = dataAt;
      places[place + 1] = length;
      places[place + 2] = view.getUint32(at + 12, little);
      at = dataAt + length;
      count++;
    }
    batch.count = count;
  }

  /** Where the record of the data at an offset ends. */
  endOf(_window: Window, offset: number, length: number): number {
    return offset + length;
  }

  #start(window: Window): boolean {
    if (window.remaining < PCAP_HEADER_LENGTH) return false;
    const { view, at } = window;
    let magic = view.getUint32(at, true);
    this.#little = isPcapMagic(magic);
    if (!this.#little) magic = byteSwapped(magic);
    const little = this.#little;
    const major = view.getUint16(at + 4, little);
    const minor = view.getUint16(at + 6, little);
    if (major !== 2 || minor > 4) {
      throw new FormatError("pcap file header", 4, `expected version 2.4 or older, got ${major}.${minor}`);
    }
    if (magic === MAGIC_NANOSECONDS) this.#nanosecondsPerTick = 1;
    if (magic === MAGIC_MODIFIED) this.#recordLength = PCAP_RECORD_LENGTH + 8;
    this.#minor = minor;
    // The upper 6 bits tell the length of the frame check sequence; the link type has 26.
    const linktype = view.getUint32(at + 20, little) & 0x03ff_ffff;
    this.#linktype = linktype;
    this.#limit = maxCapturedLength(linktype);
    this.interfaces.push({
      id: 0,
      linktype,
      snaplen: view.getUint32(at + 16, little),
      name: "",
      ticksPerSecond: magic === MAGIC_NANOSECONDS ? 1_000_000_000n : 1_000_000n,
      offsetSeconds: 0,
    });
    window.at = at + PCAP_HEADER_LENGTH;
    this.#started = true;
    return true;
  }

  toString(): string {
    return `pcap ${linktypeName(this.#linktype)}`;
  }
}
