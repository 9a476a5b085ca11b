import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createKernelMemory, type Region, RegionAccess } from "../../src/mem/index.ts";

const memory = () => createKernelMemory({ maximumPages: 64 });

const plain = (start: number, end: number, access = 3): Region => ({
  start,
  end,
  access,
  stride: 0,
  size: 0,
  what: `[${start}, ${end})`,
});

describe("regions", () => {
  it("allow exactly what lies inside one of them", () => {
    const piece = fc.record({
      gap: fc.nat(20),
      length: fc.integer({ min: 1, max: 64 }),
      access: fc.constantFrom(1, 2, 3),
      stride: fc.constantFrom(0, 0, 8, 16),
      size: fc.integer({ min: 1, max: 8 }),
    });
    const probe = fc.record({
      at: fc.nat(1200),
      length: fc.integer({ min: 1, max: 20 }),
      access: fc.constantFrom(1, 2, 3),
    });
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 20 }),
        fc.array(fc.nat(20), { maxLength: 6 }),
        fc.array(probe, { maxLength: 60 }),
        (pieces, removed, probes) => {
          const kernel = memory();
          const base = 0x10_0000;
          let at = base;
          const live: { region: Region; handle: number }[] = [];
          for (const { gap, length, access, stride, size } of pieces) {
            const start = at + gap;
            const end = start + (stride === 0 ? length : stride * Math.ceil(length / stride));
            const region = { start, end, access, stride, size, what: `piece at ${start}` };
            live.push({ region, handle: kernel.regions.add(region) });
            at = end;
          }
          for (const index of removed) {
            const [gone] = live.splice(index % (live.length || 1), 1);
            if (gone !== undefined) kernel.regions.remove(gone.handle);
          }
          expect(kernel.regions.count).toBe(live.length);
          for (const { at: offset, length, access } of probes) {
            const from = base + offset;
            const holder = live.find(({ region }) => from >= region.start && from < region.end)?.region;
            let allowed = holder !== undefined && (access & ~holder.access) === 0;
            if (holder !== undefined && allowed) {
              const inside =
                holder.stride === 0 ? from - holder.start : (from - holder.start) % holder.stride;
              const room = holder.stride === 0 ? holder.end - holder.start : holder.size;
              allowed = inside + length <= room;
            }
            expect(kernel.regions.allows(from, length, access)).toBe(allowed);
            expect(kernel.regions.find(from)).toEqual(holder ?? null);
          }
          for (const { handle } of live) kernel.regions.remove(handle);
          kernel.executors.quiesce(0);
          expect(kernel.used).toBe(0);
        },
      ),
      { numRuns: 150 },
    );
  });

  it("do not wrap at the ends of the address space", () => {
    const { regions } = memory();
    expect(regions.allows(0x2_0000, 1, 1)).toBe(false);
    regions.add(plain(0xffff_0000, 0xffff_fff0));
    regions.add(plain(0x1_0000, 0x1_0010));
    for (const [at, length, allowed] of [
      [0xffff_ffe8, 8, true],
      [0xffff_ffe9, 8, false],
      [0xffff_ffe8, 0xffff_ffff, false],
      [0xffff_ffff, 1, false],
      [0, 1, false],
      [0x1_0008, 8, true],
      [0x1_0008, 0x8000_0000, false],
      [0x8000_0000, 1, false],
    ] as const) {
      expect([at, regions.allows(at, length, 1)]).toEqual([at, allowed]);
    }
  });

  it("refuse overlaps, empty ranges and unknown handles", () => {
    const { regions } = memory();
    regions.add(plain(100, 200));
    for (const [start, end] of [
      [150, 160],
      [50, 101],
      [199, 300],
      [50, 300],
      [100, 200],
    ] as const) {
      expect(() => regions.add(plain(start, end))).toThrow("expected no overlap, got one");
    }
    regions.add(plain(200, 210));
    regions.add(plain(90, 100));
    expect(() => regions.add(plain(10, 10))).toThrow("expected a range");
    expect(() => regions.add({ ...plain(10, 20), stride: 4, size: 8 })).toThrow("a size within its stride");
    expect(() => regions.remove(12_345)).toThrow("expected the handle of a region");
  });

  it("say what they are", () => {
    const { regions } = memory();
    regions.add({ ...plain(100, 200, RegionAccess.READ), what: "value of map flüsse" });
    expect(regions.find(150)?.what).toBe("value of map flüsse");
    expect(regions.at(0)).toEqual(regions.find(100));
    expect(regions.at(1)).toBe(null);
    expect(regions.find(200)).toBe(null);
  });
});
