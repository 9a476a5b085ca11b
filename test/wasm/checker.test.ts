import { describe, expect, it } from "vitest";
import { type FunctionBuilder, ModuleBuilder, OP, WasmError } from "../../src/wasm/index.ts";

/** The problem that checking finds in a body `[i32] -> [i64]`, built to its end. */
function problemOf(body: (f: FunctionBuilder, m: ModuleBuilder) => void): string {
  const m = new ModuleBuilder({ check: true });
  m.memory({ min: 1 });
  const f = m.function("f", { params: ["i32"], results: ["i64"] });
  try {
    body(f, m);
    m.finish();
  } catch (error) {
    if (!(error instanceof WasmError)) throw error;
    return error.problem;
  }
  return "none";
}

const CASES: readonly [problem: string, body: (f: FunctionBuilder, m: ModuleBuilder) => void][] = [
  ["none", (f) => f.i64.const(1)],
  ["none", (f) => f.unreachable()],
  ["none", (f) => f.unreachable().i32.add().drop()],
  ["none", (f) => f.unreachable().select()],
  ["end: expected i64 on the stack, got nothing", (f) => f.nop()],
  ["end: expected i64 on the stack, got i32", (f) => f.i32.const(1)],
  ["end: expected [i64] at the end of the function, got [i32] more", (f) => f.i32.const(1).i64.const(1)],
  ["i64.add: expected i64 on the stack, got i32", (f) => f.get(f.params[0]!).i64.const(1).i64.add()],
  ["i64.add: expected i64 on the stack, got i32", (f) => f.i64.const(1).i32.const(1).op(OP["i64.add"])],
  ["i32.eqz: expected i32 on the stack, got nothing", (f) => f.i32.eqz()],
  ["i32.add: expected i32 on the stack, got nothing", (f) => f.i32.const(1).block(() => f.i32.add())],
  ["drop: expected a value on the stack, got nothing", (f) => f.drop()],
  ["local.set: expected i32 on the stack, got i64", (f) => f.i64.const(1).set(f.params[0]!)],
  ["if: expected i32 on the stack, got i64", (f) => f.i64.const(1).if(() => {})],
  [
    "end: expected an else, as the if gives [i64]",
    (f) => f.i32.const(1).if(() => f.i64.const(1), undefined, "i64"),
  ],
  [
    "else: expected i64 on the stack, got nothing",
    (f) =>
      f.i32.const(1).if(
        () => {},
        () => {},
        "i64",
      ),
  ],
  ["end: expected [] at the end of the block, got [i32] more", (f) => f.block(() => f.i32.const(1))],
  ["br: expected i64 on the stack, got nothing", (f) => f.br(f.exit)],
  ["br_if: expected i64 on the stack, got nothing", (f) => f.i32.const(1).brIf(f.exit)],
  [
    "br_table: expected labels of one type, got [i64] and []",
    (f) => f.block((label) => f.i64.const(1).i32.const(0).brTable([f.exit, label], f.exit)),
  ],
  ["return: expected i64 on the stack, got i32", (f) => f.i32.const(1).return()],
  [
    "select: expected two values of one type, got i32 and i64",
    (f) => f.i32.const(1).i64.const(1).i32.const(1).select(),
  ],
  ["select: expected integers, got funcref", (f) => f.refNull().refNull().i32.const(1).select()],
  ["call: expected i32 on the stack, got i64", (f) => f.i64.const(1).call(f)],
  [
    "return_call: expected a callee with the results of this function, [i64], got []",
    (f, m) => f.returnCall(m.function("g", {})),
  ],
  ["i64.store: expected i64 on the stack, got i32", (f) => f.i32.const(0).i32.const(0).i64.store()],
  ["i32.load: expected an alignment of at most 4, got 8", (f) => f.i32.const(0).i32.load(0, 8)],
  ["i32.load: expected an alignment of at most 4, got 3", (f) => f.i32.const(0).i32.load(0, 3)],
  ["i32.load: expected an offset of 32 bits, got -1", (f) => f.i32.const(0).i32.load(-1)],
  ["i32.load: expected an offset of 32 bits, got 4294967296", (f) => f.i32.const(0).i32.load(2 ** 32)],
  [
    "i64.atomic.load: expected an alignment of 8, got 4",
    (f) => f.i32.const(0).access(OP["i64.atomic.load"], 0, 4),
  ],
  ["br: has its own method", (f) => f.op(OP["br"])],
  ["return: has its own method", (f) => f.op(OP["return"])],
  ["i32.load: has its own method", (f) => f.i32.const(0).op(OP["i32.load"])],
  ["opcode 0xff: has its own method", (f) => f.op(0xff)],
  ["i32.add: is no memory access", (f) => f.access(OP["i32.add"])],
  ["ref.is_null: expected a reference on the stack, got i32", (f) => f.i32.const(0).refIsNull()],
  [
    "local 0 is of another module or function",
    (f, m) => f.get(m.function("g", { params: ["i32"] }).params[0]!),
  ],
];

describe("checking", () => {
  it.each(CASES)("%s", (problem, body) => {
    expect(problemOf(body)).toBe(problem);
  });

  it("accepts exactly what V8 accepts, on random bodies", () => {
    let state = 12345;
    const random = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return Math.floor((state / 0x1_0000_0000) * below);
    };
    const plain = [
      OP["i32.add"],
      OP["i64.add"],
      OP["i32.eqz"],
      OP["i64.extend_i32_u"],
      OP["i32.wrap_i64"],
      OP["nop"],
    ];
    let valid = 0;
    for (let run = 0; run < 4000; run++) {
      const seed = state;
      const build = (check: boolean): Uint8Array => {
        state = seed;
        const m = new ModuleBuilder({ check });
        m.memory({ min: 1 });
        const f = m.function("f", { params: ["i32"], results: ["i64"] });
        const labels = [f.exit];
        for (let i = random(12); i >= 0; i--) {
          const choice = random(14);
          const type = ([undefined, "i32", "i64"] as const)[random(3)];
          const label = labels[random(labels.length)]!;
          const code = plain[random(plain.length)]!;
          if (choice === 0) f.i32.const(1);
          else if (choice === 1) f.i64.const(1);
          else if (choice === 2) f.drop();
          else if (choice === 3) f.select();
          else if (choice === 4) f.get(f.params[0]!);
          else if (choice === 5) labels.push(f.openBlock(type));
          else if (choice === 6) labels.push(f.openLoop(type));
          else if (choice === 7) labels.push(f.get(f.params[0]!).openIf(type));
          else if (choice === 8 && labels.at(-1)!.kind === "if") labels[labels.length - 1] = f.else();
          else if (choice === 9) f.br(label);
          else if (choice === 10) f.get(f.params[0]!).brIf(label);
          else if (choice === 11) f.get(f.params[0]!).brTable([label], f.exit);
          else if (choice === 12 && labels.length > 1) {
            f.end();
            labels.pop();
          } else f.op(code);
        }
        const ending = random(3);
        while (f.depth > 0) {
          if (ending === 0) f.unreachable();
          f.end();
        }
        if (ending === 0) f.unreachable();
        if (ending === 1) f.i64.const(0);
        return m.finish();
      };
      const bytes = build(false);
      let accepted = true;
      try {
        build(true);
      } catch (error) {
        expect(error).toBeInstanceOf(WasmError);
        accepted = false;
      }
      build(false);
      expect(accepted).toBe(WebAssembly.validate(bytes));
      if (accepted) valid++;
    }
    expect(valid).toBeGreaterThan(100);
  });
});
