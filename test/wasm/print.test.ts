import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError } from "../../src/base/index.ts";
import { INSTRUCTIONS, type Label, listFunctions, ModuleBuilder, printModule } from "../../src/wasm/index.ts";

function sample(): Uint8Array {
  const m = new ModuleBuilder({ check: true, name: "sample" });
  m.importMemory("env", "memory", { min: 1, max: 65536, shared: true });
  const trace = m.importFunction("env", "trace", { params: ["i32"] });
  const base = m.importGlobal("env", "base", "i32");
  const table = m.table({ min: 4, max: 8 });
  const counter = m.global("counter", "i64", { init: 0xffff_8000_0000_0000n, mutable: true });
  const step = m.function("map step", { params: ["i32", "i64"], results: ["i64"] }, { export: "step" });
  m.elements(table, 1, [step, trace]);
  m.elements(table, base, [step]);
  m.data(65536, new TextEncoder().encode('a"b\\\n'));
  m.passiveData(Uint8Array.of(0, 255));
  m.export("count", counter);
  const [p, x] = step.params;
  const key = step.local("i32", "key");
  step.local("i64");
  const sum = step.local("i64", "key");
  step.block((done) => {
    step.get(p!).i32.load8U(12).tee(key).i32.const(-3).i32.ltU().brIf(done);
    step.get(key).if(
      () => step.loop((again) => step.get(key).brTable([again, done], again)),
      () => step.get(key).call(trace),
    );
  });
  step.get(p!).get(x!).i64.atomicRmw("add", 8).i64.const(0xffff_8000_0000_0001n).i64.and();
  step.get(p!).i64.load(4, 1).i64.add().tee(sum).br(step.exit);
  return m.finish();
}

describe("printModule", () => {
  it("prints text that people read", () => {
    expect(printModule(sample())).toMatchInlineSnapshot(`
      "(module ;; "sample"
        (type (;0;) (func (param i32)))
        (type (;1;) (func (param i32 i64) (result i64)))
        (import "env" "memory" (memory (;0;) 1 65536 shared))
        (import "env" "trace" (func $trace (;0;) (type 0)))
        (import "env" "base" (global $base (;0;) i32))
        (table (;0;) 4 8 funcref)
        (global $counter (;1;) (mut i64) (i64.const 0xffff800000000000))
        (export "step" (func $map_step))
        (export "count" (global $counter))
        (elem (;0;) (i32.const 1) func $map_step $trace)
        (elem (;1;) (global.get $base) func $map_step)
        (data (;0;) (i32.const 65536) "a\\22b\\5c\\0a")
        (data (;1;) "\\00\\ff")
        (func $map_step (;1;) (type 1) (param i32 i64) (result i64)
          (local $key i32) (local i64) (local $key.1 i64)
          block $1
            local.get 0
            i32.load8_u offset=12
            local.tee $key
            i32.const -3
            i32.lt_u
            br_if $1
            local.get $key
            if $2
              loop $3
                local.get $key
                br_table $3 $1 $3
              end
            else
              local.get $key
              call $trace
            end
          end
          local.get 0
          local.get 1
          i64.atomic.rmw.add offset=8
          i64.const 0xffff800000000001
          i64.and
          local.get 0
          i64.load offset=4 align=1
          i64.add
          local.tee $key.1
          br 0
        )
      )
      "
    `);
  });
});

/** A module that holds every instruction of the table at least once. */
function everything(): Uint8Array {
  const m = new ModuleBuilder();
  m.memory({ min: 1, max: 2, shared: true });
  const table = m.table({ min: 2 });
  const other = m.table({ min: 2 }, "funcref");
  const global = m.global("g", "i32", { mutable: true });
  const data = m.passiveData(Uint8Array.of(1));
  const type = m.type({ params: ["i32"], results: ["i32"] });
  const f = m.function("all", type);
  const elements = m.passiveElements([f]);
  const [p] = f.params;
  for (const row of INSTRUCTIONS) {
    if (row.immediate === "access") f.unreachable().access(row.code, 3);
    else if (row.immediate === "none" && row.takes !== undefined) f.unreachable().op(row.code);
  }
  f.unreachable();
  let label: Label = f.openBlock();
  f.openLoop("i32");
  f.unreachable().openIf(type);
  label = f.else();
  f.br(label).brIf(label).brTable([label], f.exit).return().end().end().drop().end();
  f.call(f).i32.const(0).callIndirect(type, other).returnCall(f).returnCallIndirect(type);
  f.drop()
    .i32.const(1)
    .i32.const(2)
    .i32.const(3)
    .select()
    .set(p!)
    .get(p!)
    .tee(p!)
    .globalSet(global)
    .globalGet(global);
  f.tableGet(table).drop().i32.const(0).refNull().tableSet(table).refFunc(f).refIsNull().drop();
  f.unreachable().memorySize().memoryGrow().memoryFill().memoryCopy().memoryInit(data).dataDrop(data);
  f.tableCopy(table, other).tableInit(other, elements).elemDrop(elements).tableFill(table).tableGrow(table);
  f.tableSize(table).i64.const(-1).atomicFence().unreachable();
  return m.finish();
}

