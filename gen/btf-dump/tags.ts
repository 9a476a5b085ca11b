import { BtfKind } from "../../src/btf/kinds.ts";
import type { Func, ModuleBuilder } from "../../src/wasm/index.ts";
import { F, MAX_SUFFIXED_NAME } from "./c-formats.ts";
import {
  add,
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
  geU,
  gtS,
  gtU,
  loadByte,
  ltU,
  not,
  result,
  set,
  storeByte,
  sub,
  type Value,
  variables,
  when,
} from "./expressions.ts";
import { kflagOf, kindOf, kindOfType, vlenOf } from "./fields.ts";
import type { Lines, Output } from "./lines.ts";
import type { DumpMemory } from "./memory.ts";
import type { Names } from "./names.ts";

/** Writes names, with a suffix where they are not the first of their name, and tags. */
export interface Tags {
  /** The number of a type, counted at its first use, in the order of the output. */
  tagNumber(id: Value): Code;
  identifierNumber(id: Value): Code;
  /** The name at `words[at]` in a format; the one with a number follows it. */
  named(format: number, at: Value, number: Value): Code;
  /** The tag of a struct, union or enum, behind a space; nothing where it has none. */
  tag(id: Value): Code;
  /** `struct NAME` or `union NAME`. */
  composite(id: Value): Code;
  /** The tag of a forward declaration. */
  forward(id: Value): Code;
  /** The declared name at `words[at]`, if there is one. */
  declared(at: Value, number: Value, afterPointer: Value): Code;
}

export function emitTags(
  m: ModuleBuilder,
  memory: DumpMemory,
  lines: Lines,
  output: Output,
  names: Names,
): Tags {
  const { words, index, strings, numbers } = memory;
  const numberOf = [
    emitNumber("tag_number", names.declareTag),
    emitNumber("identifier_number", names.declareIdentifier),
  ];
  const tagNumber = (id: Value) => call(numberOf[0]!, id);
  const named = emitNamed();
  const namedIn = (format: Value, at: Value, number: Value) => call(named, format, at, number);
  const tag = emitTag();
  const composite = emitComposite();
  const forward = emitForward();
  const declared = emitDeclared();
  return {
    tagNumber,
    identifierNumber: (id) => call(numberOf[1]!, id),
    named: (format, at, number) => namedIn(format, at, number),
    tag: (id) => call(tag, id),
    composite: (id) => call(composite, id),
    forward: (id) => call(forward, id),
    declared: (at, number, afterPointer) => call(declared, at, number, afterPointer),
  };

  function emitNumber(name: string, count: (offset: Value) => Code): Func {
    const f = declare(m, name, ["i32"], "i32");
    const [id] = f.params;
    const { known, at, info, kind } = variables(f, "i32", "known", "at", "info", "kind");
    body(
      f,
      set(known, numbers.at(id!)),
      when(known, [result(known)]),
      set(at, index.at(id!)),
      set(info, words.at(at, 1)),
      set(kind, kindOf(info)),
      set(
        known,
        either(
          either(eq(kind, BtfKind.FWD), 1, both(eq(kind, BtfKind.ENUM), not(vlenOf(info)))),
          1,
          count(words.at(at)),
        ),
      ),
      numbers.set(id!, known),
      result(known),
    );
    return f;
  }

  function emitNamed(): Func {
    const suffixed = emitSuffixed();
    const f = declare(m, "named", ["i32", "i32", "i32"]);
    const [format, at, number] = f.params;
    body(
      f,
      when(eq(number!, 1), [lines.line(format!, at!)], [call(suffixed, add(format!, 1), at!, number!)]),
    );
    return f;
  }

  /** A name with its number, cut to what fits in libbpf's buffer. */
  function emitSuffixed(): Func {
    const f = declare(m, "suffixed", ["i32", "i32", "i32"]);
    const [format, at, number] = f.params;
    const { from, end, room, rest } = variables(f, "i32", "from", "end", "room", "rest");
    body(
      f,
      set(from, add(words.at(at!), strings.address)),
      set(end, from),
      during(loadByte(end), [bump(end, 1)]),
      // Underscores and digits.
      set(room, MAX_SUFFIXED_NAME - 4),
      set(rest, number!),
      during(geU(rest, 10), [bump(room, -1), set(rest, divU(rest, 10))]),
      when(not(gtS(sub(end, from), room)), [lines.line(format!, at!, number!), result()]),
      when(eq(format!, F.spaceNameNumbered), [lines.line(F.space)]),
      // With an empty buffer nothing is handed on before it is cut.
      output.flush,
      set(end, add(output.cursor, MAX_SUFFIXED_NAME)),
      during(both(ltU(output.cursor, end), loadByte(from)), [
        storeByte(output.cursor, loadByte(from)),
        bump(output.cursor, 1),
        bump(from, 1),
      ]),
      lines.line(F.suffix, 0, number!),
      when(gtU(output.cursor, end), [set(output.cursor, end)]),
    );
    return f;
  }

  function emitTag(): Func {
    const f = declare(m, "tag", ["i32"]);
    const [id] = f.params;
    const { at } = variables(f, "i32", "at");
    body(f, set(at, index.at(id!)), when(words.at(at), [namedIn(F.spaceName, at, tagNumber(id!))]));
    return f;
  }

  function emitComposite(): Func {
    const f = declare(m, "composite_tag", ["i32"]);
    const [id] = f.params;
    body(
      f,
      lines.line(either(eq(kindOfType(memory, id!), BtfKind.STRUCT), F.struct, F.union)),
      call(tag, id!),
    );
    return f;
  }

  function emitForward(): Func {
    const f = declare(m, "forward", ["i32"]);
    const [id] = f.params;
    const { at } = variables(f, "i32", "at");
    body(
      f,
      set(at, index.at(id!)),
      lines.line(either(kflagOf(words.at(at, 1)), F.union, F.struct)),
      when(words.at(at), [call(tag, id!)], [lines.line(F.space)]),
    );
    return f;
  }

  function emitDeclared(): Func {
    const f = declare(m, "declared", ["i32", "i32", "i32"]);
    const [at, number, afterPointer] = f.params;
    body(
      f,
      when(strings.at(words.at(at!)), [
        when(afterPointer!, [namedIn(F.name, at!, number!)], [namedIn(F.spaceName, at!, number!)]),
      ]),
    );
    return f;
  }
}
