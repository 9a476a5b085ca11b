import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { assemble } from "../../src/asm/index.ts";
import { hexOf } from "../../src/base/index.ts";
import { encode } from "../../src/isa/index.ts";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { type LoadedObject, load } from "../../src/loader/index.ts";
import { open } from "../../src/object/index.ts";
import { CaptureReader, PacketBatch, packetsOf } from "../../src/packets/index.ts";
import { BpfMapType, BpfProgType } from "../../src/uapi/index.ts";

const CAPTURE = readFileSync("testdata/flow/traffic.pcap");

interface Loaded {
  readonly kernel: EmbeddedKernel;
  readonly object: LoadedObject;
  readonly fd: number;
}

function loaded(path: string): Loaded {
  const kernel = new EmbeddedKernel({ engine: "jit", seed: 1, clock: () => 1000 });
  const object = load(open(readFileSync(path), { name: path }), kernel);
  return { kernel, object, fd: [...object.programs.values()][0]!.fd };
}

/** All maps that can be gone through, as text. */
function contents({ maps }: LoadedObject): string {
  return [...maps]
    .filter(([, { raw }]) => raw.shape.keySize > 0)
    .map(
      ([name, { raw }]) =>
        `${name}: ${[...raw.entries()]
          .map((entry) => entry.join(" → "))
          .sort()
          .join("\n")}`,
    )
    .join("\n\n");
}

function count(counts: Map<number, number>, verdict: number): void {
  counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
}

function assembled(kernel: EmbeddedKernel, text: string, progType: number = BpfProgType.XDP): number {
  const { insns } = assemble(text);
  return kernel.progLoad({ progType, insns: encode(insns), license: "GPL", logLevel: 0 }).fd;
}

const ADJUSTING = `
  r6 = r1
  r2 = -16
  call 44
  r1 = *(u32 *)(r6 + 0)
  r2 = *(u32 *)(r6 + 4)
  r0 = 1
  r3 = r1
  r3 += 16
  if r3 > r2 goto +4
  r0 = *(u64 *)(r1 + 0)
  r4 = *(u64 *)(r1 + 8)
  r0 += r4
  *(u64 *)(r1 + 0) = r2
  exit
`;

