import { type SocketQuery, SocketState } from "../../helpers/index.ts";
import { isOnlyIpv6 } from "./socket-address.ts";
import { Family, Protocol } from "./socket-struct.ts";
import type { FoundSocket, ReuseportGroup, SocketTable } from "./socket-table.ts";

/** What programs that choose sockets say: one, and whether its group is left out; that there is to be none; or nothing. */
export type Choice = { readonly socket: FoundSocket; readonly alone: boolean } | "refused" | null;

/** A lookup: in which table, of what, and what programs say, where it comes to that. */
export interface Lookup {
  readonly table: SocketTable;
  readonly query: SocketQuery;
  readonly choose: () => Choice;
  /** What flows are hashed with. */
  readonly key: readonly number[];
}

/** The socket that a packet reaches (`__inet_lookup`, `__udp4_lib_lookup` and those of IPv6); null where none does. */
export function lookUpSocket(lookup: Lookup): FoundSocket | null {
  return lookup.query.protocol === Protocol.TCP ? lookUpTcp(lookup) : lookUpUdp(lookup);
}

function lookUpTcp(lookup: Lookup): FoundSocket | null {
  const { table, query, key } = lookup;
  const connection = table.chain("established").find((socket) => isConnection(socket, query));
  if (connection !== undefined) return connection;
  const choice = lookup.choose();
  if (choice !== null) return chosen(lookup, choice);
  for (const address of [query.destination, anyAddress(query)]) {
    let best: FoundSocket | null = null;
    let highest = 0;
    for (const socket of table.chain("listening")) {
      const score = scoreListener(socket, query, address);
      if (score <= highest) continue;
      const group = reuseportGroup(table, socket);
      if (group !== null) return selectOf(group, query, key) ?? socket;
      best = socket;
      highest = score;
    }
    if (best !== null) return best;
  }
  return null;
}

function lookUpUdp(lookup: Lookup): FoundSocket | null {
  const { table, query, key } = lookup;
  const connected = table
    .chain("connected")
    .find((socket) => hasOwnFamily(socket, query) && isConnection(socket, query));
  if (connected !== undefined) return connected;
  const bound = bestDatagram(table, query, query.destination, key);
  if (bound?.sock.get("__sk_common.skc_state") === SocketState.ESTABLISHED) return bound;
  const choice = lookup.choose();
  if (choice !== null) return chosen(lookup, choice);
  return bound ?? bestDatagram(table, query, anyAddress(query), key);
}

/** `inet_lookup_run_sk_lookup`: of a group, another one may get it. */
function chosen({ table, query, key }: Lookup, choice: NonNullable<Choice>): FoundSocket | null {
  if (choice === "refused") return null;
  const group = choice.alone ? null : reuseportGroup(table, choice.socket);
  return group === null ? choice.socket : (selectOf(group, query, key) ?? choice.socket);
}

/** `udp4_lib_lookup2`, `udp6_lib_lookup2` */
function bestDatagram(
  table: SocketTable,
  query: SocketQuery,
  address: Uint8Array,
  key: readonly number[],
): FoundSocket | null {
  let best: FoundSocket | null = null;
  let highest = query.family === Family.INET ? 0 : -1;
  for (const socket of table.chain("datagram")) {
    const score = scoreDatagram(socket, query, address);
    if (score <= highest) continue;
    highest = score;
    best = socket;
    if (socket.sock.get("__sk_common.skc_state") === SocketState.ESTABLISHED) continue;
    const group = reuseportGroup(table, socket);
    const selected = group === null ? null : selectOf(group, query, key);
    if (group === null || selected === null) continue;
    if (!group.connected) return selected;
    best = selected;
    highest = Math.max(score, scoreDatagram(selected, query, address));
  }
  return best;
}

/** Those of IPv6 that have an address of IPv4 are hashed by that (`udp6_hash4`). */
function hasOwnFamily({ sock }: FoundSocket, { family }: SocketQuery): boolean {
  return family === Family.INET || isOnlyIpv6(sock.read("__sk_common.skc_v6_rcv_saddr", 16));
}

/** `inet_match`, `inet6_match` */
function isConnection({ sock }: FoundSocket, query: SocketQuery): boolean {
  return (
    ownAddressIs(sock, query, query.destination) &&
    peerAddressIs(sock, query) &&
    sock.get("__sk_common.skc_num") === query.destinationPort &&
    peerPort(sock) === query.sourcePort &&
    deviceFits(sock, query)
  );
}

