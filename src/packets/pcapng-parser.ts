import { FormatError, textOf } from "../base/index.ts";
import { maxCapturedLength } from "./linktypes.ts";
import type { CapturedPacket, CaptureInterface } from "./packet.ts";
import { type PacketBatch, PLACE_WORDS } from "./packet-batch.ts";
import { BLOCK, BLOCK_OVERHEAD, BYTE_ORDER_MAGIC, OPTION } from "./pcapng-blocks.ts";
import { offsetSecondsOf, setTimestamp, type TimestampScale, timestampScale } from "./timestamp.ts";
import type { Window } from "./window.ts";

/** Room for a packet's options, and for a section or interface description: what libpcap allows at first. */
const OTHER_BLOCK_LIMIT = 16 * 1024 * 1024;
const DEFAULT_RESOLUTION = 6;
/** An enhanced packet block up to its data, and all of it but data, padding and options. */
const ENHANCED_DATA = 28;
const ENHANCED_OVERHEAD = ENHANCED_DATA + 4;

/**
 * Blocks of a pcapng file (draft-ietf-opsawg-pcapng). Sections may differ in byte order and have interfaces of their
 * own; blocks that carry no packet are skipped as they come, however long.
 *
 * ```text
 *  type:32  total length:32  body, padded to 32 bits  total length:32
 * ```
 */
export class PcapngParser {
  /** The interfaces of the current section. */
  interfaces: CaptureInterface[] = [];
  #scales: TimestampScale[] = [];
  #little = true;
  #started = false;
  #limit = OTHER_BLOCK_LIMIT;
  /** Bytes of a skipped block that are still to come, its last length field not counted. */
  #skip = 0;
  /** Total length of the block that is being skipped, to compare with the field at its end; 0 outside of one. */
  #skipped = 0;

  /** What the bytes at the window's front are part of, for the error about a file that ends there. */
  get part(): string {
    return this.#started ? "pcapng block" : "pcapng section header";
  }

  /** A file may end here: between two blocks. */
  get complete(): boolean {
    return this.#started && this.#skipped === 0;
  }

