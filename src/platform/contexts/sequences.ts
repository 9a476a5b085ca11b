import { unreachable } from "../../base/index.ts";
import type { SequenceName } from "./context.ts";
import { ax, borrowed, type Emission, emitStore, storesImmediate } from "./emission.ts";

/** `NO_QUEUE_MAPPING`: the queue that means none. */
const NO_QUEUE_MAPPING = 0xffff;

/** Emits a rewrite that has a form of its own. @returns Linux's `target_size`. */
export function emitSequence(name: SequenceName, emission: Emission): number {
  switch (name) {
    case "queueMapping":
      return queueMapping(emission);
    case "vlanPresent":
      return vlanPresent(emission);
    case "napiId":
      return napiId(emission);
    case "timestamp":
      return emission.site.write ? writeTimestamp(emission) : readTimestamp(emission);
    case "timestampType":
      return timestampType(emission);
    case "linearEnd":
      return linearEnd(emission);
    case "receiveQueue":
      return receiveQueue(emission);
    case "segmentTimestamp":
      return segmentTimestamp(emission);
    case "zero16":
      emission.builder.mov32(emission.dst, 0);
      return 2;
    default:
      return unreachable(name);
  }
}

/** Writes of a queue that does not exist are dropped. */
function queueMapping(emission: Emission): number {
  const { builder, dst, src, layout, site } = emission;
  const offset = layout.offset("sk_buff.queue_mapping");
  if (!site.write) {
    builder.ldx("h", dst, src, offset);
  } else if (!storesImmediate(site.insn)) {
    builder.branch("jge", src, NO_QUEUE_MAPPING, 1);
    emitStore(emission, "h", offset);
  } else if (site.insn.imm >= NO_QUEUE_MAPPING) {
    builder.ja(0);
  } else {
    emitStore(emission, "h", offset);
  }
  return 2;
}

function vlanPresent({ builder, dst, src, layout }: Emission): number {
  builder.ldx("w", dst, src, layout.offset("sk_buff.vlan_all"));
  builder.branch("jeq", dst, 0, 1).mov32(dst, 1);
  return 4;
}

/** Below `MIN_NAPI_ID` the field holds the sender's CPU. */
function napiId({ builder, dst, src, layout }: Emission): number {
  // MIN_NAPI_ID is NR_CPUS + 1; cpumask has a bit for each of NR_CPUS.
  const first = layout.sizeOf("cpumask") * 8 + 1;
  builder.ldx("w", dst, src, layout.offset("sk_buff.napi_id"));
  builder.branch("jge", dst, first, 1).mov64(dst, 0);
  return 4;
}

/**
 * A packet on its way in shows a time stamp only where it is a time of receipt; of a packet with a delivery time
 * it reads as 0, unless the program knows about the difference.
 */
function readTimestamp({ builder, dst, src, layout, readsTimestampType }: Emission): number {
  if (!readsTimestampType) {
    const ingress = layout.field("sk_buff.tc_at_ingress");
    const type = layout.field("sk_buff.tstamp_type");
    builder.ldx("b", ax, src, type.offset);
    builder.branch32("jset", ax, ingress.mask, 1).ja(4);
    builder.branch32("jset", ax, type.mask, 1).ja(2);
    builder.mov64(dst, 0).ja(1);
  }
  builder.ldx("dw", dst, src, layout.offset("sk_buff.tstamp"));
  return 8;
}

/** Writing the time stamp of a packet on its way in also makes it a time of receipt. */
function writeTimestamp(emission: Emission): number {
  const { builder, dst, layout } = emission;
  if (!emission.readsTimestampType) {
    const ingress = layout.field("sk_buff.tc_at_ingress");
    const type = layout.field("sk_buff.tstamp_type");
    builder.ldx("b", ax, dst, type.offset);
    builder.branch32("jset", ax, ingress.mask, 1).ja(2);
    builder.alu32("and", ax, ~type.mask).stx("b", dst, ax, type.offset);
  }
  emitStore(emission, "dw", layout.offset("sk_buff.tstamp"));
  return 8;
}

function timestampType({ builder, dst, src, layout }: Emission): number {
  const { offset, mask } = layout.field("sk_buff.tstamp_type");
  builder.ldx("b", dst, src, offset).alu32("and", dst, mask);
  return 1;
}

/**
 * `skb->data + skb_headlen(skb)`: the end of the linear part. Where the load overwrites the context register, a
 * third register is borrowed and kept in the control block meanwhile (`bpf_convert_data_end_access`).
 */
function linearEnd({ builder, dst, src, layout }: Emission): number {
  const same = dst.number === src.number;
  const kept = layout.offset("sk_buff.cb") + layout.offset("sk_skb_cb.temp_reg");
  const end = same ? borrowed([src]) : dst;
  if (same) builder.stx("dw", src, end, kept);
  builder.ldx("dw", end, src, layout.offset("sk_buff.data"));
  builder.ldx("w", ax, src, layout.offset("sk_buff.len")).alu64("add", end, ax);
  builder.ldx("w", ax, src, layout.offset("sk_buff.data_len")).alu64("sub", end, ax);
  if (same) builder.mov64(ax, src).mov64(dst, end).ldx("dw", end, ax, kept);
  return 8;
}

/** `bpf_sock.rx_queue_mapping`: all bits of a word set where the socket has seen no queue. */
function receiveQueue({ builder, dst, src, layout }: Emission): number {
  const { offset } = layout.field("sock.__sk_common.skc_rx_queue_mapping");
  builder.ldx("h", dst, src, offset).branch("jne", dst, NO_QUEUE_MAPPING, 1).mov32(dst, -1);
  return 4;
}

/** `bpf_sock_ops.skb_hwtstamp`: of the packet's shared part, where there is a packet. */
function segmentTimestamp({ builder, dst, src, layout }: Emission): number {
  builder.ldx("dw", dst, src, layout.offset("bpf_sock_ops_kern.skb")).branch("jeq", dst, 0, 4);
  builder.ldx("w", ax, dst, layout.offset("sk_buff.end"));
  builder.ldx("dw", dst, dst, layout.offset("sk_buff.head")).alu64("add", dst, ax);
  builder.ldx("dw", dst, dst, layout.offset("skb_shared_info.hwtstamps"));
  return 8;
}
