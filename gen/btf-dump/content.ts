import { BtfKind, MAX_RESOLVE_DEPTH } from "../../src/btf/kinds.ts";
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
  copyWords,
  declare,
  during,
  either,
  eq,
  extendU,
  forever,
  leave,
  loadByte,
  loadWord,
  ltU,
  type MemoryArray,
  mul,
  not,
  result,
  select,
  set,
  shl,
  storeWord,
  type Value,
  variables,
  when,
  wide,
} from "./expressions.ts";
import { kindOf, vlenOf } from "./fields.ts";
import type { DumpMemory } from "./memory.ts";

/** An element of a list of types at an address. */
export function element(list: Value, i: Value): Code {
  return loadWord(add(list, shl(i, 2)));
}

export function setElement(list: Value, i: Value, id: Value): Code {
  return storeWord(add(list, shl(i, 2)), id);
}

/** The kinds whose third word is a type that they stand for. */
const REFERENCES = [
  BtfKind.PTR,
  BtfKind.TYPEDEF,
  BtfKind.VOLATILE,
  BtfKind.CONST,
  BtfKind.RESTRICT,
  BtfKind.DECL_TAG,
  BtfKind.TYPE_TAG,
];

/**
 * Emits `sort_content(list, count)`: sorts types by the 64-bit hashes of what they consist of; those of one hash stay
 * in order. A step of a hash is `hash * 31 + value`; text is hashed by its signed bytes.
 */
export function emitContentSort(m: ModuleBuilder, memory: DumpMemory): Func {
  const { words, index, strings, hashes, hashed, sorted } = memory;
  const textHash = emitTextHash(m, strings);
  const hash = emitHash();
  const typeOf = emitTypeOf();
  const merge = emitMergeSort(m, hashes);
  const f = declare(m, "sort_content", ["i32", "i32"]);
  const [list, count] = f.params as [Local, Local];
  const { i, id, type, zeros, others } = variables(f, "i32", "i", "id", "type", "zeros", "others");
  body(
    f,
    // References to one type have its hash.
    set(type, call(typeOf, element(list, 0))),
    set(i, 1),
    forever(
      when(eq(i, count), [result()]),
      when(not(eq(call(typeOf, element(list, i)), type)), [leave]),
      bump(i, 1),
    ),
    set(i, 0),
    // Most hashes are 0: those of all prototypes, and of pointers to them.
    during(ltU(i, count), [
      set(id, element(list, i)),
      set(type, call(typeOf, id)),
      when(not(hashed.at(type)), [hashed.set(type, 1), hashes.set(type, call(hash, type, 1, 0))]),
      hashes.set(id, hashes.at(type)),
      when(
        wide.not(hashes.at(id)),
        [setElement(list, zeros, id), bump(zeros, 1)],
        [sorted.set(others, id), bump(others, 1)],
      ),
      bump(i, 1),
    ]),
    call(merge, sorted.address, add(list, shl(zeros, 2)), others),
  );
  return f;

  /** The type whose hash is that of `id` too: where references without names lead. */
  function emitTypeOf(): Func {
    const f = declare(m, "content_type", ["i32"], "i32");
    const [id] = f.params as [Local];
    const { hops, at } = variables(f, "i32", "hops", "at");
    body(
      f,
      during(ltU(hops, MAX_RESOLVE_DEPTH), [
        set(at, index.at(id)),
        when(words.at(at), [leave]),
        select(kindOf(words.at(at, 1)), [[REFERENCES, [set(id, words.at(at, 2)), bump(hops, 1), again]]], []),
        leave,
      ]),
      result(id),
    );
    return f;
  }

  /** `hash(id, with_members, depth)` */
  function emitHash(): Func {
    const f = declare(m, "content_hash", ["i32", "i32", "i32"], "i64");
    const [id, withMembers, depth] = f.params as [Local, Local, Local];
    const { at, info, kind, first, end, step } = variables(
      f,
      "i32",
      "at",
      "info",
      "kind",
      "first",
      "end",
      "step",
    );
    const { sum } = variables(f, "i64", "sum");
    const more = (value: Value): Code => set(sum, wide.add(wide.mul(sum, wide.const(31)), value));
    const name = (offset: Value): Code => when(offset, [more(call(textHash, offset))]);
    const nested = (type: Value, members: Value): Code =>
      more(
        either(ltU(depth, MAX_RESOLVE_DEPTH), call(f, type, members, add(depth, 1)), wide.const(0), "i64"),
      );
    body(
      f,
      set(at, index.at(id)),
      set(info, words.at(at, 1)),
      set(kind, kindOf(info)),
      name(words.at(at)),
      set(first, add(at, 3)),
      set(step, 3),
      select(
        kind,
        [
          [
            [BtfKind.ENUM, BtfKind.ENUM64],
            [
              set(step, either(eq(kind, BtfKind.ENUM), 2, 3)),
              set(end, add(first, mul(vlenOf(info), step))),
              during(ltU(first, end), [name(words.at(first)), bump(first, step)]),
            ],
          ],
          [
            [BtfKind.STRUCT, BtfKind.UNION],
            [
              set(end, add(first, mul(mul(vlenOf(info), step), withMembers))),
              during(ltU(first, end), [
                name(words.at(first)),
                nested(words.at(first, 1), 0),
                bump(first, step),
              ]),
            ],
          ],
          [[BtfKind.ARRAY], [more(extendU(words.at(at, 5))), nested(words.at(at, 3), withMembers)]],
          [REFERENCES, [nested(words.at(at, 2), withMembers)]],
        ],
        [],
      ),
      result(sum),
    );
    return f;
  }
}

