import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Bits,
  type FunctionBuilder,
  type I64Ops,
  ModuleBuilder,
  type ValueType,
} from "../../src/wasm/index.ts";
import { instantiate } from "./support.ts";

type Name = Exclude<keyof I64Ops<FunctionBuilder>, "const" | "constPair" | `atomic${string}`>;
type Model = (a: bigint, b: bigint, bits: number) => bigint | null;

const signed = (value: bigint, bits: number): bigint => BigInt.asIntN(bits, value);
const ones = (value: bigint): number => value.toString(2).replaceAll("0", "").length;
const lengthOf = (value: bigint): number => (value === 0n ? 0 : value.toString(2).length);
const rotl = (a: bigint, by: bigint, bits: number): bigint =>
  (a << (by % BigInt(bits))) | (a >> (BigInt(bits) - (by % BigInt(bits))));
const truth = (value: boolean): bigint => (value ? 1n : 0n);

/** What each instruction gives for operands as unsigned integers of `bits`; `null` where it traps. */
const COMPARISONS: Partial<Record<Name, Model>> = {
  eq: (a, b) => truth(a === b),
  ne: (a, b) => truth(a !== b),
  ltS: (a, b, n) => truth(signed(a, n) < signed(b, n)),
  ltU: (a, b) => truth(a < b),
  gtS: (a, b, n) => truth(signed(a, n) > signed(b, n)),
  gtU: (a, b) => truth(a > b),
  leS: (a, b, n) => truth(signed(a, n) <= signed(b, n)),
  leU: (a, b) => truth(a <= b),
  geS: (a, b, n) => truth(signed(a, n) >= signed(b, n)),
  geU: (a, b) => truth(a >= b),
};
const BINARY: Partial<Record<Name, Model>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  divS: (a, b, n) => {
    if (b === 0n) return null;
    const quotient = signed(a, n) / signed(b, n);
    return signed(quotient, n) === quotient ? quotient : null;
  },
  divU: (a, b) => (b === 0n ? null : a / b),
  remS: (a, b, n) => (b === 0n ? null : signed(a, n) % signed(b, n)),
  remU: (a, b) => (b === 0n ? null : a % b),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b, n) => a << (b % BigInt(n)),
  shrS: (a, b, n) => signed(a, n) >> (b % BigInt(n)),
  shrU: (a, b, n) => a >> (b % BigInt(n)),
  rotl,
  rotr: (a, b, n) => rotl(a, BigInt(n) - (b % BigInt(n)), n),
};
const UNARY: Partial<Record<Name, Model>> = {
  clz: (a, _, n) => BigInt(n - lengthOf(a)),
  ctz: (a, _, n) => BigInt(a === 0n ? n : lengthOf(a & -a) - 1),
  popcnt: (a) => BigInt(ones(a)),
  extend8S: (a) => signed(a, 8),
  extend16S: (a) => signed(a, 16),
};

const operand = (bits: number): fc.Arbitrary<bigint> => {
  const top = 1n << BigInt(bits);
  return fc.oneof(
    fc.bigInt({ min: 0n, max: top - 1n }),
    fc.bigInt({ min: -70n, max: 70n }).map((n) => BigInt.asUintN(bits, n)),
    fc.constantFrom(top >> 1n, (top >> 1n) - 1n, top - 1n),
  );
};

/** One module with an exported function per instruction. */
function build(wide: boolean): Record<string, (a: bigint, b: bigint) => bigint | null> {
  const m = new ModuleBuilder({ check: true });
  const type: ValueType = wide ? "i64" : "i32";
  const emit = (name: Name, params: ValueType[], results: ValueType[]): void => {
    const f = m.function(name, { params, results }, { export: true });
    for (const param of f.params) f.get(param);
    (wide ? f.i64 : (f.i32 as unknown as I64Ops<FunctionBuilder>))[name]();
  };
  for (const name of Object.keys(COMPARISONS) as Name[]) emit(name, [type, type], ["i32"]);
  for (const name of Object.keys(BINARY) as Name[]) emit(name, [type, type], [type]);
  for (const name of Object.keys(UNARY) as Name[]) emit(name, [type], [type]);
  emit("eqz", [type], ["i32"]);
  const out: Record<string, (a: bigint, b: bigint) => bigint | null> = {};
  for (const [name, run] of Object.entries(instantiate(m))) {
    const bits = wide && !(name in COMPARISONS) && name !== "eqz" ? 64 : 32;
    out[name] = (a, b) => {
      try {
        const result = wide ? run(a, b) : run(Number(a), Number(b));
        return BigInt.asUintN(bits, BigInt(result!));
      } catch (error) {
        expect(error).toBeInstanceOf(WebAssembly.RuntimeError);
        return null;
      }
    };
  }
  return out;
}

