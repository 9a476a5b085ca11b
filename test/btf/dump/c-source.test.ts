import { describe, expect, it } from "vitest";
import { FormatError } from "../../../src/base/index.ts";
import { Btf, type BtfBuilder, type CDumpOptions, dumpC } from "../../../src/btf/index.ts";
import { builder, collect, everyKind, golden, hasGolden, shared } from "../fixture.ts";

const dump = (btf: Btf, options?: CDumpOptions) => collect((sink) => dumpC(btf, sink, options));

/** Only the definitions. */
function definitions(add: (types: BtfBuilder) => void): string {
  const types = builder();
  add(types);
  const text = dump(Btf.parse(types.finish()), { bpftool: "7.1", sorted: false });
  return text.slice(text.indexOf("#endif\n\n") + 8, text.lastIndexOf("#ifndef"));
}

const member = (name: string, type: number, bitOffset: number, bitSize = 0) => ({
  name,
  type,
  bitOffset,
  bitSize,
});

describe("dumpC", () => {
  it("declares pointers, arrays and functions inside out", () => {
    const text = dump(Btf.parse(everyKind()), { sorted: false });
    expect(text).toContain("typedef int (*handler_t)(const char *a, ...);\n");
    expect(text).toContain("\tint (*call)(const char *a, ...);\n");
    expect(text).toContain("\tvoid (*none)(void);\n");
    expect(text).toContain("\tint (*f[3])(const char *a, ...);\n");
    expect(text).toContain("\tint m[2][4];\n");
    expect(text).toContain("\tstruct {\n\t\tint inner;\n\t} *p;\n");
  });

  it("numbers what has the name of another", () => {
    const text = dump(Btf.parse(everyKind()), { sorted: false });
    expect(text).toContain("struct list___2 {\n\tint other;\n};\n");
    expect(text).toContain("typedef unsigned long u32___2;\n");
    expect(text).toContain("\tON___2 = 1,\n");
  });

  it("cuts a numbered name where libbpf does", () => {
    const long = "x".repeat(254);
    const text = definitions((types) => {
      types.add({ kind: "STRUCT", name: long, size: 0, members: [] });
      types.add({ kind: "STRUCT", name: long, size: 0, members: [] });
    });
    expect(text).toBe(`struct ${long} {};\n\nstruct ${long}_ {};\n\n`);
  });

  it("pads, packs and lays out bit fields", () => {
    const text = dump(Btf.parse(everyKind()), { sorted: false });
    expect(text).toContain("struct tight {\n\tchar c;\n\tint i;\n} __attribute__((packed));\n");
    expect(text).toContain("struct empty {};\n");
    expect(text).toContain("\tint x: 3;\n\tchar: 3;\n\tint y: 5;\n");
  });

  it("declares before it defines where structs point to each other", () => {
    const text = definitions((types) => {
      types.add({ kind: "STRUCT", name: "a", size: 8, members: [member("b", 4, 0)] });
      types.add({ kind: "PTR", type: 5 });
      types.add({ kind: "STRUCT", name: "b", size: 8, members: [member("a", 3, 0)] });
    });
    expect(text).toBe("struct b;\n\nstruct a {\n\tstruct b *b;\n};\n\nstruct b {\n\tstruct a a;\n};\n\n");
  });

  it("defines only what roots need", () => {
    const btf = Btf.parse(everyKind());
    const text = dump(btf, { roots: [36], bpftool: "7.1" });
    expect(text).toContain("typedef int (*handler_t)");
    expect(text).not.toContain("struct");
    expect(() => dump(btf, { roots: [999] })).toThrow(FormatError);
  });

  it("declares kernel functions, for those that call them from BPF", () => {
    const text = dump(Btf.parse(everyKind()));
    expect(text).toContain(
      "#ifndef BPF_NO_KFUNC_PROTOTYPES\nextern __bpf_fastcall int main(const char *a, ...) __weak __ksym;\n#endif\n",
    );
  });

  it.each<[string, (types: BtfBuilder) => void]>([
    [
      "a struct that contains itself",
      (types) => types.add({ kind: "STRUCT", name: "s", size: 4, members: [member("s", 3, 0)] }),
    ],
    [
      "typedefs of each other",
      (types) => {
        types.add({ kind: "TYPEDEF", name: "a", type: 4 });
        types.add({ kind: "TYPEDEF", name: "b", type: 3 });
      },
    ],
    ["a constant of itself", (types) => types.add({ kind: "CONST", type: 3 })],
    ["a pointer to itself", (types) => types.add({ kind: "PTR", type: 3 })],
    [
      "padding without end",
      (types) => types.add({ kind: "STRUCT", name: "s", size: 0xffff_fff0, members: [] }),
    ],
    [
      "prototypes that double",
      (types) => {
        for (let id = 3; id < 60; id++) {
          types.add({
            kind: "FUNC_PROTO",
            returns: 0,
            params: [
              { name: "", type: id + 1 },
              { name: "", type: id + 1 },
            ],
          });
        }
        types.add({ kind: "FUNC_PROTO", returns: 0, params: [] });
      },
    ],
    [
      "anonymous structs that double",
      (types) => {
        for (let id = 3; id < 60; id++) {
          types.add({ kind: "STRUCT", size: 4, members: [member("", id + 1, 0), member("", id + 1, 0)] });
        }
        types.add({ kind: "STRUCT", size: 4, members: [member("a", 1, 0)] });
        types.add({ kind: "STRUCT", name: "s", size: 4, members: [member("", 3, 0)] });
      },
    ],
    [
      "ten thousand structs in each other",
      (types) => {
        for (let id = 3; id < 10_000; id++) {
          types.add({ kind: "STRUCT", name: `s${id}`, size: 4, members: [member("a", id + 1, 0)] });
        }
        types.add({ kind: "STRUCT", name: "last", size: 4, members: [member("a", 1, 0)] });
      },
    ],
  ])("gives up on %s", (_, add) => {
    expect(() => definitions(add)).toThrow(FormatError);
    expect(() => definitions(add)).toThrow(/type \[\d+\]/);
  });

  it.skipIf(!hasGolden)("writes what bpftool wrote", () => {
    const btf = Btf.parse(shared("golden/raw/btf.bin"));
    expect(dump(btf)).toBe(golden("bpftool-7.8/btf_dump_c.txt"));
    expect(dump(btf, { sorted: false })).toBe(golden("bpftool-7.8/btf_dump_c_unsorted.txt"));
    expect(dump(btf, { roots: [8] })).toBe(golden("bpftool-7.8/btf_dump_root.txt"));
    expect(dump(btf, { sorted: false, bpftool: "7.1" })).toBe(golden("bpftool-7.1/btf_dump_c.txt"));
  });
});
