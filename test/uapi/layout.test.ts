import { describe, expect, it } from "vitest";
import {
  BPF_ATTR_SIZE,
  type BpfAttrCommand,
  BpfCmd,
  bpfAttr,
  bpfBtfInfo,
  bpfLinkInfo,
  bpfMapInfo,
  bpfProgInfo,
  bpfSkBuff,
  type Layout,
  perfEventAttr,
  xdpMd,
} from "../../src/uapi/index.ts";

const commands = Object.entries(bpfAttr);
const layouts: [string, Layout][] = [
  ...commands,
  ["bpf_prog_info", bpfProgInfo],
  ["bpf_map_info", bpfMapInfo],
  ["bpf_btf_info", bpfBtfInfo],
  ["bpf_link_info", bpfLinkInfo],
  ["__sk_buff", bpfSkBuff],
  ["perf_event_attr", perfEventAttr],
];

const field = (layout: Layout, name: string) => layout.fields.find((candidate) => candidate.name === name);

describe("layouts of union bpf_attr", () => {
  it("has one for each command, under its name", () => {
    // PROG_RUN is another name of PROG_TEST_RUN.
    expect([...Object.keys(bpfAttr), "PROG_RUN"].sort()).toEqual(Object.keys(BpfCmd).sort());
  });

  it("is as large as the last field that each command knows", () => {
    // From *_LAST_FIELD and CHECK_ATTR of Linux 6.18's kernel/bpf/syscall.c.
    const sizes: Partial<Record<BpfAttrCommand, number>> = {
      MAP_CREATE: 92,
      MAP_DELETE_ELEM: 16,
      MAP_GET_NEXT_KEY: 24,
      MAP_UPDATE_ELEM: 32,
      PROG_LOAD: 168,
      PROG_GET_FD_BY_ID: 4,
      MAP_GET_FD_BY_ID: 12,
      BTF_GET_FD_BY_ID: 16,
      MAP_FREEZE: 4,
      LINK_CREATE: 60,
      BTF_LOAD: 40,
      PROG_TEST_RUN: 76,
    };
    for (const [command, size] of Object.entries(sizes)) {
      expect([command, bpfAttr[command as BpfAttrCommand].size]).toEqual([command, size]);
    }
    expect(BPF_ATTR_SIZE).toBe(168);
  });

  it("tells addresses from integers", () => {
    expect(field(bpfAttr.PROG_LOAD, "insns")?.kind).toBe("ptr");
    expect(field(bpfAttr.MAP_UPDATE_ELEM, "flags")?.kind).toBe("u64");
    expect(field(bpfAttr.MAP_CREATE, "map_extra")?.kind).toBe("u64");
    expect(field(bpfAttr.MAP_LOOKUP_BATCH, "elem_flags")?.kind).toBe("u64");
    expect(field(bpfAttr.TASK_FD_QUERY, "probe_addr")?.kind).toBe("u64");
    expect(field(bpfAttr.LINK_CREATE, "uprobe_multi.ref_ctr_offsets")?.kind).toBe("ptr");
    expect(field(bpfProgInfo, "run_time_ns")?.kind).toBe("u64");
    expect(field(bpfLinkInfo, "perf_event.kprobe.func_name")?.kind).toBe("ptr");
    expect(field(bpfLinkInfo, "perf_event.kprobe.addr")?.kind).toBe("u64");
  });

  it("keeps the alternatives of a union apart", () => {
    const { fields } = bpfAttr.LINK_CREATE;
    expect(fields.filter(({ offset }) => offset === 16).map(({ name }) => name)).toContain("tcx.relative_fd");
    expect(field(bpfAttr.LINK_CREATE, "netfilter.priority")).toMatchObject({
      camel: "netfilterPriority",
      arm: "netfilter",
      offset: 24,
      kind: "s32",
    });
  });
});

describe.each(layouts)("the layout of %s", (_name, layout) => {
  it("has distinct names, and fields inside it, of their kind's size", () => {
    const camels = layout.fields.map(({ camel }) => camel);
    expect(new Set(camels).size).toBe(camels.length);
    for (const { name, kind, offset, size, count } of layout.fields) {
      expect(offset + size).toBeLessThanOrEqual(layout.size);
      if (kind === "chars" || kind === "bytes") continue;
      const bytes = kind === "ptr" ? 8 : Number(kind.slice(1)) / 8;
      expect([name, size]).toEqual([name, bytes * (count ?? 1)]);
      expect(offset % bytes).toBe(0);
    }
  });
});

describe("contexts and info structs", () => {
  it("has the offsets that programs are compiled with", () => {
    expect(bpfSkBuff.size).toBe(192);
    expect(field(bpfSkBuff, "cb")).toMatchObject({ offset: 48, size: 20, count: 5 });
    expect(field(bpfSkBuff, "data")).toMatchObject({ offset: 76, size: 4 });
    expect(xdpMd.fields.map(({ name }) => name)).toEqual([
      "data",
      "data_end",
      "data_meta",
      "ingress_ifindex",
      "rx_queue_index",
      "egress_ifindex",
    ]);
    expect(field(bpfProgInfo, "gpl_compatible")).toMatchObject({
      offset: 84,
      bits: { bitOffset: 0, bitSize: 1 },
    });
    expect(field(perfEventAttr, "disabled")).toMatchObject({
      offset: 40,
      bits: { bitOffset: 0, bitSize: 1 },
    });
    expect(field(perfEventAttr, "inherit")).toMatchObject({ offset: 40, bits: { bitOffset: 1, bitSize: 1 } });
  });
});
