import { randomPacket, randomWords, tcpPacket, textPacket, tunnelPacket, wordsPacket } from "./packets.ts";

/** An element that a map has before the first run, as bytes. */
export type Element = readonly [key: Uint8Array, value: Uint8Array];

export interface BenchProgram {
  /** Of `programs/NAME.bpf.c` and its object. */
  readonly name: string;
  readonly packet: Uint8Array;
  /** Whether it uses neither maps nor what only a kernel has: the same C is then compiled for the machine, too. */
  readonly mapFree: boolean;
  /** What the map `entries` holds at first; nothing unless told. */
  readonly elements?: () => readonly Element[];
}

const TEXT = 'let width = 640 / 4; // half of it\nprint("a \\"quoted\\" text", width2, 3.25) / 7;\n';
const PROSE = "Größe und Maß: naïve café, 東京 and Zürich\t– plain words too. ";
const BASE64 = "VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZywg";
const HEX = "0123456789abcdefFEDCBA9876543210cafeBABEdeadBEEF";
const HAYSTACK = "a need for needles, needle41 or nee or need; ";

const free = (name: string, packet: Uint8Array): BenchProgram => ({ name, packet, mapFree: true });
const withMap = (name: string, packet: Uint8Array, elements?: () => readonly Element[]): BenchProgram => ({
  name,
  packet,
  mapFree: false,
  ...(elements === undefined ? {} : { elements }),
});

/** All programs: the first does nothing, and shows what a run costs by itself. */
export const PROGRAMS: readonly BenchProgram[] = [
  free("tiny", randomPacket(64, 1)),
  free("hash64", randomPacket(512, 2)),
  free("hash32", randomPacket(512, 3)),
  free("xorshift", randomPacket(64, 4)),
  free("rotations", randomPacket(64, 5)),
  free("crc32", randomPacket(64, 6)),
  free("checksum-words", tcpPacket(512)),
  free("checksum-bytes", tcpPacket(256)),
  free("search-table", randomPacket(64, 8)),
  free("search-packet", sortedPacket()),
  free("state-machine", textPacket(TEXT, 192)),
  free("parser", tunnelPacket()),
  free("match-naive", withNeedle(textPacket(HAYSTACK, 256), "needle42", 240)),
  free("match-horspool", withNeedle(textPacket(`horspool${HAYSTACK.repeat(12)}`, 520), "horspool", 500)),
  free("base64", textPacket(BASE64, 96)),
  free("hex", textPacket(HEX, 256)),
  free("nested-ifs", textPacket(PROSE, 256)),
  free("calls", randomPacket(64, 9)),
  free("atomics", randomPacket(64, 10)),
  free("sort", randomPacket(64, 11)),
  free("bpf-loop", randomPacket(64, 12)),
  withMap("array", randomPacket(128, 13)),
  withMap("percpu-array", randomPacket(128, 14)),
  withMap("hash-lookup", randomPacket(64, 15), evenKeys),
  withMap("hash-update", randomPacket(64, 16)),
  withMap("lru-hash", randomPacket(64, 17)),
  withMap("lpm", routedPacket(), networks),
  withMap("tail-calls", wordsPacket(Array.from({ length: 16 }, (_, i) => 2 * i + 1))),
];

/** Eight keys, of which half are in the sorted list behind them. */
function sortedPacket(): Uint8Array {
  const next = randomWords(18);
  const list = Array.from({ length: 128 }, next).sort((a, b) => a - b);
  const keys = Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? list[(i * 37 + 11) % 128]! : next()));
  return wordsPacket([...keys, ...list]);
}

function withNeedle(packet: Uint8Array, needle: string, at: number): Uint8Array {
  packet.set(new TextEncoder().encode(needle), at);
  return packet;
}

function evenKeys(): Element[] {
  return Array.from({ length: 1024 }, (_, i) => {
    const key = new Uint8Array(BigUint64Array.of(BigInt(2 * i)).buffer);
    const value = new Uint8Array(BigUint64Array.of(BigInt(i) * 0x9e37_79b1n).buffer);
    return [key, value];
  });
}

/** Networks of 8, 16 and 24 bits, each inside of the one before, and where they lead. */
function networks(): Element[] {
  const key = (bits: number, ...address: number[]) => Uint8Array.of(bits, 0, 0, 0, ...address);
  const value = (route: number) => new Uint8Array(Uint32Array.of(route).buffer);
  return Array.from({ length: 256 }, (_, i): Element[] => [
    [key(16, 10, i, 0, 0), value(1000 + i)],
    [key(24, 10, i, (7 * i) & 255, 0), value(2000 + i)],
    [key(8, i, 0, 0, 0), value(i + 1)],
  ]).flat();
}

function routedPacket(): Uint8Array {
  return Uint8Array.from(
    { length: 64 },
    (_, i) => [10, (i * 5) & 255, (i % 8 < 4 ? 7 * i * 5 : i) & 255, i][i % 4]!,
  );
}
