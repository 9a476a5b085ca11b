import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError } from "../../src/base/index.ts";
import {
  type CapturedPacket,
  CaptureReader,
  LINKTYPE,
  PacketBatch,
  PcapngWriter,
  PcapWriter,
  packetsOf,
} from "../../src/packets/index.ts";
import { bytesBig, bytesLittle, ipv4Frame } from "./frames.ts";

interface Plain {
  data: number[];
  originalLength: number;
  seconds: number;
  nanoseconds: number;
}

function plain(packet: CapturedPacket): Plain {
  const { originalLength, seconds, nanoseconds } = packet;
  return { data: [...packet.data], originalLength, seconds, nanoseconds };
}

/** The file's packets and the error at its end, however it is cut. */
function readCut(file: Uint8Array, sizes: readonly number[]): { packets: Plain[]; error: unknown } {
  const reader = new CaptureReader();
  const packets: Plain[] = [];
  // One buffer for all chunks, overwritten each time, as a program reads files.
  const shared = new Uint8Array(Math.max(1, ...sizes));
  try {
    for (let at = 0, i = 0; at < file.length; i++) {
      const chunk = file.subarray(at, at + sizes[i % sizes.length]!);
      shared.set(chunk);
      reader.feed(shared.subarray(0, chunk.length));
      for (const packet of reader) packets.push(plain(packet));
      shared.fill(0xee);
      at += chunk.length;
    }
    reader.end();
  } catch (error) {
    return { packets, error };
  }
  return { packets, error: null };
}

const packetArbitrary = fc
  .record({
    data: fc.uint8Array({ maxLength: 300 }),
    more: fc.nat(2000),
    seconds: fc.nat(0xffff_ffff),
    nanoseconds: fc.nat(999_999_999),
  })
  .map(({ data, more, seconds, nanoseconds }) => ({
    data,
    originalLength: data.length + more,
    seconds,
    nanoseconds,
  }));

const endianArbitrary = fc.constantFrom("little" as const, "big" as const);

function pcapHeader(options: { magic?: number; minor?: number; linktype?: number } = {}): number[] {
  return bytesLittle(
    options.magic ?? 0xa1b2c3d4,
    [2, options.minor ?? 4],
    0,
    0,
    65535,
    options.linktype ?? 1,
  );
}

/** The packets of a file in chunks, some by `look` and `pass`, some by `next`. */
function readTogether(file: Uint8Array, chunk: number, capacity: number): number[][] {
  const reader = new CaptureReader();
  const batch = new PacketBatch(capacity);
  const packets: number[][] = [];
  for (let at = 0; at < file.length; at += chunk) {
    reader.feed(file.slice(at, at + chunk));
    for (let round = 0; ; round++) {
      reader.look(batch);
      const passed = Math.min(batch.count, round % (capacity + 1));
      for (let i = 0; i < passed; i++) {
        const [offset, length, original] = batch.places.subarray(3 * i, 3 * i + 3);
        packets.push([batch.linktype, original!, ...batch.bytes.subarray(offset!, offset! + length!)]);
      }
      reader.pass(batch, passed);
      const packet = reader.next();
      if (packet === null) break;
      expect(packet.index).toBe(packets.length);
      packets.push([packet.linktype, packet.originalLength, ...packet.data]);
    }
  }
  reader.end();
  return packets;
}

