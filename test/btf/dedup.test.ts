import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError, TsbpfError } from "../../src/base/index.ts";
import { Btf, BtfBuilder, type BtfExt, type BtfTypeInput, deduplicate } from "../../src/btf/index.ts";

const INT: BtfTypeInput = { kind: "INT", name: "int", size: 4, signed: true };
const member = (name: string, type: number, bitOffset = 0) => ({ name, type, bitOffset, bitSize: 0 });

function btfOf(types: readonly BtfTypeInput[], base?: Btf): Btf {
  const builder = new BtfBuilder(base === undefined ? {} : { base });
  for (const type of types) builder.add(type);
  return Btf.parse(builder.finish(), base === undefined ? {} : { base });
}

/** `KIND name → what it refers to`, a line for each type. */
function outline(btf: Btf): string[] {
  const lines: string[] = [];
  for (let id = btf.firstId; id < btf.count; id++) {
    const type = btf.type(id);
    const refs =
      type.kind === "STRUCT" || type.kind === "UNION"
        ? type.members.map((m) => m.type)
        : type.kind === "FUNC_PROTO"
          ? [type.returns, ...type.params.map((p) => p.type)]
          : "type" in type
            ? [type.type]
            : [];
    lines.push(`${id} ${type.kind} ${type.name} ${refs.join(",")}`.trimEnd());
  }
  return lines;
}

function merged(types: readonly BtfTypeInput[], base?: Btf): { outline: string[]; ids: number[] } {
  const btf = btfOf(types, base);
  const { bytes, ids } = deduplicate(btf);
  const result = Btf.parse(bytes, base === undefined ? {} : { base });
  return { outline: outline(result), ids: [...ids] };
}

