import { BtfKind } from "../../src/btf/kinds.ts";
import type { Func, Local, ModuleBuilder } from "../../src/wasm/index.ts";
import { F } from "./c-formats.ts";
import type { Declarations } from "./declarations.ts";
import {
  add,
  again,
  and,
  any,
  body,
  both,
  bump,
  type Code,
  call,
  declare,
  during,
  eq,
  forever,
  ltU,
  mul,
  ne,
  not,
  result,
  select,
  set,
  type Value,
  variables,
  when,
} from "./expressions.ts";
import { kindOf, vlenOf } from "./fields.ts";
import type { CParts } from "./parts.ts";

/** States of a type; 0: not written. */
const EMITTING = 1;
export const EMITTED = 2;

/** Names that C gets another way: addresses of texts in memory. */
export interface KnownNames {
  /** `__builtin_va_list`, which compilers know. */
  readonly vaList: number;
  /** Old compilers describe it as void, which C cannot declare. */
  readonly gnucVaList: number;
  /** Types of GCC's that Arm headers refer to, and the formats of what C knows them as. */
  readonly aliases: readonly (readonly [name: number, format: number])[];
}

/** Emits the definitions, and exports `define(id)`. */
export function emitDefinitions(
  m: ModuleBuilder,
  parts: CParts,
  declarations: Declarations,
  known: KnownNames,
): Func {
  const { memory, bounds, lines, names, tags } = parts;
  const { words, index, strings, states, forwarded, settled } = memory;
  const finish = lines.line(F.finish);
  const isNamed = (at: Value, text: number) => names.same(add(words.at(at), strings.address), text);
  const define = declare(m, "define", ["i32", "i32"], "i32");
  const typedef = emitTypedef();
  const each = emitEach();
  const met = emitAgain();
  const composite = emitComposite();
  const simple = emitSimple();
  const wholeTypedef = emitWholeTypedef();
  const prototype = emitPrototype();
  writeDefine();
  return define;

  /**
   * `define(id, container)` writes a definition, or, for a `container` other than 0, what must stand before the
   * definition of this struct or typedef, which refers to the type. Gives 1 where nothing more will be needed before
   * any definition.
   */
  function writeDefine(): void {
    const f = define;
    const [id, container] = f.params as [Local, Local];
    const { at, info, kind } = variables(f, "i32", "at", "info", "kind");
    body(
      f,
      forever(
        when(eq(states.at(id), EMITTED), [result(1)]),
        set(at, index.at(id)),
        set(info, words.at(at, 1)),
        set(kind, kindOf(info)),
        when(eq(states.at(id), EMITTING), [result(call(met, id, at, kind, container))]),
        bounds.step(id),
        select(
          kind,
          [
            [
              [BtfKind.PTR, BtfKind.VOLATILE, BtfKind.CONST, BtfKind.RESTRICT, BtfKind.TYPE_TAG],
              [set(id, words.at(at, 2)), again],
            ],
            [[BtfKind.ARRAY], [set(id, words.at(at, 3)), again]],
            [[BtfKind.STRUCT, BtfKind.UNION], [result(call(composite, id, at, vlenOf(info), container))]],
            [[BtfKind.TYPEDEF], [result(call(wholeTypedef, id, words.at(at, 2)))]],
            [[BtfKind.FUNC_PROTO], [result(call(prototype, id, at, vlenOf(info), container))]],
          ],
          [result(call(simple, id, at, kind, container))],
        ),
      ),
    );
  }

  /** Types that refer to no others. */
  function emitSimple(): Func {
    const f = declare(m, "define_simple", ["i32", "i32", "i32", "i32"], "i32");
    const [id, at, kind, container] = f.params as [Local, Local, Local, Local];
    body(
      f,
      select(
        kind,
        [
          [
            [BtfKind.INT],
            [
              // Without a name it is not counted, and is none of those below.
              when(words.at(at), [when(eq(tags.tagNumber(id), 1), aliases(at))]),
            ],
          ],
          [[BtfKind.FWD], [tags.forward(id), finish]],
          [
            [BtfKind.ENUM, BtfKind.ENUM64],
            [when(not(container), [call(declarations.enumeration, id, 0), finish])],
          ],
        ],
        [result(1)],
      ),
      states.set(id, EMITTED),
      result(1),
    );
    return f;
  }

  function aliases(at: Value): Code[] {
    return known.aliases.map(([name, format]) => when(isNamed(at, name), [lines.line(format, at), finish]));
  }

  /** A type that is met inside its own definition: a forward declaration serves. */
  function emitAgain(): Func {
    const f = declare(m, "define_again", ["i32", "i32", "i32", "i32"], "i32");
    const [id, at, kind, container] = f.params as [Local, Local, Local, Local];
    body(
      f,
      when(forwarded.at(id), [result(1)]),
      when(
        eq(kind, BtfKind.TYPEDEF),
        [when(not(isNamed(at, known.vaList)), [call(typedef, id), finish])],
        [when(not(both(ne(id, container), ne(words.at(at), 0))), [result(0)]), tags.composite(id), finish],
      ),
      forwarded.set(id, 1),
      result(1),
    );
    return f;
  }

  function emitComposite(): Func {
    const f = declare(m, "define_composite", ["i32", "i32", "i32", "i32"], "i32");
    const [id, at, count, container] = f.params as [Local, Local, Local, Local];
    const { named, done, inner } = variables(f, "i32", "named", "done", "inner");
    body(
      f,
      set(named, ne(words.at(at), 0)),
      when(both(container, named), [
        when(not(forwarded.at(id)), [tags.composite(id), finish, forwarded.set(id, 1)]),
        result(1),
      ]),
      states.set(id, EMITTING),
      bounds.enter(id),
      set(inner, container),
      when(named, [set(inner, id)]),
      set(done, call(each, add(at, 4), count, 3, inner)),
      bounds.leave,
      when(container, [states.set(id, 0), result(done)]),
      call(declarations.composite, id, 0),
      finish,
      states.set(id, EMITTED),
      result(1),
    );
    return f;
  }

  function emitWholeTypedef(): Func {
    const f = declare(m, "define_typedef", ["i32", "i32"], "i32");
    const [id, target] = f.params as [Local, Local];
    const { done } = variables(f, "i32", "done");
    body(
      f,
      states.set(id, EMITTING),
      bounds.enter(id),
      set(done, call(define, target, id)),
      bounds.leave,
      when(not(any(forwarded.at(id), isNamed(index.at(id), known.vaList))), [call(typedef, id), finish]),
      states.set(id, EMITTED),
      result(1),
    );
    return f;
  }

  function emitPrototype(): Func {
    const f = declare(m, "define_prototype", ["i32", "i32", "i32", "i32"], "i32");
    const [id, at, count, container] = f.params as [Local, Local, Local, Local];
    const { done } = variables(f, "i32", "done");
    body(
      f,
      bounds.enter(id),
      set(done, call(define, words.at(at, 2), container)),
      set(done, and(done, call(each, add(at, 4), count, 2, container))),
      bounds.leave,
      result(done),
    );
    return f;
  }

  /** What must stand before a definition for each of `count` types, the ids of which are `step` words apart. */
  function emitEach(): Func {
    const f = declare(m, "define_each", ["i32", "i32", "i32", "i32"], "i32");
    const [at, count, step, container] = f.params as [Local, Local, Local, Local];
    const { end, type, one, all } = variables(f, "i32", "end", "type", "one", "all");
    body(
      f,
      set(all, 1),
      set(end, add(at, mul(count, step))),
      during(ltU(at, end), [
        set(type, words.at(at)),
        when(not(settled.at(type)), [
          set(one, call(define, type, container)),
          settled.set(type, one),
          set(all, and(all, one)),
        ]),
        bump(at, step),
      ]),
      result(all),
    );
    return f;
  }

  /** `typedef TYPE NAME`. */
  function emitTypedef(): Func {
    const f = declare(m, "typedef", ["i32"]);
    const [id] = f.params as [Local];
    const { at, number } = variables(f, "i32", "at", "number");
    body(
      f,
      set(at, index.at(id)),
      set(number, tags.identifierNumber(id)),
      when(
        both(not(words.at(at, 2)), isNamed(at, known.gnucVaList)),
        [lines.line(F.gnucVaList)],
        [lines.line(F.typedef), call(declarations.declare, words.at(at, 2), at, number, 0)],
      ),
    );
    return f;
  }
}