describe("PacketFeed", () => {
  it("gives what a test run of each packet gives, in verdicts and in maps", () => {
    const one = loaded("testdata/flow/flow.bpf.o");
    const other = loaded("testdata/flow/flow.bpf.o");
    const feed = one.kernel.packetFeed(one.fd)!;
    const verdicts = new Map<number, number>();
    let packets = 0;
    for (const packet of packetsOf(CAPTURE)) {
      if (!feed.takes(packet)) continue;
      packets++;
      feed.add(packet);
      count(verdicts, other.kernel.progTestRun({ progFd: other.fd, dataIn: packet.data }).retval);
    }
    feed.run();
    expect(packets).toBeGreaterThan(100);
    expect(feed.runs).toBe(packets);
    expect(feed.waiting).toBe(0);
    expect(new Map(feed.verdicts)).toEqual(verdicts);
    expect(feed.faults.size).toBe(0);
    expect(contents(one.object)).toBe(contents(other.object));
    feed.close();
    for (const { kernel } of [one, other]) kernel.exit();
  });

  it("keeps frames apart whose buffers are used again", () => {
    const { kernel } = loaded("testdata/flow/flow.bpf.o");
    const fd = assembled(
      kernel,
      `r2 = *(u32 *)(r1 + 4)
       r1 = *(u32 *)(r1 + 0)
       r3 = r1
       r3 += 14
       r0 = 0
       if r3 > r2 goto +1
       r0 = *(u8 *)(r1 + 13)
       exit`,
    );
    const feed = kernel.packetFeed(fd)!;
    const buffer = new Uint8Array(64);
    const frame = { bytes: buffer, offset: 2, length: 20 };
    for (let i = 0; i < 5000; i++) {
      buffer[15] = i % 7;
      if (i % 2 === 0) feed.add(frame);
      else while (feed.addMany({ bytes: buffer, count: 1, places: Uint32Array.of(2, 20, 20) }, 0) === 0);
    }
    feed.run();
    expect(feed.runs).toBe(5000);
    expect([...feed.verdicts].sort()).toEqual(
      [0, 1, 2, 3, 4, 5, 6].map((verdict) => [verdict, Math.floor(5000 / 7) + (verdict < 5000 % 7 ? 1 : 0)]),
    );
    feed.close();
    kernel.exit();
  });

  it("shows a program that looks around its packet nothing of the one before", () => {
    const { kernel } = loaded("testdata/flow/flow.bpf.o");
    const fd = assembled(kernel, ADJUSTING);
    const feed = kernel.packetFeed(fd)!;
    const bytes = new Uint8Array(64).fill(1);
    for (let i = 0; i < 100; i++) feed.add({ bytes, offset: 0, length: 64 });
    feed.run();
    const { retval } = kernel.progTestRun({ progFd: fd, dataIn: bytes });
    expect([...feed.verdicts]).toEqual([[retval, 100]]);
    feed.close();
    kernel.exit();
  });

  it("takes captures in pieces of any size", () => {
    const whole = loaded("testdata/flow/flow.bpf.o");
    const pieces = loaded("testdata/flow/flow.bpf.o");
    const one = whole.kernel.packetFeed(whole.fd)!;
    for (const packet of packetsOf(CAPTURE)) if (one.takes(packet)) one.add(packet);
    one.run();
    const other = pieces.kernel.packetFeed(pieces.fd)!;
    const reader = new CaptureReader();
    const batch = new PacketBatch(7);
    for (let at = 0; at < CAPTURE.length; at += 777) {
      reader.feed(CAPTURE.subarray(at, at + 777));
      for (let taken = -1; taken !== 0; ) {
        reader.look(batch);
        taken = batch.count === 0 ? 0 : other.addMany(batch, 0);
        reader.pass(batch, taken);
      }
      for (let packet = reader.next(); packet !== null; packet = reader.next())
        if (other.takes(packet)) other.add(packet);
    }
    other.run();
    expect(other.runs).toBe(one.runs);
    expect(new Map(other.verdicts)).toEqual(new Map(one.verdicts));
    expect(contents(pieces.object)).toBe(contents(whole.object));
    for (const feed of [one, other]) feed.close();
    for (const { kernel } of [whole, pieces]) kernel.exit();
  });

  it("takes of a batch what it can: up to frames that are none for it, and to its own room", () => {
    const { kernel } = loaded("testdata/flow/flow.bpf.o");
    const fd = assembled(
      kernel,
      `r0 = *(u32 *)(r1 + 4)
       r1 = *(u32 *)(r1 + 0)
       r0 -= r1
       exit`,
    );
    const feed = kernel.packetFeed(fd)!;
    const lengths = [14, 15, 16, 511, 512, 513, 1499, 3000, 13, 60];
    const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length + 5, 0));
    const places = new Uint32Array(3 * lengths.length);
    let at = 0;
    for (const [i, length] of lengths.entries()) {
      places.set([at, length, length], 3 * i);
      at += length + 5;
    }
    const batch = { bytes, count: lengths.length, places };
    expect(feed.addMany(batch, 0)).toBe(8);
    expect(feed.addMany(batch, 8)).toBe(0);
    expect(feed.addMany(batch, 9)).toBe(1);
    // More than it keeps before it has to run them.
    let added = 9;
    for (let round = 0; round < 3000; round++) added += feed.addMany(batch, 0);
    feed.run();
    expect(feed.runs).toBe(added);
    expect(added).toBeGreaterThan(3000 * 4);
    expect([...feed.verdicts.keys()].sort((a, b) => a - b)).toEqual(
      lengths.filter((length) => length !== 13).sort((a, b) => a - b),
    );
    feed.close();
    kernel.exit();
  });

  it("counts results that are actions, and others", () => {
    const { kernel } = loaded("testdata/flow/flow.bpf.o");
    const fd = assembled(
      kernel,
      `r2 = *(u32 *)(r1 + 4)
       r1 = *(u32 *)(r1 + 0)
       r3 = r1
       r3 += 14
       r0 = 0
       if r3 > r2 goto +4
       r0 = *(u8 *)(r1 + 0)
       if r0 != 200 goto +2
       r0 = -1
       r0 <<= 4
       exit`,
    );
    const feed = kernel.packetFeed(fd)!;
    const expected = new Map<number, number>();
    for (let i = 0; i < 1000; i++) {
      const bytes = new Uint8Array(20);
      bytes[0] = (i * 7) % 40 === 0 ? 200 : (i * 7) % 40;
      feed.add({ bytes, offset: 0, length: 20 });
      count(expected, bytes[0] === 200 ? 0xffff_fff0 : bytes[0]!);
      if (i % 100 === 0) feed.run();
    }
    feed.run();
    expect(new Map(feed.verdicts)).toEqual(expected);
    expect(feed.runs).toBe(1000);
    feed.close();
    kernel.exit();
  });

  it("is not for what is interpreted, or takes no frames, or has more around its runs; and says which frames it takes", () => {
    const interpreting = new EmbeddedKernel();
    expect(interpreting.packetFeed(assembled(interpreting, "r0 = 2\nexit"))).toBeNull();
    const kernel = new EmbeddedKernel({ engine: "jit" });
    expect(kernel.packetFeed(assembled(kernel, "r0 = 0\nexit", BpfProgType.RAW_TRACEPOINT))).toBeNull();
    const cookie = assembled(kernel, "call 46\nr0 = 0\nexit", BpfProgType.SOCKET_FILTER);
    expect(kernel.packetFeed(cookie)).toBeNull();
    expect(() => kernel.packetFeed(99)).toThrow("EBADF");
    const feed = kernel.packetFeed(assembled(kernel, "r0 = 2\nexit"))!;
    expect(
      [13, 14, 1500, 9000].map((length) => feed.takes({ bytes: new Uint8Array(length), offset: 0, length })),
    ).toEqual([false, true, true, false]);
    feed.close();
    for (const each of [interpreting, kernel]) each.exit();
  });

  it("frees what it had, and keeps its program until then", () => {
    const { kernel } = loaded("testdata/flow/flow.bpf.o");
    const fd = assembled(kernel, "r0 = 2\nexit");
    const before = kernel.memoryUsed;
    const feed = kernel.packetFeed(fd)!;
    feed.add({ bytes: new Uint8Array(60), offset: 0, length: 60 });
    feed.run();
    feed.close();
    expect(kernel.memoryUsed).toBeLessThanOrEqual(before + 4096);
    kernel.exit();
  });
});

