import { MAP_HEADER_SIZE, MapField } from "../maps/index.ts";
import { RegionAccess } from "../mem/index.ts";
import type { KernelLayout } from "../platform/index.ts";
import { BpfFuncId, BpfMapType, Errno } from "../uapi/index.ts";
import type { ContextKind } from "./context-kind.ts";
import { constantHelper, hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import type { PerfCounter } from "./services.ts";
import { wideBits } from "./wide.ts";
import { XdpBuffAccess } from "./xdp-buff.ts";

/** `BPF_F_CURRENT_CPU` */
const CURRENT_CPU = 0xffff_ffff;

/** `BPF_F_CTXLEN_MASK`, in the high half of the flags. */
const CONTEXT_LENGTH = 0xf_ffff;

/** `struct bpf_perf_event_value` */
const VALUE_SIZE = 24;

/** Programs' bytes to the rings of perf events, and what such events have counted. */
export function perfEventHelpers(layout: KernelLayout, kind: ContextKind): readonly Helper[] {
  const LENGTH = layout.offset("sk_buff.len");
  const SKB_DATA = layout.offset("sk_buff.data");
  const XDP_SIZE = layout.sizeOf("xdp_buff");
  const buffs = new XdpBuffAccess(layout);

  /** Bytes of the packet that may be asked for beside the program's own. */
  const packetLength = (call: HelperCall, of: "skb" | "xdp", context: number): number =>
    of === "skb" ? call.memory.view().getUint32(context + LENGTH, true) : buffs.length(call, context);

  /** Copies the beginning of the packet (`bpf_skb_copy`, `bpf_xdp_copy`). */
  const copyPacket = (call: HelperCall, of: "skb" | "xdp", context: number, to: Uint8Array): void => {
    if (of === "xdp") {
      buffs.read(call, context, to);
      return;
    }
    const start = call.memory.view().getUint32(context + SKB_DATA, true);
    to.set(call.memory.bytes().subarray(start, start + to.length));
  };

  /** Contexts are packets; what a tracing program found somewhere may be none (NULL: EFAULT). */
  const isPacketAt = (call: HelperCall, of: "skb" | "xdp", at: number): boolean => {
    const reads = (from: number, size: number) => call.memory.regions.allows(from, size, RegionAccess.READ);
    return of === "xdp" ? reads(at, XDP_SIZE) : reads(at + LENGTH, 4) && reads(at + SKB_DATA, 8);
  };

  /** `bpf_perf_event_output`, `bpf_skb_event_output` and `bpf_xdp_event_output`. */
  const output =
    (of: ContextKind, found = false) =>
    (
      call: HelperCall,
      context: number,
      map: number,
      index: number,
      high: number,
      data: number,
      size: number,
      sizeHigh: number,
    ): number => {
      const packet = of === "skb" || of === "xdp" ? of : null;
      const known = packet === null ? 0 : CONTEXT_LENGTH;
      const at = context >>> 0;
      if ((high & ~known) !== 0) return -Errno.EINVAL;
      if (packet !== null) {
        if (found && !isPacketAt(call, packet, at)) return -Errno.EFAULT;
        if (high > packetLength(call, packet, at)) return -Errno.EFAULT;
      }
      const event = placeOf(call, map, index);
      if (event < 0) return event;
      if (sizeHigh !== 0) return -Errno.EINVAL;
      const raw = new Uint8Array((size >>> 0) + high);
      raw.set(call.memory.bytes().subarray(data >>> 0, (data >>> 0) + (size >>> 0)));
      if (packet !== null && high > 0) copyPacket(call, packet, at, raw.subarray(size >>> 0));
      return call.services.perf?.output(map >>> 0, event, raw) ?? -Errno.ENOENT;
    };
  const ofOutput = { args: ["ptr", "ptr", "i64", "ptr", "i64"], result: "i32" } as const;

  /** `bpf_perf_event_read`: the count itself, or an error that could be one. */
  const read = (call: HelperCall, map: number, index: number, high: number): number => {
    const found = high !== 0 ? -Errno.EINVAL : counterAt(call, map, index);
    return wideBits(call, typeof found === "number" ? BigInt(found) : found.value);
  };

  /** `bpf_perf_event_read_value`: what is not filled in is zeros. */
  const readValue = (
    call: HelperCall,
    map: number,
    index: number,
    high: number,
    to: number,
    size: number,
  ): number => {
    const found = high !== 0 || size !== VALUE_SIZE ? -Errno.EINVAL : counterAt(call, map, index);
    return giveCounter(call, found, to, size);
  };

  return [
    hostHelper(BpfFuncId.perf_event_output, ofOutput, output(kind)),
    // Of a packet that a tracing program was given, whatever its own context is.
    hostHelper(BpfFuncId.skb_output, ofOutput, output("skb", true)),
    hostHelper(BpfFuncId.xdp_output, ofOutput, output("xdp", true)),
    hostHelper(BpfFuncId.perf_event_read, { args: ["ptr", "i64"], result: "i64" }, read),
    hostHelper(
      BpfFuncId.perf_event_read_value,
      { args: ["ptr", "i64", "ptr", "i32"], result: "i32" },
      readValue,
    ),
    // `bpf_perf_prog_read_value`: of the event that the program is for.
    hostHelper(
      BpfFuncId.perf_prog_read_value,
      { args: ["ptr", "ptr", "i32"], result: "i32" },
      (call: HelperCall, _context: number, to: number, size: number) => {
        const own = () => call.services.perf?.ownCounter() ?? -Errno.EINVAL;
        return giveCounter(call, size === VALUE_SIZE ? own() : -Errno.EINVAL, to, size);
      },
    ),
    constantHelper(
      BpfFuncId.read_branch_records,
      {
        args: ["ptr", "ptr", "i32", "i64"],
        result: "i32",
        always: -Errno.ENOENT,
        here: "No CPU of this kernel records its branches.",
      },
      (_call: HelperCall, _context: number, _to: number, _size: number, flags: number, high: number) =>
        (flags & ~1) !== 0 || high !== 0 ? -Errno.EINVAL : undefined,
    ),
    constantHelper(
      BpfFuncId.get_branch_snapshot,
      {
        args: ["ptr", "i32", "i64"],
        result: "i32",
        always: -Errno.ENOENT,
        here: "No CPU of this kernel records its branches.",
      },
      (_call: HelperCall, _to: number, _size: number, flags: number, high: number) =>
        flags !== 0 || high !== 0 ? -Errno.EINVAL : undefined,
    ),
  ];
}

/** The index that is meant. EINVAL for another map, E2BIG. */
function placeOf(call: HelperCall, map: number, index: number): number {
  const view = call.memory.view();
  const header = (map >>> 0) - MAP_HEADER_SIZE;
  if (view.getUint32(header + MapField.TYPE, true) !== BpfMapType.PERF_EVENT_ARRAY) return -Errno.EINVAL;
  const place = index >>> 0 === CURRENT_CPU ? call.cpu : index >>> 0;
  return place >= view.getUint32(header + MapField.MAX_ENTRIES, true) ? -Errno.E2BIG : place;
}

function counterAt(call: HelperCall, map: number, index: number): PerfCounter | number {
  const place = placeOf(call, map, index);
  return place < 0 ? place : (call.services.perf?.counter(map >>> 0, place) ?? -Errno.ENOENT);
}

function giveCounter(call: HelperCall, found: PerfCounter | number, to: number, size: number): number {
  const at = to >>> 0;
  if (typeof found === "number") {
    call.memory.bytes().fill(0, at, at + (size >>> 0));
    return found;
  }
  const view = call.memory.view();
  for (const [index, value] of [found.value, found.enabled, found.running].entries())
    view.setBigUint64(at + 8 * index, value, true);
  return 0;
}
