import { CallKind, lookup } from "../../isa/index.ts";
import { PAGE_SIZE } from "../../mem/index.ts";
import { BpfAttachType, BpfFuncId, BpfProgType } from "../../uapi/index.ts";
import { emitFrameCopy } from "../../vm/index.ts";
import type { FunctionBuilder, Local } from "../../wasm/index.ts";
import { contextKind } from "../context-kind.ts";
import type { KernelStruct } from "../kernel-struct.ts";
import type { Machine } from "../machine.ts";
import {
  ETH_HLEN,
  ETH_P_802_2,
  ETH_P_802_3,
  ETH_P_IP,
  ETH_P_IPV6,
  networkOrder,
  SKB_HEADROOM,
} from "../net/lay-skb.ts";
import { layXdp, XDP_HEADROOM } from "../net/lay-xdp.ts";
import { Family } from "../net/socket-struct.ts";
import type { KernelProgram } from "../objects/program.ts";
import { IPV4_HLEN, IPV6_HLEN, layTestSkb } from "./skb.ts";

/** A frame: bytes of a buffer. */
export interface FrameBytes {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly length: number;
}

/** How frames are laid out for runs of a program: as BPF_PROG_TEST_RUN does it, by code that is emitted for it. */
export interface FrameLayout {
  /** Offset of the context. */
  readonly context: number;
  /** The most bytes of a frame. */
  readonly room: number;
  /** Whether a frame is run as others are; what a test run refuses, or does in another way, is not. */
  takes(frame: FrameBytes): boolean;
  /** Is called before runs: what others have left is gone. */
  prepare(): void;
  /** Lays out the frame of `length` bytes at an offset. */
  emit(f: FunctionBuilder, frame: Local, length: Local): void;
}

/** The layout for a program; null where its runs have more around them. */
export function frameLayoutOf(machine: Machine, program: KernelProgram): FrameLayout | null {
  const { type, expectedAttachType, device } = program.parts;
  if (device !== null) return null;
  if (type === BpfProgType.XDP) {
    if (expectedAttachType === BpfAttachType.XDP_DEVMAP) return null;
    if (expectedAttachType === BpfAttachType.XDP_CPUMAP) return null;
    return new XdpFrames(machine, callsAny(program, RESIZING_XDP) || callsKfuncs(program));
  }
  // Programs of sockets' streams have no test runs.
  if (contextKind(type) !== "skb" || type === BpfProgType.SK_SKB) return null;
  if (callsAny(program, AROUND_SKB) || callsKfuncs(program)) return null;
  return new SkbFrames(machine, program, callsAny(program, RESIZING_SKB));
}

/** Helpers by which a program sees, or leaves behind, bytes around its packet. */
const RESIZING_XDP: ReadonlySet<number> = new Set([
  BpfFuncId.xdp_adjust_head,
  BpfFuncId.xdp_adjust_meta,
  BpfFuncId.xdp_adjust_tail,
  // What follows may be any program.
  BpfFuncId.tail_call,
]);

const RESIZING_SKB: ReadonlySet<number> = new Set([
  BpfFuncId.skb_vlan_push,
  BpfFuncId.skb_vlan_pop,
  BpfFuncId.skb_change_proto,
  BpfFuncId.skb_change_tail,
  BpfFuncId.skb_change_head,
  BpfFuncId.skb_adjust_room,
]);

/** Helpers after which there is something to do behind the run, or whose socket must be a new one each time. */
const AROUND_SKB: ReadonlySet<number> = new Set([
  BpfFuncId.tail_call,
  BpfFuncId.clone_redirect,
  BpfFuncId.sk_storage_get,
  BpfFuncId.sk_storage_delete,
  BpfFuncId.get_socket_cookie,
  BpfFuncId.sk_assign,
]);

function callsAny({ parts }: KernelProgram, helpers: ReadonlySet<number>): boolean {
  return parts.insns.some(
    (insn) => lookup(insn)?.kind === "call" && insn.src === CallKind.helper && helpers.has(insn.imm),
  );
}

function callsKfuncs({ parts }: KernelProgram): boolean {
  return parts.insns.some((insn) => lookup(insn)?.kind === "call" && insn.src === CallKind.kfunc);
}

/** The shortest frame, of which all but its type is 0: what does not depend on the frame is taken from its layout. */
const SAMPLE = new Uint8Array(ETH_HLEN);

class XdpFrames implements FrameLayout {
  readonly context: number;
  readonly room: number;
  readonly #machine: Machine;
  readonly #clears: boolean;

  constructor(machine: Machine, clears: boolean) {
    this.#machine = machine;
    this.#clears = clears;
    this.context = machine.packets.xdp.offset;
    this.room = machine.packets.room - XDP_HEADROOM;
  }

  takes({ length }: FrameBytes): boolean {
    return length >= ETH_HLEN && length <= this.room;
  }

