import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TsbpfError } from "../../src/base/index.ts";
import {
  Btf,
  BtfBuilder,
  type BtfTypeInput,
  CoreError,
  CoreReloKind,
  CoreResolver,
  type CoreResult,
  essentialName,
} from "../../src/btf/index.ts";

const K = CoreReloKind;
const INT: BtfTypeInput = { kind: "INT", name: "int", size: 4, signed: true };
const LONG: BtfTypeInput = { kind: "INT", name: "long", size: 8, signed: true };
const U64: BtfTypeInput = { kind: "INT", name: "u64", size: 8 };
const member = (name: string, type: number, bitOffset = 0, bitSize = 0) => ({
  name,
  type,
  bitOffset,
  bitSize,
});
const struct = (name: string, size: number, ...members: ReturnType<typeof member>[]): BtfTypeInput => ({
  kind: "STRUCT",
  name,
  size,
  members,
});

function btfOf(types: readonly BtfTypeInput[], endian: "little" | "big" = "little", base?: Btf): Btf {
  const builder = new BtfBuilder(base === undefined ? {} : { base });
  for (const type of types) builder.add(type);
  return Btf.parse(builder.finish({ endian }), base === undefined ? {} : { base });
}

/** The relocation of local type 1 … against a kernel with these types. */
function resolve(
  local: readonly BtfTypeInput[],
  kernel: readonly BtfTypeInput[],
  access: { typeId?: number; access?: string; kind: number },
): CoreResult {
  const resolver = new CoreResolver(btfOf(local), { kernel: { name: "vmlinux", btf: btfOf(kernel) } });
  return resolver.resolve({ typeId: access.typeId ?? 1, access: access.access ?? "0", kind: access.kind });
}

describe("essentialName", () => {
  it.each([
    ["task_struct", "task_struct"],
    ["task_struct___v2", "task_struct"],
    ["a___b___c", "a___b"],
    ["a____b", "a____b"],
    ["___flavour", "___flavour"],
    ["a___", "a___"],
    ["a___b", "a"],
    ["", ""],
  ])("of %s is %s", (name, essential) => {
    expect(essentialName(name)).toBe(essential);
  });
});

