import { TICKS_PER_SECOND } from "../../helpers/index.ts";
import type { KernelStruct } from "../kernel-struct.ts";
import type { StructAllocator } from "../struct-allocator.ts";

/** `net.core.rmem_default` and `wmem_default`; the middle ones of `net.ipv4.tcp_rmem` and `tcp_wmem`. */
const Buffer = { DEFAULT: 212_992, TCP_RECEIVE: 131_072, TCP_SEND: 16_384 } as const;
const NO_LIMIT = 0xffff_ffff_ffff_ffffn;
/** `TCP_RTO_MIN`, `TCP_DELACK_MAX`, and `tcp_rto_max_ms`, in ticks. */
const Ticks = { SHORT: TICKS_PER_SECOND / 5, RTO_MAX: 120 * TICKS_PER_SECOND } as const;
/** `TCP_INIT_CWND`, `TCP_INFINITE_SSTHRESH`, `TCP_MSS_DEFAULT` */
const Tcp = { WINDOW: 10, THRESHOLD: 0x7fff_ffff, SEGMENT: 536 } as const;

/** What options of a new socket are (`sock_init_data`). */
export function setDefaults(sock: KernelStruct): void {
  sock.set("sk_rcvbuf", Buffer.DEFAULT);
  sock.set("sk_sndbuf", Buffer.DEFAULT);
  sock.set("sk_rcvlowat", 1);
  sock.set("sk_max_pacing_rate", NO_LIMIT);
  sock.set("sk_pacing_rate", NO_LIMIT);
}

/** `tcp_init_sock`, as far as options show it. @param congestion offset of its `struct tcp_congestion_ops`. */
export function setTcpDefaults(structs: StructAllocator, sock: KernelStruct, congestion: number): void {
  sock.set("sk_rcvbuf", Buffer.TCP_RECEIVE);
  sock.set("sk_sndbuf", Buffer.TCP_SEND);
  sock.set("sk_txrehash", 1);
  const connection = structs.view("inet_connection_sock", sock.offset);
  connection.set("icsk_rto_min", Ticks.SHORT);
  connection.set("icsk_rto_max", Ticks.RTO_MAX);
  connection.set("icsk_delack_max", Ticks.SHORT);
  connection.point("icsk_ca_ops", congestion);
  const tcp = structs.view("tcp_sock", sock.offset);
  tcp.set("snd_cwnd", Tcp.WINDOW);
  tcp.set("snd_ssthresh", Tcp.THRESHOLD);
  tcp.set("snd_cwnd_clamp", 0xffff_ffff);
  tcp.set("mss_cache", Tcp.SEGMENT);
}
