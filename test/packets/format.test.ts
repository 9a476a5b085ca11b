import { describe, expect, it } from "vitest";
import { CaptureReader, captureFormat, packetsOf } from "../../src/packets/index.ts";

describe("captureFormat", () => {
  it.each([
    ["pcap", [0xd4, 0xc3, 0xb2, 0xa1]],
    ["pcap", [0xa1, 0xb2, 0xc3, 0xd4]],
    ["pcap", [0x4d, 0x3c, 0xb2, 0xa1]],
    ["pcap", [0xa1, 0xb2, 0x3c, 0x4d]],
    ["pcap", [0x34, 0xcd, 0xb2, 0xa1]],
    ["pcapng", [0x0a, 0x0d, 0x0d, 0x0a]],
  ])("recognises %s by %j", (format, magic) => {
    expect(captureFormat(Uint8Array.from(magic))).toBe(format);
  });

  it.each([
    ["no bytes", []],
    ["gzip-compressed data", [0x1f, 0x8b, 8, 0]],
    ["Zstandard-compressed data", [0x28, 0xb5, 0x2f, 0xfd]],
    ["an ELF file", [0x7f, 0x45, 0x4c, 0x46]],
    ["text", [...new TextEncoder().encode("<!DOCTYPE html>")]],
    ["only 2 bytes", [0xd4, 0xc3]],
    ["magic bytes 01 02 03 ff", [1, 2, 3, 0xff, 4]],
  ])("says what else a file is: %s", (what, bytes) => {
    const file = Uint8Array.from(bytes);
    const message = `capture file: offset 0: expected a pcap or pcapng file, got ${what}`;
    expect(() => captureFormat(file)).toThrow(message);
    expect(() => [...packetsOf(file)]).toThrow(message);
  });

  it("is known to a reader after four bytes", () => {
    const reader = new CaptureReader();
    reader.feed(Uint8Array.of(0x0a, 0x0d));
    expect(reader.next()).toBeNull();
    expect(reader.format).toBeUndefined();
    reader.feed(Uint8Array.of(0x0d, 0x0a));
    expect(reader.next()).toBeNull();
    expect(reader.format).toBe("pcapng");
  });
});
