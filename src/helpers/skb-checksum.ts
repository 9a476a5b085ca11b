import type { KernelLayout } from "../platform/index.ts";
import { BpfCsumFieldFlag, BpfCsumFlag, BpfCsumLevel, BpfFuncId, Errno } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { replace2, replace4, replaceByDiff, sumAdd, sumFold, sumSub } from "./internet-checksum.ts";
import {
  CHECKSUM_COMPLETE,
  CHECKSUM_NONE,
  CHECKSUM_PARTIAL,
  CHECKSUM_UNNECESSARY,
  SkBuffAccess,
} from "./sk-buff.ts";

const FIELD_MASK = BpfCsumFieldFlag.HDR_FIELD_MASK;

/** `CSUM_MANGLED_0`: a checksum of 0 as UDP writes it. */
const MANGLED_ZERO = 0xffff;

/** `SKB_MAX_CSUM_LEVEL` */
const MAX_LEVEL = 3;

/** Checksums that follow a change of a header field. `from` and `to` are as they stand in the packet. */
export function skbChecksumHelpers(layout: KernelLayout): readonly Helper[] {
  const skbs = new SkBuffAccess(layout);

  /** Offset of the checksum, or 0 where it is not in the packet. */
  const placeOf = (call: HelperCall, skb: number, offset: number): number => {
    if (offset > 0xffff || (offset & 1) !== 0) return 0;
    return offset + 2 <= skbs.headLength(call, skb) ? skbs.start(call, skb) + offset : 0;
  };

  /** `bpf_l3_csum_replace` */
  const l3 = (call: HelperCall, ...args: number[]): number => {
    const { skb, offset, from, to, flags } = unpack(args);
    if (flags === null || (flags & ~FIELD_MASK) !== 0) return -Errno.EINVAL;
    const at = placeOf(call, skb, offset);
    if (at === 0) return -Errno.EFAULT;
    const view = call.memory.view();
    const replaced = replace(view.getUint16(at, true), { from, to, width: flags & FIELD_MASK });
    if (replaced === null) return -Errno.EINVAL;
    view.setUint16(at, replaced, true);
    return 0;
  };

  /** `bpf_l4_csum_replace`, with `inet_proto_csum_replace4` and its kin. */
  const l4 = (call: HelperCall, ...args: number[]): number => {
    const { skb, offset, from, to, flags } = unpack(args);
    const { MARK_MANGLED_0, MARK_ENFORCE, PSEUDO_HDR, IPV6 } = BpfCsumFlag;
    if (flags === null || (flags & ~(MARK_MANGLED_0 | MARK_ENFORCE | PSEUDO_HDR | IPV6 | FIELD_MASK)) !== 0) {
      return -Errno.EINVAL;
    }
    const at = placeOf(call, skb, offset);
    if (at === 0) return -Errno.EFAULT;
    const view = call.memory.view();
    const before = view.getUint16(at, true);
    const mangled = (flags & MARK_MANGLED_0) !== 0;
    if (mangled && (flags & MARK_ENFORCE) === 0 && before === 0) return 0;
    const width = flags & FIELD_MASK;
    const pseudo = (flags & PSEUDO_HDR) !== 0;
    const change: Change =
      width === 2 ? { from: from & 0xffff, to: to & 0xffff, width: 4 } : { from, to, width };
    const summed = skbs.ipSummed(call, skb);
    let after: number | null = before;
    if (summed !== CHECKSUM_PARTIAL) {
      after = replace(before, change);
      const follows = pseudo && (width !== 0 || (flags & IPV6) === 0);
      if (after !== null && summed === CHECKSUM_COMPLETE && follows) {
        const sum = view.getUint32(skb + skbs.csum, true);
        view.setUint32(skb + skbs.csum, ~difference(change, ~sum) >>> 0, true);
      }
    } else if (replace(before, change) === null) {
      after = null;
    } else if (pseudo) {
      // The field holds the sum of the pseudo header, not yet complemented.
      after = sumFold(difference(change, before));
    }
    if (after === null) return -Errno.EINVAL;
    view.setUint16(at, mangled && after === 0 ? MANGLED_ZERO : after, true);
    return 0;
  };

  /** `bpf_csum_update`: the new sum, or an error where the packet has none. */
  const update = (call: HelperCall, skb: number, difference: number): number => {
    skb >>>= 0;
    if (skbs.ipSummed(call, skb) !== CHECKSUM_COMPLETE) {
      call.resultHigh = -1;
      return -Errno.ENOTSUPP;
    }
    const view = call.memory.view();
    const sum = sumAdd(view.getUint32(skb + skbs.csum, true), difference);
    view.setUint32(skb + skbs.csum, sum, true);
    call.resultHigh = 0;
    return sum | 0;
  };

  /** `bpf_csum_level`: how many checksums, from the outermost on, need no look. */
  const level = (call: HelperCall, skb: number, action: number, high: number): number => {
    skb >>>= 0;
    if (high !== 0) return -Errno.EINVAL;
    const unnecessary = skbs.ipSummed(call, skb) === CHECKSUM_UNNECESSARY;
    const now = skbs.csumLevel(call, skb);
    switch (action) {
      case BpfCsumLevel.QUERY:
        return unnecessary ? now : -Errno.EACCES;
      case BpfCsumLevel.INC:
        if (unnecessary) skbs.setCsumLevel(call, skb, Math.min(now + 1, MAX_LEVEL));
        else if (skbs.ipSummed(call, skb) === CHECKSUM_NONE) {
          skbs.setIpSummed(call, skb, CHECKSUM_UNNECESSARY);
          skbs.setCsumLevel(call, skb, 0);
        }
        return 0;
      case BpfCsumLevel.DEC:
        if (unnecessary && now > 0) skbs.setCsumLevel(call, skb, now - 1);
        else if (unnecessary) skbs.setIpSummed(call, skb, CHECKSUM_NONE);
        return 0;
      case BpfCsumLevel.RESET:
        if (unnecessary) {
          skbs.setIpSummed(call, skb, CHECKSUM_NONE);
          skbs.setCsumLevel(call, skb, 0);
        }
        return 0;
      default:
        return -Errno.EINVAL;
    }
  };

  const passing = { args: ["ptr", "i32", "i64", "i64", "i64"], result: "i32" } as const;
  return [
    hostHelper(BpfFuncId.l3_csum_replace, passing, l3),
    hostHelper(BpfFuncId.l4_csum_replace, passing, l4),
    hostHelper(BpfFuncId.csum_update, { args: ["ptr", "i32"], result: "i64" }, update),
    hostHelper(BpfFuncId.csum_level, { args: ["ptr", "i64"], result: "i32" }, level),
  ];
}

interface Change {
  readonly from: number;
  readonly to: number;
  /** 2 or 4 bytes, or 0: `to` is a difference already. */
  readonly width: number;
}

function unpack(args: readonly number[]): {
  skb: number;
  offset: number;
  from: number;
  to: number;
  /** Null where a high half is set. */
  flags: number | null;
} {
  const [skb, offset, from, , to, , flags, flagsHigh] = args as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return { skb: skb >>> 0, offset: offset >>> 0, from, to, flags: flagsHigh === 0 ? flags : null };
}

/** The checksum after a change; null for a width that there is not, or a difference with something to subtract. */
function replace(checksum: number, { from, to, width }: Change): number | null {
  if (width === 0) return from === 0 ? replaceByDiff(checksum, to) : null;
  if (width === 2) return replace2(checksum, from, to);
  return width === 4 ? replace4(checksum, from, to) : null;
}

function difference({ from, to, width }: Change, sum: number): number {
  return width === 0 ? sumAdd(sum, to) : sumAdd(sumSub(sum, from), to);
}