describe("CoreResolver, fields", () => {
  const local = [
    struct("s___mine", 16, member("first", 2), member("", 3, 32), member("array", 4, 64)),
    INT,
    { kind: "UNION", name: "", size: 4, members: [member("inner", 2)] } as const,
    { kind: "ARRAY", type: 2, indexType: 2, count: 2 } as const,
  ];
  const kernel = [
    LONG,
    INT,
    struct("s", 48, member("pad", 1), member("array", 4, 64), member("", 5, 256), member("first", 1, 320)),
    { kind: "ARRAY", type: 1, indexType: 2, count: 3 } as const,
    struct("", 8, member("gap", 2), member("inner", 2, 32)),
  ];

  it.each([
    ["0:0", 40n, "s.first", [0, 3]],
    ["0:1:0", 36n, "s.inner", [0, 2, 1]],
    ["0:2", 8n, "s.array", [0, 1]],
    ["0:2:1", 16n, "s.array[1]", [0, 1, 1]],
    ["2:0", 136n, "s[2].first", [2, 3]],
  ])("finds %s at byte %i, as %s", (access, value, path, steps) => {
    const found = resolve(local, kernel, { access, kind: K.FIELD_BYTE_OFFSET });
    expect(found).toMatchObject({
      value,
      poison: false,
      failure: "",
      match: { target: "vmlinux", typeId: 3, path, steps },
    });
  });

  it.each([
    ["0:0", K.FIELD_BYTE_SIZE, 4n, 8n],
    ["0:2", K.FIELD_BYTE_SIZE, 8n, 24n],
    ["0:2:1", K.FIELD_BYTE_SIZE, 4n, 8n],
    ["0:0", K.FIELD_EXISTS, 1n, 1n],
    ["0:0", K.FIELD_SIGNED, 1n, 1n],
    ["0:0", K.FIELD_LSHIFT_U64, 32n, 0n],
    ["0:0", K.FIELD_RSHIFT_U64, 32n, 0n],
  ])("computes access %s, kind %i: %i here, %i there", (access, kind, original, value) => {
    expect(resolve(local, kernel, { access, kind })).toMatchObject({ original, value, validate: true });
  });

  it("remembers sizes for loads, and that signed integers cannot be loaded in another", () => {
    expect(resolve(local, kernel, { access: "0:0", kind: K.FIELD_BYTE_OFFSET })).toMatchObject({
      originalSize: 4,
      size: 8,
      sizeConflict: true,
    });
  });

  it.each<[string, BtfTypeInput, BtfTypeInput, boolean]>([
    ["unsigned integers", { kind: "INT", name: "u32", size: 4 }, U64, false],
    ["signed and unsigned", INT, U64, true],
    ["booleans", { kind: "INT", name: "_Bool", size: 1, bool: true }, U64, false],
    [
      "enums",
      { kind: "ENUM", name: "e", size: 4, signed: false, values: [] },
      { kind: "ENUM", name: "e", size: 8, signed: false, values: [] },
      true,
    ],
  ])("says whether %s of different sizes may be loaded alike", (_what, here, there, sizeConflict) => {
    const found = resolve([struct("s", 8, member("x", 2)), here], [struct("s", 8, member("x", 2)), there], {
      access: "0:0",
      kind: K.FIELD_BYTE_OFFSET,
    });
    expect(found.sizeConflict).toBe(sizeConflict);
  });

  it("poisons with a reason that names the field and the candidates", () => {
    const found = resolve(
      [struct("s", 8, member("gone", 2)), INT],
      [struct("s___a", 8, member("x", 3)), struct("s", 8, member("gone", 4)), INT, { kind: "PTR", type: 3 }],
      { access: "0:0", kind: K.FIELD_BYTE_OFFSET },
    );
    expect(found).toMatchObject({ poison: true, match: null });
    expect(found.failure).toBe(
      "byte_off struct s.gone (0:0): not found in vmlinux: [1] struct s___a has no member 'gone'; " +
        "[2] struct s has a member 'gone' of another type: expected int int, got ptr (anonymous)",
    );
  });

  it("answers questions of existence with 0, and says why", () => {
    const found = resolve([struct("s", 4, member("x", 2)), INT], [INT], {
      access: "0:0",
      kind: K.FIELD_EXISTS,
    });
    expect(found).toMatchObject({ original: 1n, value: 0n, poison: false });
    expect(found.failure).toBe("field_exists struct s.x (0:0): no struct s in vmlinux");
  });

  it("takes any index into a flexible array at the end, and only there", () => {
    const flexible = (...after: ReturnType<typeof member>[]): BtfTypeInput[] => [
      struct("s", 8, member("n", 2), member("rest", 3, 64), ...after),
      INT,
      { kind: "ARRAY", type: 2, indexType: 2, count: 0 },
    ];
    const access = { access: "0:1:9", kind: K.FIELD_BYTE_OFFSET };
    expect(resolve(flexible(), flexible(), access)).toMatchObject({ value: 44n, originalSize: 4 });
    expect(resolve(flexible(), flexible(member("end", 2, 64)), access).failure).toMatch(
      /has 0 elements at 'rest', no element 9/,
    );
    expect(() => resolve(flexible(member("end", 2, 64)), flexible(), access)).toThrow(
      /step 2: the array has 0 elements, no element 9/,
    );
  });

  it.each([
    ["structs for unions", struct("x", 4), { kind: "UNION", name: "y", size: 4, members: [] } as const, true],
    ["pointers to anything", { kind: "PTR", type: 1 } as const, { kind: "PTR", type: 0 } as const, true],
    ["enums of one name", enumOf("e___1"), { ...enumOf("e"), kind: "ENUM64" } as BtfTypeInput, true],
    ["enums without a name", enumOf(""), enumOf("e"), true],
    ["enums of two names", enumOf("e"), enumOf("f"), false],
    [
      "floats",
      { kind: "FLOAT", name: "float", size: 4 } as const,
      { kind: "FLOAT", name: "double", size: 8 } as const,
      true,
    ],
    ["integers for pointers", INT, { kind: "PTR", type: 0 } as const, false],
    ["old bit field integers", { ...INT, bits: 3, bitOffset: 2 } as BtfTypeInput, INT, false],
  ])("takes %s as compatible fields or not", (_what, here, there, fits) => {
    const found = resolve([struct("s", 8, member("x", 2)), here], [struct("s", 8, member("x", 2)), there], {
      access: "0:0",
      kind: K.FIELD_EXISTS,
    });
    expect(found.value).toBe(fits ? 1n : 0n);
  });
});

