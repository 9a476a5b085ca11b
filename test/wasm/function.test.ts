import { describe, expect, it } from "vitest";
import { ModuleBuilder, OP, WasmError, WasmLimitError } from "../../src/wasm/index.ts";
import { compile, instantiate } from "./support.ts";

describe("control", () => {
  it("loops and branches by label", () => {
    const sum = compile({ params: ["i32"], results: ["i64"] }, (f) => {
      const [n] = f.params;
      const total = f.local("i64", "total");
      f.block((done) => {
        f.loop((again) => {
          f.get(n!).i32.eqz().brIf(done);
          f.get(total).get(n!).i64.extendI32U().i64.add().set(total);
          f.get(n!).i32.const(1).i32.sub().set(n!).br(again);
        });
      });
      f.get(total);
    });
    expect(sum(1000)).toBe(500500n);
  });

  it("gives values through blocks, ifs and several results", () => {
    const m = new ModuleBuilder({ check: true });
    const pair = m.type({ params: ["i32"], results: ["i32", "i64"] });
    const f = m.function("run", { params: ["i32"], results: ["i64"] }, { export: true });
    const [x] = f.params;
    f.get(x!).block((label) => {
      f.i64.const(5).get(x!).i32.const(10).i32.gtS().brIf(label);
      f.drop().drop().i32.const(-1).i64.const(7);
    }, pair);
    f.set(f.local("i64"));
    f.if(
      () => f.get(x!).i64.extendI32S(),
      () => f.i64.const(-9),
      "i64",
    );
    expect(instantiate(m)["run"]!(11)).toBe(11n);
    expect(instantiate(rebuilt())["run"]!(0)).toBe(1n);

    function rebuilt(): ModuleBuilder {
      const other = new ModuleBuilder({ check: true });
      const g = other.function("run", { params: ["i32"], results: ["i64"] }, { export: true });
      g.get(g.params[0]!).if(
        () => g.i64.const(0).return(),
        () => g.i64.const(1).br(g.exit),
      );
      g.unreachable();
      return other;
    }
  });

  it("selects, drops and tees", () => {
    const run = compile({ params: ["i32", "i64", "i64"], results: ["i64"] }, (f) => {
      const kept = f.local("i64");
      f.get(f.params[1]!).tee(kept).get(f.params[2]!).get(f.params[0]!).select().nop();
      f.get(kept).drop();
    });
    expect(run(1, 5n, 6n)).toBe(5n);
    expect(run(0, 5n, 6n)).toBe(6n);
  });

  it("switches over arms, with fall-through and a default", () => {
    const run = compile({ params: ["i32"], results: ["i32"] }, (f) => {
      const [x] = f.params;
      const out = f.local("i32");
      f.switch(
        () => f.get(x!),
        [0, 1, 0, 2],
        [
          (done) => f.i32.const(10).set(out).br(done),
          () => f.i32.const(20).set(out),
          (done) => f.get(out).i32.const(3).i32.add().set(out).br(done),
          () => f.i32.const(99).set(out),
        ],
      );
      f.get(out);
    });
    expect([0, 1, 2, 3, 4, -1].map((x) => run(x))).toEqual([10, 23, 10, 3, 99, 99]);
  });

  it("dispatches a br_table of 65,520 entries and refuses one more", () => {
    const m = new ModuleBuilder();
    const f = m.function("run", { params: ["i32"], results: ["i32"] }, { export: true });
    const outer = f.openBlock();
    const inner = f.openBlock();
    f.get(f.params[0]!);
    f.brTable(
      Array.from({ length: 65_520 }, (_, i) => (i % 3 === 0 ? inner : outer)),
      outer,
    );
    f.end().i32.const(1).return().end().i32.const(0);
    expect(() => f.brTable(Array(65_521).fill(f.exit), f.exit)).toThrow(WasmLimitError);
    const run = instantiate(m)["run"]!;
    expect([0, 1, 2, 3, 65_517, 65_519, 65_520].map((i) => run(i))).toEqual([1, 0, 0, 1, 1, 0, 0]);
  });
});

