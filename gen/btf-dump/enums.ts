import { BtfKind } from "../../src/btf/kinds.ts";
import type { Func, Local, ModuleBuilder } from "../../src/wasm/index.ts";
import { F, PIECE_LEVELS } from "./c-formats.ts";
import {
  add,
  body,
  both,
  bump,
  type Code,
  call,
  declare,
  during,
  either,
  eq,
  ltU,
  mul,
  not,
  result,
  set,
  type Value,
  variables,
  when,
} from "./expressions.ts";
import { kflagOf, kindOf, vlenOf } from "./fields.ts";
import { newLine } from "./members.ts";
import type { CParts } from "./parts.ts";

/** Emits `enumeration(id, level)`: `enum NAME { … }`, or only the tag of an enum without enumerators. */
export function emitEnumeration(m: ModuleBuilder, parts: CParts): Func {
  const { memory, bounds, lines, names, tags } = parts;
  const { words, index } = memory;
  const wideValue = emitWideValue(m, parts);
  const f = declare(m, "enumeration", ["i32", "i32"]);
  const [id, level] = f.params as [Local, Local];
  const { at, info, large, signed, mode, element, end, number } = variables(
    f,
    "i32",
    "at",
    "info",
    "large",
    "signed",
    "mode",
    "element",
    "end",
    "number",
  );
  body(
    f,
    set(at, index.at(id)),
    set(info, words.at(at, 1)),
    set(large, eq(kindOf(info), BtfKind.ENUM64)),
    set(signed, kflagOf(info)),
    lines.line(F.enum),
    tags.tag(id),
    when(not(vlenOf(info)), [result()]),
    lines.line(F.open),
    set(mode, 1),
    set(element, add(at, 3)),
    set(end, add(element, mul(vlenOf(info), add(large, 2)))),
    during(ltU(element, end), [
      bounds.step(id),
      set(number, names.declareIdentifier(words.at(element))),
      when(
        both(both(eq(number, 1), not(large)), ltU(level, PIECE_LEVELS)),
        [lines.line(add(either(signed, F.signedLine0, F.valueLine0), level), element)],
        [
          newLine(parts, add(level, 1)),
          tags.named(F.name, element, number),
          when(
            large,
            [call(wideValue, element, signed), when(words.at(element, 2), [set(mode, 0)])],
            [lines.line(either(signed, F.valueSigned, F.value), element)],
          ),
        ],
      ),
      bump(element, add(large, 2)),
    ]),
    newLine(parts, level),
    lines.line(F.close),
    when(memory.enumModes, modes()),
  );
  return f;

  function modes(): Code[] {
    const is = (size: number): Value => eq(words.at(at, 2), size);
    const byte = when(is(1), [lines.line(F.modeByte)]);
    // A value that needs 64 bits makes the enum as large by itself.
    return [byte, when(both(both(is(8), mode), eq(memory.pointerSize, 8)), [lines.line(F.modeWord)])];
  }
}

/** Emits `wide_value(element, signed)`: ` = 5ULL,`. */
function emitWideValue(m: ModuleBuilder, { memory, lines, output }: CParts): Func {
  const f = declare(m, "wide_value", ["i32", "i32"]);
  const [element, signed] = f.params as [Local, Local];
  body(
    f,
    lines.line(F.equals),
    output.long(memory.words.to(add(element, 1)), signed),
    lines.line(either(signed, F.signedEnd, F.unsignedEnd)),
  );
  return f;
}
