import { BtfKind, MAX_RESOLVE_DEPTH, REFERENCE_WORD } from "../../src/btf/kinds.ts";
import type { Func, Local, ModuleBuilder } from "../../src/wasm/index.ts";
import { element, emitContentSort, setElement } from "./content.ts";
import {
  add,
  again,
  any,
  body,
  both,
  bump,
  type Code,
  call,
  copyWords,
  declare,
  during,
  either,
  eq,
  forever,
  geU,
  gtU,
  leave,
  ltU,
  mul,
  ne,
  not,
  result,
  select,
  set,
  shl,
  sub,
  type Value,
  variables,
  when,
} from "./expressions.ts";
import { kindOf, kindOfType, vlenOf } from "./fields.ts";
import type { DumpMemory } from "./memory.ts";
import { emitNameOrder } from "./name-order.ts";
import { ORDERED, type Order } from "./order.ts";

const MAX_RANK = 10;

/**
 * Exports `add_sorted()`: adds all types in bpftool's order for C: enums, integers, structs, prototypes, the rest; by
 * the name of what a type refers to, then by its own; then by a hash of its content, which lasts from one kernel build
 * to the next as ids do not (`sort_btf_c` of bpftool).
 *
 * Most types of the rest have by then been added with what refers to them. Only those are sorted that have not: first
 * those without a name to sort by, as they stand before the others, and then what is left.
 */