/** Fields of `struct __sk_buff` that hold numbers: offsets and sizes. */
const SKB_FIELDS: readonly (readonly [number, "u32" | "u64"])[] = [
  ...[0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 64, 68, 72, 84, 88, 92, 96].map(
    (at) => [at, "u32"] as const,
  ),
  ...[100, 104, 108, 112, 116, 120, 124, 128, 132, 136].map((at) => [at, "u32"] as const),
  ...[160, 164, 176].map((at) => [at, "u32"] as const),
  [152, "u64"],
];
/** Fields that programs may set: what a run leaves there must not be seen by the next one. */
const SKB_SETTABLE = [8, 12, 32, 44, 48, 64, 72];

const SKB_TYPES = [
  "SOCKET_FILTER",
  "SCHED_CLS",
  "SCHED_ACT",
  "CGROUP_SKB",
  "LWT_IN",
  "LWT_OUT",
  "LWT_XMIT",
  "LWT_SEG6LOCAL",
] as const;

/**
 * What a program finds out about its packet, as far as its type may: mixed into r7, and that into the number in a map.
 * `more` stands behind it.
 */
function lookingAround(kernel: EmbeddedKernel, type: number, mapFd: number, more = ""): string {
  const begin = "r6 = r1\nr7 = 7";
  const mix = "r7 *= 31\nr7 += r0";
  const end = `
    *(u32 *)(r10 - 4) = 0
    r1 = map[id:${mapFd}]
    r2 = r10
    r2 += -4
    call 1
    if r0 == 0 goto +4
    r1 = *(u64 *)(r0 + 0)
    r1 *= 31
    r1 += r7
    *(u64 *)(r0 + 0) = r1
    r0 = r7
    r0 &= 1
    exit`;
  const parts = [
    ...SKB_FIELDS.map(([at, size]) => `r0 = *(${size} *)(r6 + ${at})\n${mix}`),
    // The first bytes, and those at the end.
    ...[0, 8].map((at) => load(`r2 = ${at}`, 8)),
    load("r2 = *(u32 *)(r6 + 0)\nr2 += -2", 2),
    ...[4, 24, 28, 44, 52, 56, 68].map(
      (at) => `r1 = *(u64 *)(r6 + 168)\nif r1 == 0 goto +3\nr0 = *(u32 *)(r1 + ${at})\n${mix}`,
    ),
    ...SKB_SETTABLE.map((at) => `r0 = r7\n*(u32 *)(r6 + ${at}) = r0`),
    `r1 = r6\nr2 = 3\nr3 = r10\nr3 += -8\n*(u64 *)(r10 - 8) = r7\nr4 = 4\nr5 = 1\ncall 9\n${mix}`,
    `r1 = r6\nr2 = 1\ncall 32\n${mix}`,
    `r1 = r6\ncall 34\n${mix}`,
  ];
  const accepted = parts.filter((part) => {
    try {
      kernel.port.close(assembled(kernel, [begin, part, end].join("\n"), type));
      return true;
    } catch {
      return false;
    }
  });
  expect(accepted.length).toBeGreaterThan(8);
  return [begin, ...accepted, more, end].filter((part) => part !== "").join("\n");
  function load(place: string, size: number): string {
    return `*(u64 *)(r10 - 8) = 0\nr1 = r6\n${place}\nr3 = r10\nr3 += -8\nr4 = ${size}\ncall 26\n${mix}\nr0 = *(u64 *)(r10 - 8)\n${mix}`;
  }
}

