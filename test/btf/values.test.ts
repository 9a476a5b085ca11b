import { describe, expect, it } from "vitest";
import { bytesOfHex, FormatError } from "../../src/base/index.ts";
import { Btf, type BtfBuilder, decodeValue, JsonWriter, writeValue } from "../../src/btf/index.ts";
import { builder, golden, hasGolden, shared } from "./fixture.ts";

function text(btf: Btf, id: number, hex: string, plain: boolean, pretty = false): string {
  const json = new JsonWriter({ pretty });
  writeValue(btf, id, bytesOfHex(hex)!, json, { plain });
  return json.out.toString();
}

function types(): {
  btf: (endian?: "little" | "big") => Btf;
  of: (add: (types: BtfBuilder) => number) => number;
} {
  const built = builder();
  return { btf: (endian = "little") => Btf.parse(built.finish({ endian })), of: (add) => add(built) };
}

describe("decodeValue", () => {
  it("reads integers, pointers, enums and floats", () => {
    const { btf, of } = types();
    const u64 = of((t) => t.add({ kind: "INT", name: "u64", size: 8 }));
    const bool = of((t) => t.add({ kind: "INT", name: "_Bool", size: 1, bool: true }));
    const float = of((t) => t.add({ kind: "FLOAT", name: "double", size: 8 }));
    const pointer = of((t) => t.add({ kind: "PTR", type: 1 }));
    const verdict = of((t) =>
      t.add({ kind: "ENUM", name: "verdict", size: 4, signed: true, values: [{ name: "NO", value: -1 }] }),
    );
    const little = btf();
    expect(decodeValue(little, 1, bytesOfHex("feffffff")!)).toBe(-2);
    expect(decodeValue(little, u64, bytesOfHex("0102000000000080")!)).toBe(0x8000000000000201n);
    expect(decodeValue(little, bool, bytesOfHex("01")!)).toBe(true);
    expect(decodeValue(little, float, bytesOfHex("000000000000f83f")!)).toBe(1.5);
    expect(decodeValue(little, pointer, bytesOfHex("1000000000000000")!)).toBe(16n);
    expect(decodeValue(little, verdict, bytesOfHex("ffffffff")!)).toBe("NO");
    expect(decodeValue(little, verdict, bytesOfHex("05000000")!)).toBe(5);
    expect(decodeValue(btf("big"), u64, bytesOfHex("0102000000000080")!)).toBe(0x0102000000000080n);
  });

  it("reads structs with bit fields, text and anonymous members", () => {
    const { btf, of } = types();
    const name = of((t) => t.add({ kind: "ARRAY", type: 2, indexType: 1, count: 4 }));
    const inner = of((t) =>
      t.add({ kind: "UNION", size: 4, members: [{ name: "whole", type: 1, bitOffset: 0, bitSize: 0 }] }),
    );
    const outer = of((t) =>
      t.add({
        kind: "STRUCT",
        name: "outer",
        size: 12,
        members: [
          { name: "low", type: 1, bitOffset: 0, bitSize: 3 },
          { name: "high", type: 1, bitOffset: 3, bitSize: 7 },
          { name: "__proto__", type: name, bitOffset: 32, bitSize: 0 },
          { name: "", type: inner, bitOffset: 64, bitSize: 0 },
        ],
      }),
    );
    const value = decodeValue(btf(), outer, bytesOfHex("ff000000 61620000 07000000")!);
    expect(Object.entries(value as object)).toEqual([
      ["low", -1],
      ["high", 31],
      ["__proto__", "ab"],
      ["whole", 7],
    ]);
  });

  it("needs all bytes, and an end", () => {
    const { btf, of } = types();
    const self = of((t) =>
      t.add({
        kind: "STRUCT",
        name: "s",
        size: 0,
        members: [
          { name: "a", type: 3, bitOffset: 0, bitSize: 0 },
          { name: "b", type: 3, bitOffset: 0, bitSize: 0 },
        ],
      }),
    );
    const many = of((t) => t.add({ kind: "ARRAY", type: 1, indexType: 1, count: 0x1000_0000 }));
    expect(() => decodeValue(btf(), 1, new Uint8Array(3))).toThrow(
      /type \[1\]: expected 4 bytes at offset 0 of the value, got 3/,
    );
    expect(() => decodeValue(btf(), many, new Uint8Array(64))).toThrow(FormatError);
    expect(() => decodeValue(btf(), self, new Uint8Array(64))).toThrow(FormatError);
    expect(() => writeValue(btf(), self, new Uint8Array(64), new JsonWriter())).toThrow(FormatError);
  });
});