describe.each([
  ["i32", 32],
  ["i64", 64],
] as const)("%s instructions", (_, bits) => {
  const run = build(bits === 64);
  const models = { ...COMPARISONS, ...BINARY, ...UNARY, eqz: (a: bigint) => truth(a === 0n) };
  it.each(Object.entries(models))("%s", (name, model) => {
    fc.assert(
      fc.property(operand(bits), operand(bits), (a, b) => {
        const expected = model(a, b, bits);
        expect(run[name]!(a, b)).toBe(expected === null ? null : BigInt.asUintN(bits, expected));
      }),
      { numRuns: 300 },
    );
  });
});

describe("conversions", () => {
  const m = new ModuleBuilder({ check: true });
  const convert = (
    name: string,
    from: ValueType,
    to: ValueType,
    emit: (f: FunctionBuilder) => void,
  ): void => {
    const f = m.function(name, { params: [from], results: [to] }, { export: true });
    emit(f.get(f.params[0]!));
  };
  convert("wrapI64", "i64", "i32", (f) => f.i32.wrapI64());
  convert("extendI32S", "i32", "i64", (f) => f.i64.extendI32S());
  convert("extendI32U", "i32", "i64", (f) => f.i64.extendI32U());
  convert("extend32S", "i64", "i64", (f) => f.i64.extend32S());
  const run = instantiate(m);

  it("wraps and extends", () => {
    fc.assert(
      fc.property(operand(64), (value) => {
        const low = Number(BigInt.asIntN(32, value));
        expect(run["wrapI64"]!(value)).toBe(low);
        expect(run["extendI32S"]!(low)).toBe(BigInt(low));
        expect(run["extendI32U"]!(low)).toBe(BigInt(low >>> 0));
        expect(run["extend32S"]!(value)).toBe(BigInt(low));
      }),
    );
  });
});

describe("constants", () => {
  it("give the value they were made from", () => {
    fc.assert(
      fc.property(operand(64), (value) => {
        const m = new ModuleBuilder({ check: true });
        const result = (name: string, type: ValueType): FunctionBuilder =>
          m.function(name, { results: [type] }, { export: true });
        const low = Number(value & 0xffff_ffffn);
        const safe = Number(BigInt.asIntN(54, value));
        result("unsigned", "i64").i64.const(value);
        result("signed", "i64").i64.const(BigInt.asIntN(64, value));
        result("pair", "i64").i64.constPair(low, Number(value >> 32n));
        result("number", "i64").i64.const(Number.isSafeInteger(safe) ? safe : 0);
        result("narrow", "i32").i32.const(low);
        const run = instantiate(m);
        expect(run["unsigned"]!()).toBe(BigInt.asIntN(64, value));
        expect(run["signed"]!()).toBe(BigInt.asIntN(64, value));
        expect(run["pair"]!()).toBe(BigInt.asIntN(64, value));
        expect(run["number"]!()).toBe(Number.isSafeInteger(safe) ? BigInt(safe) : 0n);
        expect(run["narrow"]!()).toBe(low | 0);
      }),
    );
  });

  it("refuse what does not fit", () => {
    const f = new ModuleBuilder({ check: true }).function("f", {});
    expect(() => f.i64.const(2 ** 53)).toThrow("expected a safe integer, got 9007199254740992");
    expect(() => f.i64.const(1n << 64n)).toThrow("expected a 64-bit integer, got 18446744073709551616");
    expect(() => f.i32.const(2 ** 32)).toThrow("expected a 32-bit integer, got 4294967296");
    expect(() => f.i32.const(0.5)).toThrow("expected a 32-bit integer, got 0.5");
  });
});

