import { describe, expect, it } from "vitest";
import { FormatError, TsbpfError } from "../../src/base/index.ts";
import { Btf, findField, offsetOf, resolveType } from "../../src/btf/index.ts";
import { builder, everyKind } from "./fixture.ts";

const btf = Btf.parse(everyKind());

describe("resolveType", () => {
  it("goes through typedefs, modifiers and variables", () => {
    expect([resolveType(btf, 34), resolveType(btf, 6), resolveType(btf, 45), resolveType(btf, 0)]).toEqual([
      1, 2, 1, 0,
    ]);
  });

  it("ends on a cycle", () => {
    const types = builder();
    types.add({ kind: "TYPEDEF", name: "a", type: 4 });
    types.add({ kind: "TYPEDEF", name: "b", type: 3 });
    const cyclic = Btf.parse(types.finish());
    expect(() => resolveType(cyclic, 3)).toThrow(FormatError);
    expect([cyclic.sizeOf(3), cyclic.alignOf(3)]).toEqual([-1, 0]);
  });
});

describe("sizeOf and alignOf", () => {
  it("follow arrays and structs", () => {
    expect([btf.sizeOf(10), btf.sizeOf(11), btf.sizeOf(13), btf.sizeOf(19), btf.sizeOf(0)]).toEqual([
      16, 32, 24, 32, -1,
    ]);
    expect([btf.alignOf(11), btf.alignOf(19), btf.alignOf(22), btf.alignOf(14)]).toEqual([4, 8, 1, 0]);
  });

  it("end on a struct that contains itself", () => {
    const types = builder();
    types.add({
      kind: "STRUCT",
      name: "s",
      size: 8,
      members: [{ name: "s", type: 3, bitOffset: 0, bitSize: 0 }],
    });
    expect(Btf.parse(types.finish()).alignOf(3)).toBe(0);
  });

  it("have no size of 4 GiB", () => {
    const types = builder();
    types.add({ kind: "ARRAY", type: 1, indexType: 1, count: 0xffff_ffff });
    types.add({ kind: "ARRAY", type: 3, indexType: 1, count: 0xffff_ffff });
    const large = Btf.parse(types.finish());
    expect([large.sizeOf(3), large.sizeOf(4)]).toEqual([-1, -1]);
  });
});

describe("findField", () => {
  it("finds members of anonymous members, elements, and bit fields", () => {
    expect(offsetOf(btf, "list.call")).toBe(16);
    expect(offsetOf(btf, "bits.value")).toBe(16);
    expect(offsetOf(btf, "bits.bytes[2]")).toBe(24);
    expect(offsetOf(btf, "node_t.tag")).toBe(16);
    expect(findField(btf, btf.findByName("bits"), "y")).toEqual({ type: 1, bitOffset: 6, bitSize: 5 });
    expect(findField(btf, btf.findByName("holder"), "m[1][3]")).toEqual({
      type: 1,
      bitOffset: 7 * 32,
      bitSize: 0,
    });
  });

  it.each([
    ["list.other_one", /type \[19\] 'list': expected a field, got '\.other_one'/],
    ["bits.bytes[4]", /expected a field, got '\[4\]'/],
    ["nothing.x", /expected a struct, union or typedef, got 'nothing'/],
    ["bits.y", /expected a field at whole bytes/],
    ["list..call", /expected a field, got '\.'/],
  ])("says what %s lacks", (path, message) => {
    expect(() => offsetOf(btf, path)).toThrow(TsbpfError);
    expect(() => offsetOf(btf, path)).toThrow(message);
  });
});