/** Emits `text_hash(offset)`. */
function emitTextHash(m: ModuleBuilder, strings: MemoryArray): Func {
  const f = declare(m, "text_hash", ["i32"], "i64");
  const [offset] = f.params as [Local];
  const { at, byte } = variables(f, "i32", "at", "byte");
  const { sum } = variables(f, "i64", "sum");
  body(
    f,
    set(at, strings.to(offset)),
    forever(
      set(byte, loadByte(at)),
      when(not(byte), [result(sum)]),
      set(sum, wide.add(wide.mul(sum, wide.const(31)), signed(byte))),
      bump(at, 1),
    ),
  );
  return f;
}

/** A byte as C's `char`, in 64 bits. */
function signed(byte: Value): Code {
  return wide.sub(extendU(byte), extendU(shl(and(byte, 0x80), 1)));
}

/** Emits `merge_sort(from, to, count)`: sorts by `hashes` what is at `from`; the result is at `to`. */
function emitMergeSort(m: ModuleBuilder, hashes: MemoryArray): Func {
  const f = declare(m, "merge_sort", ["i32", "i32", "i32"]);
  const [from, to, count] = f.params as [Local, Local, Local];
  const { width, start, left, middle, right, end, i, target, other } = variables(
    f,
    "i32",
    "width",
    "start",
    "left",
    "middle",
    "right",
    "end",
    "i",
    "target",
    "other",
  );
  const least = (value: Value): Code => either(ltU(value, count), value, count);
  body(
    f,
    set(target, to),
    set(width, 1),
    during(ltU(width, count), [
      set(start, 0),
      during(ltU(start, count), [
        set(left, start),
        set(middle, least(add(start, width))),
        set(right, middle),
        set(end, least(add(middle, width))),
        set(i, start),
        during(ltU(i, end), [
          // The right one only where it is less: equal ones stay in order.
          when(
            any(
              eq(left, middle),
              both(
                ltU(right, end),
                wide.ltU(hashes.at(element(from, right)), hashes.at(element(from, left))),
              ),
            ),
            [setElement(to, i, element(from, right)), bump(right, 1)],
            [setElement(to, i, element(from, left)), bump(left, 1)],
          ),
          bump(i, 1),
        ]),
        set(start, end),
      ]),
      set(other, from),
      set(from, to),
      set(to, other),
      set(width, shl(width, 1)),
    ]),
    when(not(eq(from, target)), [copyWords(target, from, count)]),
  );
  return f;
}
