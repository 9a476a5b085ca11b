import { LocalStorage } from "../../maps/index.ts";
import { decodeStruct, type StructValues, writeStruct } from "../../sys/index.ts";
import { BpfProgType, BpfTestRunFlag, bpfSkBuff, Errno } from "../../uapi/index.ts";
import type { KernelStruct } from "../kernel-struct.ts";
import type { Device } from "../net/device.ts";
import {
  ETH_HLEN,
  ETH_P_IP,
  ETH_P_IPV6,
  etherType,
  laySkb,
  type PacketPlace,
  SKB_HEADROOM,
} from "../net/lay-skb.ts";
import { LOOPBACK_IFINDEX } from "../net/loopback.ts";
import type { PacketObjects } from "../net/packet-objects.ts";
import { sendCopies } from "../net/packet-path.ts";
import { initSock } from "../net/socket.ts";
import type { KernelProgram } from "../objects/program.ts";
import type { Parts } from "../parts.ts";
import { refuse } from "../refusal.ts";
import { contextIn, finish, finishContext, type RunResult, runRepeated, type TestRun } from "./run.ts";

export const IPV4_HLEN = 20;
export const IPV6_HLEN = 40;
const AF_INET = 2;
const AF_INET6 = 10;
const GSO_LEGACY_MAX_SIZE = 65536;
const GSO_MAX_SEGS = 65535;

type View = StructValues<typeof bpfSkBuff>;

/** `bpf_prog_test_run_skb`, for all programs that take a `struct __sk_buff`. */
export function* testRunSkb(run: TestRun): Parts<number> {
  const { args, machine, process, program } = run;
  if ((args.flags & ~BpfTestRunFlag.SKB_CHECKSUM_COMPLETE) !== 0 || args.cpu !== 0 || args.batchSize !== 0) {
    refuse(Errno.EINVAL);
  }
  const { packets, memory } = machine;
  if (args.dataSizeIn < ETH_HLEN || args.dataSizeIn > packets.room - SKB_HEADROOM) refuse(Errno.EINVAL);
  const data = process.read(args.dataIn, args.dataSizeIn);
  const bytes = contextIn(run, bpfSkBuff.size);
  const offset = layTestSkb(machine, program, data, bytes, machine.loopback);
  const { skb, sock } = packets;
  // The socket of a test run is made for it, by whoever runs it.
  sock.point("sk_cgrp_data.cgroup", machine.current.cgroup.offset);

  const result = yield* runWithSocket(run);

  // A packet that began at its network header gets room for a link-layer header again, of zeros.
  const from = skb.pointer("data");
  const length = skb.get("len");
  const packet = {
    length: length + offset,
    bytes: () => {
      const whole = new Uint8Array(length + offset);
      whole.set(memory.bytes().subarray(from, from + length), offset);
      return whole;
    },
  };
  if (bytes !== null) toView(run, skb, bytes);
  const answer = finish(run, packet, result);
  sendCopies(machine);
  return answer !== 0 ? answer : finishContext(run, bytes);
}

/**
 * Lays a packet and its `sk_buff` out as test runs do. EINVAL, ENODEV.
 *
 * @param bytes what the caller says of the context; null for nothing.
 * @returns bytes of the packet in front of what the program sees.
 */
export function layTestSkb(
  place: PacketPlace,
  program: KernelProgram,
  data: Uint8Array,
  bytes: Uint8Array | null,
  device: Device,
): number {
  const { packets } = place;
  if (data.length < ETH_HLEN || data.length > packets.room - SKB_HEADROOM) refuse(Errno.EINVAL);
  const context = bytes === null ? null : decodeStruct(bpfSkBuff, bytes);
  if (context !== null && context.ifindex > LOOPBACK_IFINDEX) refuse(Errno.ENODEV);
  const isLayer2 =
    program.parts.type === BpfProgType.SCHED_CLS || program.parts.type === BpfProgType.SCHED_ACT;
  const { skb, sock } = packets;
  initSock(sock);
  describeSocket(sock, data, etherType(data));
  const offset = isLayer2 ? 0 : ETH_HLEN;
  laySkb(place, data, { device, sock: sock.offset, offset });
  if (context !== null) fromView(packets, skb, context);
  return offset;
}

