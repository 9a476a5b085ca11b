import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TsbpfError } from "../../src/base/index.ts";
import { Btf, BtfBuilder, type BtfTypeInput, writeBtf } from "../../src/btf/index.ts";

/** One type of every kind; ids as they are given from 1. */
const EVERY_KIND: readonly BtfTypeInput[] = [
  { kind: "INT", name: "int", size: 4, bits: 32, bitOffset: 0, signed: true, char: false, bool: false },
  { kind: "PTR", name: "", type: 4 },
  { kind: "ARRAY", name: "", type: 1, indexType: 1, count: 7 },
  {
    kind: "STRUCT",
    name: "node",
    size: 16,
    members: [
      { name: "next", type: 2, bitOffset: 0, bitSize: 0 },
      { name: "low", type: 1, bitOffset: 64, bitSize: 3 },
      { name: "", type: 5, bitOffset: 96, bitSize: 0 },
    ],
  },
  {
    kind: "UNION",
    name: "",
    size: 4,
    members: [{ name: "value", type: 1, bitOffset: 0, bitSize: 0 }],
  },
  {
    kind: "ENUM",
    name: "state",
    size: 4,
    signed: true,
    values: [
      { name: "BAD", value: -1 },
      { name: "GOOD", value: 0x7fff_ffff },
    ],
  },
  { kind: "FWD", name: "later", of: "union" },
  { kind: "TYPEDEF", name: "node_t", type: 4 },
  { kind: "VOLATILE", name: "", type: 1 },
  { kind: "CONST", name: "", type: 9 },
  { kind: "RESTRICT", name: "", type: 2 },
  { kind: "FUNC", name: "main", type: 13, linkage: "global" },
  {
    kind: "FUNC_PROTO",
    name: "",
    returns: 1,
    params: [
      { name: "node", type: 2 },
      { name: "", type: 0 },
    ],
  },
  { kind: "VAR", name: "counter", type: 1, linkage: "extern" },
  { kind: "DATASEC", name: ".data", size: 4, variables: [{ type: 14, offset: 0, size: 4 }] },
  { kind: "FLOAT", name: "double", size: 8 },
  { kind: "DECL_TAG", name: "tag", type: 4, component: -1, attribute: false },
  { kind: "TYPE_TAG", name: "user", type: 4, attribute: true },
  {
    kind: "ENUM64",
    name: "wide",
    size: 8,
    signed: false,
    values: [{ name: "TOP", value: 0xffff_ffff_ffff_fff0n }],
  },
];

function build(types: readonly BtfTypeInput[], base?: Btf): BtfBuilder {
  const builder = new BtfBuilder(base === undefined ? {} : { base });
  for (const type of types) builder.add(type);
  return builder;
}

/** All own types as plain objects. */
function typesOf(btf: Btf): unknown[] {
  return Array.from({ length: btf.count - btf.firstId }, (_, i) => btf.type(btf.firstId + i));
}

