import {
  type Func,
  type FunctionBuilder,
  type Global,
  type Label,
  type Local,
  type ModuleBuilder,
  OP,
  type ValueType,
} from "../../src/wasm/index.ts";

/**
 * Expressions and statements over a {@link FunctionBuilder}, so that algorithms of some length read as they would in
 * TypeScript: `set(sum, add(sum, words.at(i)))`. They are functions that emit when they are given a place.
 */

/** Where code is emitted: a function, and the loop that `again` and `leave` mean. */
export interface Place {
  readonly f: FunctionBuilder;
  readonly again?: Label;
  readonly leave?: Label;
}

/** Emits instructions: those of an expression leave one value, those of a statement none. */
export type Code = (place: Place) => void;
/** A variable, a 32-bit constant or an expression. */
export type Value = Local | Global | number | Code;

/** Emits a value. */
export function put(place: Place, value: Value): void {
  if (typeof value === "number") place.f.i32Const(value);
  else if (typeof value === "function") value(place);
  else if ("kind" in value) place.f.globalGet(value);
  else place.f.get(value);
}

type Binary = (left: Value, right: Value) => Code;

function binary(code: number): Binary {
  return (left, right) => (place) => {
    put(place, left);
    put(place, right);
    place.f.op(code);
  };
}

function unary(code: number): (value: Value) => Code {
  return (value) => (place) => {
    put(place, value);
    place.f.op(code);
  };
}

export const add = binary(OP["i32.add"]);
export const sub = binary(OP["i32.sub"]);
export const mul = binary(OP["i32.mul"]);
export const divU = binary(OP["i32.div_u"]);
export const remU = binary(OP["i32.rem_u"]);
export const and = binary(OP["i32.and"]);
export const or = binary(OP["i32.or"]);
export const xor = binary(OP["i32.xor"]);
export const shl = binary(OP["i32.shl"]);
export const shrU = binary(OP["i32.shr_u"]);
export const eq = binary(OP["i32.eq"]);
export const ne = binary(OP["i32.ne"]);
export const ltS = binary(OP["i32.lt_s"]);
export const ltU = binary(OP["i32.lt_u"]);
export const leU = binary(OP["i32.le_u"]);
export const gtU = binary(OP["i32.gt_u"]);
export const gtS = binary(OP["i32.gt_s"]);
export const geU = binary(OP["i32.ge_u"]);
/** 1 for zero, else 0. */
export const not = unary(OP["i32.eqz"]);
export const wrap = unary(OP["i32.wrap_i64"]);
export const extendU = unary(OP["i64.extend_i32_u"]);
export const extendS = unary(OP["i64.extend_i32_s"]);

/** The same of 64-bit values; comparisons give 32-bit ones. */
export const wide = {
  const:
    (value: number | bigint): Code =>
    (place) =>
      void place.f.i64Const(value),
  add: binary(OP["i64.add"]),
  sub: binary(OP["i64.sub"]),
  mul: binary(OP["i64.mul"]),
  divU: binary(OP["i64.div_u"]),
  remU: binary(OP["i64.rem_u"]),
  and: binary(OP["i64.and"]),
  xor: binary(OP["i64.xor"]),
  shl: binary(OP["i64.shl"]),
  shrU: binary(OP["i64.shr_u"]),
  eq: binary(OP["i64.eq"]),
  ne: binary(OP["i64.ne"]),
  ltS: binary(OP["i64.lt_s"]),
  ltU: binary(OP["i64.lt_u"]),
  leU: binary(OP["i64.le_u"]),
  gtU: binary(OP["i64.gt_u"]),
  not: unary(OP["i64.eqz"]),
  ctz: unary(OP["i64.ctz"]),
} as const;

/** `left && right`: the right one is computed only where the left one is not zero. */
export function both(left: Value, right: Value): Code {
  return either(left, right, 0);
}

/** `left || right` of truth values. */
export function any(left: Value, right: Value): Code {
  return either(left, 1, right);
}

/** `condition ? yes : no`, of type i32 unless told. */
export function either(condition: Value, yes: Value, no: Value, type: ValueType = "i32"): Code {
  return (place) => {
    put(place, condition);
    place.f.openIf(type);
    put(place, yes);
    place.f.else();
    put(place, no);
    place.f.end();
  };
}

/** A call: a statement or an expression, as the function has no result or one. */
export function call(callee: Func, ...args: readonly Value[]): Code {
  return (place) => {
    for (const arg of args) put(place, arg);
    place.f.call(callee);
  };
}

export function set(target: Local | Global, value: Value): Code {
  return (place) => {
    put(place, value);
    if ("kind" in target) place.f.globalSet(target);
    else place.f.set(target);
  };
}

/** An assignment that is an expression too. */
export function tee(target: Local, value: Value): Code {
  return (place) => {
    put(place, value);
    place.f.tee(target);
  };
}

/** `target += by`. */
export function bump(target: Local | Global, by: Value): Code {
  return set(target, add(target, by));
}

export function run(place: Place, codes: readonly Code[]): void {
  for (const code of codes) code(place);
}

export function all(...codes: readonly Code[]): Code {
  return (place) => run(place, codes);
}

export function when(condition: Value, then: readonly Code[], otherwise?: readonly Code[]): Code {
  return (place) => {
    put(place, condition);
    place.f.openIf();
    run(place, then);
    if (otherwise !== undefined) {
      place.f.else();
      run(place, otherwise);
    }
    place.f.end();
  };
}