function enumOf(name: string, ...names: string[]): BtfTypeInput {
  return { kind: "ENUM", name, size: 4, signed: false, values: names.map((n, i) => ({ name: n, value: i })) };
}

describe("CoreResolver, bit fields", () => {
  const types = [
    struct("s", 16, member("a", 2, 3, 5), member("wide", 2, 30, 6), member("far", 3, 60, 40)),
    { kind: "INT", name: "unsigned", size: 4 } as const,
    { kind: "INT", name: "u64", size: 8 } as const,
  ];

  it.each([
    ["0:0", "little", [0n, 4n, 56n, 59n]],
    ["0:0", "big", [0n, 4n, 35n, 59n]],
    // Crosses a boundary of 4 bytes: 8 are loaded.
    ["0:1", "little", [0n, 8n, 28n, 58n]],
    ["0:1", "big", [0n, 8n, 30n, 58n]],
  ] as const)("computes offset, size and shifts of %s, %s endian", (access, endian, expected) => {
    const btf = btfOf(types, endian);
    const resolver = new CoreResolver(btf, { kernel: { name: "vmlinux", btf } });
    const kinds = [K.FIELD_BYTE_OFFSET, K.FIELD_BYTE_SIZE, K.FIELD_LSHIFT_U64, K.FIELD_RSHIFT_U64];
    const results = kinds.map((kind) => resolver.resolve({ typeId: 1, access, kind }));
    expect(results.map((result) => result.value)).toEqual(expected);
    // Which bytes are loaded is the compiler's choice.
    expect(results.map((result) => result.validate)).toEqual([false, false, false, true]);
  });

  it("refuses a bit field that no load of 64 bits holds", () => {
    expect(() => resolve(types, types, { access: "0:2", kind: K.FIELD_BYTE_OFFSET })).toThrow(
      "CO-RE relocation byte_off struct s.far (0:2): the bit field does not fit into one load of 64 bits",
    );
  });
});

