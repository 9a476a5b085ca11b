import { sipHash } from "./siphash.ts";

/** What a flow is told from others by, as far as `skb_flow_dissect_flow_keys` looks. */
export interface FlowKeys {
  /** In host order. */
  readonly protocol: number;
  readonly transport: number;
  /** Tag of the outermost VLAN; 0 for none. */
  readonly vlan: number;
  readonly flowLabel: number;
  /** Source and destination, two bytes each, as in the packet; a security parameter index of IPsec. Null where there are none. */
  readonly ports: Uint8Array | null;
  /** Source and destination, 4 or 16 bytes each; empty where the packet has none. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

const EtherType = { IP: 0x0800, IPV6: 0x86dd, VLAN: 0x8100, PROVIDER_VLAN: 0x88a8 } as const;

const Protocol = {
  HOP_BY_HOP: 0,
  TCP: 6,
  UDP: 17,
  DCCP: 33,
  ROUTING: 43,
  FRAGMENT: 44,
  ESP: 50,
  AH: 51,
  DESTINATION: 60,
  SCTP: 132,
  UDP_LITE: 136,
} as const;

/** Protocols whose headers begin with two ports. */
const WITH_PORTS: ReadonlySet<number> = new Set([
  Protocol.TCP,
  Protocol.UDP,
  Protocol.DCCP,
  Protocol.SCTP,
  Protocol.UDP_LITE,
]);

const NONE = new Uint8Array(0);

/** `MAX_FLOW_DISSECT_HDRS` */
const MAX_HEADERS = 15;

/** The keys of a packet from its network header on. What is inside tunnels is not looked at. */
export function flowKeys(packet: Uint8Array, protocol: number): FlowKeys {
  let at = 0;
  let vlan = 0;
  let type = protocol;
  for (let i = 0; i < MAX_HEADERS && (type === EtherType.VLAN || type === EtherType.PROVIDER_VLAN); i++) {
    if (packet.length < at + 4) break;
    if (vlan === 0) vlan = word(packet, at);
    type = word(packet, at + 2);
    at += 4;
  }
  const base = {
    protocol: type,
    transport: 0,
    vlan,
    flowLabel: 0,
    ports: null,
    source: NONE,
    destination: NONE,
  };
  const network = packet.subarray(at);
  if (type === EtherType.IP) return ipv4Keys(base, network);
  return type === EtherType.IPV6 ? ipv6Keys(base, network) : base;
}

function ipv4Keys(base: FlowKeys, ip: Uint8Array): FlowKeys {
  const length = (ip[0]! & 15) * 4;
  if (ip.length < 20 || length < 20) return base;
  const keys = { ...base, transport: ip[9]!, source: ip.subarray(12, 16), destination: ip.subarray(16, 20) };
  // Of a fragment not even the first has its ports counted: the others have none.
  const fragment = (word(ip, 6) & 0x3fff) !== 0;
  return fragment ? keys : { ...keys, ports: portsOf(ip.subarray(length), keys.transport) };
}

function ipv6Keys(base: FlowKeys, ip: Uint8Array): FlowKeys {
  if (ip.length < 40) return base;
  const flowLabel = ((ip[1]! & 15) << 16) | word(ip, 2);
  const addresses = { source: ip.subarray(8, 24), destination: ip.subarray(24, 40) };
  let transport = ip[6]!;
  // The sender has named the flow: its headers need no look.
  if (flowLabel !== 0) return { ...base, ...addresses, transport, flowLabel };
  let rest = ip.subarray(40);
  for (let i = 0; i < MAX_HEADERS; i++) {
    const extension =
      transport === Protocol.HOP_BY_HOP ||
      transport === Protocol.ROUTING ||
      transport === Protocol.DESTINATION;
    if (transport === Protocol.FRAGMENT && rest.length >= 8) {
      return { ...base, ...addresses, transport: rest[0]! };
    }
    if (!extension || rest.length < 2) break;
    transport = rest[0]!;
    rest = rest.subarray((rest[1]! + 1) * 8);
  }
  return { ...base, ...addresses, transport, ports: portsOf(rest, transport) };
}

/** `skb_flow_get_ports` */
function portsOf(header: Uint8Array, transport: number): Uint8Array | null {
  let at = -1;
  if (WITH_PORTS.has(transport) || transport === Protocol.ESP) at = 0;
  else if (transport === Protocol.AH) at = 4;
  return at >= 0 && header.length >= at + 4 ? header.subarray(at, at + 4) : null;
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

/**
 * `flow_hash_from_keys`: the same for both directions of a flow, and never 0.
 *
 * @param key what this kernel hashes with.
 */
export function flowHash(keys: FlowKeys, key: readonly [number, number, number, number]): number {
  const [low, high] = inOrder(keys.source, keys.destination);
  const ports = keys.ports ?? new Uint8Array(4);
  const [lowPort, highPort] = inOrder(ports.subarray(0, 2), ports.subarray(2, 4));
  const bytes = new Uint8Array(16 + 2 * keys.source.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, keys.protocol);
  view.setUint8(2, keys.transport);
  view.setUint16(4, keys.vlan);
  view.setUint32(8, keys.flowLabel);
  bytes.set(lowPort, 12);
  bytes.set(highPort, 14);
  bytes.set(low, 16);
  bytes.set(high, 16 + low.length);
  return sipHash(bytes, key).low >>> 0 || 1;
}

/** `__flow_hash_consistentify`: the smaller one first. */
function inOrder(one: Uint8Array, other: Uint8Array): [Uint8Array, Uint8Array] {
  for (let i = 0; i < one.length; i++) {
    if (one[i] !== other[i]) return one[i]! < other[i]! ? [one, other] : [other, one];
  }
  return [one, other];
}