/** `compute_score` of what listens; -1 where it does not for such a packet. */
function scoreListener({ sock }: FoundSocket, query: SocketQuery, address: Uint8Array): number {
  if (!listensAt(sock, query, address)) return -1;
  const isBound = sock.get("__sk_common.skc_bound_dev_if") !== 0;
  const isOwnFamily = query.family === Family.INET && sock.get("__sk_common.skc_family") === Family.INET;
  return (isBound ? 2 : 1) + (isOwnFamily ? 1 : 0) + (isOnCpu(sock, query) ? 1 : 0);
}

/** `compute_score` of UDP; -1 where a packet is not for it. */
function scoreDatagram({ sock }: FoundSocket, query: SocketQuery, address: Uint8Array): number {
  if (!listensAt(sock, query, address)) return -1;
  const isV4 = query.family === Family.INET;
  const peerKnown = hasPeer(sock, query);
  const portKnown = peerPort(sock) !== 0;
  if (peerKnown && !peerAddressIs(sock, query)) return -1;
  if (portKnown && peerPort(sock) !== query.sourcePort) return -1;
  const each = isV4 ? 4 : 1;
  const isBound = sock.get("__sk_common.skc_bound_dev_if") !== 0;
  const base = isV4 ? (sock.get("__sk_common.skc_family") === Family.INET ? 2 : 1) : 0;
  const matches = [peerKnown, portKnown, isBound].filter(Boolean).length;
  return base + matches * each + (isOnCpu(sock, query) ? 1 : 0);
}

type Sock = FoundSocket["sock"];

function listensAt(sock: Sock, query: SocketQuery, address: Uint8Array): boolean {
  // IPV6_V6ONLY
  if (query.family === Family.INET && sock.get("__sk_common.skc_ipv6only") !== 0) return false;
  return (
    sock.get("__sk_common.skc_num") === query.destinationPort &&
    ownAddressIs(sock, query, address) &&
    deviceFits(sock, query)
  );
}

/** Sockets of IPv6 have an address of IPv4, too; those of IPv4 are no match for IPv6. */
function ownAddressIs(sock: Sock, { family }: SocketQuery, address: Uint8Array): boolean {
  if (family === Family.INET) return equal(sock.read("__sk_common.skc_rcv_saddr", 4), address);
  return (
    sock.get("__sk_common.skc_family") === Family.INET6 &&
    equal(sock.read("__sk_common.skc_v6_rcv_saddr", 16), address)
  );
}

function peerOf(sock: Sock, { family }: SocketQuery): Uint8Array {
  return family === Family.INET
    ? sock.read("__sk_common.skc_daddr", 4)
    : sock.read("__sk_common.skc_v6_daddr", 16);
}

function hasPeer(sock: Sock, query: SocketQuery): boolean {
  return peerOf(sock, query).some((byte) => byte !== 0);
}

function peerAddressIs(sock: Sock, query: SocketQuery): boolean {
  return equal(peerOf(sock, query), query.source);
}

/** As a number of the host. */
function peerPort(sock: Sock): number {
  const [high, low] = sock.read("__sk_common.skc_dport", 2);
  return (high! << 8) | low!;
}

/** `inet_sk_bound_dev_eq` */
function deviceFits(sock: Sock, { device }: SocketQuery): boolean {
  const bound = sock.get("__sk_common.skc_bound_dev_if");
  return bound === 0 || bound === device;
}

function isOnCpu(sock: Sock, { cpu }: SocketQuery): boolean {
  return sock.get("__sk_common.skc_incoming_cpu") === cpu;
}

function anyAddress({ destination }: SocketQuery): Uint8Array {
  return new Uint8Array(destination.length);
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.every((byte, index) => byte === other[index]);
}

function reuseportGroup(table: SocketTable, socket: FoundSocket): ReuseportGroup | null {
  return socket.sock.get("__sk_common.skc_reuseport") === 0 ? null : table.groupOf(socket);
}

/** `reuseport_select_sock_by_hash`: which one of a group gets a flow; none that is connected. */
function selectOf(
  { sockets }: ReuseportGroup,
  query: SocketQuery,
  key: readonly number[],
): FoundSocket | null {
  const first = Math.floor((hashOf(query, key) / 2 ** 32) * sockets.length);
  for (let step = 0; step < sockets.length; step++) {
    const socket = sockets[(first + step) % sockets.length]!;
    if (socket.sock.get("__sk_common.skc_state") !== SocketState.ESTABLISHED) return socket;
  }
  return null;
}

/** A hash of both ends, 32 bits. Linux's is another one, of a secret as this is. */
function hashOf(
  { source, sourcePort, destination, destinationPort }: SocketQuery,
  key: readonly number[],
): number {
  let hash = key[0]!;
  for (const part of [...source, sourcePort, ...destination, destinationPort, ...key]) {
    hash = Math.imul(hash ^ part, 0x9e37_79b1);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}