/** `for (;;)`: ends by {@link leave} or a result. */
export function forever(...body: readonly Code[]): Code {
  return ({ f }) => {
    const leave = f.openBlock();
    const again = f.openLoop();
    run({ f, again, leave }, body);
    f.br(again).end().end();
  };
}

/** `while (condition)`. */
export function during(condition: Value, body: readonly Code[]): Code {
  return forever(when(not(condition), [leave]), ...body);
}

/** `continue` of the innermost loop: of {@link during} it tests the condition again. */
export const again: Code = ({ f, again }) => void f.br(again!);
/** `break` of the innermost loop. */
export const leave: Code = ({ f, leave }) => void f.br(leave!);

/** `switch`: arms do not fall into the next. */
export function select(
  selector: Value,
  arms: readonly (readonly [values: readonly number[], body: readonly Code[]])[],
  otherwise: readonly Code[],
): Code {
  return (place) => {
    const targets: number[] = [];
    arms.forEach(([values], arm) => {
      for (const value of values) targets[value] = arm;
    });
    const filled = Array.from(targets, (arm) => arm ?? arms.length);
    place.f.switch(
      () => put(place, selector),
      filled,
      [...arms.map(([, body]) => body), otherwise].map((body) => (done) => {
        run(place, body);
        place.f.br(done);
      }),
    );
  };
}

export function result(value?: Value): Code {
  return (place) => {
    if (value !== undefined) put(place, value);
    place.f.return();
  };
}

export const trap: Code = ({ f }) => void f.unreachable();

/** An array in memory; elements are named by number, from a constant one on where `plus` says so. */
export interface MemoryArray {
  readonly address: Global | number;
  /** Address of an element. */
  to(index: Value): Code;
  at(index: Value, plus?: number): Code;
  set(index: Value, value: Value, plus?: number): Code;
}

function arrayOf(address: Global | number, log: number, load: number, store: number): MemoryArray {
  const scaled = (index: Value): Value =>
    log === 0 ? index : typeof index === "number" ? index << log : shl(index, log);
  // What is known now stands in the instruction.
  const fixed = typeof address === "number" ? address : 0;
  const base = (index: Value): Value =>
    typeof address === "number" ? scaled(index) : add(scaled(index), address);
  return {
    address,
    to: (index) => add(scaled(index), address),
    at:
      (index, plus = 0) =>
      (place) => {
        put(place, base(index));
        place.f.access(load, fixed + (plus << log));
      },
    set:
      (index, value, plus = 0) =>
      (place) => {
        put(place, base(index));
        put(place, value);
        place.f.access(store, fixed + (plus << log));
      },
  };
}

export function bytesAt(address: Global | number): MemoryArray {
  return arrayOf(address, 0, OP["i32.load8_u"], OP["i32.store8"]);
}
export function wordsAt(address: Global | number): MemoryArray {
  return arrayOf(address, 2, OP["i32.load"], OP["i32.store"]);
}
export function longsAt(address: Global | number): MemoryArray {
  return arrayOf(address, 3, OP["i64.load"], OP["i64.store"]);
}

/** The 64 bits at an address that need not be aligned. */
export function loadLong(address: Value): Code {
  return (place) => {
    put(place, address);
    place.f.access(OP["i64.load"], 0, 1);
  };
}

export function storeLong(address: Value, value: Value): Code {
  return (place) => {
    put(place, address);
    put(place, value);
    place.f.access(OP["i64.store"], 0, 1);
  };
}

export function loadWord(address: Value): Code {
  return (place) => {
    put(place, address);
    place.f.access(OP["i32.load"]);
  };
}

export function storeWord(address: Value, value: Value): Code {
  return (place) => {
    put(place, address);
    put(place, value);
    place.f.access(OP["i32.store"]);
  };
}

export function loadByte(address: Value): Code {
  return (place) => {
    put(place, address);
    place.f.access(OP["i32.load8_u"]);
  };
}

export function storeByte(address: Value, value: Value): Code {
  return (place) => {
    put(place, address);
    put(place, value);
    place.f.access(OP["i32.store8"]);
  };
}

/** Local variables by their names. */
export function variables<Name extends string>(
  f: FunctionBuilder,
  type: ValueType,
  ...names: readonly Name[]
): Readonly<Record<Name, Local>> {
  return Object.fromEntries(names.map((name) => [name, f.local(type, name)])) as Record<Name, Local>;
}

/** A function whose body is written later, by {@link body}: functions that call each other need that. */
export function declare(
  m: ModuleBuilder,
  name: string,
  params: readonly ValueType[],
  type?: ValueType,
): FunctionBuilder {
  return m.function(name, { params, results: type === undefined ? [] : [type] });
}

/** Writes a function's body. One with a result must return it before its end. */
export function body(f: FunctionBuilder, ...codes: readonly Code[]): void {
  run({ f }, codes);
  if (f.type.results.length > 0) f.unreachable();
  else if (f.size === 0) f.nop();
}

/** Copies words from one address to another; they may overlap. */
export function copyWords(to: Value, from: Value, count: Value): Code {
  return (place) => {
    put(place, to);
    put(place, from);
    put(place, shl(count, 2));
    place.f.memoryCopy();
  };
}
