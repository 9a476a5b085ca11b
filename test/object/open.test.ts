import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TsbpfError } from "../../src/base/index.ts";
import { decodeValue } from "../../src/btf/index.ts";
import {
  ElfBuilder,
  ElfMachine,
  openElf,
  SectionFlag,
  SymbolBinding,
  SymbolType,
} from "../../src/elf/index.ts";
import { decode, encode, ProgramBuilder, r0, WideKind } from "../../src/isa/index.ts";
import {
  link,
  minCoreBtf,
  ObjectError,
  objectName,
  open,
  withGlobals,
  writeObject,
} from "../../src/object/index.ts";
import { BpfAttachType, BpfMapFlag, BpfMapType, BpfProgFlag, BpfProgType } from "../../src/uapi/index.ts";

const bytesOf = (name: string) => new Uint8Array(readFileSync(join("testdata", "objects", `${name}.bpf.o`)));
const openObject = (name: string) => open(bytesOf(name), { name: `some/where/${name}.bpf.o` });

const CODE = encode(new ProgramBuilder().mov64(r0, 0).exit().insns());
const EXEC = SectionFlag.ALLOC | SectionFlag.EXECINSTR;

/** An object of one program, changed by the test. */
function build(change: (elf: ElfBuilder, program: number) => void, code = CODE): Uint8Array {
  const elf = new ElfBuilder();
  const section = elf.section({ name: "xdp", data: code, flags: EXEC, alignment: 8 });
  elf.symbol({ name: "program", section, size: code.length, type: SymbolType.FUNC });
  change(elf, section);
  return elf.finish();
}

describe("open: programs", () => {
  it("names, licence, version, types and targets", () => {
    const spec = openObject("license-version");
    expect(spec).toMatchObject({ name: "license-version", endian: "little" });
    expect(spec.license).not.toBe("");
    expect(spec.kernelVersion).toBeGreaterThan(0);
    const { programs } = openObject("sections-network");
    expect(programs.get("on_xdp_frags")!.kind).toEqual({
      type: BpfProgType.XDP,
      attachType: BpfAttachType.XDP,
      flags: BpfProgFlag.XDP_HAS_FRAGS,
      attachTarget: null,
      definition: "xdp.frags",
      needsAttachBtf: false,
    });
    expect(openObject("sections-btf").programs.get("on_fentry_module")).toMatchObject({
      sectionName: "fentry/veth:veth_open",
      kind: { attachTarget: "veth:veth_open", needsAttachBtf: true },
    });
  });

  it("a ? before the section: not loaded unless asked; an unknown section: no type, and no error", () => {
    const { programs } = openObject("sections-optional");
    expect(programs.get("optional")).toMatchObject({ autoload: false, sectionName: "xdp" });
    expect(programs.get("loaded_first")).toMatchObject({ autoload: true });
    expect(openObject("sections-unknown").programs.get("program")!.kind.type).toBe(BpfProgType.UNSPEC);
  });

  it("appends subprograms in the order in which they are reached, and resolves calls", () => {
    const { programs, btf } = openObject("functions");
    const names = (program: string) => programs.get(program)!.funcInfo.map(({ typeId }) => btf!.name(typeId));
    expect(names("first")).toEqual(["first", "global_function", "middle", "leaf"]);
    expect(names("second")).toEqual(["second", "middle", "leaf", "weak_function"]);
    expect(names("third")).toEqual(["third", "hidden_function", "leaf"]);
    expect(names("alone")).toEqual(["alone"]);
    const { insns, funcInfo, lineInfo } = programs.get("first")!;
    expect(1 + 1 + insns[1]!.imm).toBe(funcInfo[1]!.slot);
    expect(lineInfo[0]).toMatchObject({
      slot: 0,
      line: expect.stringContaining("first"),
      file: expect.stringMatching(/functions.bpf.c$/),
    });
    expect(lineInfo.at(-1)!.slot).toBeLessThan(insns.length);
    const hidden = btf!.type(programs.get("third")!.funcInfo[1]!.typeId);
    expect(hidden).toMatchObject({ name: "hidden_function", linkage: "static" });
  });

  it("addresses of functions", () => {
    const program = openObject("callbacks").programs.get("program")!;
    const functions = program.references.filter((reference) => reference.kind === "function");
    expect(functions.length).toBeGreaterThan(0);
    for (const { slot, target } of functions) {
      expect(program.insns[slot]).toMatchObject({ src: WideKind.func, imm: target - slot - 1 });
      expect(program.funcInfo.map((info) => info.slot)).toContain(target);
    }
  });

  it("both byte orders give the same instructions and references", () => {
    const little = openObject("instructions.v3").programs.get("program")!;
    const big = openObject("instructions.eb");
    expect(big.endian).toBe("big");
    const { insns, references } = big.programs.get("program")!;
    // Conversions to one byte order are of the other kind; loads of parts of integers have other offsets.
    const opcodes = (code: typeof insns) => code.map(({ opcode }) => (opcode === 0xdc ? 0xd4 : opcode));
    expect(opcodes(insns)).toEqual(opcodes(little.insns));
    expect(references).toEqual(little.references);
  });

  it("objects of clang and gcc refer to the same places", () => {
    const clang = openObject("gcc-maps").programs.get("program")!;
    const gcc = openObject("gcc-maps.gcc").programs.get("program")!;
    const places = (references: typeof gcc.references) =>
      new Set(references.map(({ slot: _, ...place }) => JSON.stringify(place)));
    // gcc 12 puts volatile constants into .data.
    expect(places(gcc.references)).toContain('{"kind":"mapValue","map":".data","offset":4}');
    expect(places(gcc.references)).toContain('{"kind":"map","map":"counts"}');
    expect(places(clang.references)).toContain('{"kind":"mapValue","map":".rodata","offset":0}');
    const calls = openObject("gcc-calls.gcc").programs.get("program")!.insns;
    expect(calls.filter((insn) => insn.src === 1 && insn.opcode === 0x85).map(({ imm }) => imm)).toEqual([
      2, 10, 4,
    ]);
  });
});