describe("calls", () => {
  it("runs ten million tail calls in a constant stack, direct and through a table", () => {
    const m = new ModuleBuilder({ check: true });
    const table = m.table({ min: 4, max: 4 });
    const type = m.type({ params: ["i32", "i64"], results: ["i64"] });
    const even = m.function("even", type, { export: true });
    const odd = m.function("odd", type);
    m.elements(table, 2, [odd]);
    const [n, sum] = even.params;
    even
      .get(n!)
      .i32.eqz()
      .if(() => even.get(sum!).return());
    even.get(n!).i32.const(1).i32.sub().get(sum!).i64.const(2).i64.add();
    even.i32.const(2).returnCallIndirect(type, table);
    odd.get(odd.params[0]!).get(odd.params[1]!).returnCall(even);
    expect(instantiate(m)["even"]!(10_000_000, 1n)).toBe(20_000_001n);
  });

  it("calls through tables and traps on another type", () => {
    const m = new ModuleBuilder({ check: true });
    m.table({ min: 1 });
    const second = m.table({ min: 3 });
    const type = m.type({ results: ["i32"] });
    const seven = m.function("seven", type);
    seven.i32.const(7);
    const other = m.function("other", {});
    other.nop();
    m.elements(second, 1, [seven, other]);
    const run = m.function("run", { params: ["i32"], results: ["i32"] }, { export: true });
    run.get(run.params[0]!).callIndirect(type, second);
    const call = instantiate(m)["run"]!;
    expect(call(1)).toBe(7);
    expect(() => call(2)).toThrow(WebAssembly.RuntimeError);
    expect(() => call(0)).toThrow(WebAssembly.RuntimeError);
  });
});

