import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { load } from "../../src/loader/index.ts";
import { open } from "../../src/object/index.ts";
import { progInfo } from "../../src/sys/index.ts";
import { listFunctions } from "../../src/wasm/index.ts";

const PARTS = ["jitedProgInsns", "jitedFuncLens", "jitedLineInfo", "lineInfo"] as const;
const LINE_SIZE = 16;

function infoOf(kernel: EmbeddedKernel, path: string, name: string) {
  const object = load(open(readFileSync(path), { name: path }), kernel);
  return progInfo(kernel, object.programs.get(name)!.fd, PARTS);
}

describe("what info shows of compiled code", () => {
  it.each([
    ["straight from the instructions", {}],
    ["optimised", { jit: { after: 0 } }],
  ])("is a WebAssembly module, with the places of functions and lines: %s", (_, options) => {
    const kernel = new EmbeddedKernel({ engine: "jit", ...options });
    const info = infoOf(kernel, "bench/jit/programs/calls.bpf.o", "program");
    expect(WebAssembly.validate(info.jitedProgInsns)).toBe(true);
    const functions = [...listFunctions(info.jitedProgInsns)].slice(0, info.jitedFuncLens.length);
    expect(functions.map(({ code }) => code.length)).toEqual([...info.jitedFuncLens]);
    expect(functions[0]!.name).toBe("$program");
    expect(functions.length).toBeGreaterThan(1);
    const lines = new BigUint64Array(info.jitedLineInfo.slice().buffer);
    expect(lines.length).toBe(info.lineInfo.length / LINE_SIZE);
    const placed = lines.filter((at) => at !== 0n);
    expect(placed.length).toBeGreaterThan(lines.length / 3);
    const starts = functions.flatMap(({ offset, instructions }) =>
      Array.from(instructions, ({ at }) => BigInt(offset + at)),
    );
    expect([...placed].filter((at) => !starts.includes(at))).toEqual([]);
    kernel.exit();
  });

  it("is nothing where programs are interpreted", () => {
    const interpreting = new EmbeddedKernel();
    const info = infoOf(interpreting, "bench/jit/programs/calls.bpf.o", "program");
    expect(info.jitedProgInsns.length).toBe(0);
    expect(info.jitedFuncLens.length).toBe(0);
    interpreting.exit();
  });
});
