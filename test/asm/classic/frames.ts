/** Ethernet frames of many kinds, built by hand, for comparisons of filters. Deterministic. */

function bytes(...parts: (number | readonly number[] | Uint8Array)[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => (typeof part === "number" ? [part] : [...part])));
}

const be16 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff];
const be32 = (value: number): number[] => [...be16(value >>> 16), ...be16(value & 0xffff)];
const mac = (last: number): number[] => [2, 0, 0, 0, 0, last];
const ip4 = (a: number, b: number, c: number, d: number): number[] => [a, b, c, d];
const ip6 = (last: number): number[] => [0xfd, 0, ...new Array<number>(13).fill(0), last];

function ethernet(type: number, payload: Uint8Array, destination = mac(2)): Uint8Array {
  return bytes(destination, mac(1), be16(type), payload);
}

interface Ip4Options {
  readonly source?: readonly number[];
  readonly destination?: readonly number[];
  readonly fragment?: number;
  readonly ttl?: number;
  readonly options?: readonly number[];
}

function ipv4(protocol: number, payload: Uint8Array, given: Ip4Options = {}): Uint8Array {
  const options = given.options ?? [];
  const length = 20 + options.length + payload.length;
  return bytes(
    0x40 | (5 + options.length / 4),
    0,
    be16(length),
    be16(0x1234),
    be16(given.fragment ?? 0),
    given.ttl ?? 64,
    protocol,
    be16(0),
    given.source ?? ip4(10, 0, 0, 1),
    given.destination ?? ip4(10, 0, 0, 2),
    options,
    payload,
  );
}

function ipv6(next: number, payload: Uint8Array, destination = ip6(2)): Uint8Array {
  return bytes(0x60, 0, 0, 0, be16(payload.length), next, 64, ip6(1), destination, payload);
}

function ports(source: number, destination: number, rest: readonly number[]): Uint8Array {
  return bytes(be16(source), be16(destination), rest);
}

function tcp(source: number, destination: number, flags: number, data: readonly number[] = []): Uint8Array {
  return ports(source, destination, [
    ...be32(1),
    ...be32(2),
    0x50,
    flags,
    ...be16(1024),
    0,
    0,
    0,
    0,
    ...data,
  ]);
}

function udp(source: number, destination: number, data: readonly number[] = []): Uint8Array {
  return ports(source, destination, [...be16(8 + data.length), 0, 0, ...data]);
}

const GET = [..."GET / HTTP/1.1\r\n"].map((letter) => letter.charCodeAt(0));
const BROADCAST = new Array<number>(6).fill(0xff);
const vlan = (id: number, type: number, payload: Uint8Array): Uint8Array =>
  ethernet(0x8100, bytes(be16(id), be16(type), payload));

