import type { KernelLayout } from "../platform/index.ts";
import { BpfFuncId, BpfRedirectFlag, Errno } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { SkBuffAccess } from "./sk-buff.ts";

/** Copies of packets that go elsewhere. */
export function cloneRedirectHelpers(layout: KernelLayout): readonly Helper[] {
  const skbs = new SkBuffAccess(layout);
  const SEGMENT_SIZE = layout.offset("skb_shared_info.gso_size");
  const SEGMENT_TYPE = layout.offset("skb_shared_info.gso_type");

  /** `bpf_clone_redirect`: the copy is on its way when the program has ended. */
  const cloneRedirect = (
    call: HelperCall,
    pointer: number,
    index: number,
    flags: number,
    high: number,
  ): number => {
    const skb = pointer >>> 0;
    if ((flags & ~BpfRedirectFlag.INGRESS) !== 0 || high !== 0) return -Errno.EINVAL;
    const view = call.memory.view();
    const shared = view.getUint32(skb + skbs.head, true) + view.getUint32(skb + skbs.end, true);
    if (
      view.getUint16(shared + SEGMENT_SIZE, true) !== 0 &&
      view.getUint32(shared + SEGMENT_TYPE, true) === 0
    )
      return -Errno.EBADMSG;
    const device = call.services.device?.(index >>> 0) ?? 0;
    if (device === 0) return -Errno.EINVAL;
    // A packet without a link-layer header cannot leave.
    const mac = view.getUint16(skb + skbs.macHeader, true);
    if (mac >= view.getUint16(skb + skbs.networkHeader, true) || view.getUint32(skb + skbs.len, true) === 0)
      return -Errno.ERANGE;
    const start = Math.min(skbs.start(call, skb), skbs.header(call, skb, 0));
    const frame = call.memory.bytes().slice(start, skbs.tailPointer(call, skb));
    call.services.sendCopy?.(device, frame, (flags & BpfRedirectFlag.INGRESS) !== 0);
    return 0;
  };

  return [
    hostHelper(
      BpfFuncId.clone_redirect,
      {
        args: ["ptr", "i32", "i64"],
        result: "i32",
        here: "The copy goes its way when the program has ended.",
      },
      cloneRedirect,
    ),
  ];
}
