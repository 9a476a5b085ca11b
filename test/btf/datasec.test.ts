import { describe, expect, it } from "vitest";
import { FormatError } from "../../src/base/index.ts";
import { Btf, BtfBuilder, type BtfLinkage, type DatasecSymbols, fixDatasecs } from "../../src/btf/index.ts";

const SYMBOLS: DatasecSymbols = {
  sectionSize: (name) => ({ ".data": 24 })[name],
  variable: (name) => ({ far: { offset: 16, hidden: false }, near: { offset: 8, hidden: true } })[name],
};

function object(
  section: string,
  variables: readonly { name: string; linkage: BtfLinkage; offset?: number }[],
  size = 0,
): Btf {
  const builder = new BtfBuilder();
  const int = builder.add({ kind: "INT", name: "int", size: 4 });
  const entries = variables.map(({ name, linkage, offset = 0 }) => ({
    type: builder.add({ kind: "VAR", name, type: int, linkage }),
    offset,
    size: 4,
  }));
  builder.add({ kind: "DATASEC", name: section, size, variables: entries });
  return Btf.parse(builder.finish());
}

const global = "global" as const;

describe("fixDatasecs", () => {
  it("fills in sizes and offsets of globals, keeps static ones, sorts, and hides hidden ones", () => {
    const btf = fixDatasecs(
      object(".data", [
        { name: "far", linkage: "global" },
        { name: "hidden_away", linkage: "static", offset: 4 },
        { name: "near", linkage: "global" },
      ]),
      SYMBOLS,
    );
    expect(btf.type(5)).toMatchObject({
      size: 24,
      variables: [
        { type: 3, offset: 4, size: 4 },
        { type: 4, offset: 8, size: 4 },
        { type: 2, offset: 16, size: 4 },
      ],
    });
    expect(btf.type(2)).toMatchObject({ name: "far", linkage: "global" });
    expect(btf.type(4)).toMatchObject({ name: "near", linkage: "static" });
  });

  it("leaves offsets that the static linker filled in", () => {
    const btf = fixDatasecs(object(".data", [{ name: "far", linkage: global, offset: 12 }], 16), SYMBOLS);
    expect(btf.type(3)).toMatchObject({ size: 16, variables: [{ offset: 12 }] });
  });

  it("only sorts the sections of externs", () => {
    const btf = fixDatasecs(
      object(".kconfig", [
        { name: "B", linkage: "extern", offset: 8 },
        { name: "A", linkage: "extern", offset: 0 },
      ]),
      SYMBOLS,
    );
    expect(btf.type(4)).toMatchObject({
      size: 0,
      variables: [
        { type: 3, offset: 0 },
        { type: 2, offset: 8 },
      ],
    });
  });

  it("gives back BTF without sections as it is", () => {
    const btf = Btf.parse(new BtfBuilder().finish());
    expect(fixDatasecs(btf, SYMBOLS)).toBe(btf);
  });

  it.each([
    [
      object(".rodata", [{ name: "far", linkage: global }]),
      /type \[3\]: the object has no section '.rodata'/,
    ],
    [
      object(".data", [{ name: "lost", linkage: global }]),
      /variable 0 of '.data': the object has no symbol 'lost'/,
    ],
  ])("says what the object lacks", (btf, message) => {
    expect(() => fixDatasecs(btf, SYMBOLS)).toThrow(FormatError);
    expect(() => fixDatasecs(btf, SYMBOLS)).toThrow(message);
  });
});