describe("CoreResolver, types", () => {
  const local = [struct("s___x", 8, member("a", 2)), INT];
  const kernel = [INT, { kind: "FWD", name: "s", of: "struct" } as const, struct("s", 12, member("b", 1))];

  it.each([
    [K.TYPE_EXISTS, 1n, 1n, true],
    [K.TYPE_SIZE, 8n, 12n, true],
    [K.TYPE_ID_TARGET, 1n, 3n, false],
    [K.TYPE_ID_LOCAL, 1n, 1n, false],
  ])("computes kind %i: %i here, %i there", (kind, original, value, validate) => {
    expect(resolve(local, kernel, { kind })).toMatchObject({ original, value, validate, poison: false });
  });

  it.each([K.TYPE_EXISTS, K.TYPE_SIZE, K.TYPE_ID_TARGET, K.TYPE_MATCHES])(
    "gives 0 for kind %i of an absent type",
    (kind) => {
      expect(resolve(local, [INT], { kind })).toMatchObject({ value: 0n, poison: false, match: null });
    },
  );

  it("gives the local id of anonymous types, and refuses to search for them", () => {
    expect(resolve([{ kind: "PTR", type: 0 }], [], { kind: K.TYPE_ID_LOCAL }).value).toBe(1n);
    expect(() => resolve([{ kind: "PTR", type: 0 }], [], { kind: K.TYPE_EXISTS })).toThrow(
      /anonymous types have no candidates/,
    );
  });

  const proto = (...params: number[]): BtfTypeInput => ({
    kind: "FUNC_PROTO",
    returns: 0,
    params: params.map((type) => ({ name: "", type })),
  });
  const typedef = (type: number): BtfTypeInput => ({ kind: "TYPEDEF", name: "t", type });

  it.each<[string, BtfTypeInput[], BtfTypeInput[], number]>([
    ["integers of other sizes", [typedef(2), INT], [typedef(2), U64], 1],
    [
      "pointers to structs of other names",
      [typedef(2), { kind: "PTR", type: 3 }, struct("a", 4)],
      [typedef(2), { kind: "PTR", type: 3 }, struct("b", 8)],
      1,
    ],
    ["a pointer for an integer", [typedef(2), { kind: "PTR", type: 0 }], [typedef(2), INT], 0],
    ["prototypes of compatible parameters", [typedef(2), proto(3), INT], [typedef(2), proto(3), U64], 1],
    ["prototypes of more parameters", [typedef(2), proto(3), INT], [typedef(2), proto(3, 3), INT], 0],
    [
      "prototypes of other parameters",
      [typedef(2), proto(3), INT],
      [typedef(2), proto(3), { kind: "PTR", type: 0 }],
      0,
    ],
    [
      "arrays of other lengths",
      [typedef(2), { kind: "ARRAY", type: 3, indexType: 3, count: 1 }, INT],
      [typedef(2), { kind: "ARRAY", type: 3, indexType: 3, count: 2 }, INT],
      1,
    ],
  ])("takes %s as the same kind of type or not", (_what, here, there, exists) => {
    expect(resolve(here, there, { kind: K.TYPE_EXISTS }).value).toBe(BigInt(exists));
  });

  const pointerTo = (target: BtfTypeInput): BtfTypeInput[] => [
    struct("s", 8, member("p", 2)),
    { kind: "PTR", type: 3 },
    target,
  ];

  it.each<[string, BtfTypeInput[], BtfTypeInput[], number]>([
    [
      "fewer members in any order",
      [struct("s", 4, member("b", 2)), INT],
      [struct("s", 8, member("a", 2), member("b", 2, 32)), INT],
      1,
    ],
    [
      "a member too many",
      [struct("s", 4, member("a", 2), member("c", 2)), INT],
      [struct("s", 8, member("a", 2), member("b", 2)), INT],
      0,
    ],
    [
      "a member of another size",
      [struct("s", 4, member("a", 2)), INT],
      [struct("s", 8, member("a", 2)), LONG],
      0,
    ],
    [
      "a member of another sign",
      [struct("s", 8, member("a", 2)), U64],
      [struct("s", 8, member("a", 2)), { ...U64, signed: true } as BtfTypeInput],
      0,
    ],
    [
      "another struct of the name behind a pointer",
      pointerTo(struct("x", 4, member("q", 2))),
      pointerTo(struct("x", 8)),
      1,
    ],
    [
      "a forward declaration behind a pointer",
      pointerTo(struct("x", 4)),
      pointerTo({ kind: "FWD", name: "x", of: "struct" }),
      1,
    ],
    [
      "a struct for a forward declaration",
      pointerTo({ kind: "FWD", name: "x", of: "struct" }),
      pointerTo(struct("x", 4)),
      1,
    ],
    [
      "a forward declaration of a union",
      pointerTo(struct("x", 4)),
      pointerTo({ kind: "FWD", name: "x", of: "union" }),
      0,
    ],
    ["another name behind a pointer", pointerTo(struct("x", 4)), pointerTo(struct("y", 4)), 0],
    ["enum values by name", [enumOf("e", "B___1")], [enumOf("e", "A", "B")], 1],
    ["an enum value too many", [enumOf("e", "C")], [enumOf("e", "A", "B")], 0],
    [
      "an enum for a 64-bit one of the same size",
      [{ ...enumOf("e", "A"), size: 8 } as BtfTypeInput],
      [{ ...enumOf("e", "A"), kind: "ENUM64", size: 8 } as BtfTypeInput],
      1,
    ],
    [
      "arrays of other lengths",
      [typedef(2), { kind: "ARRAY", type: 3, indexType: 3, count: 1 }, INT],
      [typedef(2), { kind: "ARRAY", type: 3, indexType: 3, count: 2 }, INT],
      0,
    ],
    ["prototypes", [typedef(2), proto(3), INT], [typedef(2), proto(3), INT], 1],
    ["prototypes of other parameters", [typedef(2), proto(3), INT], [typedef(2), proto(3), LONG], 0],
  ])("matches %s or not", (_what, here, there, matches) => {
    expect(resolve(here, there, { kind: K.TYPE_MATCHES }).value).toBe(BigInt(matches));
  });
});

