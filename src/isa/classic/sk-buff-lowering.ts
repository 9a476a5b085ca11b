import { r1, r2, r3, r4, r8, r9 } from "../register.ts";
import {
  type ClassicLowering,
  ClassicRegister,
  callOnSkb,
  type LoweringOutput,
  type PacketSize,
} from "./lowering.ts";

/** Byte offsets of the fields of `struct sk_buff` and `struct net_device` that classic programs see, from a BTF. */
export interface SkBuffLayout {
  readonly skBuff: {
    readonly len: number;
    readonly dataLen: number;
    readonly data: number;
    readonly dev: number;
    readonly protocol: number;
    /** Offset of the byte whose low three bits are `pkt_type` (`PKT_TYPE_OFFSET`). */
    readonly pktType: number;
    readonly queueMapping: number;
    readonly mark: number;
    readonly hash: number;
    readonly vlanTci: number;
    readonly vlanProto: number;
    /** The union of `vlan_proto` and `vlan_tci`, 4 bytes. */
    readonly vlanAll: number;
  };
  readonly netDevice: { readonly ifindex: number; readonly type: number };
}

const { a, x, context, temporary } = ClassicRegister;
/** skb->data, for the whole program. */
const data = r8;
/** The length of the packet's linear part, for the whole program. */
const headLength = r9;

const BYTES = { w: 4, h: 2, b: 1 } as const;
const LOAD_HELPERS = {
  w: "bpf_skb_load_helper_32",
  h: "bpf_skb_load_helper_16",
  b: "bpf_skb_load_helper_8",
} as const;

/**
 * Lowers to accesses of the kernel's own `struct sk_buff`, in the instructions that Linux 6.18 makes of a classic
 * socket filter on a little-endian 64-bit machine (`bpf_convert_filter()`, `convert_bpf_ld_abs()`,
 * `convert_bpf_extensions()`).
 */
export function skBuffLowering({ skBuff, netDevice }: SkBuffLayout): ClassicLowering {
  return {
    prologue({ code }, readsPacket) {
      code.alu32("xor", a, a).alu32("xor", x, x).mov64(context, r1);
      if (!readsPacket) return;
      code
        .ldx("dw", data, context, skBuff.data)
        .ldx("w", headLength, context, skBuff.len)
        .ldx("w", temporary, context, skBuff.dataLen)
        .alu32("sub", headLength, temporary);
    },
    loadAbsolute(out, size, offset) {
      if (offset >= 0) fastLoad(out, size, offset);
      out.code.mov64(r1, context).mov64(r2, data).mov64(r3, headLength).mov64(r4, offset);
      slowLoad(out, size);
    },
    loadIndirect(out, size, offset) {
      out.code.mov64(r1, context).mov64(r2, data).mov64(r3, headLength).mov64(r4, x);
      if (offset !== 0) out.code.alu64("add", r4, offset);
      slowLoad(out, size);
    },
    length({ code }, destination) {
      code.ldx("w", destination, context, skBuff.len);
    },
    ancillary(out, name) {
      const { code } = out;
      switch (name) {
        case "protocol":
          code.ldx("h", a, context, skBuff.protocol).end("be", 16, a);
          break;
        case "vlan_tpid":
          code.ldx("h", a, context, skBuff.vlanProto).end("be", 16, a);
          break;
        case "pkttype":
          code.ldx("b", a, context, skBuff.pktType).alu32("and", a, 7);
          break;
        case "mark":
          code.ldx("w", a, context, skBuff.mark);
          break;
        case "queue":
          code.ldx("h", a, context, skBuff.queueMapping);
          break;
        case "rxhash":
          code.ldx("w", a, context, skBuff.hash);
          break;
        case "vlan_tag":
          code.ldx("h", a, context, skBuff.vlanTci);
          break;
        case "vlan_tag_present":
          code.ldx("w", a, context, skBuff.vlanAll).branch("jeq", a, 0, 1).mov32(a, 1);
          break;
        case "ifindex":
        case "hatype":
          // Without a device the program ends, with A as its result.
          code.ldx("dw", temporary, context, skBuff.dev).branch("jne", temporary, 0, 1).exit();
          if (name === "ifindex") code.ldx("w", a, temporary, netDevice.ifindex);
          else code.ldx("h", a, temporary, netDevice.type);
          break;
        case "alu_xor_x":
          code.alu32("xor", a, x);
          break;
        case "cpu":
        case "random":
        case "pay_offset":
        case "nlattr":
        case "nlattr_nest":
          callOnSkb(out, name);
          break;
      }
    },
  };
}

/** The load itself where the linear part holds the bytes; falls through to the call where it does not. */
function fastLoad({ code }: LoweringOutput, size: PacketSize, offset: number): void {
  const swaps = size === "b" ? 0 : 1;
  const near = offset <= 0x7fff;
  code.mov64(temporary, headLength);
  if (offset !== 0) code.alu64("sub", temporary, offset);
  code.branch("jslt", temporary, BYTES[size], 2 + swaps + (near ? 0 : 2));
  if (near) {
    code.ldx(size, a, data, offset);
  } else {
    code.mov64(temporary, data).alu64("add", temporary, offset).ldx(size, a, temporary, 0);
  }
  if (size === "w") code.end("be", 32, a);
  else if (size === "h") code.end("be", 16, a);
  // Over the call and its check.
  code.ja(8);
}

function slowLoad(out: LoweringOutput, size: PacketSize): void {
  out.callKernel(LOAD_HELPERS[size]);
  out.code.branch("jsge", a, 0, 2).alu32("xor", a, a).exit();
}