describe("memory", () => {
  it("sizes, grows, fills, copies and initialises", () => {
    const m = new ModuleBuilder({ check: true });
    m.memory({ min: 1, max: 3 });
    const bytes = m.passiveData(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    m.data(100, Uint8Array.of(0xaa, 0xbb));
    const f = m.function("run", { results: ["i64", "i32", "i32", "i32", "i32"] }, { export: true });
    f.i32.const(8).i32.const(0).i32.const(8).memoryInit(bytes).dataDrop(bytes);
    f.i32.const(10).i32.const(8).i32.const(4).memoryCopy();
    f.i32.const(8).i32.const(0x3f).i32.const(1).memoryFill();
    f.i32.const(8).i64.load();
    f.i32.const(100).i32.load16U();
    f.i32.const(2).memoryGrow().i32.const(1).memoryGrow().memorySize();
    const run = instantiate(m)["run"] as unknown as () => unknown[];
    expect(run()).toEqual([0x0807_0403_0201_023fn, 0xbbaa, 1, -1, 3]);
  });

  it("waits and notifies", () => {
    // Each wait in a function of its own: see atomicWait32.
    const m = new ModuleBuilder({ check: true });
    m.memory({ min: 1, max: 1, shared: true });
    const wait32 = m.function("wait32", { params: ["i32", "i64"], results: ["i32"] }, { export: true });
    wait32.i32.const(0).get(wait32.params[0]!).get(wait32.params[1]!).atomicWait32(64);
    const wait64 = m.function("wait64", { params: ["i64", "i64"], results: ["i32"] }, { export: true });
    wait64.i32.const(0).get(wait64.params[0]!).get(wait64.params[1]!).atomicWait64(64);
    const notify = m.function("notify", { results: ["i32"] }, { export: true });
    notify.atomicFence().i32.const(0).i32.const(5).atomicNotify(64);
    const run = instantiate(m);
    expect(run["wait32"]!(1, -1n)).toBe(1);
    expect(run["wait32"]!(0, 1000n)).toBe(2);
    expect(run["wait64"]!(1n << 40n, -1n)).toBe(1);
    expect(run["wait64"]!(0n, 1000n)).toBe(2);
    expect(run["notify"]!()).toBe(0);
  });

  it("traps on atomic accesses that are not aligned", () => {
    const run = compile({ params: ["i32"], results: ["i64"] }, (f) => f.get(f.params[0]!).i64.atomicLoad(0));
    expect(run(8)).toBe(0n);
    expect(() => run(4)).toThrow(WebAssembly.RuntimeError);
  });
});

describe("tables and references", () => {
  it("gets, sets, grows, fills, copies and initialises", () => {
    const m = new ModuleBuilder({ check: true });
    const first = m.table({ min: 2, max: 10 });
    const second = m.table({ min: 4 });
    const type = m.type({ results: ["i32"] });
    const one = m.function("one", type);
    one.i32.const(1);
    const two = m.function("two", type);
    two.i32.const(2);
    const segment = m.passiveElements([one, two]);
    const f = m.function("run", { results: ["i32", "i32", "i32", "i32", "i32", "i32"] }, { export: true });
    f.i32.const(1).i32.const(0).i32.const(2).tableInit(second, segment).elemDrop(segment);
    f.i32.const(0).i32.const(1).i32.const(2).tableCopy(first, second);
    f.i32.const(0).callIndirect(type, first).i32.const(1).callIndirect(type);
    f.refFunc(two).i32.const(3).tableGrow(first).tableSize(first);
    f.i32.const(0).refNull().tableSet(first);
    f.i32.const(0).tableGet(first).refIsNull();
    f.i32.const(2).refFunc(one).i32.const(2).tableFill(first).i32.const(3).callIndirect(type, first);
    expect((instantiate(m)["run"] as unknown as () => unknown[])()).toEqual([1, 2, 2, 5, 1, 1]);
  });
});

describe("globals", () => {
  it("reads and writes imported and defined ones, in any order", () => {
    const m = new ModuleBuilder({ check: true });
    const counter = m.global("counter", "i64", { init: -(1n << 63n), mutable: true });
    const f = m.function("run", { results: ["i64"] }, { export: true });
    f.globalGet(counter).i64.const(1).i64.add().globalSet(counter).globalGet(counter);
    const base = m.importGlobal("env", "base", "i64");
    f.globalGet(base).i64.add();
    const copy = m.global("copy", "i64", { init: base });
    f.globalGet(copy).i64.add();
    expect(() => f.globalSet(copy)).toThrow("global.set: global copy is not mutable");
    const imports = { env: { base: new WebAssembly.Global({ value: "i64" }, 100n) } };
    expect(instantiate(m, imports)["run"]!()).toBe(-(1n << 63n) + 201n);
  });
});

describe("sizes", () => {
  it("nests 300,000 blocks", { timeout: 120_000 }, () => {
    for (const check of [true, false]) {
      const m = new ModuleBuilder({ check });
      const f = m.function("run", { results: ["i32"] }, { export: true });
      const outermost = f.openBlock();
      for (let i = 1; i < 300_000; i++) f.openBlock();
      f.br(outermost);
      while (f.depth > 0) f.end();
      f.i32.const(1);
      expect(WebAssembly.validate(m.finish())).toBe(true);
    }
  });

  it("says when a function exceeds 7,654,321 bytes, while it is written", () => {
    const m = new ModuleBuilder();
    const f = m.function("huge", {});
    const p = f.local("i64");
    const fill = (): void => {
      for (let i = 0; i < 2_000_000; i++) f.get(p).i64.constPair(i, i).op(OP["i64.add"]).set(p);
    };
    expect(fill).toThrow(WasmLimitError);
    expect(fill).toThrow(/^wasm: function huge: body bytes: expected at most 7654321, got 76543/);
  });

  it("accepts a function of exactly the limit and refuses one byte more", () => {
    const build = (nops: number): Uint8Array => {
      const m = new ModuleBuilder();
      const f = m.function("f", {});
      for (let i = 0; i < nops; i++) f.nop();
      return m.finish();
    };
    expect(WebAssembly.validate(build(7_654_319))).toBe(true);
    expect(() => build(7_654_320)).toThrow("function f: body bytes: expected at most 7654321, got 7654322");
  });

  it("refuses more locals than engines take", () => {
    const f = new ModuleBuilder().function("f", { params: ["i32"] });
    for (let i = 1; i < 50_000; i++) f.local("i32");
    expect(() => f.local("i32")).toThrow("function f: locals: expected at most 50000, got 50001");
  });
});

describe("mistakes that are found without checking too", () => {
  it("names labels that are not open, blocks left open, and bodies not written", () => {
    const m = new ModuleBuilder();
    const f = m.function("f", {});
    const label = f.openBlock();
    f.end();
    expect(() => f.br(label)).toThrow("function f: offset 3: branch to a block that is not open here");
    expect(() => f.end()).toThrow("end: no block is open");
    expect(() => f.else()).toThrow("else: expected an open if, got a function");
    expect(() => f.block(() => f.openLoop())).toThrow("the callback of a block left another block open");
    expect(() => m.finish()).toThrow("function f: offset 7: end: expected all blocks closed, got 2 open");
    const empty = new ModuleBuilder();
    empty.function("later", {});
    expect(() => empty.finish()).toThrow("function later: has no body");
  });

  it("refuses parts of other modules and later instructions", () => {
    const m = new ModuleBuilder();
    const other = new ModuleBuilder().function("other", {});
    const f = m.function("f", {});
    expect(() => f.call(other)).toThrow("function f: offset 0: other is of another module");
    f.nop();
    m.finish();
    expect(() => f.nop()).toThrow(WasmError);
    expect(() => m.function("g", {})).toThrow("the module is finished");
  });
});