describe("writeValue", () => {
  it("writes pointers, wide integers and bit fields in their two forms", () => {
    const { btf, of } = types();
    const wide = of((t) => t.add({ kind: "INT", name: "__int128", size: 16, bits: 128 }));
    const pointer = of((t) => t.add({ kind: "PTR", type: 0 }));
    const bits = of((t) =>
      t.add({
        kind: "STRUCT",
        name: "b",
        size: 4,
        members: [{ name: "x", type: 1, bitOffset: 4, bitSize: 5 }],
      }),
    );
    const one = "01000000000000000100000000000000";
    expect(text(btf(), wide, one, true)).toBe("0x10000000000000001");
    expect(text(btf(), wide, one, false)).toBe('"0x10000000000000001"');
    expect(text(btf(), pointer, "0000000000000000", true)).toBe('"(nil)"');
    expect(text(btf(), pointer, "ff00000000000000", true)).toBe('"0xff"');
    expect(text(btf(), pointer, "ff00000000000000", false)).toBe("255");
    expect(text(btf(), bits, "f0010000", false)).toBe('{"x":"0x1f"}');
    expect(text(btf(), 2, "41", false)).toBe('"A"');
    expect(text(btf(), 2, "07", false)).toBe('"\\u0007"');
    expect(text(btf(), 2, "07", true)).toBe("0x7");
  });

  it("writes an array of char as text only if it is text", () => {
    const { btf, of } = types();
    const name = of((t) => t.add({ kind: "ARRAY", type: 2, indexType: 1, count: 3 }));
    expect(text(btf(), name, "610000", false)).toBe('"a"');
    expect(text(btf(), name, "616263", false)).toBe('["a","b","c"]');
    expect(text(btf(), name, "220100", false)).toBe('[""","\\u0001","\\u0000"]');
  });

  const flow = { key: "4000000000080200", value: "0500000000000000 4001000000000000 0000000000000000" };

  it.skipIf(!hasGolden)("prints a map's entry as recorded", () => {
    const btf = Btf.parse(shared("golden/raw/btf.bin"));
    const entry = (json: JsonWriter, plain: boolean) => {
      json.startObject().name("key");
      writeValue(btf, 8, bytesOfHex(flow.key)!, json, { plain });
      json.name("value");
      writeValue(btf, 17, bytesOfHex(flow.value)!, json, { plain });
      json.endObject();
    };
    const plain = new JsonWriter({ pretty: true });
    plain.startArray();
    entry(plain, true);
    plain.endArray();
    expect(`${plain.out}\n`).toBe(golden("bpftool-7.8/map_dump_flows.txt"));
    for (const [pretty, file] of [
      [false, "map_dump_flows_j.txt"],
      [true, "map_dump_flows_p.txt"],
    ] as const) {
      const json = new JsonWriter({ pretty });
      const hex = (bytes: string) => {
        json.startArray();
        for (const byte of bytesOfHex(bytes)!) json.raw(`"0x${byte.toString(16).padStart(2, "0")}"`);
        json.endArray();
      };
      json.startArray().startObject().name("key");
      hex(flow.key);
      json.name("value");
      hex(flow.value);
      json.name("formatted");
      entry(json, false);
      json.endObject().endArray();
      expect(`${json.out}\n`).toBe(golden(`bpftool-7.1/${file}`));
    }
  });

  it.skipIf(!hasGolden)("prints a section as recorded", () => {
    const btf = Btf.parse(shared("golden/raw/btf.bin"));
    for (const [section, hex, file] of [
      [".bss", "4001000000000000", "map_dump_demo_bss.txt"],
      [".data", "64656d6f00000000", "map_dump_demo_data.txt"],
      [".rodata", "dc050000", "map_dump_demo_rodata.txt"],
    ] as const) {
      const json = new JsonWriter({ pretty: true });
      json.startArray().startObject().name("value");
      writeValue(btf, btf.findByName(section), bytesOfHex(hex)!, json, { plain: true });
      json.endObject().endArray();
      expect(`${json.out}\n`).toBe(golden(`bpftool-7.1/${file}`));
    }
  });
});
