import { describe, expect, it } from "vitest";
import { Btf, BtfBuilder, BtfKind, type BtfMember } from "../../../src/btf/index.ts";
import { checkPtrToBtfAccess } from "../../../src/verifier/access/btf-pointer.ts";
import { btfStructAccess } from "../../../src/verifier/access/struct-access.ts";
import { btfStructIdsMatch } from "../../../src/verifier/access/struct-match.ts";
import { RegType, TypeFlag } from "../../../src/verifier/state/reg-type.ts";
import { layout, point, refusal, verification } from "../calls/support.ts";

const member = (name: string, type: number, bitOffset: number, bitSize = 0): BtfMember => ({
  name,
  type,
  bitOffset,
  bitSize,
});

/** Structs with all that a walk meets. */
function shapes() {
  const builder = new BtfBuilder();
  const int = builder.add({ kind: "INT", name: "int", size: 4, signed: true });
  const long = builder.add({ kind: "INT", name: "long", size: 8, signed: true });
  const inner = builder.add({
    kind: "STRUCT",
    name: "inner",
    size: 16,
    members: [member("a", int, 0), member("b", int, 32), member("c", long, 64)],
  });
  const innerPointer = builder.add({ kind: "PTR", type: inner });
  const intPointer = builder.add({ kind: "PTR", type: int });
  const tagged = (name: string) =>
    builder.add({ kind: "PTR", type: builder.add({ kind: "TYPE_TAG", name, type: inner }) });
  const [rcu, user, percpu] = ["rcu", "user", "percpu"].map(tagged) as [number, number, number];
  const alias = builder.add({ kind: "TYPEDEF", name: "inner_t", type: inner });
  const row = builder.add({ kind: "ARRAY", type: inner, indexType: int, count: 2 });
  const matrix = builder.add({ kind: "ARRAY", type: row, indexType: int, count: 2 });
  const ints = builder.add({ kind: "ARRAY", type: int, indexType: int, count: 4 });
  const union = builder.add({
    kind: "UNION",
    size: 8,
    members: [member("u_long", long, 0), member("u_ptr", innerPointer, 0)],
  });
  const single = builder.add({ kind: "UNION", size: 8, members: [member("md_ptr", innerPointer, 0)] });
  const outer = builder.add({
    kind: "STRUCT",
    name: "outer",
    size: 192,
    members: [
      member("flags", int, 0, 3),
      member("state", int, 3, 5),
      member("count", int, 32),
      member("inner", alias, 64),
      member("ptr", innerPointer, 192),
      member("number_ptr", intPointer, 256),
      member("rcu_ptr", rcu, 320),
      member("user_ptr", user, 384),
      member("percpu_ptr", percpu, 448),
      member("", union, 512),
      member("", single, 576),
      member("matrix", matrix, 640),
      member("cb", ints, 1152),
      member("tail", long, 1344),
    ],
  });
  const zero = builder.add({ kind: "ARRAY", type: inner, indexType: int, count: 0 });
  const flexible = builder.add({
    kind: "STRUCT",
    name: "flexible",
    size: 8,
    members: [member("n", long, 0), member("elements", zero, 64)],
  });
  const btf = Btf.parse(builder.finish());
  return { btf, outer, inner, flexible };
}

const SHAPES = shapes();

/** `[what a load gives, name of the struct it points to, flags]`, or the log's words. */
function load(off: number, size: number, struct = SHAPES.outer): [number, string, number] | string {
  const test = verification();
  const reg = { type: RegType.PTR_TO_BTF_ID, btf: SHAPES.btf, btfId: struct };
  try {
    const { regType, btfId, flags } = btfStructAccess(test.env, reg, off, size);
    return [regType, btfId === 0 ? "" : SHAPES.btf.name(btfId), flags];
  } catch {
    return test.log().trim();
  }
}

const SCALAR = [RegType.SCALAR_VALUE, "", 0];