/** Frames of all kinds: of the capture, cut, of other protocols, to groups and to nobody. */
function framesOfAllKinds(): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (const { data } of packetsOf(CAPTURE)) {
    if (frames.length > 400) break;
    frames.push(data.slice());
    if (frames.length % 5 !== 0) continue;
    const other = data.slice(0, 14 + (frames.length % 90));
    const kind = frames.length % 4;
    if (kind === 0) other.fill(0, 0, 6);
    else if (kind === 1) other.fill(0xff, 0, 6);
    else other[0] = 0x33;
    const type = [0x0000, 0x05ff, 0x0600, 0x88cc, 0x0800, 0x86dd][frames.length % 6]!;
    other[12] = type >> 8;
    other[13] = type & 0xff;
    if (frames.length % 3 === 0) other.fill(0xff, 14);
    frames.push(other);
  }
  return frames;
}

interface Digested {
  readonly fd: number;
  readonly digest: () => string;
}

describe("PacketFeed of a packet as struct sk_buff", () => {
  const compare = (type: (typeof SKB_TYPES)[number], more: string) => {
    const kernel = new EmbeddedKernel({ engine: "jit", seed: 1, clock: () => 1000 });
    const [fed, run] = [0, 1].map(() => {
      const mapFd = kernel.mapCreate({ mapType: BpfMapType.ARRAY, keySize: 4, valueSize: 8, maxEntries: 1 });
      const progType = BpfProgType[type];
      const fd = assembled(kernel, lookingAround(kernel, progType, mapFd, more), progType);
      const digest = () => hexOf(kernel.mapLookupElem({ mapFd, key: new Uint8Array(4) })!);
      return { fd, digest };
    }) as [Digested, Digested];
    const feed = kernel.packetFeed(fed.fd)!;
    const expected = new Map<number, number>();
    let packets = 0;
    for (const [i, bytes] of framesOfAllKinds().entries()) {
      const frame = { bytes, offset: 0, length: bytes.length };
      if (!feed.takes(frame)) continue;
      packets++;
      feed.add(frame);
      count(expected, kernel.progTestRun({ progFd: run.fd, dataIn: bytes }).retval);
      // What others left in between does not matter either.
      if (i % 50 !== 49) continue;
      feed.run();
      expect(fed.digest()).toBe(run.digest());
    }
    feed.run();
    expect(packets).toBeGreaterThan(380);
    expect(fed.digest()).toBe(run.digest());
    expect(feed.faults.size).toBe(0);
    expect([...feed.verdicts].sort()).toEqual([...expected].sort());
    feed.close();
    kernel.exit();
  };

  it.each(SKB_TYPES)("gives what a test run of each packet gives: %s", (type) => compare(type, ""));

  const mix = "r7 *= 31\nr7 += r0";
  it.each([
    ["vlan_push", `r1 = r6\nr2 = 0xa888\nr3 = 5\ncall 18\n${mix}`],
    ["change_tail", `r1 = r6\nr2 = *(u32 *)(r6 + 0)\nr2 += 40\nr3 = 0\ncall 38\n${mix}`],
    ["change_head", `r1 = r6\nr2 = 16\nr3 = 0\ncall 43\n${mix}`],
    ["adjust_room", `r1 = r6\nr2 = 8\nr3 = 1\nr4 = 0\ncall 50\n${mix}`],
  ])("nor does a packet that was resized leave anything: %s", (_, resize) => {
    const last = "r1 = r6\nr2 = *(u32 *)(r6 + 0)\nr2 += -8\nr3 = r10\nr3 += -8\nr4 = 8\ncall 26";
    compare("SCHED_CLS", `${resize}\n${last}\n${mix}\nr0 = *(u64 *)(r10 - 8)\n${mix}`);
  });
});
