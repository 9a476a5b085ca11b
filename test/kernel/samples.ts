import { BtfBuilder } from "../../src/btf/index.ts";

/** A BTF with a few types, and what their ids are. */
export function sampleBtf() {
  const builder = new BtfBuilder();
  const int = builder.add({ kind: "INT", name: "int", size: 4, signed: true });
  const u32 = builder.add({ kind: "INT", name: "unsigned int", size: 4 });
  const u64 = builder.add({ kind: "INT", name: "unsigned long long", size: 8 });
  const pair = builder.add({
    kind: "STRUCT",
    name: "pair",
    size: 8,
    members: [
      { name: "a", type: int, bitOffset: 0, bitSize: 0 },
      { name: "b", type: u32, bitOffset: 32, bitSize: 0 },
    ],
  });
  const typedef = builder.add({ kind: "TYPEDEF", name: "key_t", type: u32 });
  const pointer = builder.add({ kind: "PTR", type: pair });
  const array = builder.add({ kind: "ARRAY", type: int, indexType: u32, count: 2 });
  const proto = builder.add({ kind: "FUNC_PROTO", returns: int, params: [{ name: "ctx", type: pointer }] });
  const main = builder.add({ kind: "FUNC", name: "main_prog", type: proto, linkage: "global" });
  const sub = builder.add({ kind: "FUNC", name: "sub_prog", type: proto, linkage: "static" });
  const variable = builder.add({ kind: "VAR", name: "counter", type: int, linkage: "global" });
  const section = builder.add({
    kind: "DATASEC",
    name: ".data",
    size: 8,
    variables: [{ type: variable, offset: 0, size: 4 }],
  });
  // Every other kind.
  const union = builder.add({
    kind: "UNION",
    name: "either",
    size: 8,
    members: [
      { name: "i", type: int, bitOffset: 0, bitSize: 0 },
      { name: "", type: u64, bitOffset: 0, bitSize: 0 },
    ],
  });
  const bits = builder.add({
    kind: "STRUCT",
    name: "bits",
    size: 16,
    members: [
      { name: "one", type: u32, bitOffset: 0, bitSize: 3 },
      { name: "two", type: int, bitOffset: 3, bitSize: 7 },
      { name: "three", type: pair, bitOffset: 64, bitSize: 0 },
    ],
  });
  const constant = builder.add({ kind: "CONST", type: typedef });
  const volatile = builder.add({ kind: "VOLATILE", type: constant });
  const forward = builder.add({ kind: "FWD", name: "later", of: "struct" });
  const restricted = builder.add({ kind: "RESTRICT", type: builder.add({ kind: "PTR", type: forward }) });
  const float = builder.add({ kind: "FLOAT", name: "double", size: 8 });
  const choice = builder.add({
    kind: "ENUM",
    name: "choice",
    size: 4,
    signed: false,
    values: [
      { name: "FIRST", value: 0n },
      { name: "SECOND", value: 1n },
    ],
  });
  const large = builder.add({
    kind: "ENUM64",
    name: "large",
    size: 8,
    signed: true,
    values: [{ name: "BIG", value: 1n << 40n }],
  });
  const typeTag = builder.add({ kind: "TYPE_TAG", name: "user", type: int });
  const declTag = builder.add({ kind: "DECL_TAG", name: "mark", type: pair, component: 1 });
  const others = {
    union,
    bits,
    constant,
    volatile,
    forward,
    restricted,
    float,
    choice,
    large,
    typeTag,
    declTag,
  };
  const types = {
    int,
    u32,
    u64,
    pair,
    typedef,
    pointer,
    array,
    proto,
    main,
    sub,
    variable,
    section,
    ...others,
  };
  const file = builder.string("prog.c");
  const line = builder.string("return 0;");
  return { bytes: builder.finish(), types, strings: { file, line } };
}
