import type { KernelLayout } from "../platform/index.ts";
import { BpfFuncId } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import { flowHash, flowKeys } from "./flow-keys.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { SkBuffAccess } from "./sk-buff.ts";

const NO_KEY = [0, 0, 0, 0] as const;

/** The hash of the flow that a packet belongs to, kept in its `struct sk_buff`. */
export function skbHashHelpers(layout: KernelLayout): readonly Helper[] {
  const skbs = new SkBuffAccess(layout);

  /** `bpf_get_hash_recalc`: what the packet has, or what its headers give now. */
  const recalculate = (call: HelperCall, skb: number): number => {
    skb >>>= 0;
    if (!skbs.hasHash(call, skb)) {
      const from = skbs.header(call, skb, 1);
      const packet = call.memory.bytes().subarray(from, skbs.tailPointer(call, skb));
      const keys = flowKeys(packet, skbs.protocolOf(call, skb));
      const hash = flowHash(keys, call.services.flowKey?.() ?? NO_KEY);
      skbs.setHash(call, skb, hash, keys.ports !== null || keys.flowLabel !== 0);
    }
    return call.memory.view().getInt32(skb + skbs.hash, true);
  };

  /** `bpf_set_hash_invalid` */
  const invalidate = (call: HelperCall, skb: number): number => {
    skbs.clearHash(call, skb >>> 0);
    return 0;
  };

  /** `bpf_set_hash` */
  const set = (call: HelperCall, skb: number, hash: number): number => {
    skbs.setHash(call, skb >>> 0, hash, true);
    return 0;
  };

  return [
    hostHelper(BpfFuncId.get_hash_recalc, { args: ["ptr"], result: "u32" }, recalculate),
    hostHelper(BpfFuncId.set_hash_invalid, { args: ["ptr"], result: "i32" }, invalidate),
    hostHelper(BpfFuncId.set_hash, { args: ["ptr", "i32"], result: "i32" }, set),
  ];
}
