import type { PacketMetadata } from "../../helpers/index.ts";
import { BpfAttachType, TcxAction, XdpAction } from "../../uapi/index.ts";
import { Firing } from "../hooks/firing.ts";
import type { Machine } from "../machine.ts";
import type { KernelProgram } from "../objects/program.ts";
import type { KernelTask } from "../tasks/task.ts";
import { runCgroupPrograms } from "./cgroup-run.ts";
import type { Device } from "./device.ts";
import { computeDataPointers, ETH_HLEN, ETH_P_IP, laySkb, networkOrder } from "./lay-skb.ts";
import { layXdp, XDP_HEADROOM } from "./lay-xdp.ts";
import { runNetfilter } from "./netfilter-run.ts";
import { runSocketLookup } from "./sk-lookup-run.ts";
import type { KernelSocket } from "./socket.ts";
import { Family } from "./socket-struct.ts";

/** What became of a packet. */
export interface Delivery {
  readonly verdict: "accepted" | "dropped" | "transmitted" | "redirected";
  /** Who decided: a hook's name; null where nobody was against it. */
  readonly by: string | null;
  /** The packet as it was in the end. */
  readonly bytes: Uint8Array;
  /** Programs that ran. */
  readonly runs: number;
}

/** A packet on its way. */
export interface Passing {
  readonly device: Device;
  /** Where it goes to, or comes from; null: nobody's. */
  readonly socket?: KernelSocket | null;
  /** Where what is sent through the loopback device goes to; nobody unless told. */
  readonly receiver?: KernelSocket | null;
  /** What the device knows of a packet that comes in, as far as its driver can tell it; nothing unless told. */
  readonly metadata?: PacketMetadata;
  /** CPU 0 unless told. */
  readonly cpu?: number;
  /** In whose name; what runs on the CPU unless told. */
  readonly task?: KernelTask;
}

/** `NF_INET_*` */
export const NetfilterHook = {
  PRE_ROUTING: 0,
  LOCAL_IN: 1,
  FORWARD: 2,
  LOCAL_OUT: 3,
  POST_ROUTING: 4,
} as const;

/**
 * A frame comes in at a device, in Linux's order: XDP of the driver, XDP of the stack, tcx, netfilter, the lookup of a
 * socket, its control groups, its filter.
 */
export function receivePacket(machine: Machine, frame: Uint8Array, passing: Passing): Delivery {
  checkLength(machine, frame);
  const firing = new Firing(machine, passing);
  const path = new Path(firing, passing);
  return firing.there(() => path.receive(frame));
}

/** A frame leaves through a device: netfilter, control groups of its socket, tcx. What leaves by loopback comes in. */
export function sendPacket(machine: Machine, frame: Uint8Array, passing: Passing): Delivery {
  checkLength(machine, frame);
  const firing = new Firing(machine, passing);
  const path = new Path(firing, passing);
  return firing.there(() => path.send(frame));
}

/** A frame is put out of a device as it is (`dev_queue_xmit`): only tcx sees it. What leaves by loopback comes in. */
export function transmitPacket(machine: Machine, frame: Uint8Array, passing: Passing): Delivery {
  checkLength(machine, frame);
  const firing = new Firing(machine, passing);
  const path = new Path(firing, passing);
  return firing.there(() => path.transmit(frame));
}

/** Lets copies of packets go that programs have sent on. */
export function sendCopies(machine: Machine): void {
  if (machine.executor.depth !== 0) return;
  machine.copies.send(({ device, frame, ingress }) => {
    if (frame.length < ETH_HLEN || frame.length > machine.packets.room - XDP_HEADROOM) return;
    if (ingress) receivePacket(machine, frame, { device });
    else transmitPacket(machine, frame, { device });
  });
}

/** A frame has a header, and fits into a page with what is in front of it and behind. */
function checkLength({ packets }: Machine, { length }: Uint8Array): void {
  const most = packets.room - XDP_HEADROOM;
  if (length < ETH_HLEN || length > most)
    throw new RangeError(`packet: expected ${ETH_HLEN} to ${most} bytes, got ${length}`);
}

/** An end that somebody has decided on. */
type End = Pick<Delivery, "verdict" | "by"> | null;

class Path {
  readonly #firing: Firing<Machine>;
  readonly #machine: Machine;
  readonly #device: Device;
  readonly #socket: KernelSocket | null;
  readonly #receiver: KernelSocket | null;
  readonly #metadata: PacketMetadata;