function wellFormed(): Uint8Array[] {
  const syn = ipv4(6, tcp(40000, 80, 0x02));
  const dns = ipv4(17, udp(40000, 53, [1, 2, 3, 4, 5]));
  return [
    ethernet(0x0800, syn),
    ethernet(0x0800, ipv4(6, tcp(80, 40000, 0x12))),
    ethernet(0x0800, ipv4(6, tcp(40000, 80, 0x18, GET))),
    ethernet(0x0800, ipv4(6, tcp(40000, 22, 0x11), { ttl: 3 })),
    ethernet(0x0800, ipv4(6, tcp(40000, 8443, 0x10), { options: [1, 1, 1, 0], source: ip4(10, 0, 1, 1) })),
    ethernet(0x0800, ipv4(6, tcp(40000, 443, 0x10, new Array<number>(700).fill(7)))),
    ethernet(0x0800, dns),
    ethernet(0x0800, ipv4(17, udp(53, 1500, [1, 2, 3, 4]), { destination: ip4(10, 0, 1, 9) })),
    ethernet(0x0800, ipv4(17, udp(68, 67, []), { destination: ip4(255, 255, 255, 255) }), BROADCAST),
    ethernet(0x0800, ipv4(17, udp(5000, 6081, [0, 0, 0x65, 0x58, 0, 0, 9, 0, ...ethernet(0x0800, dns)]))),
    ethernet(0x0800, ipv4(17, udp(1000, 2000), { fragment: 0x2000 })),
    ethernet(0x0800, ipv4(17, bytes([1, 2, 3, 4, 5, 6, 7, 8]), { fragment: 0x0010 })),
    ethernet(0x0800, ipv4(1, bytes(8, 0, 0, 0, 0, 1, 0, 1))),
    ethernet(0x0800, ipv4(1, bytes(0, 0, 0, 0, 0, 1, 0, 1), { source: ip4(192, 168, 0, 7) })),
    ethernet(0x0800, ipv4(2, bytes(0x11, 0, 0, 0)), [1, 0, 0x5e, 0, 0, 1]),
    ethernet(0x0800, ipv4(17, udp(1, 2), { destination: ip4(224, 0, 0, 1) }), [1, 0, 0x5e, 0, 0, 1]),
    ethernet(0x0800, ipv4(132, ports(9, 9, [0, 0, 0, 1, 0, 0, 0, 0]))),
    ethernet(0x0800, ipv4(89, bytes(2, 1, 0, 44))),
    ethernet(0x0800, ipv4(51, bytes(6, 4, 0, 0, be32(1), be32(1), be32(0), tcp(1, 80, 2)))),
    ethernet(0x0800, ipv4(50, bytes(be32(1), be32(1)))),
    ethernet(0x0800, ipv4(112, bytes(0x21, 1, 1, 1))),
    ethernet(0x0800, ipv4(103, bytes(0x20, 0, 0, 0))),
    ethernet(0x86dd, ipv6(6, tcp(40000, 80, 0x02))),
    ethernet(0x86dd, ipv6(17, udp(40000, 53, [9, 9]))),
    ethernet(0x86dd, ipv6(58, bytes(135, 0, 0, 0)), [0x33, 0x33, 0, 0, 0, 1]),
    ethernet(0x86dd, ipv6(17, udp(1, 2), [0xff, 2, ...new Array<number>(13).fill(0), 1])),
    ethernet(0x86dd, ipv6(44, bytes(6, 0, 0, 0, be32(1), tcp(1, 80, 2)))),
    ethernet(0x86dd, ipv6(0, bytes(6, 0, 1, 4, 0, 0, 0, 0, tcp(1, 443, 2)))),
    ethernet(
      0x0806,
      bytes(0, 1, 8, 0, 6, 4, 0, 1, mac(1), ip4(10, 0, 0, 1), mac(0), ip4(10, 0, 0, 2)),
      BROADCAST,
    ),
    ethernet(0x8035, bytes(0, 1, 8, 0, 6, 4, 0, 3, mac(1), ip4(0, 0, 0, 0), mac(1), ip4(0, 0, 0, 0))),
    vlan(5, 0x0800, syn),
    vlan(0x2005, 0x0800, dns),
    vlan(6, 0x86dd, ipv6(6, tcp(1, 80, 2))),
    vlan(5, 0x8100, bytes(be16(7), be16(0x0800), syn)),
    ethernet(0x88a8, bytes(be16(5), be16(0x8100), be16(7), be16(0x0800), syn)),
    ethernet(0x8847, bytes(be32((1000 << 12) | 0x100 | 64), syn)),
    ethernet(0x8847, bytes(be32((1000 << 12) | 64), be32((7 << 12) | 0x100 | 64), syn)),
    ethernet(0x8863, bytes(0x11, 9, 0, 0, 0, 0)),
    ethernet(0x8864, bytes(0x11, 0, be16(7), be16(syn.length + 2), be16(0x0021), syn)),
    ethernet(0x88cc, bytes(2, 7, 4, mac(1))),
    ethernet(38, bytes(0x42, 0x42, 3, new Array<number>(35).fill(0)), [1, 0x80, 0xc2, 0, 0, 0]),
    ethernet(30, bytes(0xfe, 0xfe, 3, 0x83, new Array<number>(26).fill(1))),
    ethernet(30, bytes(0xe0, 0xe0, 3, 0xff, 0xff, new Array<number>(25).fill(1))),
    ethernet(30, bytes(0xaa, 0xaa, 3, 0x08, 0, 7, 0x80, 0x9b, new Array<number>(22).fill(1))),
    ethernet(0x809b, new Uint8Array(30)),
    ethernet(0x80f3, new Uint8Array(30)),
    ethernet(0x6003, new Uint8Array(40)),
  ];
}

/** The frames, some of them cut short, and frames of noise. */
export function frames(): Uint8Array[] {
  const whole = wellFormed();
  const cut = whole.flatMap((frame, index) => [
    frame.slice(0, 14 + (index % 30)),
    frame.slice(0, index % 15),
  ]);
  const noise = Array.from({ length: 60 }, (_, seed) => {
    let state = seed + 1;
    const frame = whole[seed % whole.length]!.slice();
    for (let at = 12 + (seed % 30); at < frame.length; at += 1 + (state & 7)) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      frame[at] = state >>> 16;
    }
    return frame;
  });
  return [...whole, ...cut, ...noise].filter((frame) => frame.length > 0);
}

/** A capture file of frames; the second of each one's time is its number. */
export function pcapOf(list: readonly Uint8Array[]): Uint8Array {
  const little = (value: number): number[] => [
    value & 0xff,
    (value >> 8) & 0xff,
    (value >> 16) & 0xff,
    value >>> 24,
  ];
  const head = [0xa1b2c3d4, 0x0004_0002, 0, 0, 262_144, 1].flatMap((word) => little(word));
  const records = list.map((frame, index) =>
    bytes(
      [index, 0, frame.length, frame.length].flatMap((word) => little(word)),
      frame,
    ),
  );
  return bytes(head, ...records);
}

/** The numbers of the frames in a capture file made from {@link pcapOf}'s. */
export function numbersIn(pcap: Uint8Array): number[] {
  const view = new DataView(pcap.buffer, pcap.byteOffset, pcap.byteLength);
  const numbers: number[] = [];
  for (let at = 24; at < pcap.length; at += 16 + view.getUint32(at + 8, true)) {
    numbers.push(view.getUint32(at, true));
  }
  return numbers;
}
