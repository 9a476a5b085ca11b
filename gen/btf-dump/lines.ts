import { utf8 } from "../../src/base/index.ts";
import type { Func, Global, Local, ModuleBuilder } from "../../src/wasm/index.ts";
import {
  add,
  again,
  all,
  body,
  both,
  bump,
  type Code,
  call,
  declare,
  divU,
  during,
  either,
  eq,
  extendU,
  forever,
  geU,
  gtU,
  leave,
  loadLong,
  ltS,
  ltU,
  mul,
  not,
  result,
  set,
  shl,
  shrU,
  storeByte,
  storeLong,
  sub,
  type Value,
  variables,
  when,
  wide,
  wordsAt,
  wrap,
} from "./expressions.ts";
import { FIELD, type LineFormats, STEP_WORDS } from "./line-format.ts";
import type { Constants, DumpMemory } from "./memory.ts";

/** Where text is collected, and what writes it. */
export interface Output {
  /** Address of the next byte. */
  readonly cursor: Global;
  /** `copy(from, to)`: copies a text up to its NUL; gives the address behind it. */
  readonly copy: Func;
  /** `decimal(value, to)`: writes an unsigned number; gives the address behind it. */
  readonly decimal: Func;
  /** Writes the 64-bit number at an address that need not be aligned. */
  long(address: Value, signed: Value): Code;
  /** Hands on what is collected. */
  readonly flush: Code;
  /** The same where there is much of it. */
  readonly flushIfFull: Code;
}

/** Writes records of words as lines of text: see {@link LineFormats}. */
export interface Lines {
  /** The record at `words[at]` in a format; `id` is what `{id}` prints. */
  line(format: Value, at?: Value, id?: Value): Code;
}

const MINUS = 45;
const LOW_BITS = 0x0101_0101_0101_0101n;
const HIGH_BITS = 0x8080_8080_8080_8080n;

/** Of eight bytes, the highest bit of each that is zero; bits above the lowest one set mean nothing. */
export function zeroBytes(bytes: Value): Code {
  return wide.and(
    wide.and(wide.sub(bytes, wide.const(LOW_BITS)), wide.xor(bytes, wide.const(-1))),
    wide.const(HIGH_BITS),
  );
}

/** `flush(address, length)` is the host's. */
export function emitOutput(m: ModuleBuilder, { out, outLimit }: DumpMemory, flush: Func): Output {
  const cursor = m.global("cursor", "i32", { mutable: true });
  const decimal = emitDecimal(m);
  const long = emitLong(m, cursor, decimal);
  const flushAll = all(call(flush, out.address, sub(cursor, out.address)), set(cursor, out.address));
  return {
    cursor,
    copy: emitCopy(m),
    decimal,
    long: (address, signed) => call(long, address, signed),
    flush: flushAll,
    flushIfFull: when(gtU(cursor, outLimit), [flushAll]),
  };
}

/** Emits the writer of some formats; `anonymous` is written for the string at offset 0. */
export function emitLines(
  m: ModuleBuilder,
  { words, strings }: DumpMemory,
  { cursor, copy, decimal, flushIfFull }: Output,
  constants: Constants,
  formats: LineFormats,
  anonymous: string,
): Lines {
  const steps = wordsAt(constants.place(new Uint8Array(formats.steps.buffer)));
  const starts = wordsAt(constants.place(new Uint8Array(formats.starts.buffer)));
  const texts = constants.place(formats.texts);
  const nameless = constants.place(utf8(`${anonymous}\0`));
  const f = declare(m, "line", ["i32", "i32", "i32"]);
  const [format, at, id] = f.params as [Local, Local, Local];
  const { step, end, to, field, value } = variables(f, "i32", "step", "end", "to", "field", "value");
  body(
    f,
    set(step, starts.at(format)),
    set(end, starts.at(format, 1)),
    set(to, cursor),
    during(ltU(step, end), [
      set(to, call(copy, add(steps.at(step), texts), to)),
      set(field, steps.at(step, 1)),
      when(not(field), [leave]),
      set(value, words.at(add(at, steps.at(step, 2)))),
      when(
        eq(field, FIELD.STRING),
        [set(to, call(copy, either(value, add(value, strings.address), nameless), to))],
        [
          set(value, shl(value, steps.at(step, 3))),
          when(
            eq(field, FIELD.SIGNED),
            [when(ltS(value, 0), [storeByte(to, MINUS), bump(to, 1), set(value, sub(0, value))])],
            [set(value, shrU(value, steps.at(step, 4)))],
          ),
          when(eq(field, FIELD.ID), [set(value, id)]),
          set(to, call(decimal, value, to)),
        ],
      ),
      bump(step, STEP_WORDS),
    ]),
    set(cursor, to),
    flushIfFull,
  );
  return { line: (format, at = 0, id = 0) => call(f, format, at, id) };
}

/** `copy(from, to)`: copies a text up to its NUL; gives the address behind it. */
function emitCopy(m: ModuleBuilder): Func {
  const f = declare(m, "copy", ["i32", "i32"], "i32");
  const [from, to] = f.params as [(typeof f.params)[0], (typeof f.params)[0]];
  const { bytes, zeros } = variables(f, "i64", "bytes", "zeros");
  body(
    f,
    forever(
      set(bytes, loadLong(from!)),
      storeLong(to!, bytes),
      set(zeros, zeroBytes(bytes)),
      when(wide.not(zeros), [bump(from!, 8), bump(to!, 8), again]),
      result(add(to!, wrap(wide.shrU(wide.ctz(zeros), wide.const(3))))),
    ),
  );
  return f;
}

/** `decimal(value, to)`: writes an unsigned number; gives the address behind it. */
function emitDecimal(m: ModuleBuilder): Func {
  const f = declare(m, "decimal", ["i32", "i32"], "i32");
  const [value, to] = f.params;
  const { end, rest } = variables(f, "i32", "end", "rest");
  body(
    f,
    set(end, add(to!, 1)),
    set(rest, value!),
    during(geU(rest, 10), [set(rest, divU(rest, 10)), bump(end, 1)]),
    set(to!, end),
    forever(
      bump(to!, -1),
      set(rest, divU(value!, 10)),
      storeByte(to!, add(sub(value!, mul(rest, 10)), 48)),
      set(value!, rest),
      when(not(rest), [leave]),
    ),
    result(end),
  );
  return f;
}

/** `long(address, signed)` */
function emitLong(m: ModuleBuilder, cursor: Global, decimal: Func): Func {
  const digits = emitLongDecimal(m, decimal);
  const f = declare(m, "long", ["i32", "i32"]);
  const [address, signed] = f.params as [Local, Local];
  const { value } = variables(f, "i64", "value");
  body(
    f,
    set(value, loadLong(address)),
    when(both(signed, wide.ltS(value, wide.const(0))), [
      storeByte(cursor, MINUS),
      bump(cursor, 1),
      set(value, wide.sub(wide.const(0), value)),
    ]),
    set(cursor, call(digits, value, cursor)),
  );
  return f;
}

/** `long_decimal(value, to)`: `decimal` of 64 bits. */
function emitLongDecimal(m: ModuleBuilder, decimal: Func): Func {
  const f = declare(m, "long_decimal", ["i64", "i32"], "i32");
  const [value, to] = f.params;
  const ten = wide.const(10);
  body(
    f,
    when(wide.leU(value!, extendU(-1)), [result(call(decimal, wrap(value!), to!))]),
    set(to!, call(f, wide.divU(value!, ten), to!)),
    storeByte(to!, add(wrap(wide.remU(value!, ten)), 48)),
    result(add(to!, 1)),
  );
  return f;
}