describe("CoreResolver, enumerators", () => {
  it("finds values by name without flavour, in enums of either width", () => {
    const local: BtfTypeInput[] = [enumOf("e___x", "A___y", "B")];
    const kernel: BtfTypeInput[] = [
      { kind: "ENUM64", name: "e", size: 8, signed: false, values: [{ name: "B", value: 1n << 63n }] },
    ];
    expect(resolve(local, kernel, { access: "1", kind: K.ENUMVAL_VALUE })).toMatchObject({
      original: 1n,
      value: 1n << 63n,
    });
    expect(resolve(local, kernel, { access: "1", kind: K.ENUMVAL_EXISTS }).value).toBe(1n);
    expect(resolve(local, kernel, { access: "0", kind: K.ENUMVAL_EXISTS }).value).toBe(0n);
    const lost = resolve(local, kernel, { access: "0", kind: K.ENUMVAL_VALUE });
    expect(lost.poison).toBe(true);
    expect(lost.failure).toBe(
      "enumval_value enum e___x::A___y (0): not found in vmlinux: [1] enum64 e has no value 'A'",
    );
  });

  it("sign-extends 32-bit values, as libbpf does", () => {
    const values = [{ name: "A", value: -1 }];
    const types: BtfTypeInput[] = [{ kind: "ENUM", name: "e", size: 4, signed: true, values }];
    expect(resolve(types, types, { kind: K.ENUMVAL_VALUE }).value).toBe(0xffff_ffff_ffff_ffffn);
  });
});

describe("CoreResolver, candidates", () => {
  const local = [struct("s", 8, member("x", 2)), INT];

  it("looks into modules only where the kernel has no candidate", () => {
    const kernel = btfOf([INT]);
    const module = btfOf([struct("s", 8, member("x", 1, 32))], "little", kernel);
    const targets = { kernel: { name: "vmlinux", btf: kernel }, modules: [{ name: "mod", btf: module }] };
    const access = { typeId: 1, access: "0:0", kind: K.FIELD_BYTE_OFFSET };
    expect(new CoreResolver(btfOf(local), targets).resolve(access)).toMatchObject({
      value: 4n,
      match: { target: "mod", typeId: 2, path: "s.x" },
    });
    const full = btfOf([INT, struct("s", 8, member("x", 1, 0))]);
    expect(
      new CoreResolver(btfOf(local), { ...targets, kernel: { name: "vmlinux", btf: full } }).resolve(access),
    ).toMatchObject({ value: 0n, match: { target: "vmlinux" } });
  });

  it("accepts candidates that agree and refuses those that do not", () => {
    const twins = (offset: number) => [
      INT,
      struct("s", 8, member("x", 1, 32)),
      struct("s___2", 12, member("x", 1, offset)),
    ];
    const access = { access: "0:0", kind: K.FIELD_BYTE_OFFSET };
    expect(resolve(local, twins(32), access).value).toBe(4n);
    expect(() => resolve(local, twins(64), access)).toThrow(CoreError);
    expect(() => resolve(local, twins(64), access)).toThrow(
      "CO-RE relocation byte_off struct s.x (0:0): ambiguous: bit offset 32 in [2] struct s of vmlinux, 64 in [3] struct s___2 of vmlinux",
    );
    expect(() => resolve(local, twins(32), { kind: K.TYPE_SIZE })).toThrow(/ambiguous: 8 in .*, 12 in/);
  });
});