describe("atomics", () => {
  const widths = [
    ["i32", [8, 16, 32]],
    ["i64", [8, 16, 32, 64]],
  ] as const;
  const operations = {
    add: (old: bigint, by: bigint) => old + by,
    sub: (old: bigint, by: bigint) => old - by,
    and: (old: bigint, by: bigint) => old & by,
    or: (old: bigint, by: bigint) => old | by,
    xor: (old: bigint, by: bigint) => old ^ by,
    xchg: (_: bigint, by: bigint) => by,
  };
  const m = new ModuleBuilder({ check: true });
  m.export("memory", m.memory({ min: 1, max: 1, shared: true }));
  for (const [type, list] of widths) {
    for (const bits of list as readonly Bits[]) {
      const name = `${type}.${bits}`;
      const load = m.function(`${name}.load`, { params: ["i32"], results: [type] }, { export: true });
      load.get(load.params[0]!)[type].atomicLoad(16, bits);
      const store = m.function(`${name}.store`, { params: ["i32", type] }, { export: true });
      store.get(store.params[0]!).get(store.params[1]!)[type].atomicStore(16, bits);
      for (const operation of Object.keys(operations) as (keyof typeof operations)[]) {
        const f = m.function(
          `${name}.${operation}`,
          { params: ["i32", type], results: [type] },
          { export: true },
        );
        f.get(f.params[0]!).get(f.params[1]!)[type].atomicRmw(operation, 16, bits);
      }
      const swap = m.function(
        `${name}.cmpxchg`,
        { params: ["i32", type, type], results: [type] },
        { export: true },
      );
      for (const param of swap.params) swap.get(param);
      swap[type].atomicRmw("cmpxchg", 16, bits);
    }
  }
  const run = instantiate(m) as Record<string, (...args: (number | bigint)[]) => number | bigint> & {
    memory: never;
  };
  const memory = run["memory"] as unknown as WebAssembly.Memory;
  const cell = new DataView(memory.buffer, 24, 16);

  it.each(widths.flatMap(([type, list]) => list.map((bits) => [type, bits] as const)))(
    "%s, %d bits",
    (type, bits) => {
      const name = `${type}.${bits}`;
      const size = type === "i64" ? 64 : 32;
      const argument = (value: bigint): number | bigint => (type === "i64" ? value : Number(value));
      const unsigned = (value: number | bigint): bigint => BigInt.asUintN(size, BigInt(value));
      fc.assert(
        fc.property(operand(64), operand(size), fc.boolean(), (before, value, hit) => {
          const old = BigInt.asUintN(bits, before);
          const above = before - old;
          const cellValue = (): bigint => cell.getBigUint64(0, true);
          cell.setBigUint64(0, before, true);
          cell.setBigUint64(8, ~before & 0xffffn, true);
          expect(unsigned(run[`${name}.load`]!(8))).toBe(old);
          for (const [operation, model] of Object.entries(operations)) {
            cell.setBigUint64(0, before, true);
            expect(unsigned(run[`${name}.${operation}`]!(8, argument(value)))).toBe(old);
            expect(cellValue()).toBe(above + BigInt.asUintN(bits, model(old, value)));
          }
          cell.setBigUint64(0, before, true);
          const expected = hit ? old : BigInt.asUintN(bits, value);
          expect(unsigned(run[`${name}.cmpxchg`]!(8, argument(expected), argument(~value)))).toBe(old);
          expect(cellValue()).toBe(expected === old ? above + BigInt.asUintN(bits, ~value) : before);
          run[`${name}.store`]!(8, argument(value));
          expect(cellValue()).toBe(above + BigInt.asUintN(bits, value));
          expect(cell.getBigUint64(8, true)).toBe(~before & 0xffffn);
        }),
      );
    },
  );

  it("refuses 64-bit accesses of an i32", () => {
    const f = new ModuleBuilder().function("f", {});
    expect(() => f.i32.atomicLoad(0, 64)).toThrow("expected an i32 access of at most 32 bits, got 64");
  });
});

describe("memory accesses", () => {
  const m = new ModuleBuilder({ check: true });
  m.export("memory", m.memory({ min: 1 }));
  const loads = {
    i32: { load: 32, load8S: 8, load8U: 8, load16S: 16, load16U: 16 },
    i64: { load: 64, load8S: 8, load8U: 8, load16S: 16, load16U: 16, load32S: 32, load32U: 32 },
  } as const;
  const stores = {
    i32: { store: 32, store8: 8, store16: 16 },
    i64: { store: 64, store8: 8, store16: 16, store32: 32 },
  } as const;
  for (const type of ["i32", "i64"] as const) {
    for (const name of Object.keys(loads[type])) {
      const f = m.function(`${type}.${name}`, { params: ["i32"], results: [type] }, { export: true });
      f.get(f.params[0]!);
      (f[type] as unknown as Record<string, (offset: number, align?: number) => void>)[name]!(5, 1);
    }
    for (const name of Object.keys(stores[type])) {
      const f = m.function(`${type}.${name}`, { params: ["i32", type] }, { export: true });
      f.get(f.params[0]!).get(f.params[1]!);
      (f[type] as unknown as Record<string, (offset: number, align?: number) => void>)[name]!(5, 1);
    }
  }
  const run = instantiate(m);
  const view = new DataView((run["memory"] as unknown as WebAssembly.Memory).buffer);

  it.each(["i32", "i64"] as const)("%s loads and stores, at any address", (type) => {
    const size = type === "i64" ? 64 : 32;
    fc.assert(
      fc.property(operand(64), operand(size), fc.integer({ min: 0, max: 1000 }), (before, value, address) => {
        for (const [name, bits] of Object.entries(loads[type])) {
          view.setBigUint64(address + 5, before, true);
          const expected = name.endsWith("U") ? BigInt.asUintN(bits, before) : BigInt.asIntN(bits, before);
          expect(BigInt(run[`${type}.${name}`]!(address)!)).toBe(expected);
        }
        for (const [name, bits] of Object.entries(stores[type])) {
          view.setBigUint64(address + 5, before, true);
          run[`${type}.${name}`]!(address, type === "i64" ? value : Number(value));
          const kept = before - BigInt.asUintN(bits, before);
          expect(view.getBigUint64(address + 5, true)).toBe(kept + BigInt.asUintN(bits, value));
        }
      }),
    );
  });
});
