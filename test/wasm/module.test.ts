import { describe, expect, it } from "vitest";
import { ModuleBuilder, WasmError } from "../../src/wasm/index.ts";

function exportsOf(m: ModuleBuilder, imports: WebAssembly.Imports = {}): Record<string, never> {
  return new WebAssembly.Instance(new WebAssembly.Module(m.finish() as never), imports as never)
    .exports as never;
}

describe("ModuleBuilder", () => {
  it("calls functions whose bodies come later, mutually", () => {
    const m = new ModuleBuilder({ check: true });
    const even = m.function("even", { params: ["i32"], results: ["i32"] }, { export: true });
    const odd = m.function("odd", { params: ["i32"], results: ["i32"] }, { export: true });
    for (const [self, other, base] of [
      [even, odd, 1],
      [odd, even, 0],
    ] as const) {
      const [n] = self.params;
      self.get(n).i32.eqz();
      self.if(
        () => self.i32.const(base),
        () => self.get(n).i32.const(1).i32.sub().returnCall(other),
        "i32",
      );
    }
    const { even: isEven, odd: isOdd } = exportsOf(m) as unknown as Record<string, (n: number) => number>;
    expect(isEven!(1_000_000)).toBe(1);
    expect(isOdd!(7)).toBe(1);
    expect(isOdd!(8)).toBe(0);
  });

  it("takes imports after the functions that call them and others", () => {
    const m = new ModuleBuilder({ check: true });
    const three = m.function("three", { results: ["i32"] });
    three.i32.const(3);
    const main = m.function("main", { results: ["i32"] }, { export: "run" });
    main.call(three);
    const late = m.importFunction("env", "late", { params: ["i32"], results: ["i32"] });
    main.call(late);
    const { run } = exportsOf(m, { env: { late: (x: number) => x * 7 } }) as unknown as { run: () => number };
    expect(run()).toBe(21);
  });

  it("says which function is wrong, and where", () => {
    const m = new ModuleBuilder({ check: true });
    const f = m.function("mix", { results: ["i32"] });
    f.i32.const(1).i64.const(2);
    expect(() => f.i32.add()).toThrow(
      new WasmError("i32.add: expected i32 on the stack, got i64", {
        function: "mix",
        instruction: 2,
        offset: 4,
      }),
    );
  });
});