describe("open: maps", () => {
  it("every attribute", () => {
    const { maps } = openObject("maps-attributes");
    expect(maps.get("on_node")).toMatchObject({
      numaNode: 0,
      flags: BpfMapFlag.NO_PREALLOC | BpfMapFlag.NUMA_NODE,
    });
    expect(maps.get("pinned")).toMatchObject({ pinning: 1 });
    expect(maps.get("bloom")!.mapExtra).toBeGreaterThan(0n);
    expect(maps.get("sized")).toMatchObject({ keySize: 12, valueSize: 20, keyTypeId: 0, valueTypeId: 0 });
    expect(maps.get("typed")!.keyTypeId).not.toBe(0);
  });

  it("maps of maps and program arrays with their slots", () => {
    const { maps } = openObject("maps-in-map");
    expect(maps.get("outer")).toMatchObject({
      inner: { name: "outer.inner", type: BpfMapType.ARRAY, maxEntries: 2 },
      slots: [
        { index: 0, target: "first" },
        { index: 3, target: "second" },
      ],
    });
    expect(maps.get("by_number")).toMatchObject({
      inner: { type: BpfMapType.HASH, maxEntries: 5 },
      slots: [],
    });
    expect(openObject("maps-program-array").maps.get("jumps")!.slots).toEqual([
      { index: 2, target: "two" },
      { index: 5, target: "five" },
    ]);
  });

  it("data sections: names, flags, contents", () => {
    const { maps, btf } = openObject("data");
    expect([...maps.keys()]).toEqual([
      ".data",
      ".rodata",
      ".data.mine",
      ".data.hers",
      ".rodata.limits",
      ".bss",
    ]);
    expect(maps.get(".rodata")).toMatchObject({
      name: "data.rodata",
      freeze: true,
      flags: BpfMapFlag.RDONLY_PROG | BpfMapFlag.MMAPABLE,
    });
    expect(maps.get(".rodata.limits")).toMatchObject({ name: ".rodata.limits" });
    const { contents, valueTypeId } = maps.get(".data")!;
    expect(decodeValue(btf!, valueTypeId, contents!)).toEqual({ in_data: 42, static_data: -7n });
    expect(maps.get(".bss")!.contents!.every((byte) => byte === 0)).toBe(true);
    // Strings alone are nothing to look at from outside.
    expect(openObject("data-strings").maps.get(".rodata.str1.1")!.flags).toBe(BpfMapFlag.RDONLY_PROG);
  });

  it("the maps sections of old: libbpf's, with its types, and iproute2's, with ids", () => {
    expect(openObject("maps-legacy").maps.get("counts")).toMatchObject({
      keySize: 4,
      valueSize: 8,
      maxEntries: 10,
      flags: 1,
    });
    const { maps, programs } = openObject("maps-iproute2");
    expect(maps.get("jumps")!.slots).toEqual([{ index: 0, target: "slot" }]);
    expect(maps.get("outer")).toMatchObject({
      pinning: 1,
      inner: { maxEntries: 16 },
      slots: [
        { index: 0, target: "first" },
        { index: 3, target: "shared" },
      ],
    });
    expect(programs.get("slot")!.kind.type).toBe(BpfProgType.SCHED_CLS);
  });

  it("externs of the configuration get places by alignment, size and name", () => {
    const { externs, maps } = openObject("externs-kconfig");
    expect(
      externs.map(({ name, offset, size, valueKind, weak }) => [name, offset, size, valueKind, weak]),
    ).toEqual([
      ["CONFIG_HZ", 0, 8, "int", false],
      ["CONFIG_BPF_SYSCALL", 8, 4, "tristate", false],
      ["CONFIG_NR_CPUS", 12, 4, "int", true],
      ["CONFIG_THAT_NO_KERNEL_HAS", 16, 4, "int", true],
      ["LINUX_KERNEL_VERSION", 20, 4, "int", false],
      ["CONFIG_BPF", 24, 1, "bool", false],
      ["LINUX_HAS_BPF_COOKIE", 25, 1, "bool", true],
      ["CONFIG_DEFAULT_HOSTNAME", 26, 32, "string", true],
    ]);
    expect(maps.get(".kconfig")).toMatchObject({ valueSize: 58, freeze: true });
  });

  it("ksyms and kfuncs: BTF is what the kernel takes, with variables for them", () => {
    const { externs, btf } = openObject("externs-kfunc");
    expect(externs.map(({ name, kind, weak }) => [name, kind, weak])).toContainEqual([
      "no_such_kfunc",
      "ksymFunction",
      true,
    ]);
    const datasec = btf!.type(btf!.findByName(".ksyms"));
    if (datasec.kind !== "DATASEC") throw new Error(datasec.kind);
    expect(datasec.variables.map(({ type, offset }) => [btf!.name(type), offset])).toEqual(
      externs.map((_, i) => ["dummy_ksym", 4 * i]),
    );
    expect(openObject("externs-ksym").externs.find(({ name }) => name === "vfs_read")!.typeId).toBe(0);
  });

  it("struct_ops: contents and programs", () => {
    const { maps } = openObject("struct-ops");
    const steady = maps.get("steady")!;
    expect(steady.structOps!.members).toContainEqual({
      name: "ssthresh",
      offset: 8,
      program: "steady_ssthresh",
    });
    expect(new TextDecoder().decode(steady.contents!.subarray(36, 48))).toBe("tsbpf_steady");
    expect(openObject("struct-ops-link").maps.get("second")!.flags).toBe(BpfMapFlag.LINK);
  });

  it("constants can be set before loading", () => {
    const spec = openObject("data");
    const changed = withGlobals(spec, { settings: { limit: 7 }, limits: [9] });
    const rodata = (object: typeof spec, map = ".rodata") => {
      const { valueTypeId, contents } = object.maps.get(map)!;
      return decodeValue(object.btf!, valueTypeId, contents!);
    };
    expect(rodata(changed)).toMatchObject({ settings: { mode: 3, limit: 7, mask: 0xff00ff00ff00ff00n } });
    expect(rodata(changed, ".rodata.limits")).toEqual({ limits: [9, 2, 3, 4] });
    expect(rodata(spec)).toMatchObject({ settings: { limit: 1000 } });
    expect(() => withGlobals(spec, { nothing: 1 })).toThrow("object data: no variable 'nothing'");
    expect(() => withGlobals(spec, { in_data: "x" })).toThrow("variable in_data: value: expected an integer");
  });
});

