/** 32 random bits at a time, the same ones in every run (xorshift). */
export function randomWords(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

export function randomPacket(length: number, seed: number): Uint8Array {
  const next = randomWords(seed);
  return Uint8Array.from({ length }, () => next() >>> 24);
}

/** A packet that is a text: as many bytes of it as asked for, over and over. */
export function textPacket(text: string, length: number): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  return Uint8Array.from({ length }, (_, i) => bytes[i % bytes.length]!);
}

export function wordsPacket(words: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(words).buffer);
}

/** Ethernet, IPv4 and a TCP segment of `segment` bytes. */
export function tcpPacket(segment: number): Uint8Array {
  const payload = randomPacket(segment, 7);
  return join(ethernet(0x0800), ipv4(6, segment, []), payload);
}

/** Two VLAN tags, IPv4 with options and UDP to the VXLAN port; inside of it IPv6 with two extensions, and TCP with options. */
export function tunnelPacket(): Uint8Array {
  // Maximum segment size, selective acknowledgements, timestamps, no operation, window scale.
  const options = [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7];
  const tcp = [
    ...half(51000),
    ...half(443),
    ...word(1),
    ...word(2),
    0xa0,
    0x10,
    1,
    0,
    0,
    0,
    0,
    0,
    ...options,
  ];
  const extensions = [60, 0, 1, 4, 0, 0, 0, 0, 6, 1, 1, 12, ...Array<number>(12).fill(0)];
  const ipv6 = [0x60, 0, 0, 0, ...half(extensions.length + tcp.length), 0, 64, ...Array(32).keys()];
  const inner = join(ethernet(0x86dd), Uint8Array.from([...ipv6, ...extensions, ...tcp]));
  const vxlan = Uint8Array.from([8, 0, 0, 0, 0, 0, 42, 0]);
  const udp = Uint8Array.from([...half(50000), ...half(4789), ...half(16 + inner.length), 0, 0]);
  const tags = Uint8Array.from([0, 5, 0x81, 0, 0, 7, 8, 0]);
  return join(
    ethernet(0x88a8),
    tags,
    ipv4(17, 16 + inner.length, [0x94, 4, 0, 0, 1, 1, 1, 0]),
    udp,
    vxlan,
    inner,
  );
}

function ethernet(type: number): Uint8Array {
  return Uint8Array.from([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, ...half(type)]);
}

function ipv4(protocol: number, payload: number, options: readonly number[]): Uint8Array {
  const length = 20 + options.length;
  const addresses = [10, 1, 2, 3, 192, 168, 7, 9];
  const start = [0x40 | (length / 4), 0, ...half(length + payload), 0, 1, 0x40, 0, 64, protocol];
  const header = Uint8Array.from([...start, 0, 0, ...addresses, ...options]);
  let sum = 0;
  for (let i = 0; i < length; i += 2) sum += (header[i]! << 8) | header[i + 1]!;
  sum = (sum & 0xffff) + (sum >>> 16);
  header.set(half(~((sum & 0xffff) + (sum >>> 16)) & 0xffff), 10);
  return header;
}

const half = (value: number) => [value >>> 8, value & 0xff];
const word = (value: number) => [...half(value >>> 16), ...half(value & 0xffff)];

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** The packet, and others like it: bytes changed, cut short, or at random altogether. The first is the packet itself. */
export function variantsOf(packet: Uint8Array, seed: number): Uint8Array[] {
  const next = randomWords(seed);
  const changed = Array.from({ length: 8 }, () => {
    const bytes = packet.slice();
    for (let i = next() & 3; i >= 0; i--) bytes[next() % bytes.length] = next() >>> 24;
    return bytes;
  });
  // Shorter than an Ethernet header no test run has them.
  const cut = Array.from({ length: 3 }, () => packet.slice(0, 14 + (next() % (packet.length - 13))));
  const random = Array.from({ length: 4 }, () => randomPacket(packet.length, next()));
  return [packet, ...changed, ...cut, ...random];
}
