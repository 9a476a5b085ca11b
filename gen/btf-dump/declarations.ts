import { Failure } from "../../src/btf/dump/dump-failure.ts";
import { BtfKind } from "../../src/btf/kinds.ts";
import type { Func, Local, ModuleBuilder } from "../../src/wasm/index.ts";
import { COMPOUND, F } from "./c-formats.ts";
import { emitEnumeration } from "./enums.ts";
import {
  add,
  again,
  any,
  body,
  both,
  bump,
  type Code,
  call,
  declare,
  during,
  either,
  eq,
  forever,
  geU,
  gtU,
  leave,
  leU,
  mul,
  ne,
  not,
  remU,
  result,
  select,
  set,
  sub,
  type Value,
  variables,
  when,
} from "./expressions.ts";
import { isQualifier, kflagOf, kindOf, kindOfType, vlenOf } from "./fields.ts";
import { emitMembers, newLine } from "./members.ts";
import type { CParts } from "./parts.ts";
import { emitPieceOf } from "./pieces.ts";

/** Writes C declarations and definitions of single types. */
export interface Declarations {
  /** `(id, name, number, level)`: the name at `words[name]` (void's: none) as being of a type. */
  readonly declare: Func;
  /** `(id, level)`: `struct NAME { … }` with members at `level + 1` tabs. */
  readonly composite: Func;
  /** `(id, level)` */
  readonly enumeration: Func;
}

/** Words that memory grows by where types stand on each other higher than ever: a page of WebAssembly. */
const PAGE_WORDS = 0x4000;

