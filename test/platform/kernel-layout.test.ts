import { describe, expect, it } from "vitest";
import { Btf } from "../../src/btf/index.ts";
import { defaultLayout, KernelLayout, PROGRAM_TYPES } from "../../src/platform/index.ts";
import { describeWith, fixture, liveKernel } from "../support/referee.ts";

const layout = defaultLayout();

describe("KernelLayout", () => {
  it("finds members behind anonymous structs, typedefs and paths", () => {
    expect(layout.field("sk_buff.len")).toEqual({ offset: 112, size: 4, shift: 0, mask: 0 });
    expect(layout.field("sk_buff.protocol")).toEqual({ offset: 176, size: 2, shift: 0, mask: 0 });
    expect(layout.field("sk_buff.cb").size).toBe(48);
    expect(layout.offset("sock.__sk_common.skc_family")).toBe(layout.offset("sock_common.skc_family"));
    expect(layout.offset("bpf_array.value")).toBe(312);
    expect(layout.sizeOf("__sk_buff")).toBe(192);
  });

  it("gives bit fields as the bits of a byte", () => {
    expect(layout.field("sk_buff.pkt_type")).toMatchObject({ size: 1, shift: 0, mask: 0x07 });
    const type = layout.field("sk_buff.tstamp_type");
    expect(type).toMatchObject({ size: 1, shift: 0, mask: 0x03 });
    expect(layout.field("sk_buff.tc_at_ingress")).toEqual({
      offset: type.offset,
      size: 1,
      shift: 2,
      mask: 0x04,
    });
  });

  it("names what it misses", () => {
    expect(layout.find("sk_buff.nothing")).toBeNull();
    expect(() => layout.field("sk_buff.nothing")).toThrow("expected a member sk_buff.nothing");
    expect(() => layout.sizeOf("nothing")).toThrow("expected a struct nothing");
  });

  it("knows each struct context's view and object", () => {
    for (const { context } of PROGRAM_TYPES) {
      if (context.kind !== "struct") continue;
      expect(layout.sizeOf(context.view)).toBeGreaterThan(0);
      expect(layout.sizeOf(context.object)).toBeGreaterThan(0);
    }
  });
});

const vmlinux = fixture("/sys/kernel/btf/vmlinux");

describeWith([vmlinux, liveKernel("6.18")], "the default layout", () => {
  const live = new KernelLayout(Btf.parse(vmlinux.bytes()));
  it("has the offsets of a running 6.18", () => {
    const { btf } = layout;
    let compared = 0;
    for (let id = 1; id < btf.count; id++) {
      const type = btf.type(id);
      if ((type.kind !== "STRUCT" && type.kind !== "UNION") || type.name === "") continue;
      expect(layout.sizeOf(type.name)).toBe(live.sizeOf(type.name));
      for (const member of type.members) {
        if (member.name === "") continue;
        const path = `${type.name}.${member.name}`;
        expect([path, layout.field(path)]).toEqual([path, live.field(path)]);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(300);
  });
});