describe("open: what is refused", () => {
  const text = (bytes: Uint8Array) => {
    try {
      open(bytes, { name: "bad.o" });
    } catch (error) {
      expect(error).toBeInstanceOf(ObjectError);
      return (error as Error).message;
    }
    return "opened";
  };

  it("files that are no BPF objects", () => {
    expect(text(new Uint8Array(100))).toMatch(/^object bad.o: ELF header: /);
    expect(text(new ElfBuilder({ machine: ElfMachine.X86_64 }).finish())).toBe(
      "object bad.o: expected code for BPF (ELF machine 247; clang -target bpf), got x86-64 (62)",
    );
    expect(text(new Uint8Array(readFileSync(process.execPath).subarray(0, 4096)))).toMatch(
      /^object bad.o: ELF/,
    );
    expect(open(new ElfBuilder({ machine: ElfMachine.NONE }).finish()).programs.size).toBe(0);
  });

  it.each(["refused-static-map", "refused-static-program"])("%s, as libbpf does", (name) => {
    expect(() => openObject(name)).toThrow(
      /^object refused-static-\w+.bpf.o: section \S+: symbol \w+: .*static/,
    );
  });

  describe("an object with externs that only the static linker resolves", () => {
    const linking = "if another object defines it, link them first ('tsbpf gen object OUT IN...')";
    /** link-b without its first extern, a variable: what is undefined next is a function. */
    const withoutVariable = () => {
      const bytes = bytesOf("link-b").slice();
      const names = openElf(bytes).section(".strtab")!;
      const at = Buffer.from(bytes).indexOf("\0total\0", names.offset, "latin1");
      bytes[at + 1] = 0;
      return bytes;
    };

    it("a variable", () => {
      expect(() => openObject("link-b")).toThrow(
        `symbol total: expected an extern of .ksyms or .kconfig, got .data: ${linking}`,
      );
    });

    it("a function", () => {
      expect(() => open(withoutVariable())).toThrow(
        /symbol from_a: undefined, and neither __ksym nor __kconfig \(BTF type \[\d+\]\): if another object/,
      );
    });
  });

  it.each<[string, (elf: ElfBuilder, program: number) => void, string]>([
    [
      "a function of half an instruction",
      (elf, section) => elf.symbol({ name: "half", section, value: 4, size: 8, type: SymbolType.FUNC }),
      "section xdp: symbol half: expected a function of whole instructions, got 8 bytes at offset 4",
    ],
    [
      "a function that ends outside",
      (elf, section) => elf.symbol({ name: "long", section, size: 24, type: SymbolType.FUNC }),
      "section xdp: symbol long: expected a function inside the section (16 bytes), got 24 bytes at offset 0",
    ],
    [
      "a relocation of arithmetic",
      (elf, section) =>
        elf.relocation(section, {
          offset: 0,
          type: 1,
          symbol: elf.symbol({ name: "x", section, type: SymbolType.OBJECT }),
        }),
      "section xdp: symbol x: offset 0: expected a relocation of a call or a 64-bit immediate load, got mov64_k",
    ],
    [
      "relocations with addends",
      (elf, section) =>
        elf.relocation(section, {
          offset: 0,
          type: 1,
          addend: 8,
          symbol: elf.symbol({ name: "x", section }),
        }),
      "section .relaxdp: expected relocations without addends (SHT_REL), got SHT_RELA",
    ],
    [
      "a version of two bytes",
      (elf) => elf.section({ name: "version", data: new Uint8Array(2) }),
      "section version: expected a version of 4 bytes, got 2",
    ],
    [
      "maps without BTF",
      (elf) => elf.section({ name: ".maps", data: new Uint8Array(32) }),
      "section .maps: expected BTF to describe the maps (clang -g), got none",
    ],
    [
      "old maps with more than five attributes",
      (elf) => {
        const data = new Uint8Array(24).fill(1);
        const section = elf.section({ name: "maps", data });
        elf.symbol({ name: "m", section, size: 24, type: SymbolType.OBJECT });
      },
      "section maps: symbol m: offset 0: expected 0 after the five attributes of a map, got 16843009 at offset 20",
    ],
    [
      "a static map of old",
      (elf) => {
        const section = elf.section({ name: "maps", data: new Uint8Array(20) });
        elf.symbol({ name: "m", section, size: 20, type: SymbolType.OBJECT, binding: SymbolBinding.LOCAL });
      },
      "section maps: symbol m: offset 0: expected a global variable, got a static one",
    ],
  ])("%s", (_, change, message) => {
    expect(text(build(change))).toBe(`object bad.o: ${message}`);
  });

  it.each<[string, Uint8Array, (elf: ElfBuilder, program: number) => void, string]>([
    [
      "an undefined function",
      encode(new ProgramBuilder().callLocal(-1).exit().insns()),
      (elf, section) => elf.relocation(section, { offset: 0, type: 10, symbol: elf.symbol({ name: "f" }) }),
      "symbol f: undefined, and the object has no BTF: if another object defines it, link them first ('tsbpf gen object OUT IN...')",
    ],
    [
      "a call outside .text",
      encode(new ProgramBuilder().callLocal(0).exit().insns()),
      () => {},
      "section xdp: symbol program: offset 0: program program: expected the call of a function in .text, got slot 1 of xdp",
    ],
    [
      "an unknown relocation",
      encode(new ProgramBuilder().ldImm64(r0, 0).exit().insns()),
      (elf, section) =>
        elf.relocation(section, { offset: 0, type: 77, symbol: elf.symbol({ name: "x", section }) }),
      "section xdp: symbol x: offset 0: expected relocation type 1 of a 64-bit immediate load, got 77",
    ],
    [
      "a symbol of a section that is no data",
      encode(new ProgramBuilder().ldImm64(r0, 0).exit().insns()),
      (elf, section) => {
        const other = elf.section({ name: ".strange", data: new Uint8Array(8) });
        elf.relocation(section, { offset: 0, type: 1, symbol: elf.symbol({ name: "x", section: other }) });
      },
      "section xdp: symbol x: offset 0: expected a map, a variable or a function, got a symbol in section .strange",
    ],
  ])("%s", (_, code, change, message) => {
    expect(text(build(change, code))).toBe(`object bad.o: ${message}`);
  });

  it("mutated objects: an error of ours, or a spec; quickly", () => {
    const objects = ["functions", "maps-in-map", "externs-kfunc", "struct-ops", "core-fields", "data"].map(
      bytesOf,
    );
    const mutation = fc.tuple(fc.nat(), fc.constantFrom(0, 1, 0x7f, 0xff), fc.nat(objects.length - 1));
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 8 }), (mutations) => {
        const bytes = objects[mutations[0]![2]]!.slice();
        for (const [at, value] of mutations) bytes[at % bytes.length] = value;
        for (const act of [() => writeObject(open(bytes)), () => link([{ name: "a", bytes }])]) {
          try {
            act();
          } catch (error) {
            expect(error).toBeInstanceOf(TsbpfError);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("names and small tools", () => {
  it("an object's name is its file's up to the first dot, cut to 15 bytes", () => {
    expect(objectName("/a/b.c/flow.bpf.o")).toBe("flow");
    expect(objectName("a_very_long_name_of_a_file.o")).toBe("a_very_long_nam");
  });

  it("a program's code can be given to a decoder again", () => {
    const { insns } = openObject("functions").programs.get("first")!;
    expect(decode(encode(insns))).toEqual(insns);
  });

  it("minCoreBtf asks for .BTF.ext", () => {
    const { btf } = openObject("functions");
    expect(() => minCoreBtf(btf!, [{ name: "x.o", bytes: bytesOf("no-license.nodebug") }])).toThrow(
      "object x.o: expected a section .BTF, got none",
    );
  });
});
