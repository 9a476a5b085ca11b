import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { assemble } from "../../src/asm/index.ts";
import { hexOf } from "../../src/base/index.ts";
import { openElf } from "../../src/elf/index.ts";
import { decode, encode } from "../../src/isa/index.ts";
import { tsbpf } from "./fake-io.ts";

const FILTER = "test/cli/input/port.ddd";
const FLOW = "testdata/flow/flow.bpf.o";
const EXEC = 4;

const error = async (argv: readonly string[], files: Readonly<Record<string, Uint8Array | string>> = {}) => {
  const { status, stdout, stderr } = await tsbpf(argv, { files });
  expect([status, stdout]).toEqual([255, ""]);
  return stderr;
};

describe("forms that are not for what is read", () => {
  const FILTERS = {
    "f.d": "(000) ldh      [12]\n(001) ret      #0\n",
    "f.dd": "{ 0x6, 0, 0, 0x00000000 },\n",
    "f.ddd": readFileSync(FILTER, "utf8"),
    "f.asm": "ldh [12]\nret #0\n",
  };

  it.each(Object.keys(FILTERS))("%s is a classic filter", async (file) => {
    for (const [option, value] of [
      ["--style", "xlated"],
      ["--style", "llvm"],
      ["--style", "verifier"],
      ["--dialect", "pseudoc"],
      ["--dialect", "ubpf"],
    ] as const) {
      expect(await error(["disasm", file, option, value], FILTERS)).toBe(
        `Error: ${file}: is a classic filter: '${option} ${value}' is not for these, but --style d, dd, ddd, bpf_asm\n`,
      );
      const { status, stdout } = await tsbpf(["-j", "disasm", file, option, value], { files: FILTERS });
      expect(status).toBe(255);
      expect(JSON.parse(stdout)).toHaveProperty("error");
    }
    expect(await error(["disasm", file, "--labels"], FILTERS)).toContain("'--labels' is not for these");
  });

  it("text that is no filter is told so first", async () => {
    const stderr = await error(["disasm", "f.c", "--style", "xlated"], { "f.c": "int main() {}\n" });
    expect(stderr).not.toContain("is a classic filter");
  });

  it.each([
    ["--style", "d"],
    ["--style", "dd"],
    ["--style", "ddd"],
    ["--style", "bpf_asm"],
    ["--dialect", "classic"],
  ])("an object is no classic filter: %s %s", async (option, value) => {
    expect(await error(["disasm", FLOW, option, value])).toBe(
      `Error: ${FLOW}: is an ELF object, and no classic filter\n`,
    );
  });

  it("BTF has no instructions", async () => {
    const elf = openElf(new Uint8Array(readFileSync(FLOW)));
    const files = { "flow.btf": elf.data(elf.section(".BTF")!) };
    for (const more of [[], ["--style", "dd"], ["--style", "llvm"], ["--dialect", "ubpf"]]) {
      expect(await error(["disasm", "flow.btf", ...more], files)).toBe(
        "Error: flow.btf: this is BTF, without instructions: see 'tsbpf btf dump file flow.btf'\n",
      );
    }
    // The same bytes, too few for a header: an instruction.
    const few = { few: files["flow.btf"].subarray(0, 8) };
    expect((await tsbpf(["disasm", "few"], { files: few })).status).toBe(0);
  });

  it("labels are not for listings", async () => {
    expect(await error(["disasm", FLOW, "--labels", "--style", "llvm"])).toBe(
      "Error: '--labels' is not compatible with '--style'\n",
    );
  });
});

describe("asm", () => {
  it("knows helpers by their names", async () => {
    for (const [text, options] of [
      ["call bpf_map_lookup_elem", []],
      ["call bpf_map_lookup_elem", ["--dialect", "ubpf"]],
      ["call 1", []],
    ] as const) {
      const { stdout } = await tsbpf(["asm", "--hex", ...options], { stdin: text });
      expect(stdout).toBe("85 00 00 00 01 00 00 00\n");
    }
    const own = await tsbpf(["asm", "--hex"], { stdin: "bpf_map_lookup_elem: call bpf_map_lookup_elem" });
    expect(own.stdout).toBe("85 10 00 00 ff ff ff ff\n");
  });

  it.each(["bpf_unspec", "bpf_toString", "map_lookup_elem", "bpf_nothing"])(
    "has no helper %s",
    async (name) => {
      const { status, stderr } = await tsbpf(["asm", "--hex"], { stdin: `call ${name}` });
      expect(status).toBe(255);
      expect(stderr).toContain(`there is no helper or label '${name}'`);
    },
  );
});

describe("objects read back", () => {
  it("with functions of one name, and with names that are no labels", async () => {
    const text = Buffer.from(readFileSync("testdata/objects/sections-network.bpf.o"))
      .toString("latin1")
      .replaceAll("on_xdp_cpumap\0", "on_xdp_devmap\0")
      .replaceAll("on_tcx_egress\0", "on_tcx<egress\0");
    const files = { "named.o": new Uint8Array(Buffer.from(text, "latin1")) };
    const { stdout } = await tsbpf(["disasm", "named.o"], { files });
    const { labels, insns } = assemble(stdout);
    expect([...labels.keys()]).toEqual(
      expect.arrayContaining(["on_xdp_devmap", "on_xdp_devmap_2", "on_tcx_egress"]),
    );
    const untouched = await tsbpf(["disasm", "testdata/objects/sections-network.bpf.o"]);
    expect(insns).toEqual(assemble(untouched.stdout).insns);
  });

  const objects = readdirSync("testdata/objects").filter((name) => name.endsWith(".o"));

  it.each(objects)("%s", async (object) => {
    const path = `testdata/objects/${object}`;
    const elf = openElf(new Uint8Array(readFileSync(path)));
    const code = elf.sections
      .filter(({ flags, type }) => (flags & EXEC) !== 0 && type === 1)
      .map((section) => hexOf(encode(decode(elf.data(section), { endian: elf.endian }))))
      .join("");
    for (const dialect of ["pseudoc", "ubpf"] as const) {
      for (const more of [[], ["--labels"]]) {
        const { stdout, stderr } = await tsbpf(["disasm", path, "--dialect", dialect, ...more]);
        expect(stderr).toBe("");
        expect(hexOf(encode(assemble(stdout, { dialect }).insns)), `${dialect} ${more}`).toBe(code);
      }
    }
  });
});
