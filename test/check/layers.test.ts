import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { violations } from "../../scripts/layers.mjs";

const layers = JSON.parse(readFileSync("test/check/layers.json", "utf8"));
const check = (tree: string): string[] => violations(layers, join("test/check", tree));

describe("the layers check", () => {
  it("finds nothing in a good tree", () => {
    expect(check("good")).toEqual([]);
  });

  it.each([
    ["upward", ["base/index.ts:1: upward: base (ring 0) imports isa (ring 1)"]],
    ["same-ring", ["isa/index.ts:1: same-ring: isa must not import asm: both are of ring 1"]],
    ["deep", ["asm/print.ts:2: deep: '../isa/table.ts': import another folder only through its index.ts"]],
    ["type-cycle", ["isa/insn.ts:1: cycle: isa/insn.ts → isa/program.ts → isa/insn.ts"]],
    [
      "node-import",
      [
        "kernel/index.ts:1: package: 'node:fs' below ring 6",
        "kernel/index.ts:2: package: 'some-package' below ring 6",
      ],
    ],
    ["forbidden", ["node/remote/port.ts:1: forbidden: must not import kernel: a remote port has no kernel"]],
    ["star", ["isa/index.ts:3: star: an export list names what it exports"]],
    ["unknown", ["extra/index.ts:1: unknown: folder 'extra' is not in layers.json"]],
  ])("finds what is wrong in %s", (tree, expected) => {
    expect(check(tree)).toEqual(expected);
  });

  it("finds files that are too long, but not generated ones", () => {
    const tree = mkdtempSync(join(tmpdir(), "tsbpf-layers-"));
    try {
      const long = "export {};\n".repeat(801);
      mkdirSync(join(tree, "isa/generated"), { recursive: true });
      writeFileSync(join(tree, "isa/long.ts"), long);
      writeFileSync(join(tree, "isa/generated/long.ts"), long);
      expect(violations(layers, tree)).toEqual(["isa/long.ts:800: size: 801 lines, at most 800"]);
    } finally {
      rmSync(tree, { recursive: true });
    }
  });

  it("ends with an exit status that a script can use", () => {
    const run = (tree: string) =>
      spawnSync(process.execPath, ["scripts/layers.mjs", `test/check/${tree}`]).status;
    expect(run("upward")).toBe(1);
    expect(run("unknown")).toBe(1);
  });
});
