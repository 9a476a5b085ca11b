import type { Func, Local, ModuleBuilder } from "../../src/wasm/index.ts";
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
  gtS,
  gtU,
  leU,
  loadLong,
  ltU,
  result,
  set,
  shrU,
  sub,
  type Value,
  variables,
  when,
  wide,
  wrap,
} from "./expressions.ts";
import { zeroBytes } from "./lines.ts";
import type { DumpMemory } from "./memory.ts";

/** Ranges up to this long are sorted by insertion. */
const FEW = 8;

/**
 * Emits `order_names(count)`: sorts the types `named` by the bytes of their `sortNames`, and notes each name's place
 * among all in `ownPlaces`: from 1, equal names have the same. Gives the last place. A quicksort in three parts that
 * looks at one byte of each name at a time, so that the beginnings that names share are read once (Bentley and
 * Sedgewick, "Fast Algorithms for Sorting and Searching Strings", 1997).
 */
export function emitNameOrder(m: ModuleBuilder, memory: DumpMemory): Func {
  const { strings, named: keys, sortNames, ownPlaces, ranges } = memory;
  const compare = emitCompare(m);
  const nameOf = (key: Value, depth: Value): Code => add(add(sortNames.at(key), strings.address), depth);
  const insertion = emitInsertion();
  const f = declare(m, "order_names", ["i32"], "i32");
  const [count] = f.params as [Local];
  const { top, place, start, end, depth, pivot, less, more, i, key, byte } = variables(
    f,
    "i32",
    "top",
    "place",
    "start",
    "end",
    "depth",
    "pivot",
    "less",
    "more",
    "i",
    "key",
    "byte",
  );
  const push = (...range: readonly Value[]): Code[] => [
    ...range.map((value, part) => ranges.set(top, value, part)),
    bump(top, 3),
  ];
  const byteOf = (key: Value): Code => strings.at(add(sortNames.at(key), depth));
  body(
    f,
    ...push(0, count, 0),
    during(top, [
      bump(top, -3),
      set(start, ranges.at(top)),
      set(end, ranges.at(top, 1)),
      set(depth, ranges.at(top, 2)),
      when(leU(sub(end, start), FEW), [
        call(insertion, start, end, depth),
        set(i, start),
        during(ltU(i, end), [
          set(key, keys.at(i)),
          when(any(eq(i, start), call(compare, nameOf(keys.at(sub(i, 1)), depth), nameOf(key, depth))), [
            bump(place, 1),
          ]),
          ownPlaces.set(key, place),
          bump(i, 1),
        ]),
        again,
      ]),
      set(pivot, byteOf(keys.at(shrU(add(start, end), 1)))),
      set(less, start),
      set(more, end),
      set(i, start),
      during(ltU(i, more), [
        set(key, keys.at(i)),
        set(byte, byteOf(key)),
        when(ltU(byte, pivot), [
          keys.set(i, keys.at(less)),
          keys.set(less, key),
          bump(i, 1),
          bump(less, 1),
          again,
        ]),
        when(gtU(byte, pivot), [bump(more, -1), keys.set(i, keys.at(more)), keys.set(more, key), again]),
        bump(i, 1),
      ]),
      when(ltU(more, end), push(more, end, depth)),
      when(
        pivot,
        [...push(less, more, add(depth, 1)), when(gtU(less, start), push(start, less, depth))],
        [
          // Names that end here are equal, and none is less.
          bump(place, 1),
          set(i, less),
          during(ltU(i, more), [ownPlaces.set(keys.at(i), place), bump(i, 1)]),
        ],
      ),
    ]),
    result(place),
  );
  return f;

  function emitInsertion(): Func {
    const f = declare(m, "insert_names", ["i32", "i32", "i32"]);
    const [start, end, depth] = f.params as [Local, Local, Local];
    const { i, to, key, name } = variables(f, "i32", "i", "to", "key", "name");
    body(
      f,
      set(i, add(start, 1)),
      during(ltU(i, end), [
        set(key, keys.at(i)),
        set(name, nameOf(key, depth)),
        set(to, i),
        during(both(gtU(to, start), gtS(call(compare, nameOf(keys.at(sub(to, 1)), depth), name), 0)), [
          keys.set(to, keys.at(sub(to, 1))),
          bump(to, -1),
        ]),
        keys.set(to, key),
        bump(i, 1),
      ]),
    );
    return f;
  }
}

/** Emits `compare(left, right)`: of two texts, less than 0, 0, or more. */
function emitCompare(m: ModuleBuilder): Func {
  const f = declare(m, "compare_names", ["i32", "i32"], "i32");
  const [left, right] = f.params as [Local, Local];
  const { bytes, others, zeros, different, at } = variables(
    f,
    "i64",
    "bytes",
    "others",
    "zeros",
    "different",
    "at",
  );
  const byteAt = (value: Value): Code => and(wrap(wide.shrU(value, at)), 0xff);
  body(
    f,
    forever(
      set(bytes, loadLong(left)),
      set(others, loadLong(right)),
      set(zeros, zeroBytes(bytes)),
      set(different, wide.xor(bytes, others)),
      when(wide.not(different), [
        when(wide.ne(zeros, wide.const(0)), [result(0)]),
        bump(left, 8),
        bump(right, 8),
        again,
      ]),
      set(at, wide.and(wide.ctz(different), wide.const(56))),
      when(both(wide.ne(zeros, wide.const(0)), wide.ltU(wide.ctz(zeros), at)), [result(0)]),
      result(sub(byteAt(bytes), byteAt(others))),
    ),
  );
  return f;
}
