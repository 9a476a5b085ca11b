import { describe, expect, it } from "vitest";
import { emitJhash } from "../../src/maps/emit-jhash.ts";
import { ModuleBuilder } from "../../src/wasm/index.ts";

/** The hash of a text, with a seed. */
function jhash(text: string, seed: number): number {
  const bytes = new TextEncoder().encode(text);
  const m = new ModuleBuilder();
  const memory = m.memory({ min: 1 });
  m.export("memory", memory);
  const f = m.function("hash", { params: ["i32", "i32"], results: ["i32"] }, { export: true });
  const [at, seeded] = f.params;
  emitJhash(f, at!, bytes.length, () => f.get(seeded!));
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(m.finish()));
  const content = new Uint8Array((exports["memory"] as WebAssembly.Memory).buffer);
  content.set(bytes, 3);
  return (exports["hash"] as (at: number, seed: number) => number)(3, seed) >>> 0;
}

describe("Jenkins' hash", () => {
  // What the author of lookup3 gives for its hashlittle().
  it.each([
    ["Four score and seven years ago", 0, 0x1777_0551],
    ["Four score and seven years ago", 1, 0xcd62_8161],
  ])("of '%s' with the seed %i", (text, seed, hash) => {
    expect(jhash(text, seed)).toBe(hash);
  });

  it("looks at every byte, of any number of them", () => {
    for (let length = 1; length <= 30; length++) {
      const text = "a".repeat(length);
      const others = Array.from({ length }, (_, i) => `${text.slice(0, i)}b${text.slice(i + 1)}`);
      expect(new Set([text, ...others].map((each) => jhash(each, 7))).size).toBe(length + 1);
    }
  });
});