describe("CoreResolver, bad records", () => {
  const types = [struct("s", 8, member("x", 2)), INT];
  it.each([
    [
      "a type that does not exist",
      { typeId: 99, access: "0", kind: 0 },
      /expected a type id below 3, got 99/,
    ],
    [
      "an unknown kind",
      { access: "0", kind: 77 },
      /kind 77 struct s \(0\): this kind of relocation is unknown/,
    ],
    ["an empty access", { access: "", kind: 0 }, /expected numbers separated by colons, got ""/],
    ["an access of words", { access: "0:x", kind: 0 }, /expected numbers separated by colons/],
    [
      "an access too deep",
      { access: new Array(65).fill("0").join(":"), kind: 0 },
      /at most 64 steps, got 65/,
    ],
    [
      "a member that does not exist",
      { access: "0:1", kind: 0 },
      /step 1: struct s has 1 members, no member 1/,
    ],
    ["a member of an integer", { access: "0:0:0", kind: 0 }, /step 2: int int has no members or elements/],
    ["an access into a type", { access: "0:0", kind: K.TYPE_EXISTS }, /expected the access "0", got "0:0"/],
    [
      "a value of a struct",
      { access: "0", kind: K.ENUMVAL_VALUE },
      /expected one of the 1 values of an enum/,
    ],
    ["a huge index", { access: "2147483648", kind: 0 }, /expected steps below 2147483648/],
    ["an offset too large", { access: "2147483647:0", kind: 0 }, /expected an offset below 2\^32 bits/],
    [
      "the signedness of an element",
      { access: "0", kind: K.FIELD_SIGNED },
      /an array element has no signedness/,
    ],
  ])("says what is wrong with %s", (_what, access, message) => {
    expect(() => resolve(types, types, access)).toThrow(CoreError);
    expect(() => resolve(types, types, access)).toThrow(message);
  });

  it("stops at types that contain themselves", () => {
    const loop: BtfTypeInput[] = [
      struct("s", 8, member("x", 2), member("y", 3)),
      INT,
      struct("", 8, member("", 3), member("", 3), member("", 3)),
    ];
    const start = performance.now();
    const missing = [struct("s", 8, member("z", 2)), INT];
    const cyclic: BtfTypeInput[] = [struct("s", 8, member("", 3)), INT, loop[2]!];
    expect(() => resolve(missing, cyclic, { access: "0:0", kind: K.FIELD_EXISTS })).toThrow(TsbpfError);
    const typedefs: BtfTypeInput[] = [
      { kind: "TYPEDEF", name: "s", type: 2 },
      { kind: "TYPEDEF", name: "t", type: 1 },
    ];
    expect(() => resolve(typedefs, typedefs, { kind: K.TYPE_EXISTS })).toThrow(/lead in a circle/);
    const nested = [struct("s", 8, ...Array.from({ length: 8 }, (_, i) => member(`m${i}`, 1)))];
    expect(() => resolve(nested, nested, { kind: K.TYPE_MATCHES })).toThrow(TsbpfError);
    expect(performance.now() - start).toBeLessThan(3000);
  });

  it("throws nothing but TsbpfError on mutated types and accesses", () => {
    const bytes = btfOf([
      struct("s", 24, member("x", 2), member("", 3, 32), member("b", 2, 96, 5), member("a", 4, 128)),
      INT,
      { kind: "UNION", name: "", size: 4, members: [member("u", 2)] },
      { kind: "ARRAY", type: 2, indexType: 2, count: 2 },
      enumOf("e", "A", "B"),
      { kind: "TYPEDEF", name: "t", type: 1 },
    ]).bytes;
    const good = Btf.parse(bytes);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 24, max: bytes.length - 1 }), fc.nat(255)), { maxLength: 6 }),
        fc.array(fc.nat(4), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 6 }),
        fc.nat(12),
        fc.boolean(),
        (changes, steps, typeId, kind, which) => {
          const mutated = bytes.slice();
          for (const [at, value] of changes) mutated[at] = value;
          try {
            const bad = Btf.parse(mutated);
            const [local, target] = which ? [good, bad] : [bad, good];
            const resolver = new CoreResolver(local, { kernel: { name: "vmlinux", btf: target } });
            resolver.resolve({ typeId, access: steps.join(":"), kind });
          } catch (error) {
            expect(error).toBeInstanceOf(TsbpfError);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});
