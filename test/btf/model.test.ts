import { describe, expect, it } from "vitest";
import { FormatError } from "../../src/base/index.ts";
import { Btf, BtfBuilder, BtfKind } from "../../src/btf/index.ts";
import { builder, everyKind } from "./fixture.ts";

/** The same data in the other byte order: all of it but version, flags and strings is 16 or 32-bit fields. */
function swapped(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const out = bytes.slice();
  const target = new DataView(out.buffer);
  target.setUint16(0, view.getUint16(0, true), false);
  const end = 24 + view.getUint32(12, true);
  for (let at = 4; at < end; at += 4) target.setUint32(at, view.getUint32(at, true), false);
  return out;
}

describe("Btf.parse", () => {
  it("reads every kind", () => {
    const btf = Btf.parse(everyKind());
    const kinds = new Set(Array.from({ length: btf.count }, (_, id) => btf.type(id).kind));
    expect([...kinds].sort()).toEqual([...Object.keys(BtfKind)].sort());
    expect(btf.type(0)).toEqual({ kind: "VOID", id: 0, name: "" });
    expect(btf.type(1)).toEqual({
      kind: "INT",
      id: 1,
      name: "int",
      size: 4,
      bits: 32,
      bitOffset: 0,
      signed: true,
      char: false,
      bool: false,
    });
  });

  it("reads the kflag forms", () => {
    const btf = Btf.parse(everyKind());
    const id = btf.findByName("bits");
    expect([btf.memberBitOffset(id, 1), btf.memberBitSize(id, 1)]).toEqual([6, 5]);
    expect([btf.memberBitOffset(id, 2), btf.memberBitSize(id, 2)]).toEqual([64, 0]);
    expect(btf.type(btf.findByName("sign"))).toMatchObject({
      signed: true,
      values: [{ value: -1 }, { value: 1 }],
    });
    expect(btf.type(btf.findByName("wide"))).toMatchObject({ values: [{ value: -1n }] });
    expect(btf.type(btf.findByName("either"))).toMatchObject({ kind: "FWD", of: "union" });
  });

  it("reads either byte order to the same types", () => {
    const little = Btf.parse(everyKind());
    const big = Btf.parse(swapped(everyKind()));
    expect(big.endian).toBe("big");
    for (let id = 0; id < little.count; id++) expect(big.type(id)).toEqual(little.type(id));
  });

  it("reads data at an odd address and a header that is longer than ours", () => {
    const bytes = everyKind();
    const longer = new Uint8Array(1 + bytes.length + 7);
    longer.set(bytes.subarray(0, 24), 1);
    longer.set(bytes.subarray(24), 1 + 24 + 7);
    longer[1 + 4] = 31;
    const btf = Btf.parse(longer.subarray(1));
    expect(btf.type(19)).toEqual(Btf.parse(bytes).type(19));
  });

  it("goes on with ids and strings of a base", () => {
    const base = Btf.parse(builder().finish());
    const types = new BtfBuilder({ base });
    const id = types.add({
      kind: "STRUCT",
      name: "pair",
      size: 8,
      members: [{ name: "int", type: 1, bitOffset: 0, bitSize: 0 }],
    });
    const btf = Btf.parse(types.finish(), { base });
    expect([btf.firstId, btf.count, id]).toEqual([3, 4, 3]);
    expect(btf.type(3)).toMatchObject({ name: "pair", members: [{ name: "int", type: 1 }] });
    expect(btf.name(2)).toBe("char");
    expect([btf.findByName("int"), btf.findByName("pair"), base.findByName("pair")]).toEqual([1, 3, 0]);
    expect(btf.sizeOf(3)).toBe(8);
  });

  it("takes the size of a pointer from the size of long", () => {
    const of = (size: number) => {
      const types = builder();
      types.add({ kind: "INT", name: "long unsigned int", size });
      return Btf.parse(types.finish()).pointerSize;
    };
    expect([of(4), of(8), Btf.parse(builder().finish()).pointerSize]).toEqual([4, 8, 8]);
  });

  it.each<[string, (bytes: Uint8Array, view: DataView) => void, RegExp]>([
    ["a magic number", (bytes) => bytes.fill(0, 0, 2), /^BTF: offset 0: expected the magic number/],
    ["a version", (bytes) => bytes.fill(2, 2, 3), /offset 2: expected version 1, got 2/],
    ["a header length", (_, view) => view.setUint32(4, 20, true), /offset 4: expected a header length/],
    ["a string section", (_, view) => view.setUint32(20, 0x7fff_ffff, true), /offset 16: string section/],
    ["a type section", (_, view) => view.setUint32(12, 4000, true), /offset 8: type section/],
    [
      "a kind",
      (_, view) => view.setUint32(28, 20 << 24, true),
      /offset 28: type \[1\]: expected a kind from 1 to 19, got 20/,
    ],
    [
      "a type id",
      (_, view) => view.setUint32(24 + 16 * 4 + 8, 5000, true),
      /offset 96: type \[5\]: type: expected a type id below 58, got 5000/,
    ],
    [
      "a name",
      (_, view) => view.setUint32(24, 0x10_0000, true),
      /offset 24: type \[1\]: name: expected a string offset below/,
    ],
  ])("names where %s is wrong", (_, damage, message) => {
    const bytes = everyKind();
    damage(bytes, new DataView(bytes.buffer));
    expect(() => Btf.parse(bytes)).toThrow(FormatError);
    expect(() => Btf.parse(bytes)).toThrow(message);
  });

  it("bounds member lists by the data", () => {
    const bytes = builder().finish();
    new DataView(bytes.buffer).setUint32(24 + 16 + 4, (4 << 24) | 0xffff, true);
    expect(() => Btf.parse(bytes)).toThrow(
      /type \[2\]: expected 786\d+ bytes, got 16 up to the end of the type section/,
    );
  });

  it("wants a prototype for each function", () => {
    const types = builder();
    types.add({ kind: "FUNC", name: "main", type: 1, linkage: "global" });
    expect(() => Btf.parse(types.finish())).toThrow(
      /type \[3\]: expected a FUNC_PROTO, got type \[1\] of kind 1/,
    );
  });

  it("says which ids there are", () => {
    const btf = Btf.parse(builder().finish());
    expect([btf.has(0), btf.has(2), btf.has(3), btf.has(-1), btf.has(1.5)]).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(() => btf.type(3)).toThrow(/expected a type id below 3, got 3/);
    expect(() => btf.string(9999)).toThrow(FormatError);
  });
});

describe("findByName", () => {
  it("finds the first of a name, of a kind, and all", () => {
    const btf = Btf.parse(everyKind());
    expect(btf.findAllByName("list")).toEqual([19, 24]);
    expect(btf.findByName("list")).toBe(19);
    expect(btf.findByName("u32", BtfKind.TYPEDEF)).toBe(34);
    expect(btf.findByName("u32", BtfKind.STRUCT)).toBe(0);
    expect([btf.findByName("nowhere"), btf.findByName("")]).toEqual([0, 0]);
  });
});
