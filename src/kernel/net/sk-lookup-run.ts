import { BpfAttachType } from "../../uapi/index.ts";
import type { Firing } from "../hooks/firing.ts";
import type { KernelStruct } from "../kernel-struct.ts";
import type { Machine } from "../machine.ts";
import type { Device } from "./device.ts";
import { ETH_HLEN, ETH_P_IP, ETH_P_IPV6, etherType, networkOrder } from "./lay-skb.ts";
import { Family } from "./socket.ts";
import { withStruct } from "./with-struct.ts";

/** `IPPROTO_TCP`, `IPPROTO_UDP`: protocols with ports. */
const PROTOCOLS: readonly number[] = [6, 17];
const SK_PASS = 1;

/** What a lookup of a socket is about. */
interface Flow {
  readonly family: number;
  readonly protocol: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** As in the header, in network order. */
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/**
 * Programs that choose the socket of a packet, all of them (`bpf_sk_lookup_run_v4`). @returns whether it may have one:
 * not where one of them says so, and none has chosen any.
 */
export function runSocketLookup(firing: Firing<Machine>, device: Device, frame: () => Uint8Array): boolean {
  const programs = device.namespace.hooks.get(BpfAttachType.SK_LOOKUP)?.programs ?? [];
  if (programs.length === 0) return true;
  const flow = flowOf(frame());
  if (flow === null) return true;
  const { machine } = firing;
  return withStruct(machine, "bpf_sk_lookup_kern", (context) =>
    machine.contexts.use(32, (addresses) => {
      fill(context, flow, device.ifindex);
      machine.memory.bytes().set(flow.source, addresses);
      machine.memory.bytes().set(flow.destination, addresses + 16);
      if (flow.family === Family.INET6) {
        context.point("v6.saddr", addresses);
        context.point("v6.daddr", addresses + 16);
      }
      let selected = 0n;
      let allPass = true;
      for (const program of programs) {
        context.set("selected_sk", selected);
        const result = firing.run(program, context.offset, firing.frame({}));
        if (result === SK_PASS) selected = context.get64("selected_sk") || selected;
        else allPass = false;
      }
      return allPass || selected !== 0n;
    }),
  );
}

function fill(context: KernelStruct, flow: Flow, ifindex: number): void {
  context.set("family", flow.family);
  context.set("protocol", flow.protocol);
  // The remote port is in network order, the local one in the host's.
  context.set("sport", networkOrder(flow.sourcePort));
  context.set("dport", flow.destinationPort);
  context.set("ingress_ifindex", ifindex);
  if (flow.family === Family.INET) {
    context.write("v4.saddr", flow.source);
    context.write("v4.daddr", flow.destination);
  }
}

/** The addresses and ports of a frame; null where it has none. */
function flowOf(frame: Uint8Array): Flow | null {
  const ip = frame.subarray(ETH_HLEN);
  const type = etherType(frame);
  const isV4 = type === ETH_P_IP && ip.length >= 20;
  if (!isV4 && !(type === ETH_P_IPV6 && ip.length >= 40)) return null;
  const protocol = isV4 ? ip[9]! : ip[6]!;
  const header = isV4 ? (ip[0]! & 0xf) * 4 : 40;
  if (!PROTOCOLS.includes(protocol) || ip.length < header + 4) return null;
  const [from, size] = isV4 ? [12, 4] : [8, 16];
  const port = (at: number) => (ip[header + at]! << 8) | ip[header + at + 1]!;
  return {
    family: isV4 ? Family.INET : Family.INET6,
    protocol,
    source: ip.slice(from, from + size),
    destination: ip.slice(from + size, from + 2 * size),
    sourcePort: port(0),
    destinationPort: port(2),
  };
}