describe("BtfBuilder", () => {
  it.each(["little", "big"] as const)("writes every kind, %s endian, as it is read", (endian) => {
    const bytes = build(EVERY_KIND).finish({ endian });
    const btf = Btf.parse(bytes);
    expect(btf.endian).toBe(endian);
    expect(typesOf(btf)).toEqual(EVERY_KIND.map((type, i) => ({ ...type, id: i + 1 })));
  });

  it("gives back the types it is built from", () => {
    const btf = Btf.parse(build(EVERY_KIND).finish());
    const again = new BtfBuilder();
    for (let id = 1; id < btf.count; id++) {
      const type = btf.type(id);
      if (type.kind !== "VOID") again.add(type);
    }
    expect(again.finish()).toEqual(btf.bytes);
  });

  it("fills in what a plain type leaves out", () => {
    const builder = new BtfBuilder();
    builder.add({ kind: "INT", name: "u16", size: 2 });
    builder.add({ kind: "PTR", type: 1 });
    const btf = Btf.parse(builder.finish());
    expect(btf.type(1)).toMatchObject({ bits: 16, signed: false, char: false, bool: false });
    expect(btf.type(2)).toMatchObject({ name: "", type: 1 });
  });

  it("keeps each string once", () => {
    const builder = new BtfBuilder();
    expect(builder.string("twice")).toBe(builder.string("twice"));
    expect(builder.string("")).toBe(0);
    builder.add({ kind: "FWD", name: "twice", of: "struct" });
    expect(Btf.parse(builder.finish()).stringEnd).toBe(1 + "twice".length + 1);
  });

  it("keeps any strings apart and finds them again", () => {
    const text = fc.string({ unit: "grapheme" }).filter((value) => !value.includes("\0"));
    fc.assert(
      fc.property(fc.array(text, { maxLength: 400 }), (texts) => {
        const builder = new BtfBuilder();
        const offsets = texts.map((value) => builder.string(value));
        const btf = Btf.parse(builder.finish());
        for (const [i, value] of texts.entries()) expect(btf.string(offsets[i]!)).toBe(value);
      }),
      { numRuns: 50 },
    );
  });

  it("continues a base: ids, strings, and the base's own strings", () => {
    const base = Btf.parse(build(EVERY_KIND).finish());
    const builder = new BtfBuilder({ base });
    expect(builder.nextId).toBe(base.count);
    const id = builder.add({ kind: "TYPEDEF", name: "int", type: 1 });
    builder.add({ kind: "TYPEDEF", name: "fresh", type: id });
    const split = Btf.parse(builder.finish(), { base });
    expect(split.nameOffset(id)).toBe(base.nameOffset(1));
    expect(split.name(id + 1)).toBe("fresh");
    expect(split.stringEnd - base.stringEnd).toBe("fresh".length + 1);
  });

  it("appends another BTF with its ids and strings moved", () => {
    const source = Btf.parse(build(EVERY_KIND).finish({ endian: "big" }));
    const builder = build([{ kind: "FLOAT", name: "float", size: 4 }]);
    const mapping = builder.append(source);
    const btf = Btf.parse(builder.finish());
    expect(mapping.id(0)).toBe(0);
    expect(btf.type(mapping.id(2))).toEqual({ kind: "PTR", id: 3, name: "", type: 5 });
    expect(btf.string(mapping.string(source.nameOffset(4)))).toBe("node");
    expect(typesOf(btf).slice(1)).toMatchObject(
      EVERY_KIND.map(({ kind, name }, i) => ({ kind, name, id: i + 2 })),
    );
  });

  it("copies single types with their references mapped", () => {
    const source = Btf.parse(build(EVERY_KIND).finish());
    const builder = new BtfBuilder();
    builder.addFrom(source, 13, (id) => id + 10);
    expect(() => builder.finish()).toThrow("BTF type [1]: expected a type id below 2, got 11");
    for (let i = 0; i < 12; i++) builder.add({ kind: "FLOAT", name: "f", size: 4 });
    expect(Btf.parse(builder.finish()).type(1)).toMatchObject({
      returns: 11,
      params: [
        { name: "node", type: 12 },
        { name: "", type: 10 },
      ],
    });
  });

  it("refuses split BTF of another base", () => {
    const base = Btf.parse(build(EVERY_KIND).finish());
    const split = Btf.parse(build([{ kind: "PTR", type: 1 }], base).finish(), { base });
    expect(() => new BtfBuilder().append(split)).toThrow(/same base/);
    const other = new BtfBuilder({ base });
    other.add({ kind: "PTR", type: 2 });
    const mapping = other.append(split);
    expect(Btf.parse(other.finish(), { base }).type(mapping.id(split.firstId))).toMatchObject({ type: 1 });
  });

  it("changes references and linkage afterwards", () => {
    const builder = build(EVERY_KIND);
    builder.setType(2, 6);
    builder.setLinkage(12, "static");
    builder.setLinkage(14, "global");
    const btf = Btf.parse(builder.finish());
    expect(btf.type(2)).toMatchObject({ type: 6 });
    expect(btf.type(12)).toMatchObject({ linkage: "static" });
    expect(btf.type(14)).toMatchObject({ linkage: "global" });
    expect(() => builder.setType(4, 1)).toThrow(/refers to no single type/);
    expect(() => builder.setLinkage(4, "static")).toThrow(/expected a FUNC or VAR/);
    expect(() => builder.setType(99, 1)).toThrow(TsbpfError);
  });

  it.each<[string, BtfTypeInput, RegExp]>([
    ["a name with a NUL", { kind: "FWD", name: "a\0b", of: "struct" }, /contains a NUL/],
    ["an INT of 64 bytes", { kind: "INT", name: "huge", size: 64 }, /INT 'huge': expected at most 255 bits/],
    [
      "a bit field too far away",
      {
        kind: "STRUCT",
        name: "s",
        size: 9,
        members: [{ name: "m", type: 0, bitOffset: 1 << 24, bitSize: 1 }],
      },
      /STRUCT 's': member 'm': expected an offset up to 16777215/,
    ],
    [
      "too many members",
      { kind: "FUNC_PROTO", returns: 0, params: new Array(65536).fill({ name: "", type: 0 }) },
      /expected at most 65535 elements, got 65536/,
    ],
  ])("refuses %s", (_what, type, message) => {
    expect(() => new BtfBuilder().add(type)).toThrow(TsbpfError);
    expect(() => new BtfBuilder().add(type)).toThrow(message);
  });
});

describe("writeBtf", () => {
  it("writes split BTF without its base, in either byte order", () => {
    const base = Btf.parse(build(EVERY_KIND).finish());
    const bytes = build([{ kind: "TYPEDEF", name: "own", type: 4 }], base).finish();
    const split = Btf.parse(bytes, { base });
    expect(writeBtf(split)).toEqual(bytes);
    const big = writeBtf(split, { endian: "big" });
    expect(Btf.parse(big, { base }).type(split.firstId)).toEqual(split.type(split.firstId));
    expect(writeBtf(Btf.parse(big, { base }), { endian: "little" })).toEqual(bytes);
  });

  it("writes BTF without types", () => {
    const btf = Btf.parse(new BtfBuilder().finish());
    expect(btf.count).toBe(1);
    expect(writeBtf(btf)).toEqual(btf.bytes);
  });
});
