import { BtfKind, MAX_RESOLVE_DEPTH } from "../../src/btf/kinds.ts";
import { MAX_NESTING } from "../../src/btf/layout.ts";
import type { Func, ModuleBuilder } from "../../src/wasm/index.ts";
import {
  add,
  body,
  bump,
  type Code,
  call,
  declare,
  during,
  either,
  eq,
  extendU,
  gtU,
  leave,
  ltS,
  ltU,
  mul,
  ne,
  not,
  remU,
  result,
  select,
  set,
  shl,
  shrU,
  sub,
  type Value,
  variables,
  when,
  wide,
} from "./expressions.ts";
import { kflagOf, kindOf, vlenOf } from "./fields.ts";
import type { DumpMemory } from "./memory.ts";

/** Sizes and alignments of types, as `Layout` computes them. */
export interface EmittedLayout {
  /** Bits that a member of a type takes (i64): none, for a type that has no size. */
  bitsOf(id: Value): Code;
  /** Bytes; 1 for a packed struct, 0 for what has none. */
  alignOf(id: Value): Code;
  /** Whether a struct needs `__attribute__((packed))`. */
  isPacked(id: Value): Code;
}

/** In `alignments`, of a struct whose members are being looked at. */
const IN_PROGRESS = 255;

export function emitLayout(m: ModuleBuilder, memory: DumpMemory): EmittedLayout {
  const { words, index, alignments, pointerSize } = memory;
  const alignOf = declare(m, "align_of", ["i32"], "i32");
  const composite = emitCompositeAlign();
  writeAlignOf();
  const bitsOf = emitBitsOf(m, memory);
  const isPacked = emitIsPacked();
  return {
    bitsOf: (id) => call(bitsOf, id),
    alignOf: (id) => call(alignOf, id),
    isPacked: (id) => call(isPacked, id),
  };

  function writeAlignOf(): void {
    const f = alignOf;
    const [id] = f.params;
    const { hops, at, size } = variables(f, "i32", "hops", "at", "size");
    body(
      f,
      during(ltU(hops, memory.count), [
        set(at, index.at(id!)),
        select(
          kindOf(words.at(at, 1)),
          [
            [
              [BtfKind.INT, BtfKind.ENUM, BtfKind.ENUM64, BtfKind.FLOAT],
              [set(size, words.at(at, 2)), result(either(ltU(size, pointerSize), size, pointerSize))],
            ],
            [[BtfKind.PTR], [result(pointerSize)]],
            [
              [BtfKind.TYPEDEF, BtfKind.VOLATILE, BtfKind.CONST, BtfKind.RESTRICT, BtfKind.TYPE_TAG],
              [set(id!, words.at(at, 2))],
            ],
            [[BtfKind.ARRAY], [set(id!, words.at(at, 3))]],
            [[BtfKind.STRUCT, BtfKind.UNION], [result(call(composite, id!))]],
          ],
          [result(0)],
        ),
        bump(hops, 1),
      ]),
      result(0),
    );
  }

  function emitCompositeAlign(): Func {
    const nesting = m.global("nesting", "i32", { mutable: true });
    const ofMembers = emitAlignOfMembers();
    const f = declare(m, "composite_align", ["i32"], "i32");
    const [id] = f.params;
    const { known } = variables(f, "i32", "known");
    body(
      f,
      set(known, alignments.at(id!)),
      // A struct that contains itself has no alignment; nor do we follow nesting that would fill the stack.
      when(either(eq(known, IN_PROGRESS), 1, gtU(nesting, MAX_NESTING)), [result(0)]),
      when(known, [result(sub(known, 1))]),
      alignments.set(id!, IN_PROGRESS),
      bump(nesting, 1),
      set(known, call(ofMembers, id!)),
      bump(nesting, -1),
      alignments.set(id!, add(known, 1)),
      result(known),
    );
    return f;
  }

  function emitAlignOfMembers(): Func {
    const f = declare(m, "align_of_members", ["i32"], "i32");
    const [id] = f.params;
    const { at, info, member, end, align, most } = variables(
      f,
      "i32",
      "at",
      "info",
      "member",
      "end",
      "align",
      "most",
    );
    body(
      f,
      ...members(id!, at, info, member, end),
      set(most, 1),
      during(ltU(member, end), [
        set(align, call(alignOf, words.at(member, 1))),
        when(not(align), [result(0)]),
        when(gtU(align, most), [set(most, align)]),
        when(isMisplaced(info, words.at(member, 2), align), [result(1)]),
        bump(member, 3),
      ]),
      result(either(remU(words.at(at, 2), most), 1, most)),
    );
    return f;
  }

  function emitIsPacked(): Func {
    const f = declare(m, "is_packed", ["i32"], "i32");
    const [id] = f.params;
    const { at, info, member, end, align, most } = variables(
      f,
      "i32",
      "at",
      "info",
      "member",
      "end",
      "align",
      "most",
    );
    const { type } = variables(f, "i32", "type");
    body(
      f,
      ...members(id!, at, info, member, end),
      set(most, 1),
      during(ltU(member, end), [
        set(type, words.at(member, 1)),
        set(align, sub(alignments.at(type), 1)),
        when(ltS(align, 0), [set(align, call(alignOf, type)), alignments.set(type, add(align, 1))]),
        when(align, [when(isMisplaced(info, words.at(member, 2), align), [result(1)])]),
        when(gtU(align, most), [set(most, align)]),
        bump(member, 3),
      ]),
      result(ne(remU(words.at(at, 2), most), 0)),
    );
    return f;
  }

  /** Sets `member` and `end` to a struct's members. */
  function members(id: Value, ...[at, info, member, end]: readonly Parameters<typeof set>[0][]): Code[] {
    return [
      set(at!, index.at(id)),
      set(info!, words.at(at!, 1)),
      set(member!, add(at!, 3)),
      set(end!, add(member!, mul(vlenOf(info!), 3))),
    ];
  }
}

