import { describe, expect, it } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { moduleOf } from "../../src/cli/modules.ts";
import { tsbpf } from "./fake-io.ts";

const now = COMMANDS.filter((command) => command.later !== true);

describe("the table of commands", () => {
  it.each(now.map(({ name }) => name))("%s has the functions that the table says", async (name) => {
    const { verbs } = now.find((command) => command.name === name)!;
    const module = await moduleOf(name);
    if (verbs === undefined) {
      expect("run" in module).toBe(true);
      return;
    }
    const wanted = verbs.filter((verb) => verb.later !== true).map((verb) => verb.name);
    expect("verbs" in module ? Object.keys(module.verbs).sort() : []).toEqual(wanted.sort());
  });

  it.each(now.map(({ name }) => name))("%s has a help of at most 100 columns", async (name) => {
    const { stdout, status } = await tsbpf(["help", name]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Usage: tsbpf/);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  it.each(COMMANDS.filter((command) => command.later === true).map(({ name }) => name))(
    "%s says that it is of a later version",
    async (name) => {
      const { stderr, status } = await tsbpf([name]);
      expect(stderr).toBe(`Error: '${name}' is not supported: it is not in this version of tsbpf\n`);
      expect(status).toBe(255);
    },
  );
});

describe("options of a command", () => {
  const types = ["dump", "file", "testdata/flow/flow.bpf.o", "format", "c"];

  it("may stand in front of it, between and behind its words", async () => {
    const { stdout } = await tsbpf(["btf", ...types, "--bpftool", "7.1"]);
    expect(stdout).toContain("#ifndef __VMLINUX_H__");
    for (const argv of [
      ["--bpftool", "7.1", "btf", ...types],
      ["-d", "--bpftool=7.1", "bt", ...types],
      ["btf", "--bpftool", "7.1", ...types],
      ["btf", "dump", "--bpftool", "7.1", ...types.slice(1)],
    ]) {
      expect((await tsbpf(argv)).stdout).toBe(stdout);
    }
    const hex = await tsbpf(["-x", "asm", "-"], { stdin: "exit" });
    expect(hex.stdout).toBe("95 00 00 00 00 00 00 00\n");
    // The same letter takes an argument where it is disasm's.
    expect((await tsbpf(["-x", "9500000000000000", "disasm"])).stdout).toBe("exit\n");
    const short = await tsbpf(["-j", "-q", "run", "testdata/flow/flow.bpf.o", "--data", "00".repeat(64)]);
    expect(JSON.parse(short.stdout)).toHaveProperty("retval");
  });

  it.each([
    [["--bpftool", "7.1", "map", "dump"], "unrecognized option '--bpftool'"],
    [["--bpftool", "7.1"], "unrecognized option '--bpftool'"],
    [["--bpftool", "9", "btf", ...types], "option '--bpftool': expected 7.8 or 7.1, got '9'"],
    [["--hex", "disasm"], "unrecognized option '--hex'"],
    [["--nothing", "btf", ...types], "unrecognized option '--nothing'"],
  ])("%j is refused", async (argv, message) => {
    const { status, stderr } = await tsbpf(argv);
    expect(stderr.split("\n")[0]).toBe(`Error: ${message}`);
    expect(stderr).toContain("Usage: tsbpf");
    expect(status).toBe(255);
  });
});

describe("words too few", () => {
  it.each([
    [["prog", "dump"], "'dump' needs at least 1 arguments, 0 found", 255],
    [["prog", "dump", "xlated"], "'xlated' needs at least 2 arguments, 0 found", 255],
    [["prog", "dump", "xlated", "file"], "'xlated' needs at least 2 arguments, 1 found", 255],
    [["prog", "dump", "xlated", "file", "x.o", "name"], "'name' needs at least 1 arguments, 0 found", 255],
    [["map", "dump"], "'dump' needs at least 2 arguments, 0 found", 255],
    [["map", "dump", "file"], "'dump' needs at least 2 arguments, 1 found", 255],
    [["map", "dump", "file", "x.o", "name"], "'name' needs at least 1 arguments, 0 found", 255],
    [["btf", "dump", "file"], "'dump' needs at least 2 arguments, 1 found", 255],
    [
      ["btf", "dump", "file", "testdata/flow/flow.bpf.o", "file"],
      "'file' needs at least 1 arguments, 0 found",
      255,
    ],
    [
      ["btf", "dump", "file", "testdata/flow/flow.bpf.o", "root_id"],
      "expecting value for 'root_id' option",
      234,
    ],
    [
      ["btf", "dump", "file", "testdata/flow/flow.bpf.o", "format"],
      "expecting value for 'format' option",
      234,
    ],
    [["gen", "object", "out.o"], "'object' needs at least 2 arguments, 1 found", 255],
    [["run"], "expected an object file", 255],
    [["verify"], "expected an object file, or a log", 2],
    [["completion"], "expected a shell: bash, zsh, fish", 255],
  ])("%j: %s", async (argv, message, status) => {
    const outcome = await tsbpf(argv);
    expect(outcome.stderr.split("\n")[0]).toBe(`Error: ${message}`);
    expect(outcome.status).toBe(status);
    expect(JSON.parse((await tsbpf(["-j", ...argv])).stdout)).toEqual({ error: message });
  });

  it("words too many", async () => {
    for (const argv of [
      ["version", "extra"],
      ["asm", "-", "extra"],
      ["map", "dump", "file", "x.o", "extra"],
      ["demo", "extra"],
    ]) {
      const { status, stdout, stderr } = await tsbpf(argv);
      expect([status, stdout, stderr]).toEqual([255, "", "Error: what is 'extra'?\n"]);
    }
  });
});