  constructor(firing: Firing<Machine>, { device, socket, receiver, metadata = {} }: Passing) {
    this.#metadata = device.metadataOf(metadata);
    this.#firing = firing;
    this.#machine = firing.machine;
    this.#device = device;
    this.#socket = socket ?? null;
    this.#receiver = receiver ?? null;
  }

  receive(frame: Uint8Array): Delivery {
    let bytes = frame;
    for (const mode of ["driver", "skb"] as const) {
      const attachment = this.#device.xdp.get(mode);
      if (attachment === undefined) continue;
      const result = this.#xdp(attachment.program, bytes);
      bytes = result.bytes;
      if (result.end !== null) return this.#deliver(result.end, bytes);
    }
    // Whose it is, is found out behind tcx.
    this.#lay(bytes, null);
    const { skb } = this.#machine.packets;
    skb.set("skb_iif", this.#device.ifindex);
    this.#tracepoint("netif_receive_skb", bytes.length);
    const end =
      this.#traffic(BpfAttachType.TCX_INGRESS) ??
      this.#netfilter(NetfilterHook.PRE_ROUTING) ??
      this.#netfilter(NetfilterHook.LOCAL_IN) ??
      this.#lookup() ??
      this.#find() ??
      this.#cgroup(BpfAttachType.CGROUP_INET_INGRESS);
    const whole = this.#frame();
    return this.#deliver(end ?? this.#filter() ?? { verdict: "accepted", by: null }, whole);
  }

  send(frame: Uint8Array): Delivery {
    this.#lay(frame, this.#socket);
    const end =
      this.#netfilter(NetfilterHook.LOCAL_OUT) ??
      this.#netfilter(NetfilterHook.POST_ROUTING) ??
      this.#cgroup(BpfAttachType.CGROUP_INET_EGRESS) ??
      this.#traffic(BpfAttachType.TCX_EGRESS);
    return this.#leave(end);
  }

  transmit(frame: Uint8Array): Delivery {
    this.#lay(frame, this.#socket);
    return this.#leave(this.#traffic(BpfAttachType.TCX_EGRESS));
  }

  /** The packet leaves, unless somebody has decided otherwise. */
  #leave(end: End): Delivery {
    const bytes = this.#frame();
    if (end !== null) return this.#deliver(end, bytes);
    this.#tracepoint("net_dev_queue", bytes.length);
    if (this.#device === this.#device.namespace.loopback) {
      const back = new Path(this.#firing, { device: this.#device, socket: this.#receiver });
      return back.receive(bytes);
    }
    this.#device.transmitted(bytes);
    return this.#deliver({ verdict: "transmitted", by: null }, bytes);
  }

  #deliver({ verdict, by }: NonNullable<End>, bytes: Uint8Array): Delivery {
    return { verdict, by, bytes, runs: this.#firing.runs };
  }

  /** What the stack sees of a frame begins behind its link-layer header. */
  #lay(frame: Uint8Array, socket: KernelSocket | null): void {
    const sock = socket?.sock.offset ?? 0;
    laySkb(this.#machine, frame, { device: this.#device, sock, offset: ETH_HLEN });
  }

  /** Moves the packet's beginning: behind a header, or in front of one (`skb_pull`, `skb_push`). */
  #pull(distance: number): void {
    const { skb } = this.#machine.packets;
    skb.point("data", skb.pointer("data") + distance);
    skb.set("len", skb.get("len") - distance);
  }

