import { Failure } from "../../src/btf/dump/dump-failure.ts";
import { BtfKind } from "../../src/btf/kinds.ts";
import type { Func, FunctionBuilder, ModuleBuilder } from "../../src/wasm/index.ts";
import type { Bounds } from "./bounds.ts";
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
  eq,
  forever,
  geU,
  ltU,
  mul,
  ne,
  not,
  result,
  select,
  set,
  variables,
  when,
} from "./expressions.ts";
import { isComposite, kindOf, vlenOf } from "./fields.ts";
import type { DumpMemory } from "./memory.ts";

/** States of a type; 0: not visited yet. */
const ORDERING = 1;
export const ORDERED = 2;

/**
 * The order in which C needs definitions: what is embedded comes before what embeds it, what is only pointed to may
 * come later. The link from a type to another is weak (0) if there is a pointer and a named type on the way, and
 * strong (1) otherwise (`btf_dump_order_type` of libbpf, whose order this is).
 */
export interface Order {
  /** `add(id)`: adds what is to be defined for a type and is not in the queue yet. */
  readonly add: Func;
  /** Notes which types others refer to: comes first. */
  readonly markReferenced: Func;
}

/**
 * Emits the order, and exports `add`, `add_from` (all types from one on), `queue_length` and
 * `queue_start`.
 */
export function emitOrder(m: ModuleBuilder, memory: DumpMemory, bounds: Bounds): Order {
  const { words, index, queue, orderStates: states, referenced, count } = memory;
  const length = m.global("queue_length", "i32", { mutable: true });
  // What the last `add` began with: where it failed, nothing behind is to be defined.
  const start = m.global("queue_start", "i32", { mutable: true });
  m.export("queue_length", length).export("queue_start", start);
  const visit = declare(m, "visit", ["i32", "i32"], "i32");
  const push = (id: Parameters<typeof queue.set>[1]): Code[] => [queue.set(length, id), bump(length, 1)];
  const members = emitMembers();
  const prototype = emitPrototype();
  writeVisit();
  const adding = emitAdd();
  m.export("add", adding).export("add_from", emitAddFrom());
  return { add: adding, markReferenced: emitReferenced(m, memory) };

  function writeVisit(): void {
    const f = visit;
    const [id, through] = f.params;
    const { at, info, kind, link } = variables(f, "i32", "at", "info", "kind", "link");
    const named = ne(words.at(at), 0);
    body(
      f,
      forever(
        when(eq(states.at(id!), ORDERED), [result(1)]),
        set(at, index.at(id!)),
        set(info, words.at(at, 1)),
        set(kind, kindOf(info)),
        when(eq(states.at(id!), ORDERING), [
          when(both(isComposite(kind), both(through!, named)), [result(0)]),
          bounds.fail(id!, Failure.CYCLE),
        ]),
        select(
          kind,
          [
            [
              [BtfKind.STRUCT, BtfKind.UNION],
              [
                when(both(through!, named), [result(0)]),
                call(members, id!, at, info),
                when(named, push(id!)),
                states.set(id!, ORDERED),
                result(1),
              ],
            ],
            [
              [BtfKind.PTR],
              [
                bounds.enter(id!),
                set(link, call(visit, words.at(at, 2), 1)),
                bounds.leave,
                states.set(id!, ORDERED),
                result(link),
              ],
            ],
            [[BtfKind.ARRAY], [set(id!, words.at(at, 3)), set(through!, 0)]],
            [
              [BtfKind.VOLATILE, BtfKind.CONST, BtfKind.RESTRICT, BtfKind.TYPE_TAG],
              [set(id!, words.at(at, 2))],
            ],
            [
              [BtfKind.TYPEDEF],
              [
                bounds.enter(id!),
                set(link, call(visit, words.at(at, 2), through!)),
                bounds.leave,
                when(both(through!, not(link)), [result(0)]),
                ...push(id!),
                states.set(id!, ORDERED),
                result(1),
              ],
            ],
            [[BtfKind.FUNC_PROTO], [result(call(prototype, id!, at, info, through!))]],
            [
              [BtfKind.ENUM, BtfKind.ENUM64, BtfKind.FWD],
              [
                // An anonymous enum that nothing refers to declares constants; others are written where they are used.
                when(any(named, not(referenced.at(id!))), push(id!)),
                states.set(id!, ORDERED),
                result(1),
              ],
            ],
          ],
          [states.set(id!, ORDERED), result(0)],
        ),
        bounds.step(id!),
      ),
    );
  }

  function emitMembers(): Func {
    const f = declare(m, "visit_members", ["i32", "i32", "i32"]);
    const [id, at, info] = f.params;
    const { member, end, type, link } = variables(f, "i32", "member", "end", "type", "link");
    body(
      f,
      states.set(id!, ORDERING),
      bounds.enter(id!),
      set(member, add(at!, 4)),
      set(end, add(member, mul(vlenOf(info!), 3))),
      during(ltU(member, end), [
        set(type, words.at(member)),
        when(ne(states.at(type), ORDERED), [set(link, call(visit, type, 0))]),
        bump(member, 3),
      ]),
      bounds.leave,
    );
    return f;
  }

  function emitPrototype(): Func {
    const f = declare(m, "visit_prototype", ["i32", "i32", "i32", "i32"], "i32");
    const [id, at, info, through] = f.params;
    const { param, end, type, link } = variables(f, "i32", "param", "end", "type", "link");
    body(
      f,
      bounds.enter(id!),
      set(link, call(visit, words.at(at!, 2), through!)),
      set(param, add(at!, 4)),
      set(end, add(param, mul(vlenOf(info!), 2))),
      during(ltU(param, end), [
        set(type, words.at(param)),
        when(any(eq(states.at(type), ORDERED), call(visit, type, through!)), [set(link, 1)]),
        bump(param, 2),
      ]),
      bounds.leave,
      result(link),
    );
    return f;
  }

  function emitAdd(): Func {
    const f = declare(m, "add", ["i32"]);
    const { link } = variables(f, "i32", "link");
    body(f, set(start, length), set(link, call(visit, f.params[0]!, 0)), set(start, length));
    return f;
  }

  /** Functions are half of a kernel's types, and define nothing. */
  function emitAddFrom(): Func {
    const f = declare(m, "add_from", ["i32"]);
    const [id] = f.params;
    body(
      f,
      during(ltU(id!, count), [
        when(
          eq(kindOf(words.at(index.at(id!), 1)), BtfKind.FUNC),
          [states.set(id!, ORDERED)],
          [call(adding, id!)],
        ),
        bump(id!, 1),
      ]),
    );
    return f;
  }
}

