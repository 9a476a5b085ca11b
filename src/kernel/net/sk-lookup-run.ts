import type { SocketQuery } from "../../helpers/index.ts";
import { BpfAttachType } from "../../uapi/index.ts";
import type { Firing } from "../hooks/firing.ts";
import type { KernelStruct } from "../kernel-struct.ts";
import type { KernelProgram } from "../objects/program.ts";
import type { Device } from "./device.ts";
import { ETH_HLEN, ETH_P_IP, ETH_P_IPV6, etherType, networkOrder } from "./lay-skb.ts";
import { Family, Protocol } from "./socket-struct.ts";
import { withStruct } from "./with-struct.ts";

const SK_PASS = 1;

/** What a lookup of a socket is about, wherever it is made. */
export type Flow = Omit<SocketQuery, "namespace" | "device" | "cpu">;

/** What programs say of a flow: which socket has it (offset of its `struct sock`), and whether its group is left out. */
export interface Selection {
  readonly sock: number;
  readonly alone: boolean;
}

/** `bpf_sk_lookup_run_v4` of a frame. @returns whether it may have a socket: not where a program says so, and none has chosen any. */
export function runSocketLookup(firing: Firing, device: Device, frame: () => Uint8Array): boolean {
  const programs = device.namespace.hooks.get(BpfAttachType.SK_LOOKUP)?.programs ?? [];
  const flow = programs.length === 0 ? null : flowOf(frame());
  return flow === null || selectSocket(firing, programs, flow, device.ifindex) !== "refused";
}

/** Runs programs that choose the socket of a flow, all of them; null where none has chosen any. */
export function selectSocket(
  firing: Firing,
  programs: readonly KernelProgram[],
  flow: Flow,
  ifindex: number,
): Selection | "refused" | null {
  if (programs.length === 0) return null;
  const { machine } = firing;
  return withStruct(machine, "bpf_sk_lookup_kern", (context) =>
    machine.contexts.use(32, (addresses) => {
      fill(context, flow, ifindex);
      machine.memory.bytes().set(flow.source, addresses);
      machine.memory.bytes().set(flow.destination, addresses + 16);
      if (flow.family === Family.INET6) {
        context.point("v6.saddr", addresses);
        context.point("v6.daddr", addresses + 16);
      }
      let selected = 0;
      let alone = false;
      let allPass = true;
      for (const program of programs) {
        context.point("selected_sk", selected);
        context.set("no_reuseport", alone ? 1 : 0);
        const result = firing.run(program, context.offset, firing.frame({}));
        const sock = context.pointer("selected_sk");
        if (result !== SK_PASS) allPass = false;
        else if (sock !== 0) [selected, alone] = [sock, context.get("no_reuseport") !== 0];
      }
      if (selected !== 0) return { sock: selected, alone };
      return allPass ? null : "refused";
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
  if ((protocol !== Protocol.TCP && protocol !== Protocol.UDP) || ip.length < header + 4) return null;
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
