import { FormatError } from "../base/index.ts";

/** The kinds of capture file that can be read. */
export type CaptureFormat = "pcap" | "pcapng";

export const MAGIC_MICROSECONDS = 0xa1b2c3d4;
export const MAGIC_NANOSECONDS = 0xa1b23c4d;
/** Alexey Kuznetsov's patched libpcap: records with 8 bytes more. */
export const MAGIC_MODIFIED = 0xa1b2cd34;
/** The type of a section header block: the same read from either end, by design. */
export const MAGIC_PCAPNG = 0x0a0d0d0a;

/** Bytes that {@link captureFormat} wants to see, where the file has as many. */
export const MAGIC_LENGTH = 4;

/** Files that people take for a capture, by their first bytes. */
const OTHERS: readonly (readonly [prefix: readonly number[], what: string])[] = [
  [[0x1f, 0x8b], "gzip-compressed data (decompress it first)"],
  [[0x28, 0xb5, 0x2f, 0xfd], "Zstandard-compressed data (decompress it first)"],
  [[0xfd, 0x37, 0x7a, 0x58], "xz-compressed data (decompress it first)"],
  [[0x42, 0x5a, 0x68], "bzip2-compressed data (decompress it first)"],
  [[0x04, 0x22, 0x4d, 0x18], "LZ4-compressed data (decompress it first)"],
  [[0x50, 0x4b, 0x03, 0x04], "a ZIP archive"],
  [[0x73, 0x6e, 0x6f, 0x6f], "a snoop capture (RFC 1761)"],
  [[0x7f, 0x45, 0x4c, 0x46], "an ELF file"],
];

/** Which format the first bytes of a file announce. Throws {@link FormatError} that says what the file looks like. */
export function captureFormat(bytes: Uint8Array): CaptureFormat {
  if (bytes.length === 0)
    throw new FormatError("capture file", 0, "expected a pcap or pcapng file, got no bytes");
  if (bytes.length >= MAGIC_LENGTH) {
    const little = (bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16) | (bytes[3]! << 24)) >>> 0;
    if (little === MAGIC_PCAPNG) return "pcapng";
    if (isPcapMagic(little) || isPcapMagic(byteSwapped(little))) return "pcap";
  }
  throw new FormatError("capture file", 0, `expected a pcap or pcapng file, got ${resemblance(bytes)}`);
}

export function isPcapMagic(magic: number): boolean {
  return magic === MAGIC_MICROSECONDS || magic === MAGIC_NANOSECONDS || magic === MAGIC_MODIFIED;
}

export function byteSwapped(value: number): number {
  return (((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}

function resemblance(bytes: Uint8Array): string {
  for (const [prefix, what] of OTHERS) {
    if (prefix.every((byte, i) => bytes[i] === byte)) return what;
  }
  const front = bytes.subarray(0, 64);
  if (front.every((byte) => (byte >= 0x20 && byte < 0x7f) || (byte >= 9 && byte <= 13))) return "text";
  if (bytes.length < MAGIC_LENGTH) return `only ${bytes.length} bytes`;
  return `magic bytes ${[...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ")}`;
}
