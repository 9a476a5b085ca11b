import type { Firing } from "../hooks/firing.ts";
import type { Machine } from "../machine.ts";
import type { Device } from "./device.ts";
import { computeDataPointers, ETH_P_IP, networkOrder } from "./lay-skb.ts";
import { Family } from "./socket-struct.ts";
import { withStruct } from "./with-struct.ts";

/** `NF_ACCEPT` */
const ACCEPT = 1;

/** `nf_hook_slow`: programs in the order of their priority, until one does not accept. @returns whether all did. */
export function runNetfilter(firing: Firing<Machine>, device: Device, hook: number): boolean {
  const { machine } = firing;
  const { netfilter } = device.namespace;
  if (netfilter === null) return true;
  const { skb } = machine.packets;
  const family = networkOrder(skb.get("protocol")) === ETH_P_IP ? Family.INET : Family.INET6;
  return netfilter.at(family, hook).every(({ link }) =>
    withStruct(machine, "nf_hook_state", (state) => {
      state.set("hook", hook);
      state.set("pf", family);
      // NF_INET_LOCAL_OUT and NF_INET_POST_ROUTING are of what leaves.
      state.point(hook >= 3 ? "out" : "in", device.device.offset);
      state.point("net", device.namespace.offset);
      return withStruct(machine, "bpf_nf_ctx", (context) => {
        context.point("state", state.offset);
        context.point("skb", skb.offset);
        computeDataPointers(machine);
        return firing.run(link.program, context.offset, firing.frame({})) === ACCEPT;
      });
    }),
  );
}
