import type { KernelLayout } from "../platform/index.ts";
import { BpfFuncId, Errno } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { setPointer } from "./objects/pointer-word.ts";

/** Flags of the low half, by `BPF_F_*`. */
const IPV6 = 1;
const ZERO_CSUM = 2;
const DONT_FRAGMENT = 4;
const SEQ_NUMBER = 8;
const NO_KEY = 16;
/** `BPF_F_TUNINFO_FLAGS`, of what is read. */
const WITH_FLAGS = 16;

/** Bits of `ip_tunnel_key.tun_flags`. */
const Bit = { CSUM: 0, KEY: 2, SEQ: 3, DONT_FRAGMENT: 8, NOCACHE: 13 } as const;
/** Geneve, VXLAN, ERSPAN, GTP, PFCP: what `ip_tunnel_set_options_present` says of options of any kind. */
const OPTIONS = (1 << 11) | (1 << 12) | (1 << 14) | (1 << 15) | (1 << 17);

/** `IP_TUNNEL_INFO_TX`, `IP_TUNNEL_INFO_IPV6` */
const MODE_TX = 1;
const MODE_IPV6 = 2;

const FLOWI_FLAG_ANYSRC = 1;
/** `IP_TUNNEL_OPTS_MAX` */
const MOST_OPTIONS = 255;
const FLOWLABEL = 0xf_ffff;

/** `struct bpf_tunnel_key`, and where older forms of it ended. */
const Key = { ID: 0, REMOTE: 4, TOS: 20, TTL: 21, EXT: 22, LABEL: 24, LOCAL: 28, SIZE: 44 } as const;
const SHORTER: ReadonlySet<number> = new Set([Key.LOCAL, Key.LABEL, Key.EXT]);
const ONLY_IPV4 = 8;

