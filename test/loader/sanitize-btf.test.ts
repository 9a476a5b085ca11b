import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Btf } from "../../src/btf/index.ts";
import type { Feature, KernelFeatures } from "../../src/loader/features.ts";
import { sanitizeBtf } from "../../src/loader/sanitize-btf.ts";
import { open } from "../../src/object/index.ts";

const lacking = (...features: Feature[]) =>
  ({ has: (feature: Feature) => !features.includes(feature) }) as unknown as KernelFeatures;

const { btf } = open(new Uint8Array(readFileSync(join("testdata", "objects", "btf-types.bpf.o"))));
const without = (...features: Feature[]) => Btf.parse(sanitizeBtf(btf!, lacking(...features))!);
const kinds = (types: Btf) =>
  Array.from({ length: types.count }, (_, id) => types.type(id).kind).filter(
    (kind, i, all) => all.indexOf(kind) === i,
  );

describe("sanitizeBtf", () => {
  it("leaves BTF alone that the kernel takes", () => {
    expect(sanitizeBtf(btf!, lacking())).toBeNull();
  });

  it.each<[Feature, string]>([
    ["float", "FLOAT"],
    ["declTag", "DECL_TAG"],
    ["typeTag", "TYPE_TAG"],
    ["func", "FUNC_PROTO"],
    ["datasec", "DATASEC"],
  ])("without %s there is no %s, and all types keep their ids", (feature, kind) => {
    expect(kinds(btf!)).toContain(kind);
    const sane = without(feature);
    expect(kinds(sane)).not.toContain(kind);
    expect(sane.count).toBe(btf!.count);
    for (let id = 1; id < sane.count; id++) {
      const type = btf!.type(id);
      if (type.kind !== kind && !["VAR", "FUNC", "DATASEC"].includes(type.kind))
        expect(sane.type(id)).toEqual(type);
    }
  });

  it("sections become structs of their variables", () => {
    const sane = without("datasec");
    const id = btf!.findByName(".data");
    expect(sane.type(id)).toMatchObject({ kind: "STRUCT", name: "_data", members: [{ name: "favourite" }] });
  });

  it("functions that are global become static", () => {
    const sane = without("funcGlobal");
    expect(sane.type(btf!.findByName("tagged"))).toMatchObject({ kind: "FUNC", linkage: "static" });
  });
});