  prepare(): void {
    const { queue } = this.#machine.loopback;
    layXdp(this.#machine, SAMPLE, { headroom: XDP_HEADROOM, meta: 0, queue });
  }

  emit(f: FunctionBuilder, frame: Local, length: Local): void {
    const { frame: page, xdp } = this.#machine.packets;
    const data = page + XDP_HEADROOM;
    this.prepare();
    if (this.#clears) f.i32.const(page).i32.const(0).i32.const(PAGE_SIZE).memoryFill();
    emitFrameCopy(f, { to: data, frame, length, exactly: this.#clears });
    emitStruct(f, this.#machine, xdp);
    f.i32.const(xdp.at("data_end")).i32.const(data).get(length).i32.add().i32.store();
  }
}

class SkbFrames implements FrameLayout {
  readonly context: number;
  readonly room: number;
  readonly #machine: Machine;
  readonly #program: KernelProgram;
  readonly #clears: boolean;

  constructor(machine: Machine, program: KernelProgram, clears: boolean) {
    this.#machine = machine;
    this.#program = program;
    this.#clears = clears;
    this.context = machine.packets.skb.offset;
    this.room = machine.packets.room - SKB_HEADROOM;
  }

  takes({ bytes, offset, length }: FrameBytes): boolean {
    if (length < ETH_HLEN || length > this.room) return false;
    if (length >= ETH_HLEN + IPV6_HLEN) return true;
    const type = (bytes[offset + 12]! << 8) | bytes[offset + 13]!;
    if (type === ETH_P_IPV6) return false;
    return type !== ETH_P_IP || length >= ETH_HLEN + IPV4_HLEN;
  }

  prepare(): void {
    const { packets, current, loopback } = this.#machine;
    layTestSkb(this.#machine, this.#program, SAMPLE, null, loopback);
    packets.sock.point("sk_cgrp_data.cgroup", current.cgroup.offset);
  }

  emit(f: FunctionBuilder, frame: Local, length: Local): void {
    const { packets, memory } = this.#machine;
    const { block, blockSize, skb } = packets;
    this.prepare();
    const start = block + SKB_HEADROOM;
    const data = skb.pointer("data");
    const inFront = data - start;
    if (this.#clears) f.i32.const(block).i32.const(0).i32.const(blockSize).memoryFill();
    emitFrameCopy(f, { to: start, frame, length, exactly: this.#clears });
    emitStruct(f, this.#machine, skb);
    const set = (member: string, push: () => void) => {
      f.i32.const(skb.at(member));
      push();
    };
    set("tail", () => f.get(length).i32.const(SKB_HEADROOM).i32.add().i32.store());
    set("len", () => f.get(length).i32.const(inFront).i32.sub().i32.store());
    // Below 2^32: the high half of the pointer stays.
    set("cb+bpf_skb_data_end.data_end", () => f.get(length).i32.const(start).i32.add().i32.store());
    const type = f.local("i32", "ether_type");
    f.get(frame).i32.load16U(12).set(type);
    this.#setProtocol(f, { frame, length, type });
    // Only the bits of this field: the rest of the byte is as in the sample.
    const { shift, mask } = skb.place("pkt_type");
    const rest = memory.bytes()[skb.at("pkt_type")]! & ~mask;
    set("pkt_type", () => {
      // `packetType`: 0 for addresses of zeros, 2 for those of groups, 3 for others.
      f.i32.const(3).get(frame).i32.load8U(0).i32.const(1).i32.and().i32.sub();
      f.i32.const(0).get(frame).i32.load(0).get(frame).i32.load16U(4).i32.or().select();
      f.i32.const(shift).i32.shl().i32.const(rest).i32.or().i32.store8();
    });
    this.#describeSocket(f, frame, type);
  }

  /** `etherType`, as the frame has it. */
  #setProtocol(
    f: FunctionBuilder,
    { frame, length, type }: { readonly frame: Local; readonly length: Local; readonly type: Local },
  ): void {
    f.i32.const(this.#machine.packets.skb.at("protocol")).get(type);
    f.i32.const(networkOrder(ETH_P_802_3)).i32.const(networkOrder(ETH_P_802_2));
    f.get(frame).i32.load16U(ETH_HLEN).i32.const(0xffff).i32.eq();
    f.get(length)
      .i32.const(ETH_HLEN + 2)
      .i32.geU()
      .i32.and()
      .select();
    // In the order of the network: its first byte tells.
    f.get(type).i32.const(0xff).i32.and().i32.const(0x06).i32.geU().select().i32.store16();
  }

  /** `describeSocket` of a test run: nothing is left of the frame before. */
  #describeSocket(f: FunctionBuilder, frame: Local, type: Local): void {
    const { sock } = this.#machine.packets;
    const is = (protocol: number) => f.get(type).i32.const(networkOrder(protocol)).i32.eq();
    const ip = f.local("i32", "ip");
    const six = f.local("i32", "ipv6");
    const at = (name: string) => sock.at(`__sk_common.${name}`);
    is(ETH_P_IP).set(ip);
    is(ETH_P_IPV6).set(six);
    f.i32.const(at("skc_family")).i32.const(Family.INET).get(ip).i32.mul();
    f.i32.const(Family.INET6).get(six).i32.mul().i32.or().i32.store16();
    for (const [name, from] of [
      ["skc_rcv_saddr", 12],
      ["skc_daddr", 16],
    ] as const)
      f.i32
        .const(at(name))
        .get(frame)
        .i32.load(ETH_HLEN + from)
        .i32.const(0)
        .get(ip)
        .select()
        .i32.store();
    for (const [name, from] of [
      ["skc_v6_rcv_saddr", 8],
      ["skc_v6_daddr", 24],
    ] as const) {
      for (const half of [0, 8]) {
        f.i32
          .const(at(name) + half)
          .get(frame)
          .i64.load(ETH_HLEN + from + half);
        f.i64.const(0).get(six).select().i64.store();
      }
    }
  }
}

/** Writes a struct's bytes as they are now. */
function emitStruct(f: FunctionBuilder, { memory }: Machine, { offset, size }: KernelStruct): void {
  const view = memory.view();
  let at = 0;
  for (; at + 8 <= size; at += 8) {
    const [low, high] = [view.getInt32(offset + at, true), view.getInt32(offset + at + 4, true)];
    f.i32
      .const(offset + at)
      .i64.constPair(low, high)
      .i64.store();
  }
  for (; at < size; at++)
    f.i32
      .const(offset + at)
      .i32.const(view.getUint8(offset + at))
      .i32.store8();
}