export function emitSort(m: ModuleBuilder, memory: DumpMemory, order: Order): void {
  const { words, index, count, ranked, rest, picked, sorted, ranks, ownPlaces, endPlaces, keyStarts } =
    memory;
  const followed = emitFollowed(m, memory);
  const end = emitEnd();
  const rankOf = emitRank();
  const findPlaces = emitPlaces();
  const sortBy = emitSortBy();
  const sortByContent = emitSortByContent();
  const sort = emitSortList();
  const addList = emitAddList();
  const awaits = emitAwaits();

  const f = declare(m, "add_sorted", []);
  const { id, at, kind, rank, some, others, i, length } = variables(
    f,
    "i32",
    "id",
    "at",
    "kind",
    "rank",
    "some",
    "others",
    "i",
    "length",
  );
  /** Picks those of the rest that are still to be added, and adds them in order. */
  const addPicked = (pick: Value): Code[] => [
    set(length, 0),
    set(i, 0),
    during(ltU(i, others), [
      set(id, rest.at(i)),
      when(both(call(awaits, id), pick), [picked.set(length, id), bump(length, 1)]),
      bump(i, 1),
    ]),
    call(sort, picked.address, length),
    call(addList, picked.address, 0, length),
  ];
  body(
    f,
    set(id, 1),
    during(ltU(id, count), [
      set(at, index.at(id)),
      set(kind, kindOf(words.at(at, 1))),
      select(
        kind,
        [[[BtfKind.FUNC, BtfKind.VAR, BtfKind.DATASEC], []]],
        [
          set(rank, call(rankOf, id, kind, ne(words.at(at), 0))),
          ranks.set(id, rank),
          when(
            ltU(rank, MAX_RANK),
            [ranked.set(some, id), bump(some, 1)],
            [when(ne(kind, BtfKind.DECL_TAG), [rest.set(others, id), bump(others, 1)])],
          ),
        ],
      ),
      bump(id, 1),
    ]),
    call(sort, ranked.address, some),
    // The first of all is left to those that refer to it: bpftool starts from 1 in an array that has void, too. Where
    // there are no ranked ones it is void.
    call(addList, ranked.address, 1, some),
    ...addPicked(not(any(words.at(index.at(id)), words.at(index.at(call(end, id)))))),
    ...addPicked(1),
  );
  m.export("add_sorted", f);

  /** Adds the types `list[from]` up to `list[length]`. */
  function emitAddList(): Func {
    const f = declare(m, "add_list", ["i32", "i32", "i32"]);
    const [list, from, length] = f.params as [Local, Local, Local];
    body(f, during(ltU(from, length), [call(order.add, element(list, from)), bump(from, 1)]));
    return f;
  }

  function emitRank(): Func {
    const f = declare(m, "rank_of", ["i32", "i32", "i32"], "i32");
    const [id, kind, named] = f.params as [Local, Local, Local];
    const { hops, next } = variables(f, "i32", "hops", "next");
    body(
      f,
      during(ltU(hops, MAX_RESOLVE_DEPTH), [
        select(
          kind,
          [
            [[BtfKind.ENUM, BtfKind.ENUM64], [result(named)]],
            [[BtfKind.INT, BtfKind.FLOAT], [result(2)]],
          ],
          [],
        ),
        when(not(named), [result(MAX_RANK)]),
        select(
          kind,
          [
            [[BtfKind.STRUCT, BtfKind.UNION], [result(3)]],
            [[BtfKind.FUNC_PROTO], [result(4)]],
          ],
          [],
        ),
        set(next, call(followed, id)),
        when(eq(next, -1), [result(MAX_RANK)]),
        set(id, next),
        set(kind, kindOfType(memory, id)),
        bump(hops, 1),
      ]),
      result(MAX_RANK),
    );
    return f;
  }

  /** What a type refers to in the end: itself where it refers to none, void at the end of a chain that is too long. */
  function emitEnd(): Func {
    const f = declare(m, "end_of", ["i32"], "i32");
    const [id] = f.params as [Local];
    const { hops, next } = variables(f, "i32", "hops", "next");
    body(
      f,
      during(ltU(hops, MAX_RESOLVE_DEPTH), [
        set(next, call(followed, id)),
        when(eq(next, -1), [result(id)]),
        set(id, next),
        bump(hops, 1),
      ]),
      result(0),
    );
    return f;
  }

  /** Sorts types that are in the order of their ids. */
  function emitSortList(): Func {
    const f = declare(m, "sort_list", ["i32", "i32"]);
    const [list, length] = f.params as [Local, Local];
    const { places } = variables(f, "i32", "places");
    body(
      f,
      set(places, call(findPlaces, list, length)),
      when(places, [
        call(sortBy, list, length, ownPlaces.address, places, sorted.address),
        call(sortBy, sorted.address, length, endPlaces.address, places, list),
        call(sortBy, list, length, ranks.address, MAX_RANK, sorted.address),
        copyWords(list, sorted.address, length),
      ]),
      call(sortByContent, list, length),
    );
    return f;
  }

  /** `find_places(list, length)` fills in the places of names, and gives the last. */
  function emitPlaces(): Func {
    const { named, sortNames, ends } = memory;
    const orderNames = emitNameOrder(m, memory);
    const f = declare(m, "find_places", ["i32", "i32"], "i32");
    const [list, length] = f.params as [Local, Local];
    const { i, id, last, at, name, count, places } = variables(
      f,
      "i32",
      "i",
      "id",
      "last",
      "at",
      "name",
      "count",
      "places",
    );
    const go = (type: Value, offset: Value): Code[] => [
      sortNames.set(type, offset),
      named.set(count, type),
      bump(count, 1),
    ];
    const nameOf = (type: Value): Code => words.at(index.at(type));
    body(
      f,
      during(ltU(i, length), [
        set(id, element(list, i)),
        set(last, call(end, id)),
        ends.set(i, last),
        set(at, index.at(id)),
        set(name, words.at(at)),
        when(name, go(id, name), [
          // An enum without a name goes by that of its first value.
          select(
            kindOf(words.at(at, 1)),
            [
              [
                [BtfKind.ENUM, BtfKind.ENUM64],
                [when(vlenOf(words.at(at, 1)), [when(words.at(at, 3), go(id, words.at(at, 3)))])],
              ],
            ],
            [],
          ),
        ]),
        // A type that is referred to may be of another list: then it is named here too.
        when(ne(last, id), [when(nameOf(last), go(last, nameOf(last)))]),
        bump(i, 1),
      ]),
      set(places, call(orderNames, count)),
      set(i, 0),
      during(ltU(i, length), [
        set(id, element(list, i)),
        set(last, ends.at(i)),
        endPlaces.set(id, either(any(eq(last, id), nameOf(last)), ownPlaces.at(last), 0)),
        bump(i, 1),
      ]),
      set(i, 0),
      during(ltU(i, length), [
        set(id, element(list, i)),
        when(not(nameOf(id)), [ownPlaces.set(id, 0)]),
        bump(i, 1),
      ]),
      result(places),
    );
    return f;
  }

  /**
   * `sort_by(list, length, keys, most, to)` writes types in the order of their keys, which are at most `most`; those
   * of one key stay in order.
   */
  function emitSortBy(): Func {
    const f = declare(m, "sort_by", ["i32", "i32", "i32", "i32", "i32"]);
    const [list, length, keys, most, to] = f.params as [Local, Local, Local, Local, Local];
    const { i, id, key } = variables(f, "i32", "i", "id", "key");
    body(
      f,
      during(gtU(add(most, 2), i), [keyStarts.set(i, 0), bump(i, 1)]),
      set(i, 0),
      during(ltU(i, length), [
        set(key, element(keys, element(list, i))),
        keyStarts.set(key, add(keyStarts.at(key, 1), 1), 1),
        bump(i, 1),
      ]),
      set(key, 1),
      during(not(gtU(key, most)), [
        keyStarts.set(key, add(keyStarts.at(key), keyStarts.at(sub(key, 1)))),
        bump(key, 1),
      ]),
      set(i, 0),
      during(ltU(i, length), [
        set(id, element(list, i)),
        set(key, element(keys, id)),
        setElement(to, keyStarts.at(key), id),
        keyStarts.set(key, add(keyStarts.at(key), 1)),
        bump(i, 1),
      ]),
    );
    return f;
  }

  /** Sorts those types by content which have the same rank and names. */
  function emitSortByContent(): Func {
    const sortContent = emitContentSort(m, memory);
    const f = declare(m, "sort_by_content", ["i32", "i32"]);
    const [list, length] = f.params as [Local, Local];
    const { start, end, first, id } = variables(f, "i32", "start", "end", "first", "id");
    const differs = (keys: typeof ranks): Code => ne(keys.at(id), keys.at(first));
    body(
      f,
      during(ltU(start, length), [
        set(first, element(list, start)),
        set(end, start),
        forever(
          bump(end, 1),
          when(geU(end, length), [leave]),
          set(id, element(list, end)),
          when(any(differs(ownPlaces), any(differs(endPlaces), differs(ranks))), [leave]),
        ),
        when(gtU(sub(end, start), 1), [call(sortContent, add(list, shl(start, 2)), sub(end, start))]),
        set(start, end),
      ]),
    );
    return f;
  }

  /** False where adding a type would change nothing, as far as that can be told without a walk. */
  function emitAwaits(): Func {
    const { orderStates: states } = memory;
    const reached = emitReached();
    const f = declare(m, "awaits", ["i32"], "i32");
    const [id] = f.params as [Local];
    const { at, info, param, end, type } = variables(f, "i32", "at", "info", "param", "end", "type");
    body(
      f,
      set(at, index.at(id)),
      set(info, words.at(at, 1)),
      when(ne(kindOf(info), BtfKind.FUNC_PROTO), [result(not(call(reached, id)))]),
      when(not(call(reached, words.at(at, 2))), [result(1)]),
      set(param, add(at, 4)),
      set(end, add(param, mul(vlenOf(info), 2))),
      during(ltU(param, end), [
        set(type, words.at(param)),
        when(both(ne(states.at(type), ORDERED), not(call(reached, type))), [result(1)]),
        bump(param, 2),
      ]),
      result(0),
    );
    return f;
  }

  /** True where a walk would end at what is ordered, without a step that is remembered. */
  function emitReached(): Func {
    const { orderStates: states } = memory;
    const f = declare(m, "is_reached", ["i32"], "i32");
    const [id] = f.params as [Local];
    const { hops, at } = variables(f, "i32", "hops", "at");
    body(
      f,
      during(ltU(hops, MAX_RESOLVE_DEPTH), [
        when(eq(states.at(id), ORDERED), [result(1)]),
        set(at, index.at(id)),
        bump(hops, 1),
        select(
          kindOf(words.at(at, 1)),
          [
            [[BtfKind.ARRAY], [set(id, words.at(at, 3)), again]],
            [
              [BtfKind.VOLATILE, BtfKind.CONST, BtfKind.RESTRICT, BtfKind.TYPE_TAG],
              [set(id, words.at(at, 2)), again],
            ],
          ],
          [result(0)],
        ),
      ]),
      result(0),
    );
    return f;
  }
}

/** Emits `followed(id)`: the type that a type stands for; -1 where it has a content of its own. */
function emitFollowed(m: ModuleBuilder, { words, index }: DumpMemory): Func {
  const f = declare(m, "followed", ["i32"], "i32");
  const [id] = f.params as [Local];
  const { at } = variables(f, "i32", "at");
  const kindsBy = (word: number): number[] =>
    [...REFERENCE_WORD.keys()].filter((kind) => REFERENCE_WORD[kind] === word);
  body(
    f,
    set(at, index.at(id)),
    select(
      kindOf(words.at(at, 1)),
      [
        [kindsBy(2), [result(words.at(at, 2))]],
        [kindsBy(3), [result(words.at(at, 3))]],
      ],
      [result(-1)],
    ),
  );
  return f;
}