describe("a load from a struct", () => {
  it("gives numbers and pointers by their types", () => {
    expect(load(4, 4)).toEqual(SCALAR);
    expect(load(24, 8)).toEqual([RegType.PTR_TO_BTF_ID, "inner", 0]);
    expect(load(32, 8)).toEqual([RegType.PTR_TO_MEM, "", TypeFlag.MEM_RDONLY | TypeFlag.PTR_UNTRUSTED]);
    expect(load(40, 8)).toEqual([RegType.PTR_TO_BTF_ID, "inner", TypeFlag.MEM_RCU]);
    expect(load(48, 8)).toEqual([RegType.PTR_TO_BTF_ID, "inner", TypeFlag.MEM_USER]);
    expect(load(56, 8)).toEqual([RegType.PTR_TO_BTF_ID, "inner", TypeFlag.MEM_PERCPU]);
  });

  it("dives into structs inside", () => {
    expect(load(8, 4)).toEqual(SCALAR);
    expect(load(16, 8)).toEqual(SCALAR);
    expect(load(12, 8)).toBe("access beyond the end of member b (mend:8) in struct inner with off 4 size 8");
    expect(load(20, 8)).toBe("access beyond struct inner at off 12 size 8");
  });

  it("relies on no pointer of a union with several members", () => {
    expect(load(64, 8)).toEqual(SCALAR);
    expect(load(72, 8)).toEqual([RegType.PTR_TO_BTF_ID, "inner", 0]);
  });

  it("takes bit fields only whole", () => {
    expect(load(0, 1)).toEqual(SCALAR);
    expect(load(1, 1)).toBe("struct outer doesn't have field at offset 1");
  });

  it("finds its way in arrays of any dimension", () => {
    expect(load(80, 4)).toEqual(SCALAR);
    expect(load(80 + 3 * 16 + 8, 8)).toEqual(SCALAR);
    expect(load(80 + 3 * 16 + 12, 8)).toBe("access beyond struct inner at off 12 size 8");
    // Numbers of an array may be read together.
    expect(load(144, 8)).toEqual(SCALAR);
    expect(load(156, 8)).toBe(
      "access beyond the end of member cb (mend:160) in struct outer with off 156 size 8",
    );
  });

  it("takes pointers only whole", () => {
    expect(load(24, 4)).toBe("cannot access ptr member ptr with moff 24 in struct outer with off 24 size 4");
  });

  it("stays in the struct, or in the array that it ends with", () => {
    expect(load(162, 4)).toBe("struct outer doesn't have field at offset 162");
    expect(load(190, 8)).toBe("access beyond struct outer at off 190 size 8");
    expect(load(8 + 16 * 1000 + 4, 4, SHAPES.flexible)).toEqual(SCALAR);
    expect(load(8 + 16 * 1000 + 12, 8, SHAPES.flexible)).toBe("access beyond struct inner at off 12 size 8");
  });
});

describe("a struct as another's start or part", () => {
  const matches = (off: number, strict = false) =>
    btfStructIdsMatch(verification().env, SHAPES.btf, SHAPES.outer, off, SHAPES.btf, SHAPES.inner, strict);

  it("is found where it begins", () => {
    expect(matches(8)).toBe(true);
    expect(matches(8, true)).toBe(false);
    expect(matches(80 + 16)).toBe(true);
    expect(matches(12)).toBe(false);
    expect(matches(0)).toBe(false);
  });
});

describe("pointers to structs of the kernel", () => {
  const { btf } = layout;
  const sk_buff = btf.findByName("sk_buff", BtfKind.STRUCT);
  const pointer = (type: number) => {
    const test = verification({ type: "tracing" });
    point(test.env.reg(1), type, { btf, btfId: sk_buff });
    return test;
  };

  it("give numbers of members", () => {
    const test = pointer(RegType.PTR_TO_BTF_ID | TypeFlag.PTR_TRUSTED);
    checkPtrToBtfAccess(test.env, 1, layout.offset("sk_buff.len"), 4, "read", 2);
    expect(test.env.reg(2).type).toBe(RegType.SCALAR_VALUE);
  });

  it("are not written through, and not moved", () => {
    const test = pointer(RegType.PTR_TO_BTF_ID);
    const off = layout.offset("sk_buff.len");
    expect(refusal(test, () => checkPtrToBtfAccess(test.env, 1, off, 4, "write", 2))[1]).toBe(
      "only read is supported\n",
    );
    expect(refusal(test, () => checkPtrToBtfAccess(test.env, 1, -4, 4, "read", 2))[1]).toBe(
      "R1 is ptr_sk_buff invalid negative access: off=-4\n",
    );
  });

  it("to a user's or another CPU's memory are not followed", () => {
    for (const [flag, what] of [
      [TypeFlag.MEM_USER, "user"],
      [TypeFlag.MEM_PERCPU, "percpu"],
    ] as const) {
      const test = pointer(RegType.PTR_TO_BTF_ID | flag);
      expect(refusal(test, () => checkPtrToBtfAccess(test.env, 1, 0, 8, "read", 2))[1]).toBe(
        `R1 is ptr_sk_buff access ${what} memory: off=0\n`,
      );
    }
  });
});