describe("deduplicate", () => {
  it("merges equal integers, enums, floats and what refers to them", () => {
    const values = [{ name: "A", value: 1 }];
    const unit: BtfTypeInput[] = [
      INT,
      { kind: "ENUM", name: "e", size: 4, signed: false, values },
      { kind: "FLOAT", name: "float", size: 4 },
      { kind: "PTR", type: 1 },
      { kind: "ARRAY", type: 2, indexType: 1, count: 3 },
    ];
    const copy: BtfTypeInput[] = [
      INT,
      { kind: "PTR", type: 6 },
      { kind: "ENUM", name: "e", size: 4, signed: false, values },
      { kind: "ARRAY", type: 8, indexType: 6, count: 3 },
      { kind: "ARRAY", type: 8, indexType: 6, count: 4 },
      { kind: "FLOAT", name: "float", size: 8 },
    ];
    expect(merged([...unit, ...copy])).toEqual({
      outline: [
        "1 INT int",
        "2 ENUM e",
        "3 FLOAT float",
        "4 PTR  1",
        "5 ARRAY  2",
        "6 ARRAY  2",
        "7 FLOAT float",
      ],
      ids: [0, 1, 2, 3, 4, 5, 1, 4, 2, 5, 6, 7],
    });
  });

  it("merges structs that refer to themselves, and resolves forward declarations both ways", () => {
    const first: BtfTypeInput[] = [
      { kind: "STRUCT", name: "a", size: 16, members: [member("self", 2), member("b", 4, 64)] },
      { kind: "PTR", type: 1 },
      { kind: "FWD", name: "b", of: "struct" },
      { kind: "PTR", type: 3 },
    ];
    const second: BtfTypeInput[] = [
      { kind: "STRUCT", name: "b", size: 8, members: [member("a", 6)] },
      { kind: "PTR", type: 7 },
      { kind: "STRUCT", name: "a", size: 16, members: [member("self", 6), member("b", 8, 64)] },
      { kind: "PTR", type: 5 },
    ];
    expect(merged([...first, ...second]).outline).toEqual([
      "1 STRUCT a 2,3",
      "2 PTR  1",
      "3 PTR  4",
      "4 STRUCT b 2",
    ]);
  });

  it("keeps structs apart that differ below", () => {
    const types: BtfTypeInput[] = [
      INT,
      { kind: "PTR", type: 1 },
      { kind: "STRUCT", name: "s", size: 8, members: [member("p", 2)] },
      { kind: "FLOAT", name: "float", size: 4 },
      { kind: "PTR", type: 4 },
      { kind: "STRUCT", name: "s", size: 8, members: [member("p", 5)] },
    ];
    expect(merged(types).outline).toHaveLength(6);
  });

  it("does not take arrays for equal whose elements differ, however often one type occurs", () => {
    // The first struct uses one array type twice, the second two: only where both hold the same may they merge.
    const types = (second: BtfTypeInput): BtfTypeInput[] => [
      INT,
      { kind: "ARRAY", type: 1, indexType: 1, count: 2 },
      { kind: "STRUCT", name: "s", size: 16, members: [member("x", 2), member("y", 2, 64)] },
      { kind: "ARRAY", type: 1, indexType: 1, count: 2 },
      second,
      { kind: "ARRAY", type: 5, indexType: 1, count: 2 },
      { kind: "STRUCT", name: "s", size: 16, members: [member("x", 4), member("y", 6, 64)] },
    ];
    expect(merged(types(INT)).outline).toEqual(["1 INT int", "2 ARRAY  1", "3 STRUCT s 2,2"]);
    expect(merged(types({ kind: "FLOAT", name: "float", size: 4 })).outline).toHaveLength(6);
  });

  it("resolves a forward declaration that no struct refers to where its name is unique", () => {
    const unique: BtfTypeInput[] = [
      { kind: "FWD", name: "u", of: "union" },
      { kind: "PTR", type: 1 },
      { kind: "UNION", name: "u", size: 4, members: [] },
    ];
    expect(merged(unique).outline).toEqual(["1 PTR  2", "2 UNION u"]);
    const other: BtfTypeInput = { kind: "STRUCT", name: "u", size: 8, members: [] };
    expect(merged([...unique, other]).outline).toHaveLength(4);
  });

  it("resolves forward declarations of enums, also of 64-bit ones", () => {
    const values = [{ name: "A", value: 1n }];
    const full: BtfTypeInput = { kind: "ENUM64", name: "e", size: 8, signed: false, values };
    const forward: BtfTypeInput = { kind: "ENUM", name: "e", size: 4, signed: false, values: [] };
    expect(merged([forward, { kind: "PTR", type: 1 }, full]).outline).toEqual(["1 PTR  2", "2 ENUM64 e"]);
    expect(merged([full, forward, { kind: "PTR", type: 2 }]).outline).toEqual(["1 ENUM64 e", "2 PTR  1"]);
  });

  it("never merges variables and sections, but rewrites what they refer to", () => {
    const types: BtfTypeInput[] = [
      INT,
      { kind: "VAR", name: "v", type: 1, linkage: "static" },
      INT,
      { kind: "VAR", name: "v", type: 3, linkage: "static" },
      { kind: "DATASEC", name: ".bss", size: 8, variables: [{ type: 4, offset: 4, size: 4 }] },
    ];
    const { bytes } = deduplicate(btfOf(types));
    const btf = Btf.parse(bytes);
    expect(outline(btf).slice(0, 3)).toEqual(["1 INT int", "2 VAR v 1", "3 VAR v 1"]);
    expect(btf.type(4)).toMatchObject({ variables: [{ type: 3, offset: 4, size: 4 }] });
  });

  it("merges split BTF into its base and leaves the base alone", () => {
    const base = btfOf([
      INT,
      { kind: "PTR", type: 1 },
      { kind: "STRUCT", name: "s", size: 8, members: [member("p", 2)] },
      { kind: "FWD", name: "f", of: "struct" },
      { kind: "PTR", type: 4 },
      { kind: "STRUCT", name: "holder", size: 8, members: [member("f", 5)] },
    ]);
    const own: BtfTypeInput[] = [
      INT,
      { kind: "PTR", type: 7 },
      { kind: "STRUCT", name: "s", size: 8, members: [member("p", 8)] },
      { kind: "TYPEDEF", name: "own_t", type: 9 },
      // The base knows only a declaration of this one: its struct cannot become the base's.
      { kind: "STRUCT", name: "f", size: 4, members: [member("x", 7)] },
      { kind: "PTR", type: 11 },
      { kind: "STRUCT", name: "holder", size: 8, members: [member("f", 12)] },
    ];
    const result = merged(own, base);
    expect(result.outline).toEqual(["7 TYPEDEF own_t 3", "8 STRUCT f 1", "9 PTR  8", "10 STRUCT holder 9"]);
    expect(result.ids.slice(0, 7)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it("drops strings that nothing names, unless told to keep them", () => {
    const builder = new BtfBuilder();
    builder.string("unused");
    builder.add(INT);
    const btf = Btf.parse(builder.finish());
    expect(Btf.parse(deduplicate(btf).bytes).stringEnd).toBe(1 + 4);
    expect(Btf.parse(deduplicate(btf, { keepStrings: true }).bytes).stringEnd).toBe(btf.stringEnd);
  });

  it("rewrites .BTF.ext with the types, and keeps the strings it names", () => {
    const builder = new BtfBuilder();
    builder.string("unused");
    builder.add(INT);
    builder.add(INT);
    const file = builder.string("file.c");
    const section = builder.string("xdp");
    const access = builder.string("0:1");
    const btf = Btf.parse(builder.finish());
    const ext: BtfExt = {
      endian: "little",
      funcInfo: [{ nameOffset: section, section: "xdp", records: [{ insnOffset: 8, typeId: 2 }] }],
      lineInfo: [
        {
          nameOffset: section,
          section: "xdp",
          records: [{ insnOffset: 8, fileOffset: file, lineOffset: 0, line: 3, column: 4 }],
        },
      ],
      coreRelos: [
        {
          nameOffset: section,
          section: "xdp",
          records: [{ insnOffset: 16, typeId: 2, accessOffset: access, kind: 0 }],
        },
      ],
    };
    const result = deduplicate(btf, { ext });
    const strings = Btf.parse(result.bytes);
    expect(result.ext!.funcInfo[0]!.records[0]).toEqual({ insnOffset: 8, typeId: 1 });
    expect(strings.string(result.ext!.lineInfo[0]!.records[0]!.fileOffset)).toBe("file.c");
    expect(strings.string(result.ext!.coreRelos[0]!.records[0]!.accessOffset)).toBe("0:1");
    expect(strings.string(result.ext!.coreRelos[0]!.nameOffset)).toBe("xdp");
  });

  it("throws nothing but TsbpfError on mutated types, and appending them does neither", () => {
    const original = btfOf([
      INT,
      { kind: "PTR", type: 3 },
      { kind: "STRUCT", name: "s", size: 16, members: [member("a", 1), member("b", 2, 64)] },
      { kind: "FWD", name: "t", of: "struct" },
      { kind: "PTR", type: 4 },
      { kind: "STRUCT", name: "t", size: 8, members: [member("s", 2)] },
      { kind: "ARRAY", type: 5, indexType: 1, count: 2 },
      { kind: "TYPEDEF", name: "u", type: 7 },
      { kind: "FUNC_PROTO", returns: 8, params: [{ name: "p", type: 2 }] },
    ]).bytes;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 24, max: original.length - 1 }), fc.nat(255)), { maxLength: 6 }),
        (changes) => {
          const bytes = original.slice();
          for (const [at, value] of changes) bytes[at] = value;
          try {
            const builder = new BtfBuilder();
            builder.append(Btf.parse(original));
            builder.append(Btf.parse(bytes));
            Btf.parse(deduplicate(Btf.parse(builder.finish())).bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(TsbpfError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("bounds the work that overlapping strings can make", () => {
    const builder = new BtfBuilder();
    builder.string("x".repeat(60_000));
    for (let i = 0; i < 5000; i++) builder.add({ kind: "FWD", name: "f", of: "struct" });
    const bytes = builder.finish();
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < 5000; i++) view.setUint32(24 + 12 * i, 1 + i, true);
    const btf = Btf.parse(bytes);
    expect(() => deduplicate(btf)).toThrow(/too many strings overlap/);
    expect(() => new BtfBuilder().append(btf)).toThrow(/too many strings overlap/);
  });

  it("refuses a type that refers to itself through no struct", () => {
    const btf = btfOf([
      { kind: "CONST", type: 2 },
      { kind: "PTR", type: 1 },
    ]);
    expect(() => deduplicate(btf)).toThrow(FormatError);
    expect(() => deduplicate(btf)).toThrow(/type \[1\]: refers to itself through no struct or union/);
  });

  it("walks a chain of a hundred thousand pointers", () => {
    const builder = new BtfBuilder();
    builder.add(INT);
    for (let i = 1; i <= 100_000; i++) builder.add({ kind: "PTR", type: i + 1 === 100_001 ? 1 : i + 2 });
    const btf = Btf.parse(builder.finish());
    expect(Btf.parse(deduplicate(btf).bytes).count).toBe(btf.count);
  });

  it("gives up in time on structs that are nearly the same at every level", () => {
    // Each level holds the next one twice: compared without a limit, 2^40 comparisons.
    const builder = new BtfBuilder();
    const levels = 40;
    const chain = (leaf: BtfTypeInput) => {
      let inner = builder.add(leaf);
      for (let i = 0; i < levels; i++) {
        const again = builder.add({ kind: "STRUCT", name: `l${i}`, size: 8, members: [member("x", inner)] });
        inner = builder.add({
          kind: "STRUCT",
          name: `m${i}`,
          size: 16,
          members: [member("a", again), member("b", inner, 64)],
        });
      }
    };
    chain(INT);
    chain({ kind: "FLOAT", name: "int", size: 4 });
    const start = performance.now();
    deduplicate(Btf.parse(builder.finish()));
    expect(performance.now() - start).toBeLessThan(2000);
  });
});