/** Through which tunnel a packet is sent: `struct metadata_dst`, of which each CPU has one for all its programs. */
export function skbTunnelHelpers(layout: KernelLayout): readonly Helper[] {
  const DESTINATION = layout.offset("sk_buff._skb_refdst");
  const INFO = layout.offset("metadata_dst.u");
  const size = layout.sizeOf("metadata_dst") + MOST_OPTIONS;
  const infoSize = layout.sizeOf("ip_tunnel_info");
  const at = (member: string) => layout.offset(`ip_tunnel_info.${member}`);
  const ID = at("key.tun_id");
  const FLAGS = at("key.tun_flags");
  const [TOS, TTL, LABEL, FLOW] = [at("key.tos"), at("key.ttl"), at("key.label"), at("key.flow_flags")];
  const [V4_SOURCE, V4_TARGET] = [at("key.u.ipv4.src"), at("key.u.ipv4.dst")];
  const [V6_SOURCE, V6_TARGET] = [at("key.u.ipv6.src"), at("key.u.ipv6.dst")];
  const [MODE, OPTIONS_LENGTH] = [at("mode"), at("options_len")];
  /** By CPU. */
  const blocks = new Map<number, number>();

  /** The destination of a CPU; 0 where memory is exhausted. */
  const ownOf = (call: HelperCall): number => {
    let block = blocks.get(call.cpu) ?? 0;
    if (block === 0) {
      block = call.memory.alloc(size, 64);
      blocks.set(call.cpu, block);
    }
    return block;
  };

  /** `skb_tunnel_info`: only what was set by a program is one. */
  const infoOf = (call: HelperCall, skb: number): number => {
    const destination = call.memory.view().getUint32((skb >>> 0) + DESTINATION, true);
    return destination !== 0 && [...blocks.values()].includes(destination) ? destination + INFO : 0;
  };

  /** `bpf_skb_set_tunnel_key` */
  const setKey = (
    call: HelperCall,
    skb: number,
    from: number,
    length: number,
    flags: number,
    high: number,
  ): number => {
    const known = IPV6 | ZERO_CSUM | DONT_FRAGMENT | SEQ_NUMBER | NO_KEY;
    if ((flags & ~known) !== 0 || high !== 0) return -Errno.EINVAL;
    const given = length >>> 0;
    if (given !== Key.SIZE && given !== ONLY_IPV4 && !SHORTER.has(given)) return -Errno.EINVAL;
    const bytes = call.memory.bytes();
    const key = new Uint8Array(Key.SIZE);
    key.set(bytes.subarray(from >>> 0, (from >>> 0) + given));
    const view = new DataView(key.buffer);
    const label = view.getUint32(Key.LABEL, true);
    const isV6 = (flags & IPV6) !== 0;
    if ((!isV6 && label !== 0) || view.getUint16(Key.EXT, true) !== 0) return -Errno.EINVAL;
    const block = ownOf(call);
    if (block === 0) return -Errno.EINVAL;
    const memory = call.memory.view();
    setPointer(memory, (skb >>> 0) + DESTINATION, block);
    const info = block + INFO;
    bytes.fill(0, info, info + infoSize);
    const bit = (on: boolean, which: number) => (on ? 1 << which : 0);
    const set =
      (1 << Bit.NOCACHE) |
      bit((flags & DONT_FRAGMENT) !== 0, Bit.DONT_FRAGMENT) |
      bit((flags & ZERO_CSUM) === 0, Bit.CSUM) |
      bit((flags & SEQ_NUMBER) !== 0, Bit.SEQ) |
      bit((flags & NO_KEY) === 0, Bit.KEY);
    memory.setUint32(info + FLAGS, set, true);
    memory.setUint8(info + MODE, isV6 ? MODE_TX | MODE_IPV6 : MODE_TX);
    // In network order, of 64 bits.
    memory.setUint32(info + ID + 4, view.getUint32(Key.ID, true));
    memory.setUint8(info + TOS, key[Key.TOS]!);
    memory.setUint8(info + TTL, key[Key.TTL]!);
    if (isV6) {
      bytes.set(key.subarray(Key.REMOTE, Key.REMOTE + 16), info + V6_TARGET);
      bytes.set(key.subarray(Key.LOCAL, Key.LOCAL + 16), info + V6_SOURCE);
      memory.setUint32(info + LABEL, label & FLOWLABEL);
    } else {
      memory.setUint32(info + V4_TARGET, view.getUint32(Key.REMOTE, true));
      memory.setUint32(info + V4_SOURCE, view.getUint32(Key.LOCAL, true));
      memory.setUint8(info + FLOW, FLOWI_FLAG_ANYSRC);
    }
    return 0;
  };

  /** `bpf_skb_get_tunnel_key`: zeros where it fails. */
  const getKey = (
    call: HelperCall,
    skb: number,
    to: number,
    length: number,
    flags: number,
    high: number,
  ): number => {
    const target = to >>> 0;
    const given = length >>> 0;
    const bytes = call.memory.bytes();
    const fail = (errno: number) => {
      bytes.fill(0, target, target + given);
      return -errno;
    };
    const info = infoOf(call, skb);
    if (info === 0 || (flags & ~(IPV6 | WITH_FLAGS)) !== 0 || high !== 0) return fail(Errno.EINVAL);
    const memory = call.memory.view();
    const isV6 = (memory.getUint8(info + MODE) & MODE_IPV6) !== 0;
    if (isV6 !== ((flags & IPV6) !== 0)) return fail(Errno.EPROTO);
    if (given !== Key.SIZE && !SHORTER.has(given) && (given !== ONLY_IPV4 || isV6)) return fail(Errno.EINVAL);
    const key = new Uint8Array(Key.SIZE);
    const view = new DataView(key.buffer);
    view.setUint32(Key.ID, memory.getUint32(info + ID + 4), true);
    key[Key.TOS] = memory.getUint8(info + TOS);
    key[Key.TTL] = memory.getUint8(info + TTL);
    // The old form of the bits, in network order.
    if ((flags & WITH_FLAGS) !== 0) view.setUint16(Key.EXT, memory.getUint16(info + FLAGS, true));
    if (isV6) {
      key.set(bytes.subarray(info + V6_SOURCE, info + V6_SOURCE + 16), Key.REMOTE);
      key.set(bytes.subarray(info + V6_TARGET, info + V6_TARGET + 16), Key.LOCAL);
      view.setUint32(Key.LABEL, memory.getUint32(info + LABEL), true);
    } else {
      view.setUint32(Key.REMOTE, memory.getUint32(info + V4_SOURCE), true);
      view.setUint32(Key.LOCAL, memory.getUint32(info + V4_TARGET), true);
    }
    bytes.set(key.subarray(0, given), target);
    return 0;
  };

  /** `bpf_skb_set_tunnel_opt` */
  const setOptions = (call: HelperCall, skb: number, from: number, length: number): number => {
    const info = infoOf(call, skb);
    const given = length >>> 0;
    if (info === 0 || info !== ownOf(call) + INFO || (given & 3) !== 0) return -Errno.EINVAL;
    if (given > MOST_OPTIONS) return -Errno.ENOMEM;
    const memory = call.memory.view();
    memory.setUint8(info + OPTIONS_LENGTH, given);
    call.memory.bytes().copyWithin(info + infoSize, from >>> 0, (from >>> 0) + given);
    if (given > 0) memory.setUint32(info + FLAGS, memory.getUint32(info + FLAGS, true) | OPTIONS, true);
    return 0;
  };

  /** `bpf_skb_get_tunnel_opt`: zeros behind what there is, and where it fails. */
  const getOptions = (call: HelperCall, skb: number, to: number, length: number): number => {
    const target = to >>> 0;
    const given = length >>> 0;
    const bytes = call.memory.bytes();
    const info = infoOf(call, skb);
    const memory = call.memory.view();
    const has = info !== 0 && (memory.getUint32(info + FLAGS, true) & OPTIONS) !== 0;
    const there = has ? memory.getUint8(info + OPTIONS_LENGTH) : 0;
    bytes.fill(0, target, target + given);
    if (!has) return -Errno.ENOENT;
    if (given < there) return -Errno.ENOMEM;
    bytes.copyWithin(target, info + infoSize, info + infoSize + there);
    return there;
  };

  const ofKey = { args: ["ptr", "ptr", "i32", "i64"], result: "i32" } as const;
  const ofOptions = { args: ["ptr", "ptr", "i32"], result: "i32" } as const;
  return [
    hostHelper(BpfFuncId.skb_set_tunnel_key, ofKey, setKey),
    hostHelper(
      BpfFuncId.skb_get_tunnel_key,
      { ...ofKey, here: "Packets come through no tunnel: only what a program has set is read." },
      getKey,
    ),
    hostHelper(BpfFuncId.skb_set_tunnel_opt, ofOptions, setOptions),
    hostHelper(BpfFuncId.skb_get_tunnel_opt, ofOptions, getOptions),
  ];
}