/** True for a member that is no bit field and not at a multiple of its alignment. */
function isMisplaced(info: Value, offset: Value, align: Value): Code {
  return either(
    either(kflagOf(info), shrU(offset, 24), 0),
    0,
    // An alignment is not always a power of two: sizes of hand-made integers may be anything.
    ne(remU(offset, shl(align, 3)), 0),
  );
}

function emitBitsOf(m: ModuleBuilder, memory: DumpMemory): Func {
  const sizeOf = emitSizeOf(m, memory);
  const f = declare(m, "bits_of", ["i32"], "i64");
  const [id] = f.params;
  const { known } = variables(f, "i64", "known");
  body(
    f,
    set(known, memory.bits.at(id!)),
    when(wide.not(known), [
      set(known, wide.shl(call(sizeOf, id!), wide.const(3))),
      when(wide.ltS(known, wide.const(0)), [set(known, wide.const(0))]),
      memory.bits.set(id!, known),
    ]),
    result(known),
  );
  return f;
}

function emitSizeOf(m: ModuleBuilder, { words, index, pointerSize }: DumpMemory): Func {
  const f = declare(m, "size_of", ["i32"], "i64");
  const [id] = f.params;
  const { hops, at } = variables(f, "i32", "hops", "at");
  const { count } = variables(f, "i64", "count");
  const none = wide.const(-1);
  const limit = wide.const(0xffff_ffff);
  const bounded = (size: Value): Code[] => [
    set(count, wide.mul(count, size)),
    result(either(wide.gtU(count, limit), none, count, "i64")),
  ];
  body(
    f,
    set(count, wide.const(1)),
    during(ltU(hops, MAX_RESOLVE_DEPTH), [
      when(not(id!), [leave]),
      set(at, index.at(id!)),
      select(
        kindOf(words.at(at, 1)),
        [
          [
            [
              BtfKind.INT,
              BtfKind.STRUCT,
              BtfKind.UNION,
              BtfKind.ENUM,
              BtfKind.ENUM64,
              BtfKind.DATASEC,
              BtfKind.FLOAT,
            ],
            bounded(extendU(words.at(at, 2))),
          ],
          [[BtfKind.PTR], bounded(extendU(pointerSize))],
          [
            [BtfKind.ARRAY],
            [
              set(count, wide.mul(count, extendU(words.at(at, 5)))),
              when(wide.gtU(count, limit), [result(none)]),
              set(id!, words.at(at, 3)),
            ],
          ],
          [[BtfKind.FWD, BtfKind.FUNC, BtfKind.FUNC_PROTO], [result(none)]],
        ],
        [set(id!, words.at(at, 2))],
      ),
      bump(hops, 1),
    ]),
    result(none),
  );
  return f;
}