export function emitDeclarations(m: ModuleBuilder, parts: CParts): Declarations {
  const { memory, bounds, lines, layout, tags } = parts;
  const { words, index, strings, stack, pieceAt } = memory;
  // Types from a declared name to its base type; each nested declaration has its own part of the stack.
  const top = m.global("top", "i32", { mutable: true });
  const grown = m.global("grown", "i32", { mutable: true });
  const declareName = declare(m, "declare", ["i32", "i32", "i32", "i32"]);
  const chain = declare(m, "chain", ["i32", "i32", "i32", "i32"]);
  const pieceOf = emitPieceOf(m, parts);
  const members = emitMembers(m, parts, pieceOf, declareName);
  const enumeration = emitEnumeration(m, parts);
  const composite = emitComposite();
  const push = emitPush();
  const dropModifiers = emitDropModifiers();
  const modifiers = emitModifiers();
  const baseType = emitBaseType();
  const array = emitArray();
  const prototype = emitPrototype();
  writeDeclare();
  writeChain();
  return { declare: declareName, composite, enumeration };

  function onTop(): Code {
    return stack.at(sub(top, 1));
  }

  function emitComposite(): Func {
    const f = declare(m, "composite", ["i32", "i32"]);
    const [id, level] = f.params as [Local, Local];
    const { at, isStruct, packed } = variables(f, "i32", "at", "isStruct", "packed");
    body(
      f,
      set(at, index.at(id)),
      set(isStruct, eq(kindOf(words.at(at, 1)), BtfKind.STRUCT)),
      set(packed, both(isStruct, layout.isPacked(id))),
      bounds.enter(id),
      lines.line(either(isStruct, F.struct, F.union)),
      tags.tag(id),
      lines.line(F.open),
      call(members, id, packed, level),
      when(any(words.at(at, 2), vlenOf(words.at(at, 1))), [newLine(parts, level)]),
      lines.line(F.close),
      when(packed, [lines.line(F.packed)]),
      bounds.leave,
    );
    return f;
  }

  function emitPush(): Func {
    const f = declare(m, "push", ["i32"]);
    const [id] = f.params as [Local];
    body(
      f,
      when(geU(top, add(memory.stackRoom, grown)), [
        when(eq(grow(1), -1), [bounds.fail(id, Failure.MEMORY)]),
        bump(grown, PAGE_WORDS),
      ]),
      stack.set(top, id),
      bump(top, 1),
    );
    return f;
  }

  function writeDeclare(): void {
    const f = declareName;
    const [id, name, number, level] = f.params as [Local, Local, Local, Local];
    const { start, at, kind } = variables(f, "i32", "start", "at", "kind");
    body(
      f,
      set(start, top),
      forever(
        call(push, id),
        when(not(id), [leave]),
        bounds.step(id),
        set(at, index.at(id)),
        set(kind, kindOf(words.at(at, 1))),
        select(
          kind,
          [
            [[BtfKind.ARRAY], [set(id, words.at(at, 3)), again]],
            [
              [
                BtfKind.PTR,
                BtfKind.FUNC_PROTO,
                BtfKind.VOLATILE,
                BtfKind.CONST,
                BtfKind.RESTRICT,
                BtfKind.TYPE_TAG,
              ],
              [set(id, words.at(at, 2)), again],
            ],
          ],
          [],
        ),
        leave,
      ),
      bounds.enter(id),
      call(chain, start, name, number, level),
      bounds.leave,
      set(top, start),
    );
  }

  /** Writes what is on the stack above `start`, the base type first, and the name where C wants it. */
  function writeChain(): void {
    const f = chain;
    const [start, name, number, level] = f.params as [Local, Local, Local, Local];
    const { afterPointer, id, at, kind } = variables(f, "i32", "afterPointer", "id", "at", "kind");
    body(
      f,
      set(afterPointer, 1),
      during(gtU(top, start), [
        bump(top, -1),
        set(id, stack.at(top)),
        set(at, index.at(id)),
        set(kind, kindOf(words.at(at, 1))),
        select(
          kind,
          [
            [[BtfKind.PTR], [lines.line(either(afterPointer, F.pointer, F.spacePointer))]],
            [[BtfKind.VOLATILE], [lines.line(F.volatileAfter)]],
            [[BtfKind.CONST], [lines.line(F.constAfter)]],
            [[BtfKind.RESTRICT], [lines.line(F.restrictAfter)]],
            [[BtfKind.TYPE_TAG], [call(modifiers, start), typeTag(at)]],
            [[BtfKind.ARRAY], [call(array, start, at, afterPointer, name, number, level), result()]],
            [[BtfKind.FUNC_PROTO], [call(prototype, start, at, afterPointer, name, number, level), result()]],
            // Nothing of these can be declared: libbpf warns and writes no more of this declaration.
            [[BtfKind.FUNC, BtfKind.VAR, BtfKind.DATASEC, BtfKind.DECL_TAG], [result()]],
          ],
          [call(modifiers, start), call(baseType, id, at, kind, level)],
        ),
        set(afterPointer, eq(kind, BtfKind.PTR)),
      ]),
      tags.declared(name, number, afterPointer),
    );
  }

  function typeTag(at: Value): Code {
    return lines.line(either(both(memory.attributes, kflagOf(words.at(at, 1))), F.attribute, F.typeTag), at);
  }

  function emitBaseType(): Func {
    const f = declare(m, "base_type", ["i32", "i32", "i32", "i32"]);
    const [id, at, kind, level] = f.params as [Local, Local, Local, Local];
    const named = words.at(at);
    body(
      f,
      select(
        kind,
        [
          [[BtfKind.VOID], [lines.line(F.void)]],
          [
            [BtfKind.STRUCT, BtfKind.UNION],
            [when(named, [tags.composite(id)], [call(composite, id, level)])],
          ],
          [
            [BtfKind.ENUM, BtfKind.ENUM64],
            [when(named, [lines.line(F.enum), tags.tag(id)], [call(enumeration, id, level)])],
          ],
          [[BtfKind.FWD], [tags.forward(id)]],
          [[BtfKind.TYPEDEF], [tags.named(F.name, at, tags.identifierNumber(id))]],
        ],
        [lines.line(F.name, at)],
      ),
    );
    return f;
  }

  /** What stands between a declaration's name and the type that it is made of. */
  function nested(start: Value, name: Value, number: Value, level: Value): Code[] {
    return [bounds.enter(onTop()), call(chain, start, name, number, level), bounds.leave];
  }

  function emitArray(): Func {
    const f = declare(m, "array", ["i32", "i32", "i32", "i32", "i32", "i32"]);
    const [start, at, afterPointer, name, number, level] = f.params as [
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
    ];
    const { inner } = variables(f, "i32", "inner");
    body(
      f,
      // Compilers say of an array of constants that the array is constant too: C says it once.
      call(dropModifiers, start),
      when(
        eq(top, start),
        [tags.declared(name, number, afterPointer)],
        [
          when(both(not(afterPointer), strings.at(words.at(name))), [lines.line(F.space)]),
          set(inner, ne(kindOfType(memory, onTop()), BtfKind.ARRAY)),
          when(inner, [lines.line(F.paren)]),
          ...nested(start, name, number, level),
          when(inner, [lines.line(F.closeParen)]),
        ],
      ),
      lines.line(F.array, at),
    );
    return f;
  }

  function emitPrototype(): Func {
    const f = declare(m, "prototype", ["i32", "i32", "i32", "i32", "i32", "i32"]);
    const [start, at, afterPointer, name, number, level] = f.params as [
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
    ];
    const { count, first, param, last, type, piece } = variables(
      f,
      "i32",
      "count",
      "first",
      "param",
      "last",
      "type",
      "piece",
    );
    body(
      f,
      // GCC writes noreturn as volatile.
      call(dropModifiers, start),
      when(
        gtU(top, start),
        [lines.line(F.spaceParen), ...nested(start, name, number, level), lines.line(F.closeParen)],
        [tags.declared(name, number, afterPointer)],
      ),
      lines.line(F.paren),
      set(count, vlenOf(words.at(at, 1))),
      set(first, add(at, 3)),
      when(any(not(count), both(eq(count, 1), not(words.at(first, 1)))), [lines.line(F.voidParen), result()]),
      set(param, first),
      set(last, add(first, mul(sub(count, 1), 2))),
      during(leU(param, last), [
        set(type, words.at(param, 1)),
        set(piece, call(pieceOf, type)),
        when(
          both(not(type), eq(param, last)),
          [lines.line(F.commaEllipsis)],
          [
            when(
              eq(piece, COMPOUND),
              [when(ne(param, first), [lines.line(F.comma)]), call(declareName, type, param, 1, level)],
              [
                lines.line(
                  add(either(eq(param, first), F.piece0 - 1, F.nextPiece0 - 1), piece),
                  pieceAt.at(type),
                ),
                tags.declared(param, 1, ne(remU(sub(piece, 1), 3), 0)),
              ],
            ),
          ],
        ),
        bump(param, 2),
      ]),
      lines.line(F.closeParen),
    );
    return f;
  }

  /** Modifiers on top of the stack: C writes those of a base type before it. */
  function emitModifiers(): Func {
    const f = declare(m, "modifiers", ["i32"]);
    const [start] = f.params as [Local];
    const { kind } = variables(f, "i32", "kind");
    body(
      f,
      during(gtU(top, start), [
        set(kind, kindOfType(memory, onTop())),
        select(
          kind,
          [
            [[BtfKind.VOLATILE], [lines.line(F.volatile)]],
            [[BtfKind.CONST], [lines.line(F.const)]],
            [[BtfKind.RESTRICT], [lines.line(F.restrict)]],
          ],
          [result()],
        ),
        bump(top, -1),
      ]),
    );
    return f;
  }

  function emitDropModifiers(): Func {
    const f = declare(m, "drop_modifiers", ["i32"]);
    const [start] = f.params as [Local];
    const { kind } = variables(f, "i32", "kind");
    body(
      f,
      during(gtU(top, start), [
        set(kind, kindOfType(memory, onTop())),
        when(not(any(isQualifier(kind), eq(kind, BtfKind.TYPE_TAG))), [result()]),
        bump(top, -1),
      ]),
    );
    return f;
  }
}

/** Grows memory; gives -1 where that fails. */
function grow(pages: number): Code {
  return ({ f }) => void f.i32.const(pages).memoryGrow();
}
