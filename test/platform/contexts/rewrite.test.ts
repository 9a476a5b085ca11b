import { describe, expect, it } from "vitest";
import { type Insn, lookup, ProgramBuilder, r0, r1, r2 } from "../../../src/isa/index.ts";
import {
  ContextMap,
  checkStructAccess,
  defaultLayout,
  type ProgramType,
  programTypeNamed,
  rewriteAccess,
  type StructContext,
} from "../../../src/platform/index.ts";
import { outline } from "../../support/outline.ts";

const layout = defaultLayout();
const at = (path: string) => path.split("+").reduce((sum, part) => sum + layout.offset(part), 0);

/** The offset of a field in the struct that programs see. */
function fieldOffset(type: ProgramType, field: string): number {
  return layout.offset(`${(type.context as StructContext).view}.${field}`);
}

/** What an access becomes, one instruction a line. */
function rewrite(insn: Insn, typeName: string, options: { readsTimestampType?: boolean } = {}): string[] {
  const row = lookup(insn)!;
  const map = new ContextMap(programTypeNamed(typeName)!.context as StructContext, layout);
  const write = row.kind === "store";
  const size = row.size as 1 | 2 | 4 | 8;
  const access = { offset: insn.off, size, write, signed: row.extend !== 0, expectedAttachType: 0 };
  const allowed = checkStructAccess(map, access)!;
  const placed = map.at(insn.off)!;
  const site = { insn, write, size, extend: row.extend, distance: insn.off - placed.offset };
  const { readsTimestampType = false } = options;
  return outline(rewriteAccess({ ...allowed, field: placed.field }, site, { layout, readsTimestampType }));
}

function load(type: string, field: string, size: "b" | "h" | "w" | "dw" = "w", add = 0): string[] {
  const offset = fieldOffset(programTypeNamed(type)!, field) + add;
  return rewrite(new ProgramBuilder().ldx(size, r0, r1, offset).insns()[0]!, type);
}