describe("pcap", () => {
  it("shows several packets at once that are those of one after the other", () => {
    fc.assert(
      fc.property(
        fc.array(packetArbitrary, { maxLength: 20 }),
        endianArbitrary,
        fc.integer({ min: 1, max: 2000 }),
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        (records, endian, chunk, capacity, ng) => {
          const writer = ng
            ? new PcapngWriter({ endian })
            : new PcapWriter({ endian, precision: "nanoseconds" });
          if (writer instanceof PcapngWriter) writer.addInterface({ linktype: 1 });
          for (const record of records) writer.write(record);
          const file = writer.take();
          expect(readTogether(file, chunk, capacity)).toEqual(
            records.map(({ data, originalLength }) => [1, originalLength, ...data]),
          );
        },
      ),
    );
  });

  it("shows none at once of old versions, and in front of what is wrong or of another kind", () => {
    const shown = (file: Uint8Array) => {
      const reader = new CaptureReader();
      reader.feed(file);
      const batch = new PacketBatch();
      reader.look(batch);
      return [batch.count, reader.next()?.length];
    };
    const record = [...bytesLittle(0, 0, 1, 2), 0x34];
    expect(shown(all(pcapHeader(), record))).toEqual([1, 1]);
    expect(shown(all(pcapHeader({ minor: 3 }), record))).toEqual([0, 1]);
    // Not in front of the first section, nor of a block that is no enhanced packet, nor of another link type.
    const enhanced = (id: number) => block(6, bytesLittle(id, 0, 0, 0, 0));
    const head = [...section(), ...interfaceBlock(1, 0), ...interfaceBlock(101, 0)];
    expect(shown(all(head, enhanced(0)))[0]).toBe(0);
    const reader = new CaptureReader();
    reader.feed(all(head, enhanced(0), enhanced(0), enhanced(0), enhanced(1), block(3, bytesLittle(0))));
    const batch = new PacketBatch();
    reader.next();
    reader.look(batch);
    expect([batch.count, batch.linktype]).toEqual([2, 1]);
    reader.pass(batch, 2);
    reader.look(batch);
    expect([batch.count, batch.linktype]).toEqual([1, 101]);
    reader.pass(batch, 1);
    reader.look(batch);
    expect(batch.count).toBe(0);
    expect(reader.next()?.index).toBe(4);
    const wrong = all(pcapHeader(), record, bytesLittle(0, 0, 0x7000_0000, 1));
    expect(shown(wrong)).toEqual([1, 1]);
  });

  it("reads back what was written, in both precisions and byte orders, however the file is cut", () => {
    fc.assert(
      fc.property(
        fc.array(packetArbitrary, { maxLength: 12 }),
        endianArbitrary,
        fc.constantFrom("nanoseconds" as const, "microseconds" as const),
        fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 6 }),
        (packets, endian, precision, sizes) => {
          const writer = new PcapWriter({ endian, precision });
          for (const packet of packets) writer.write(packet);
          const file = writer.take();
          const expected = packets.map((packet) => ({
            ...packet,
            data: [...packet.data],
            nanoseconds: packet.nanoseconds - (precision === "microseconds" ? packet.nanoseconds % 1000 : 0),
          }));
          expect([...packetsOf(file)].length).toBe(packets.length);
          expect(readCut(file, sizes)).toEqual({ packets: expected, error: null });
          expect(readCut(file, [file.length]).packets).toEqual(expected);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("gives the whole packets of a file cut short, then says where it ends", () => {
    const writer = new PcapWriter();
    for (let i = 0; i < 3; i++) writer.write({ data: new Uint8Array(10), seconds: i, nanoseconds: 0 });
    const file = writer.take();
    for (let end = 1; end < file.length; end++) {
      const { packets, error } = readCut(file.subarray(0, end), [7]);
      const whole = Math.max(0, Math.floor((end - 24) / 26));
      expect(packets.length).toBe(whole);
      if (end >= 24 && (end - 24) % 26 === 0) expect(error).toBeNull();
      else {
        expect(error).toBeInstanceOf(FormatError);
        expect((error as FormatError).offset).toBe(end < 24 ? 0 : 24 + whole * 26);
      }
    }
  });

  it("cuts packets to the snaplen it writes", () => {
    const file = new PcapWriter({ snaplen: 4 })
      .write({ data: new Uint8Array(10), seconds: 1, nanoseconds: 2 })
      .take();
    const [packet] = [...packetsOf(file)].map(plain);
    expect(packet).toEqual({ data: [0, 0, 0, 0], originalLength: 10, seconds: 1, nanoseconds: 2 });
  });

  it("ignores the frame check sequence bits beside the link type", () => {
    const file = Uint8Array.from([...pcapHeader({ linktype: 0x5400_0071 }), ...bytesLittle(1, 2, 0, 0)]);
    expect([...packetsOf(file)].map((packet) => packet.linktype)).toEqual([LINKTYPE.LINUX_SLL]);
  });

  it("reads the longer records of patched libpcap", () => {
    const record = [...bytesLittle(5, 6, 2, 9), 0, 0, 0, 0, 0, 0, 0, 0, 1, 2];
    const file = Uint8Array.from([...pcapHeader({ magic: 0xa1b2cd34 }), ...record, ...record]);
    const packets = [...packetsOf(file)];
    expect(packets.length).toBe(2);
    expect(readCut(file, [5]).packets[1]).toEqual({
      data: [1, 2],
      originalLength: 9,
      seconds: 5,
      nanoseconds: 6000,
    });
  });

  it("swaps the lengths of version 2.2 files", () => {
    const file = Uint8Array.from([...pcapHeader({ minor: 2 }), ...bytesLittle(0, 0, 9, 2), 1, 2]);
    expect(readCut(file, [99]).packets).toEqual([
      { data: [1, 2], originalLength: 9, seconds: 0, nanoseconds: 0 },
    ]);
  });

  it("carries a sub-second field of more than a second", () => {
    const file = Uint8Array.from([...pcapHeader(), ...bytesLittle(10, 2_500_000, 0, 0)]);
    expect(readCut(file, [99]).packets).toEqual([
      { data: [], originalLength: 0, seconds: 12, nanoseconds: 500_000_000 },
    ]);
  });

  it("refuses a captured length that no link type has, without waiting for the bytes", () => {
    const file = Uint8Array.from([...pcapHeader(), ...bytesLittle(0, 0, 0xffff_fff0, 0xffff_fff0)]);
    expect(() => [...packetsOf(file)]).toThrow(
      "pcap packet: offset 24: expected at most 262144 captured bytes, got 4294967280",
    );
  });

  it("refuses versions it does not know", () => {
    expect(() => [...packetsOf(Uint8Array.from(pcapHeader({ minor: 5 })))]).toThrow(
      "expected version 2.4 or older, got 2.5",
    );
  });

  it("refuses to write a time that the format has no room for", () => {
    const packet = { data: new Uint8Array(0), seconds: 2 ** 32, nanoseconds: 0 };
    expect(() => new PcapWriter().write(packet)).toThrow(FormatError);
    expect(() => new PcapWriter().write({ ...packet, seconds: -1 })).toThrow(FormatError);
  });
});

/** A pcapng block: type, length, body padded to 4 bytes, length. */
function block(type: number, body: readonly number[], big = false): number[] {
  const u32 = big ? bytesBig : bytesLittle;
  const padded = [...body, ...new Array<number>(-body.length & 3).fill(0)];
  return [...u32(type, padded.length + 12), ...padded, ...u32(padded.length + 12)];
}

function section(big = false): number[] {
  const order = big ? bytesBig : bytesLittle;
  return block(0x0a0d0d0a, [...order(0x1a2b3c4d, [1, 0], 0xffff_ffff, 0xffff_ffff)], big);
}

function interfaceBlock(
  linktype: number,
  snaplen: number,
  options: readonly number[] = [],
  big = false,
): number[] {
  return block(1, [...(big ? bytesBig : bytesLittle)([linktype, 0], snaplen), ...options], big);
}

function all(...parts: readonly (readonly number[])[]): Uint8Array {
  return Uint8Array.from(parts.flat());
}

describe("pcapng", () => {
  it("reads back what was written, in both byte orders, however the file is cut", () => {
    fc.assert(
      fc.property(
        fc.array(packetArbitrary, { maxLength: 12 }),
        endianArbitrary,
        fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 6 }),
        (packets, endian, sizes) => {
          const writer = new PcapngWriter({ endian });
          writer.addInterface({ linktype: LINKTYPE.ETHERNET, name: "eth0" });
          for (const packet of packets) writer.write(packet);
          const expected = packets.map((packet) => ({ ...packet, data: [...packet.data] }));
          expect(readCut(writer.take(), sizes)).toEqual({ packets: expected, error: null });
        },
      ),
      { numRuns: 200 },
    );
  });

  it("keeps interfaces apart and starts again with each section, whatever its byte order", () => {
    const enhanced = (id: number, big: boolean) =>
      block(6, [...(big ? bytesBig : bytesLittle)(id, 0, 7, 2, 3), 0xaa, 0xbb], big);
    const file = all(
      section(),
      interfaceBlock(1, 0),
      interfaceBlock(101, 0, [...bytesLittle([2, 3]), 0x74, 0x75, 0x6e, 0, ...bytesLittle([0, 0])]),
      enhanced(1, false),
      section(true),
      interfaceBlock(276, 0, [], true),
      enhanced(0, true),
    );
    const reader = new CaptureReader();
    reader.feed(file);
    const first = reader.next()!;
    expect([first.linktype, first.interfaceId, first.nanoseconds]).toEqual([101, 1, 7000]);
    expect(reader.interfaces.map((i) => i.name)).toEqual(["", "tun"]);
    const second = reader.next()!;
    expect([second.linktype, second.interfaceId, ...second.data]).toEqual([276, 0, 0xaa, 0xbb]);
    expect(reader.interfaces.length).toBe(1);
    expect(reader.next()).toBeNull();
    reader.end();
  });

  it.each([
    [9, 0x0000_0002n, 0, 2],
    [6, 1_700_000_000_123_456n, 1_700_000_000, 123_456_000],
    [0, 77n, 77, 0],
    [3, 1_234_567n, 1234, 567_000_000],
    [9, 0xffff_ffff_ffff_ffffn, 18_446_744_073, 709_551_615],
    [12, 1_000_000_000_001n, 1, 0],
    [12, 5_500_000_002_999n, 5, 500_000_002],
    [0x80 | 10, 1024n * 3n + 512n, 3, 500_000_000],
    [0x80 | 32, (9n << 32n) | 0x4000_0000n, 9, 250_000_000],
    [127, 0xffff_ffff_ffff_ffffn, 0, 0],
  ])("understands if_tsresol %i of timestamp %i", (resolution, ticks, seconds, nanoseconds) => {
    const options = [...bytesLittle([9, 1]), resolution, 0, 0, 0];
    const high = Number(ticks >> 32n);
    const file = all(
      section(),
      interfaceBlock(1, 0, options),
      block(6, bytesLittle(0, high, Number(ticks & 0xffff_ffffn), 0, 0)),
    );
    const [packet] = [...packetsOf(file)];
    expect([packet!.seconds, packet!.nanoseconds]).toEqual([seconds, nanoseconds]);
    expect(packet!.timestamp).toBe(BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds));
  });

  it("adds if_tsoffset", () => {
    const options = [...bytesLittle([14, 8]), 0xf6, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    const file = all(section(), interfaceBlock(1, 0, options), block(6, bytesLittle(0, 0, 1_500_000, 0, 0)));
    const [packet] = [...packetsOf(file)];
    expect([packet!.seconds, packet!.nanoseconds, packet!.timestamp]).toEqual([
      -9,
      500_000_000,
      -8_500_000_000n,
    ]);
  });

  it("reads simple and obsolete packet blocks and skips the rest, custom blocks too", () => {
    const file = all(
      section(),
      interfaceBlock(1, 3),
      block(3, [...bytesLittle(5), 1, 2, 3]),
      block(0x0bad, bytesLittle(32473, 1, 2, 3)),
      block(0x4000_0bad, bytesLittle(32473)),
      block(4, bytesLittle([0, 0])),
      block(5, bytesLittle(0, 0, 0)),
      block(0x7777_7777, []),
      block(2, [...bytesLittle([0, 9], 0, 8, 1, 1), 0x42]),
    );
    const expected = [
      { data: [1, 2, 3], originalLength: 5, seconds: 0, nanoseconds: 0 },
      { data: [0x42], originalLength: 1, seconds: 0, nanoseconds: 8000 },
    ];
    expect(readCut(file, [1])).toEqual({ packets: expected, error: null });
    expect(readCut(file, [file.length])).toEqual({ packets: expected, error: null });
  });

  it("skips an unknown block of any length as it comes", () => {
    const length = 0x4000_0000;
    const reader = new CaptureReader();
    reader.feed(all(section(), bytesLittle(0x55, length)));
    const chunk = new Uint8Array(0x400_0000);
    let left = length - 12;
    for (; left > 0; left -= chunk.length) {
      reader.feed(chunk.subarray(0, Math.min(left, chunk.length)));
      expect(reader.next()).toBeNull();
    }
    expect(() => reader.end()).toThrow(FormatError);
    reader.feed(Uint8Array.from(bytesLittle(length)));
    expect(reader.next()).toBeNull();
    reader.end();
  });

  it.each([
    [
      "a length that is not a multiple of 4",
      [...bytesLittle(6, 33), ...new Array<number>(40).fill(0)],
      "multiple of 4",
    ],
    ["a length below its own fields", bytesLittle(6, 8, 8), "multiple of 4 from 12 on, got 8"],
    ["an interface nobody described", block(6, bytesLittle(3, 0, 0, 0, 0)), "1 interfaces, got interface 3"],
    [
      "more data than the block has",
      block(6, bytesLittle(0, 0, 0, 100, 100)),
      "100 captured bytes in the block, got 0",
    ],
    ["an enhanced packet without room", block(6, bytesLittle(0, 0)), "20 bytes of an enhanced packet, got 8"],
    ["a huge block", bytesLittle(6, 0xffff_fff0, 0), "at most 16777216 bytes"],
    [
      "an option past the end",
      interfaceBlock(1, 0, bytesLittle([2, 40])),
      "option 2: expected 40 bytes, got 0",
    ],
    [
      "a section of no byte order",
      block(0x0a0d0d0a, bytesLittle(1, 2, 3, 4)),
      "byte-order magic 0x1a2b3c4d, got 0x1",
    ],
  ])("refuses %s", (_, bad, message) => {
    const front = all(section(), interfaceBlock(1, 0));
    expect(() => [...packetsOf(all([...front], bad))]).toThrow(message);
    expect(() => [...packetsOf(all([...front], bad))]).toThrow(`offset ${front.length}`);
  });

  it("refuses two lengths that differ, of a block it reads and of one it skips", () => {
    for (const type of [1, 0x99]) {
      const bad = [...bytesLittle(type, 20, 0, 0), ...bytesLittle(24)];
      expect(() => [...packetsOf(all(section(), bad))]).toThrow(
        "pcapng block: offset 44: expected block length 20 again at the block's end, got 24",
      );
    }
  });

  it("refuses to write to an interface it does not have", () => {
    const packet = { data: new Uint8Array(0), seconds: 0, nanoseconds: 0 };
    expect(() => new PcapngWriter().write(packet)).toThrow("expected one of 0 interfaces, got 0");
    const name = "x".repeat(65_536);
    expect(() => new PcapngWriter().addInterface({ linktype: 1, name })).toThrow(
      "at most 65535 bytes, got 65536",
    );
  });
});

describe("damaged files", () => {
  it("give packets or a FormatError, nothing else", () => {
    const frame = { data: ipv4Frame(), seconds: 1, nanoseconds: 2 };
    const ng = new PcapngWriter();
    ng.addInterface({ linktype: 1, name: "x" });
    const files = [
      new PcapWriter().write(frame).write(frame).take(),
      new PcapWriter({ endian: "big" }).write(frame).write(frame).take(),
      ng.write(frame).write(frame).take(),
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...files),
        fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 6 }),
        fc.nat(400),
        fc.integer({ min: 1, max: 64 }),
        (file, changes, cut, size) => {
          const bytes = file.slice(0, Math.max(1, file.length - Math.max(0, cut - 200)));
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          const { packets, error } = readCut(bytes, [size]);
          if (error !== null) expect(error).toBeInstanceOf(FormatError);
          expect(packets.length).toBeLessThan(bytes.length / 12);
          // A file read whole and one read in pieces are the same file.
          const whole = readCut(bytes, [bytes.length]);
          expect(whole.packets).toEqual(packets);
          expect((whole.error as FormatError | null)?.offset).toBe((error as FormatError | null)?.offset);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
