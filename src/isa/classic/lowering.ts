import { NotSupported } from "../../base/index.ts";
import type { ProgramBuilder } from "../builder.ts";
import type { SizeName } from "../opcode.ts";
import { type Register, r0, r1, r2, r3, r6, r7 } from "../register.ts";
import type { AncillaryName } from "./ancillary.ts";

/** Where the translation keeps the classic machine (linux/filter.h): in registers that survive calls, but for A. */
export const ClassicRegister: {
  readonly a: Register;
  readonly x: Register;
  readonly context: Register;
  readonly temporary: Register;
} = { a: r0, x: r7, context: r6, temporary: r2 };

/** What a lowering writes to: the program, and calls of kernel functions that have no helper id. */
export interface LoweringOutput {
  readonly code: ProgramBuilder;
  /** Appends a call of a kernel function by name; its `imm` is left to who knows the function's address. */
  callKernel(symbol: string): void;
}

export type PacketSize = Extract<SizeName, "w" | "h" | "b">;

/**
 * What the translation cannot say without knowing what the context register points at: the accesses to the packet
 * and its properties. They write A (r0) or the register named, may use r1 to r5, must leave r6 and r7 alone, and keep
 * A and X zero-extended to 64 bits.
 */
export interface ClassicLowering {
  /** A = 0, X = 0, the context register = r1; and what loads need, where the program reads packet bytes at all. */
  prologue(out: LoweringOutput, readsPacket: boolean): void;
  /** A = bytes at `offset` (signed 32 bits) in host byte order, or exit with 0. */
  loadAbsolute(out: LoweringOutput, size: PacketSize, offset: number): void;
  /** A = bytes at X + `offset`, or exit with 0. */
  loadIndirect(out: LoweringOutput, size: PacketSize, offset: number): void;
  /** destination = length of the packet */
  length(out: LoweringOutput, destination: Register): void;
  /** A = ancillary data. */
  ancillary(out: LoweringOutput, name: AncillaryName): void;
}

/** Offsets in `struct __sk_buff` (linux/bpf.h), which never change. */
const SkBuffContext = {
  len: 0,
  pktType: 4,
  mark: 8,
  queueMapping: 12,
  protocol: 16,
  vlanPresent: 20,
  vlanTci: 24,
  vlanProto: 28,
  ifindex: 40,
  hash: 68,
} as const;

/** Helper ids (linux/bpf.h), which never change. */
const Helper = { getPrandomU32: 7, getSmpProcessorId: 8 } as const;

const { a, x, context, temporary } = ClassicRegister;

/**
 * Lowers to what programs of type socket_filter and sched_cls may do: packet loads stay instructions of the packet
 * group, properties are read from `struct __sk_buff`. Netlink attributes and the payload offset, which no helper
 * gives, become calls of the kernel's own functions; the device's hardware type is not to be had: {@link NotSupported}.
 */
export const skBuffContextLowering: ClassicLowering = {
  prologue({ code }) {
    // Not by xor, as in the kernel: the verifier takes that for a read of unwritten registers.
    code.mov32(a, 0).mov32(x, 0).mov64(context, r1);
  },
  loadAbsolute({ code }, size, offset) {
    code.ldAbs(size, offset);
  },
  loadIndirect({ code }, size, offset) {
    code.ldInd(size, x, offset);
  },
  length({ code }, destination) {
    code.ldx("w", destination, context, SkBuffContext.len);
  },
  ancillary(out, name) {
    const { code } = out;
    switch (name) {
      case "protocol":
        code.ldx("w", a, context, SkBuffContext.protocol).end("be", 16, a);
        break;
      case "vlan_tpid":
        code.ldx("w", a, context, SkBuffContext.vlanProto).end("be", 16, a);
        break;
      case "pkttype":
        code.ldx("w", a, context, SkBuffContext.pktType);
        break;
      case "mark":
        code.ldx("w", a, context, SkBuffContext.mark);
        break;
      case "queue":
        code.ldx("w", a, context, SkBuffContext.queueMapping);
        break;
      case "rxhash":
        code.ldx("w", a, context, SkBuffContext.hash);
        break;
      case "vlan_tag":
        code.ldx("w", a, context, SkBuffContext.vlanTci);
        break;
      case "vlan_tag_present":
        code.ldx("w", a, context, SkBuffContext.vlanPresent);
        break;
      case "ifindex":
        // An index of 0 says that there is no device: then A is the result.
        code.ldx("w", temporary, context, SkBuffContext.ifindex).branch("jne", temporary, 0, 1).exit();
        code.mov64(a, temporary);
        break;
      case "hatype":
        throw new NotSupported("SKF_AD_HATYPE in a program over struct __sk_buff", {
          why: "it has no field for the device's hardware type",
        });
      case "alu_xor_x":
        code.alu32("xor", a, x);
        break;
      case "cpu":
        code.call(Helper.getSmpProcessorId);
        break;
      case "random":
        code.call(Helper.getPrandomU32);
        break;
      case "pay_offset":
      case "nlattr":
      case "nlattr_nest":
        callOnSkb(out, name);
        break;
    }
  },
};

const KERNEL_FUNCTIONS = {
  pay_offset: "bpf_skb_get_pay_offset",
  nlattr: "bpf_skb_get_nlattr",
  nlattr_nest: "bpf_skb_get_nlattr_nest",
  cpu: "bpf_get_raw_cpu_id",
  random: "bpf_user_rnd_u32",
} as const;

/** A = function(context, A, X) */
export function callOnSkb(out: LoweringOutput, name: keyof typeof KERNEL_FUNCTIONS): void {
  out.code.mov64(r1, context).mov64(r2, a).mov64(r3, x);
  out.callKernel(KERNEL_FUNCTIONS[name]);
}
