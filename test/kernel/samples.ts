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
  const types = { int, u32, u64, pair, typedef, pointer, array, proto, main, sub, variable, section };
  const file = builder.string("prog.c");
  const line = builder.string("return 0;");
  return { bytes: builder.finish(), types, strings: { file, line } };
}