/** Runs the program; what maps have for the packet's socket ends with it. */
function* runWithSocket(run: TestRun): Parts<RunResult> {
  const { packets, memory } = run.machine;
  try {
    return yield* runRepeated(run, packets.skb.offset);
  } finally {
    new LocalStorage(memory).clearOwner(packets.sock.at("sk_bpf_storage"));
  }
}

/** The packet's addresses become those of the socket it is received on. EINVAL where its header is cut short. */
function describeSocket(sock: KernelStruct, frame: Uint8Array, protocol: number): void {
  const ip = frame.subarray(ETH_HLEN);
  const view = new DataView(ip.buffer, ip.byteOffset, ip.byteLength);
  if (protocol === ETH_P_IP) {
    if (ip.length < IPV4_HLEN) refuse(Errno.EINVAL);
    sock.set("__sk_common.skc_family", AF_INET);
    sock.set("__sk_common.skc_rcv_saddr", view.getUint32(12, true));
    sock.set("__sk_common.skc_daddr", view.getUint32(16, true));
  } else if (protocol === ETH_P_IPV6) {
    if (ip.length < IPV6_HLEN) refuse(Errno.EINVAL);
    sock.set("__sk_common.skc_family", AF_INET6);
    sock.write("__sk_common.skc_v6_rcv_saddr", ip.subarray(8, 24));
    sock.write("__sk_common.skc_v6_daddr", ip.subarray(24, 40));
  }
}

/** Fields of `__sk_buff` that a caller may set; all others must be 0 (`convert___skb_to_skb`). */
const SETTABLE: ReadonlySet<keyof View> = new Set([
  "mark",
  "priority",
  "ingressIfindex",
  "ifindex",
  "cb",
  "tstamp",
  "wireLen",
  "gsoSegs",
  "gsoSize",
  "hwtstamp",
]);

function fromView({ sharedInfo: shared }: PacketObjects, skb: KernelStruct, context: View): void {
  for (const [name, value] of Object.entries(context) as [keyof View, number | bigint | Uint8Array][]) {
    if (SETTABLE.has(name)) continue;
    if (value instanceof Uint8Array ? value.some((byte) => byte !== 0) : value !== 0 && value !== 0n) {
      refuse(Errno.EINVAL);
    }
  }
  const length = skb.get("len");
  skb.set("mark", context.mark);
  skb.set("priority", context.priority);
  skb.set("skb_iif", context.ingressIfindex);
  skb.set("tstamp", context.tstamp);
  skb.write("cb+qdisc_skb_cb.data", context.cb);
  if (context.wireLen !== 0 && (context.wireLen < length || context.wireLen > GSO_LEGACY_MAX_SIZE)) {
    refuse(Errno.EINVAL);
  }
  skb.set("cb+qdisc_skb_cb.pkt_len", context.wireLen === 0 ? length : context.wireLen);
  if (context.gsoSegs > GSO_MAX_SEGS) refuse(Errno.EINVAL);
  shared.set("gso_segs", context.gsoSegs);
  shared.set("gso_size", context.gsoSize);
  shared.set("hwtstamps.hwtstamp", context.hwtstamp);
}

/** `convert_skb_to___skb`. */
function toView({ machine }: TestRun, skb: KernelStruct, bytes: Uint8Array): void {
  const shared = machine.packets.sharedInfo;
  writeStruct(bpfSkBuff, bytes, {
    mark: skb.get("mark"),
    priority: skb.get("priority"),
    ingressIfindex: skb.get("skb_iif"),
    ifindex: machine.loopback.device.get("ifindex"),
    tstamp: skb.get64("tstamp"),
    cb: skb.read("cb+qdisc_skb_cb.data", 20),
    wireLen: skb.get("cb+qdisc_skb_cb.pkt_len"),
    gsoSegs: shared.get("gso_segs"),
    hwtstamp: shared.get64("hwtstamps.hwtstamp"),
  });
}