  /** The frame of the packet as it is now, from its link-layer header on. */
  #frame(): Uint8Array {
    const { packets, memory } = this.#machine;
    const { skb } = packets;
    const data = skb.pointer("data");
    const start = skb.pointer("head") + skb.get("mac_header");
    return memory.bytes().slice(Math.min(start, data), data + skb.get("len"));
  }

  // --- XDP ------------------------------------------------------------------------------------------------------

  #xdp(program: KernelProgram, frame: Uint8Array): { end: End; bytes: Uint8Array } {
    const machine = this.#machine;
    layXdp(machine, frame, { headroom: XDP_HEADROOM, meta: 0, queue: this.#device.queue });
    const { xdp } = machine.packets;
    const frameOfRun = this.#firing.frame({});
    const action = machine.withPacketMetadata(this.#metadata, () =>
      this.#firing.run(program, xdp.offset, frameOfRun),
    );
    const bytes = machine.memory.bytes().slice(xdp.pointer("data"), xdp.pointer("data_end"));
    const end = (verdict: Delivery["verdict"]) => ({ end: { verdict, by: "xdp" }, bytes });
    if (action === XdpAction.PASS) return { end: null, bytes };
    if (action === XdpAction.TX) return end("transmitted");
    if (action === XdpAction.REDIRECT) return end("redirected");
    // `bpf_warn_invalid_xdp_action`: what there is not drops.
    return end("dropped");
  }

  // --- tcx ------------------------------------------------------------------------------------------------------

  /** `tcx_run`, `sch_handle_ingress`: programs see the link-layer header; the first that decides has decided. */
  #traffic(attachType: number): End {
    const chain = this.#device.tcx.get(attachType);
    if (chain === undefined) return null;
    const { skb } = this.#machine.packets;
    const arrives = attachType === BpfAttachType.TCX_INGRESS;
    skb.set("tc_at_ingress", arrives ? 1 : 0);
    // Of what arrives without its link-layer header (`sch_handle_ingress`, `qdisc_pkt_len_init`).
    skb.set("cb+qdisc_skb_cb.pkt_len", skb.get("len") + (arrives ? 0 : ETH_HLEN));
    this.#pull(-ETH_HLEN);
    let action: number = TcxAction.NEXT;
    for (const { program } of chain.entries) {
      computeDataPointers(this.#machine);
      action = this.#firing.run(program, skb.offset, this.#firing.frame({}));
      if (action !== TcxAction.NEXT) break;
    }
    this.#pull(ETH_HLEN);
    if (action === TcxAction.DROP) return { verdict: "dropped", by: "tcx" };
    return action === TcxAction.REDIRECT ? { verdict: "redirected", by: "tcx" } : null;
  }

  // --- the rest of the stack ------------------------------------------------------------------------------------

  #netfilter(hook: number): End {
    return runNetfilter(this.#firing, this.#device, hook) ? null : { verdict: "dropped", by: "netfilter" };
  }

  #lookup(): End {
    return runSocketLookup(this.#firing, this.#device, () => this.#frame())
      ? null
      : { verdict: "dropped", by: "sk_lookup" };
  }

  /** The packet is its socket's from here on. */
  #find(): End {
    if (this.#socket !== null) this.#machine.packets.skb.point("sk", this.#socket.sock.offset);
    return null;
  }

  /** `__cgroup_bpf_run_filter_skb`: programs of the socket's control groups, who see the network header first. */
  #cgroup(attachType: number): End {
    const socket = this.#socket;
    if (socket === null || (socket.parts.family !== Family.INET && socket.parts.family !== Family.INET6))
      return null;
    computeDataPointers(this.#machine);
    const { skb } = this.#machine.packets;
    const group = socket.parts.cgroup;
    const result = runCgroupPrograms(this.#machine, {
      group,
      attachType,
      context: skb.offset,
      run: (...run) => this.#firing.run(...run),
    });
    return result < 0 ? { verdict: "dropped", by: "cgroup_skb" } : null;
  }

  /** `sk_filter`: how much of the packet the socket takes. A packet socket sees all of it, others what they get. */
  #filter(): End {
    const socket = this.#socket;
    if (socket === null) return null;
    const { packets, memory } = this.#machine;
    const { skb } = packets;
    const isPacket = socket.parts.family === Family.PACKET;
    this.#pull(isPacket ? -ETH_HLEN : transportOffset(this.#machine));
    computeDataPointers(this.#machine);
    let length = skb.get("len");
    if (socket.filter !== null) {
      const wanted = this.#firing.run(socket.filter, skb.offset, this.#firing.frame({})) >>> 0;
      if (wanted === 0) return { verdict: "dropped", by: "socket_filter" };
      length = Math.min(length, wanted);
    }
    const data = skb.pointer("data");
    socket.received.push(memory.bytes().slice(data, data + length));
    return null;
  }

  /** Tracepoints that every packet passes. */
  #tracepoint(name: string, length: number): void {
    const { tracepoints, packets } = this.#machine;
    const point = tracepoints.find(name);
    if (point === null || point.probes.length === 0) return;
    this.#firing.tracepoint(point, tracepoints.events.find("net", name), {
      args: [packets.skb],
      fields: { skbaddr: packets.skb, len: length - ETH_HLEN, name: this.#device.name },
    });
  }
}

/** Bytes of the network header, as far as it is one of IPv4 or IPv6 without extensions, and no more than there are. */
function transportOffset({ packets: { skb }, memory }: Machine): number {
  const data = skb.pointer("data");
  const header =
    networkOrder(skb.get("protocol")) === ETH_P_IP ? (memory.bytes()[data]! & 0xf) * 4 : IPV6_HEADER;
  return Math.min(header, skb.get("len"));
}

const IPV6_HEADER = 40;