  /** Moves to the next packet. Returns false where more bytes are needed; the window then stands on a block's start. */
  next(window: Window, packet: CapturedPacket): boolean {
    for (;;) {
      if (this.#skipped !== 0 && !this.#finishSkipping(window)) return false;
      const at = window.at;
      if (at + BLOCK_OVERHEAD > window.end) return false;
      const view = window.view;
      const type = view.getUint32(at, this.#little);
      if (type === BLOCK.SECTION_HEADER) this.#turn(window);
      const total = this.#totalLength(window, at);
      const carriesPacket =
        type === BLOCK.ENHANCED_PACKET || type === BLOCK.SIMPLE_PACKET || type === BLOCK.PACKET;
      if (!carriesPacket && type !== BLOCK.SECTION_HEADER && type !== BLOCK.INTERFACE_DESCRIPTION) {
        this.#skipped = total;
        this.#skip = total - 4;
        continue;
      }
      if (total > this.#limit) {
        throw this.#error(window, `expected a block of at most ${this.#limit} bytes, got ${total}`);
      }
      const end = at + total;
      if (end > window.end) return false;
      this.#checkTrailer(window, end - 4, total);
      if (type === BLOCK.SECTION_HEADER) this.#section(window, at, total);
      else if (type === BLOCK.INTERFACE_DESCRIPTION) this.#interface(window, at, end - 4);
      else if (type === BLOCK.ENHANCED_PACKET) this.#enhancedPacket(window, packet, at, end - 4);
      else if (type === BLOCK.SIMPLE_PACKET) this.#simplePacket(window, packet, at, end - 4);
      else this.#obsoletePacket(window, packet, at, end - 4);
      if (carriesPacket) {
        packet.bytes = window.bytes;
        packet.fileOffset = window.fileOffset;
        packet.index++;
      }
      window.at = end;
      if (carriesPacket) return true;
    }
  }

  /** See `CaptureReader.look`: enhanced packets one behind the other. */
  look(window: Window, batch: PacketBatch): void {
    if (!this.#started || this.#skipped !== 0) return;
    const { view, end } = window;
    const { places, capacity } = batch;
    const little = this.#little;
    batch.bytes = window.bytes;
    let at = window.at;
    let count = 0;
    while (count < capacity && at + ENHANCED_OVERHEAD <= end) {
      const total = view.getUint32(at + 4, little);
      if (view.getUint32(at, little) !== BLOCK.ENHANCED_PACKET) break;
      if (total < ENHANCED_OVERHEAD || total % 4 !== 0 || total > this.#limit || at + total > end) break;
      if (view.getUint32(at + total - 4, little) !== total) break;
      const linktype = this.interfaces[view.getUint32(at + 8, little)]?.linktype;
      if (linktype === undefined || (count > 0 && linktype !== batch.linktype)) break;
      const length = view.getUint32(at + 20, little);
      if (length > total - ENHANCED_OVERHEAD || length > maxCapturedLength(linktype)) break;
      const place = PLACE_WORDS * count;
      batch.linktype = linktype;
      places[place] = at + ENHANCED_DATA;
      places[place + 1] = length;
      places[place + 2] = view.getUint32(at + 24, little);
      at += total;
      count++;
    }
    batch.count = count;
  }

  /** Where the block of the data at an offset ends. */
  endOf({ view }: Window, offset: number): number {
    const at = offset - ENHANCED_DATA;
    return at + view.getUint32(at + 4, this.#little);
  }

  #totalLength(window: Window, at: number): number {
    const total = window.view.getUint32(at + 4, this.#little);
    if (total < BLOCK_OVERHEAD || total % 4 !== 0) {
      throw this.#error(window, `expected a block length that is a multiple of 4 from 12 on, got ${total}`);
    }
    return total;
  }

  #checkTrailer(window: Window, at: number, total: number): void {
    const again = window.view.getUint32(at, this.#little);
    if (again !== total) {
      throw new FormatError(
        this.part,
        window.fileOffset + at - window.at,
        `expected block length ${total} again at the block's end, got ${again}`,
      );
    }
  }

  #finishSkipping(window: Window): boolean {
    const step = Math.min(this.#skip, window.remaining);
    window.at += step;
    this.#skip -= step;
    if (this.#skip > 0 || window.remaining < 4) return false;
    this.#checkTrailer(window, window.at, this.#skipped);
    window.at += 4;
    this.#skipped = 0;
    return true;
  }

  /** Takes a section's byte order from its header, before its length can be read. */
  #turn(window: Window): void {
    const magic = window.view.getUint32(window.at + 8, true);
    if (magic === BYTE_ORDER_MAGIC) this.#little = true;
    else if (window.view.getUint32(window.at + 8, false) === BYTE_ORDER_MAGIC) this.#little = false;
    else {
      throw this.#error(window, `expected byte-order magic 0x1a2b3c4d, got 0x${magic.toString(16)}`);
    }
  }

  #section(window: Window, at: number, total: number): void {
    if (total < 28) throw this.#error(window, `expected a section header of at least 28 bytes, got ${total}`);
    const major = window.view.getUint16(at + 12, this.#little);
    const minor = window.view.getUint16(at + 14, this.#little);
    // 1.2 is written by some tools and means 1.0 (section 4.1).
    if (major !== 1 || (minor !== 0 && minor !== 2)) {
      throw this.#error(window, `expected pcapng version 1.0, got ${major}.${minor}`);
    }
    this.#started = true;
    this.interfaces = [];
    this.#scales = [];
    this.#limit = OTHER_BLOCK_LIMIT;
  }

  #interface(window: Window, at: number, end: number): void {
    this.#need(window, at, end, 8, "an interface description");
    const { view, bytes } = window;
    const little = this.#little;
    const linktype = view.getUint16(at + 8, little);
    let name = "";
    let resolution = DEFAULT_RESOLUTION;
    let offsetSeconds = 0;
    for (let option = at + 16; option + 4 <= end; ) {
      const code = view.getUint16(option, little);
      const length = view.getUint16(option + 2, little);
      const value = option + 4;
      if (code === OPTION.END) break;
      if (value + length > end) {
        throw this.#error(window, `option ${code}: expected ${length} bytes, got ${end - value}`);
      }
      if (code === OPTION.IF_NAME) name = textOf(bytes.slice(value, value + length));
      else if (code === OPTION.IF_TSRESOL && length === 1) resolution = bytes[value]!;
      else if (code === OPTION.IF_TSOFFSET && length === 8) {
        offsetSeconds = offsetSecondsOf(view.getBigInt64(value, little), window.fileOffset + (value - at));
      }
      option = value + ((length + 3) & ~3);
    }
    const scale = timestampScale(resolution, offsetSeconds);
    this.#scales.push(scale);
    this.interfaces.push({
      id: this.interfaces.length,
      linktype,
      snaplen: view.getUint32(at + 12, little),
      name,
      ticksPerSecond: scale.ticksPerSecond,
      offsetSeconds,
    });
    this.#limit = Math.max(this.#limit, maxCapturedLength(linktype) + 65_536);
  }

  #enhancedPacket(window: Window, packet: CapturedPacket, at: number, end: number): void {
    this.#need(window, at, end, 20, "an enhanced packet");
    const view = window.view;
    const little = this.#little;
    const id = view.getUint32(at + 8, little);
    packet.linktype = this.#interfaceOf(window, id).linktype;
    packet.interfaceId = id;
    setTimestamp(packet, this.#scales[id]!, view.getUint32(at + 12, little), view.getUint32(at + 16, little));
    packet.originalLength = view.getUint32(at + 24, little);
    this.#data(window, packet, at + 28, view.getUint32(at + 20, little), end);
  }

  /** The form without a time, of interface 0. */
  #simplePacket(window: Window, packet: CapturedPacket, at: number, end: number): void {
    this.#need(window, at, end, 4, "a simple packet");
    const original = window.view.getUint32(at + 8, this.#little);
    const { linktype, snaplen } = this.#interfaceOf(window, 0);
    packet.linktype = linktype;
    packet.interfaceId = 0;
    packet.seconds = 0;
    packet.nanoseconds = 0;
    packet.originalLength = original;
    this.#data(window, packet, at + 12, snaplen === 0 ? original : Math.min(original, snaplen), end);
  }

  #obsoletePacket(window: Window, packet: CapturedPacket, at: number, end: number): void {
    this.#need(window, at, end, 20, "a packet block");
    const view = window.view;
    const little = this.#little;
    const id = view.getUint16(at + 8, little);
    packet.linktype = this.#interfaceOf(window, id).linktype;
    packet.interfaceId = id;
    setTimestamp(packet, this.#scales[id]!, view.getUint32(at + 12, little), view.getUint32(at + 16, little));
    packet.originalLength = view.getUint32(at + 24, little);
    this.#data(window, packet, at + 28, view.getUint32(at + 20, little), end);
  }

  #data(window: Window, packet: CapturedPacket, at: number, length: number, end: number): void {
    if (length > end - at) {
      throw this.#error(window, `expected ${length} captured bytes in the block, got ${end - at}`);
    }
    const limit = maxCapturedLength(packet.linktype);
    if (length > limit) {
      throw this.#error(window, `expected at most ${limit} captured bytes, got ${length}`);
    }
    packet.offset = at;
    packet.length = length;
  }

  #interfaceOf(window: Window, id: number): CaptureInterface {
    const found = this.interfaces[id];
    if (found === undefined) {
      const count = this.interfaces.length;
      throw this.#error(window, `expected one of the section's ${count} interfaces, got interface ${id}`);
    }
    return found;
  }

  #need(window: Window, at: number, end: number, count: number, what: string): void {
    if (end - at - 8 < count) {
      throw this.#error(window, `expected ${count} bytes of ${what}, got ${end - at - 8}`);
    }
  }

  #error(window: Window, problem: string): FormatError {
    return new FormatError(this.part, window.fileOffset, problem);
  }
}
