import type { KernelLayout } from "../platform/index.ts";
import { BpfFuncId, Errno } from "../uapi/index.ts";
import { constantHelper, hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { sipHash } from "./siphash.ts";
import { SocketState } from "./socket-state.ts";

const IPPROTO_TCP = 6;
const TCP_HLEN = 20;
const IPV4_HLEN = 20;
const IPV6_HLEN = 40;

/** Bits of the 14th byte of a TCP header. */
const Tcp = { FIN: 1, SYN: 2, RST: 4, ACK: 16 } as const;

/** `TCP_SYNCOOKIE_PERIOD`, in nanoseconds; a cookie is good for two. */
const PERIOD = 60e9;
const MAX_AGE = 2;

const COOKIE_BITS = 24;
const COOKIE_MASK = (1 << COOKIE_BITS) - 1;

/** Segment sizes that a cookie can tell apart (`msstab`), and the one without an option. */
const SIZES_V4 = [536, 1300, 1440, 1460] as const;
const SIZES_V6 = [1220, 1420, 1440, 8940] as const;

type Version = 4 | 6;

/** Where a packet's headers are in memory. */
interface Headers {
  readonly version: Version;
  readonly ip: number;
  readonly tcp: number;
}

/** The hash of a connection, of the two that a cookie is made of. */
function connectionHash(
  call: HelperCall,
  { version, ip, tcp }: Headers,
  count: number,
  which: 0 | 1,
): number {
  const bytes = call.memory.bytes();
  const length = version === 4 ? 8 : 32;
  const addresses = ip + (version === 4 ? 12 : 8);
  const data = new Uint8Array(length + 8);
  data.set(bytes.subarray(addresses, addresses + length));
  new DataView(data.buffer).setUint32(length, count, true);
  data.set(bytes.subarray(tcp, tcp + 4), length + 4);
  const key = call.services.flowKey?.() ?? ([0, 0, 0, 0] as const);
  // Linux has a secret for each; here they are told apart by a word of the kernel's own.
  return sipHash(data, [key[0], key[1], key[2] ^ version, key[3] ^ (which + 1)]).low;
}

/** `tcp_cookie_time` */
function minutes(call: HelperCall): number {
  return Math.floor(call.services.monotonic() / PERIOD) >>> 0;
}

/** `secure_tcp_syn_cookie`: what the sequence number of the answer would be. */
function cookieOf(call: HelperCall, headers: Headers, data: number): number {
  const count = minutes(call);
  const sequence = call.memory.view().getUint32(headers.tcp + 4);
  const small = (connectionHash(call, headers, count, 1) + data) & COOKIE_MASK;
  return (connectionHash(call, headers, 0, 0) + sequence + (count << COOKIE_BITS) + small) | 0;
}

/** `__cookie_v4_check`: whether a segment acknowledges a cookie. */
function isAnswer(call: HelperCall, headers: Headers): boolean {
  const view = call.memory.view();
  const sequence = view.getUint32(headers.tcp + 4) - 1;
  const count = minutes(call);
  const cookie = (view.getUint32(headers.tcp + 8) - 1 - connectionHash(call, headers, 0, 0) - sequence) | 0;
  const age = (count - (cookie >>> COOKIE_BITS)) & 0xff;
  if (age >= MAX_AGE) return false;
  const data = (cookie - connectionHash(call, headers, (count - age) >>> 0, 1)) & COOKIE_MASK;
  return data < SIZES_V4.length;
}

/** `tcp_parse_mss_option`: 0 where there is none. */
function segmentSize(call: HelperCall, tcp: number, length: number): number {
  const view = call.memory.view();
  let found = 0;
  for (let at = TCP_HLEN; at < length; ) {
    const kind = view.getUint8(tcp + at);
    if (kind === 0) return found;
    if (kind === 1) {
      at++;
      continue;
    }
    const size = at + 1 < length ? view.getUint8(tcp + at + 1) : 0;
    if (size < 2 || at + size > length) return found;
    if (kind === 2 && size === 4) found = view.getUint16(tcp + at + 2) || found;
    at += size;
  }
  return found;
}

/** `bpf_tcp_raw_gen_syncookie_ipv4`, `…_ipv6`: the cookie, and above it the segment size. */
function generate(version: Version) {
  return (call: HelperCall, ip: number, th: number, length: number): number => {
    const tcp = th >>> 0;
    const size = length >>> 0;
    if (size < TCP_HLEN || size !== (call.memory.view().getUint8(tcp + 12) >> 4) * 4) {
      call.resultHigh = -1;
      return -Errno.EINVAL;
    }
    const sizes: readonly number[] = version === 4 ? SIZES_V4 : SIZES_V6;
    const wanted = segmentSize(call, tcp, size) || sizes[0]!;
    const index = Math.max(
      sizes.findLastIndex((each) => wanted >= each),
      0,
    );
    call.resultHigh = sizes[index]!;
    return cookieOf(call, { version, ip: ip >>> 0, tcp }, index);
  };
}

function check(version: Version) {
  return (call: HelperCall, ip: number, tcp: number): number =>
    isAnswer(call, { version, ip: ip >>> 0, tcp: tcp >>> 0 }) ? 0 : -Errno.EACCES;
}

/** SYN cookies: of packets alone, and of listening sockets. */
export function synCookieHelpers(layout: KernelLayout): readonly Helper[] {
  const STATE = layout.offset("sock_common.skc_state");
  const PROTOCOL = layout.offset("sock.sk_protocol");
  const FAMILY = layout.offset("sock_common.skc_family");

  /** What is wrong with a socket, or with an IP header that is to be one of its connections; undefined: nothing. */
  const problem = (call: HelperCall, ...args: number[]): number | undefined => {
    const [sk, ip, length] = args.map((each) => each >>> 0) as [number, number, number];
    const view = call.memory.view();
    if (
      view.getUint16(sk + PROTOCOL, true) !== IPPROTO_TCP ||
      view.getUint8(sk + STATE) !== SocketState.LISTEN
    )
      return -Errno.EINVAL;
    if (length < IPV4_HLEN) return -Errno.EINVAL;
    const version = view.getUint8(ip) >> 4;
    if (version === 4) return undefined;
    if (version !== 6) return -Errno.EPROTONOSUPPORT;
    return length < IPV6_HLEN || view.getUint16(sk + FAMILY, true) !== AF_INET6 ? -Errno.EINVAL : undefined;
  };

  const ofSocket = { args: ["ptr", "ptr", "i32", "ptr", "i32"] } as const;
  const quiet = "No listening socket of this kernel has more requests than it can take.";
  return [
    hostHelper(
      BpfFuncId.tcp_raw_gen_syncookie_ipv4,
      { args: ["ptr", "ptr", "i32"], result: "i64" },
      generate(4),
    ),
    hostHelper(
      BpfFuncId.tcp_raw_gen_syncookie_ipv6,
      { args: ["ptr", "ptr", "i32"], result: "i64" },
      generate(6),
    ),
    hostHelper(BpfFuncId.tcp_raw_check_syncookie_ipv4, { args: ["ptr", "ptr"], result: "i32" }, check(4)),
    hostHelper(BpfFuncId.tcp_raw_check_syncookie_ipv6, { args: ["ptr", "ptr"], result: "i32" }, check(6)),
    constantHelper(
      BpfFuncId.tcp_check_syncookie,
      { ...ofSocket, result: "i32", always: -Errno.ENOENT, here: quiet },
      (call, sk, ip, ipLength, _tcp, length) =>
        length! >>> 0 < TCP_HLEN ? -Errno.EINVAL : problem(call, sk!, ip!, ipLength!),
    ),
    constantHelper(
      BpfFuncId.tcp_gen_syncookie,
      { ...ofSocket, result: "i64", always: -Errno.ENOENT, here: quiet },
      (call, sk, ip, ipLength, th, length) => {
        const tcp = th! >>> 0;
        const view = call.memory.view();
        const size = length! >>> 0;
        if (size < TCP_HLEN || size !== (view.getUint8(tcp + 12) >> 4) * 4) return -Errno.EINVAL;
        const flags = view.getUint8(tcp + 13) & (Tcp.FIN | Tcp.SYN | Tcp.RST | Tcp.ACK);
        return flags === Tcp.SYN ? problem(call, sk!, ip!, ipLength!) : -Errno.EINVAL;
      },
    ),
  ];
}

const AF_INET6 = 10;