describe("the instruction table", () => {
  const bytes = everything();
  const text = printModule(bytes, { function: "all" });

  it("is valid, as V8 sees it", () => {
    expect(() => new WebAssembly.Module(bytes)).not.toThrow();
  });

  it("is printed whole", () => {
    const printed = new Set(text.split("\n").map((line) => line.trim().split(" ")[0]));
    expect(INSTRUCTIONS.map((row) => row.name).filter((name) => !printed.has(name))).toEqual([]);
  });
});

describe("bytes that are no module", () => {
  it("say what is wrong and where", () => {
    const bytes = (...tail: number[]): Uint8Array => Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...tail);
    expect(() => printModule(new Uint8Array(3))).toThrow(
      "wasm module: offset 0: expected 4 more bytes, got 3",
    );
    expect(() => printModule(new Uint8Array(8))).toThrow("expected the magic number");
    expect(() => printModule(bytes(1, 1, 0, 1, 1, 0))).toThrow("section 1 stands twice or too late");
    expect(() => printModule(bytes(1, 5, 0xff, 0xff, 0xff, 0xff, 0x0f))).toThrow(
      "wasm section type: offset 0: expected at most 0 entries, got 4294967295",
    );
    expect(() => printModule(bytes(1, 2, 1, 0x5f))).toThrow("expected a function type, got form 0x5f");
    const body = (...code: number[]): Uint8Array =>
      bytes(1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, code.length + 3, 1, code.length + 1, 0, ...code);
    expect(() => printModule(body(0x0b))).not.toThrow();
    expect(() => printModule(body(0x92, 0x0b))).toThrow(
      "wasm function body: offset 0: opcode 0x92 is not supported",
    );
    expect(() => printModule(body(0x0c, 1, 0x0b))).toThrow("expected a depth up to 0, got 1");
    expect(() => printModule(body(0x01))).toThrow("expected the end of the body");
    expect(() => printModule(body(0x05, 0x0b))).toThrow("else outside of a block");
  });

  it("never fail but with a FormatError", () => {
    const originals = [sample(), everything()];
    fc.assert(
      fc.property(
        fc.nat(1),
        fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(2000),
        (which, changes, cut) => {
          const bytes = originals[which]!.slice(0, cut > 1000 ? undefined : cut);
          for (const [at, value] of changes) bytes[at % Math.max(1, bytes.length)] = value;
          try {
            printModule(bytes);
          } catch (error) {
            if (!(error instanceof FormatError)) throw error;
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});

it("prints 300,000 nested blocks in text of linear size", () => {
  const m = new ModuleBuilder();
  const f = m.function("deep", {});
  for (let i = 0; i < 300_000; i++) f.openBlock();
  while (f.depth > 0) f.end();
  expect(printModule(m.finish()).length).toBeLessThan(60_000_000);
});

describe("listFunctions", () => {
  it("tells where each instruction is, in the function and in the module", () => {
    const bytes = sample();
    const [step, ...others] = listFunctions(bytes);
    expect(others).toEqual([]);
    expect(step).toMatchObject({
      name: "$map_step",
      signature: "(param i32 i64) (result i64)",
      locals: "(local $key i32) (local i64) (local $key.1 i64)",
    });
    const { offset, code, instructions } = step!;
    expect(bytes.subarray(offset, offset + code.length)).toEqual(code);
    let end = 0;
    const listed = [...instructions];
    for (const { at, size, text } of listed) {
      expect(at).toBe(end);
      expect(size).toBeGreaterThan(0);
      expect(INSTRUCTIONS.map(({ name }) => name)).toContain(text.split(" ")[0]);
      end = at + size;
    }
    // All but the function's own end.
    expect(end).toBe(code.length - 1);
    const whole = printModule(bytes);
    expect(listed.every(({ depth, text }) => whole.includes(`\n${"  ".repeat(depth + 2)}${text}\n`))).toBe(
      true,
    );
  });
});

describe("marks of a function", () => {
  it("are kept by where code begins, the last of those at one place, and none twice in a row", () => {
    const m = new ModuleBuilder({ check: true });
    const f = m.function("f", {});
    f.mark(1).mark(2).nop().mark(2).nop().mark(3).nop();
    m.finish();
    expect([...f.marks]).toEqual([0, 2, 2, 3]);
  });
});
