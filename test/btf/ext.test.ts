import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteWriter, FormatError, TsbpfError } from "../../src/base/index.ts";
import { Btf, BtfBuilder, type BtfExt, parseBtfExt, writeBtfExt } from "../../src/btf/index.ts";

const builder = new BtfBuilder();
builder.add({ kind: "INT", name: "int", size: 4 });
const XDP = builder.string("xdp");
const TC = builder.string("tc");
const ACCESS = builder.string("0:1");
const btf = Btf.parse(builder.finish());

const SAMPLE: BtfExt = {
  endian: "little",
  funcInfo: [
    { nameOffset: XDP, section: "xdp", records: [{ insnOffset: 0, typeId: 1 }] },
    {
      nameOffset: TC,
      section: "tc",
      records: [
        { insnOffset: 0, typeId: 1 },
        { insnOffset: 16, typeId: 1 },
      ],
    },
  ],
  lineInfo: [
    {
      nameOffset: XDP,
      section: "xdp",
      records: [{ insnOffset: 8, fileOffset: TC, lineOffset: XDP, line: 0x3f_ffff, column: 0x3ff }],
    },
  ],
  coreRelos: [
    {
      nameOffset: XDP,
      section: "xdp",
      records: [{ insnOffset: 8, typeId: 1, accessOffset: ACCESS, kind: 12 }],
    },
  ],
};

describe("parseBtfExt, writeBtfExt", () => {
  it.each(["little", "big"] as const)("are each other's opposite, %s endian", (endian) => {
    const bytes = writeBtfExt(SAMPLE, { endian });
    expect(parseBtfExt(bytes, btf)).toEqual({ ...SAMPLE, endian });
  });

  it("leave out parts that are empty", () => {
    const empty: BtfExt = { endian: "big", funcInfo: [], lineInfo: [], coreRelos: [] };
    const bytes = writeBtfExt(empty);
    expect(bytes).toHaveLength(32);
    expect(parseBtfExt(bytes, btf)).toEqual(empty);
  });

  it("read records and headers that are longer than known", () => {
    const out = new ByteWriter({ capacity: 256 });
    out.u16(0xeb9f).u8(1).u8(0).u32(40);
    // func_info, line_info (absent), core_relo (absent), and a part of the future.
    out
      .u32(0)
      .u32(4 + 8 + 2 * 12)
      .u32(36)
      .u32(0)
      .u32(36)
      .u32(0)
      .u32(36)
      .u32(0);
    out.u32(12).u32(XDP).u32(2);
    out.u32(0).u32(1).u32(0xaaaa_aaaa).u32(8).u32(1).u32(0xbbbb_bbbb);
    expect(parseBtfExt(out.finish(), btf).funcInfo).toEqual([
      {
        nameOffset: XDP,
        section: "xdp",
        records: [
          { insnOffset: 0, typeId: 1 },
          { insnOffset: 8, typeId: 1 },
        ],
      },
    ]);
  });

  it("read a header without CO-RE relocations", () => {
    const out = new ByteWriter({ capacity: 64 });
    out.u16(0xeb9f).u8(1).u8(0).u32(24).u32(0).u32(0).u32(0).u32(0);
    expect(parseBtfExt(out.finish(), btf)).toEqual({
      endian: "little",
      funcInfo: [],
      lineInfo: [],
      coreRelos: [],
    });
  });

  const changed = (change: (view: DataView) => void) => {
    const bytes = writeBtfExt(SAMPLE);
    change(new DataView(bytes.buffer));
    return bytes;
  };

  it.each([
    ["a short header", writeBtfExt(SAMPLE).subarray(0, 20), /expected at least 24 bytes, got 20/],
    [
      "the magic number",
      changed((v) => v.setUint16(0, 0x1234, true)),
      /expected the magic number 0xeb9f, got 0x1234/,
    ],
    ["the version", changed((v) => v.setUint8(2, 2)), /offset 2: expected version 1, got 2/],
    [
      "the header's length",
      changed((v) => v.setUint32(4, 23, true)),
      /offset 4: expected a length from 24 to/,
    ],
    [
      "a part's size",
      changed((v) => v.setUint32(20, 5000, true)),
      /offset 16: line_info: expected 5000 bytes/,
    ],
    [
      "a record size",
      changed((v) => v.setUint32(32, 4, true)),
      /func_info: offset 0: expected a record size of at least 8/,
    ],
    [
      "no records",
      changed((v) => v.setUint32(40, 0, true)),
      /func_info: offset 8: expected at least one record/,
    ],
    [
      "too many records",
      changed((v) => v.setUint32(40, 1 << 30, true)),
      /func_info: offset 8: expected 1073741824 records/,
    ],
    ["a section name", changed((v) => v.setUint32(36, 9999, true)), /expected a string offset below/],
  ])("say where %s is wrong", (_what, bytes, message) => {
    expect(() => parseBtfExt(bytes, btf)).toThrow(FormatError);
    expect(() => parseBtfExt(bytes, btf)).toThrow(message);
  });

  it("throw nothing but TsbpfError on mutated data", () => {
    const original = writeBtfExt(SAMPLE);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        fc.nat(original.length),
        fc.boolean(),
        (changes, length, cut) => {
          const bytes = original.slice(0, cut ? length : original.length);
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          try {
            const ext = parseBtfExt(bytes, btf);
            expect(parseBtfExt(writeBtfExt(ext), btf)).toEqual(ext);
          } catch (error) {
            expect(error).toBeInstanceOf(TsbpfError);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});
