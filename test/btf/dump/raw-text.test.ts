import { describe, expect, it } from "vitest";
import { FormatError } from "../../../src/base/index.ts";
import { Btf, BtfBuilder, dumpRawJson, dumpRawText } from "../../../src/btf/index.ts";
import { builder, collect, everyKind, golden, hasGolden, shared } from "../fixture.ts";

const raw = (btf: Btf, ids?: readonly number[]) => collect((sink) => dumpRawText(btf, sink, ids));

describe("dumpRawText", () => {
  it("writes each kind in its form", () => {
    const lines = raw(Btf.parse(everyKind()));
    expect(lines).toContain("[1] INT 'int' size=4 bits_offset=0 nr_bits=32 encoding=SIGNED\n");
    expect(lines).toContain("[4] INT '_Bool' size=1 bits_offset=0 nr_bits=8 encoding=BOOL\n");
    expect(lines).toContain(
      "[14] FUNC_PROTO '(anon)' ret_type_id=1 vlen=2\n\t'a' type_id=7\n\t'(anon)' type_id=0\n",
    );
    expect(lines).toContain("\t'y' type_id=1 bits_offset=6 bitfield_size=5\n");
    expect(lines).toContain(
      "[25] ENUM 'mode' encoding=UNSIGNED size=4 vlen=2\n\t'OFF' val=0\n\t'ON' val=4294967280\n",
    );
    expect(lines).toContain("[26] ENUM 'sign' encoding=SIGNED size=1 vlen=2\n\t'MINUS' val=-1\n");
    expect(lines).toContain("\t'BIG' val=4294967297ULL\n");
    expect(lines).toContain("\t'NEGATIVE' val=-1LL\n");
    expect(lines).toContain("[31] FWD 'either' fwd_kind=union\n");
    expect(lines).toContain("[42] FUNC 'main' type_id=14 linkage=global\n");
    expect(lines).toContain("[45] VAR 'counter' type_id=34, linkage=global\n");
    expect(lines).toContain(
      "[47] DATASEC '.data' size=8 vlen=2\n\ttype_id=45 offset=0 size=4 (VAR 'counter')\n",
    );
    expect(lines).toContain("[49] DECL_TAG 'bpf_kfunc' type_id=42 component_idx=-1\n");
    expect(lines.endsWith("\t'FREE' val=1\n")).toBe(true);
  });

  it("writes a list of ids, and of split BTF what is its own", () => {
    const base = Btf.parse(builder().finish());
    const types = new BtfBuilder({ base });
    types.add({ kind: "PTR", type: 2 });
    const split = Btf.parse(types.finish(), { base });
    expect(raw(split)).toBe("[3] PTR '(anon)' type_id=2\n");
    expect(raw(split, [2])).toBe("[2] INT 'char' size=1 bits_offset=0 nr_bits=8 encoding=CHAR\n");
    expect(() => raw(split, [4])).toThrow(FormatError);
  });

  it("writes names that are longer than its buffer, and large and negative numbers", () => {
    const types = builder();
    const name = "n".repeat(300_000);
    types.add({ kind: "STRUCT", name, size: 0xffff_ffff, members: [] });
    types.add({ kind: "DECL_TAG", name: "tag", type: 1, component: -2147483648 });
    expect(raw(Btf.parse(types.finish()), [3, 4])).toBe(
      `[3] STRUCT '${name}' size=4294967295 vlen=0\n[4] DECL_TAG 'tag' type_id=1 component_idx=-2147483648\n`,
    );
  });

  it.skipIf(!hasGolden)("writes what bpftool wrote", () => {
    const btf = Btf.parse(shared("golden/raw/btf.bin"));
    expect(raw(btf)).toBe(golden("bpftool-7.8/btf_dump_raw.txt"));
    expect(raw(btf, [8, 17])).toBe(golden("bpftool-7.1/btf_dump_map_kv.txt"));
    expect(`${collect((sink) => dumpRawJson(btf, sink))}\n`).toBe(golden("bpftool-7.1/btf_dump_raw_j.txt"));
    const seed = Btf.parse(shared("book/p29-seed.btf"));
    expect(raw(seed)).toBe(new TextDecoder().decode(shared("book/p29-btf.bpftool-7.1.txt")));
  });
});

describe("dumpRawJson", () => {
  it("widens unsigned enumerators with their sign, as bpftool does", () => {
    const json = JSON.parse(
      collect((sink) => dumpRawJson(Btf.parse(everyKind()), sink, { ids: [25, 26] })),
    ) as {
      types: { values: { val: number }[] }[];
    };
    expect(json.types[0]?.values[1]?.val).toBe(Number(2n ** 64n - 16n));
    expect(json.types[1]?.values[0]?.val).toBe(-1);
  });

  it("indents on demand", () => {
    const btf = Btf.parse(builder().finish());
    expect(collect((sink) => dumpRawJson(btf, sink, { pretty: true, ids: [2] }))).toBe(`{
    "types": [{
            "id": 2,
            "kind": "INT",
            "name": "char",
            "size": 1,
            "bits_offset": 0,
            "nr_bits": 8,
            "encoding": "CHAR"
        }
    ]
}`);
  });

  it.skipIf(!hasGolden)("writes the first ten types of the book's page 29", () => {
    const text = raw(Btf.parse(shared("book/p29-first-ten-types.btf")));
    const page = new TextDecoder().decode(shared("book/p29-btf.bpftool-7.1.txt"));
    expect(text.split(/^(?=\[)/m)).toHaveLength(10);
    expect(page.startsWith(text)).toBe(true);
  });
});