/** Notes which types others refer to. */
function emitReferenced(m: ModuleBuilder, { words, index, referenced, count }: DumpMemory): FunctionBuilder {
  const f = declare(m, "mark_referenced", []);
  const { id, at, info, kind, first, end, step } = variables(
    f,
    "i32",
    "id",
    "at",
    "info",
    "kind",
    "first",
    "end",
    "step",
  );
  body(
    f,
    forever(
      bump(id, 1),
      when(geU(id, count), [result()]),
      set(at, index.at(id)),
      set(info, words.at(at, 1)),
      set(kind, kindOf(info)),
      select(
        kind,
        [
          [[BtfKind.ARRAY], [referenced.set(words.at(at, 3), 1), referenced.set(words.at(at, 4), 1), again]],
          // Where an element's type is: the second word of members and parameters, the first of section variables.
          [
            [BtfKind.STRUCT, BtfKind.UNION],
            [set(first, add(at, 4)), set(step, 3)],
          ],
          [[BtfKind.FUNC_PROTO], [set(first, add(at, 4)), set(step, 2)]],
          [[BtfKind.DATASEC], [set(first, add(at, 3)), set(step, 3)]],
          [[BtfKind.INT, BtfKind.ENUM, BtfKind.FWD, BtfKind.FLOAT, BtfKind.ENUM64], [again]],
        ],
        [referenced.set(words.at(at, 2), 1), again],
      ),
      set(end, add(first, mul(vlenOf(info), step))),
      during(ltU(first, end), [referenced.set(words.at(first), 1), bump(first, step)]),
    ),
  );
  return f;
}