describe("loads", () => {
  it("of a plain field load the object's", () => {
    expect(load("sched_cls", "len")).toEqual([`ldx_w r0 r1 off=${at("sk_buff.len")}`]);
    expect(load("sched_cls", "protocol")).toEqual([`ldx_h r0 r1 off=${at("sk_buff.protocol")}`]);
    expect(load("xdp", "data")).toEqual([`ldx_dw r0 r1 off=${at("xdp_buff.data")}`]);
  });

  it("of a part of a field load it whole, and cut the part out", () => {
    expect(load("sched_cls", "len", "b", 2)).toEqual([
      `ldx_w r0 r1 off=${at("sk_buff.len")}`,
      "rsh32_k r0 imm=16",
      "and32_k r0 imm=255",
    ]);
    // A field that is as narrow in the kernel needs no cutting.
    expect(load("sched_cls", "protocol", "h")).toEqual([`ldx_h r0 r1 off=${at("sk_buff.protocol")}`]);
  });

  it("with a sign extend it at the end", () => {
    const insn = new ProgramBuilder().ldsx("h", r0, r1, 0).insns()[0]!;
    expect(rewrite(insn, "sched_cls")).toEqual([
      `ldx_w r0 r1 off=${at("sk_buff.len")}`,
      "and32_k r0 imm=65535",
      "movsx64_s16 r0 r0",
    ]);
  });

  it("of bit fields load their byte", () => {
    expect(load("socket_filter", "pkt_type")).toEqual([
      `ldx_b r0 r1 off=${at("sk_buff.pkt_type")}`,
      "and32_k r0 imm=7",
    ]);
  });

  it("follow pointers", () => {
    expect(load("xdp", "ingress_ifindex")).toEqual([
      `ldx_dw r0 r1 off=${at("xdp_buff.rxq")}`,
      `ldx_dw r0 r0 off=${at("xdp_rxq_info.dev")}`,
      `ldx_w r0 r0 off=${at("net_device.ifindex")}`,
    ]);
    const device = [`ldx_dw r0 r1 off=${at("sk_buff.dev")}`, `ldx_w r0 r0 off=${at("net_device.ifindex")}`];
    expect(load("sched_cls", "ifindex")).toEqual(device);
    expect(load("cgroup_skb", "ifindex")).toEqual([device[0], "jeq64_k r0 off=1 imm=0", device[1]]);
    expect(load("cgroup_skb", "local_ip6", "w", 8)[1]).toBe(
      `ldx_w r0 r0 off=${at("sock_common.skc_v6_rcv_saddr") + 8}`,
    );
    expect(load("cgroup_skb", "remote_port").at(-1)).toBe("lsh32_k r0 imm=16");
  });

  it("of segments look behind the packet's buffer", () => {
    expect(load("sched_cls", "gso_segs")).toEqual([
      `ldx_w r11 r1 off=${at("sk_buff.end")}`,
      `ldx_dw r0 r1 off=${at("sk_buff.head")}`,
      "add64_x r0 r11",
      `ldx_h r0 r0 off=${at("skb_shared_info.gso_segs")}`,
    ]);
  });

  it("of the time stamp depend on whether its kind is read", () => {
    const offset = fieldOffset(programTypeNamed("sched_cls")!, "tstamp");
    const insn = new ProgramBuilder().ldx("dw", r0, r1, offset).insns()[0]!;
    expect(rewrite(insn, "sched_cls", { readsTimestampType: true })).toEqual([
      `ldx_dw r0 r1 off=${at("sk_buff.tstamp")}`,
    ]);
    expect(rewrite(insn, "sched_cls")).toEqual([
      `ldx_b r11 r1 off=${at("sk_buff.tstamp_type")}`,
      "jset32_k r11 off=1 imm=4",
      "ja off=4",
      "jset32_k r11 off=1 imm=3",
      "ja off=2",
      "mov64_k r0 imm=0",
      "ja off=1",
      `ldx_dw r0 r1 off=${at("sk_buff.tstamp")}`,
    ]);
  });

  it("of the end of the linear part borrow a register where they overwrite the context's", () => {
    const offset = fieldOffset(programTypeNamed("sk_skb")!, "data_end");
    const kept = at("sk_buff.cb+sk_skb_cb.temp_reg");
    const insn = new ProgramBuilder().ldx("w", r1, r1, offset).insns()[0]!;
    const lines = rewrite(insn, "sk_skb");
    expect(lines[0]).toBe(`stx_dw r1 r9 off=${kept}`);
    expect(lines.slice(-3)).toEqual(["mov64_x r11 r1", "mov64_x r1 r9", `ldx_dw r9 r11 off=${kept}`]);
    expect(load("sk_skb", "data_end")).toHaveLength(5);
  });
});

describe("stores", () => {
  it("drop a queue that is none", () => {
    const offset = fieldOffset(programTypeNamed("sched_cls")!, "queue_mapping");
    const queue = at("sk_buff.queue_mapping");
    const write = (builder: ProgramBuilder) => rewrite(builder.insns()[0]!, "sched_cls");
    expect(write(new ProgramBuilder().stx("w", r1, r2, offset))).toEqual([
      "jge64_k r2 off=1 imm=65535",
      `stx_h r1 r2 off=${queue}`,
    ]);
    expect(write(new ProgramBuilder().st("w", r1, offset, 3))).toEqual([`st_h r1 off=${queue} imm=3`]);
    expect(write(new ProgramBuilder().st("w", r1, offset, 65535))).toEqual(["ja off=0"]);
  });

  it("into the control block keep size and place", () => {
    const offset = fieldOffset(programTypeNamed("socket_filter")!, "cb");
    const insn = new ProgramBuilder().stx("h", r1, r2, offset + 6).insns()[0]!;
    expect(rewrite(insn, "socket_filter")).toEqual([
      `stx_h r1 r2 off=${at("sk_buff.cb+qdisc_skb_cb.data") + 6}`,
    ]);
  });
});
