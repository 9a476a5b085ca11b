import { BtfKind } from "../../src/btf/kinds.ts";
import type { Func, Local, ModuleBuilder } from "../../src/wasm/index.ts";
import { COMPOUND, F, MAX_INDENT, PIECE_COUNT, PIECE_LEVELS } from "./c-formats.ts";
import {
  add,
  and,
  body,
  both,
  bump,
  type Code,
  call,
  declare,
  during,
  either,
  eq,
  extendU,
  gtU,
  ltU,
  mul,
  ne,
  set,
  shrU,
  type Value,
  variables,
  when,
  wide,
} from "./expressions.ts";
import { kflagOf, kindOf, vlenOf } from "./fields.ts";
import { emitPadding } from "./padding.ts";
import type { CParts } from "./parts.ts";

/** A new line with so many tabs, as many as libbpf prints at most. */
export function newLine({ lines }: CParts, level: Value): Code {
  return lines.line(add(F.line0, either(gtU(level, MAX_INDENT), MAX_INDENT, level)));
}

/**
 * Emits `members(id, packed, level)`: the members of a struct or union whose own line is at `level`.
 * `declareName(id, name, number, level)` writes what is not of one piece.
 */
export function emitMembers(m: ModuleBuilder, parts: CParts, pieceOf: Func, declareName: Func): Func {
  const { memory, bounds, lines, layout } = parts;
  const { words, index, pieceAt } = memory;
  const pad = emitPadding(m, memory.pointerSize, (type, bits, id, level) => (place) => {
    bounds.step(id)(place);
    newLine(parts, level)(place);
    lines.line(add(F.paddingLong, type), 0, bits)(place);
  });
  const f = declare(m, "members", ["i32", "i32", "i32"]);
  const [id, packed, level] = f.params as [Local, Local, Local];
  const { at, info, member, end, type, start, bits, piece, wasBits } = variables(
    f,
    "i32",
    "at",
    "info",
    "member",
    "end",
    "type",
    "start",
    "bits",
    "piece",
    "wasBits",
  );
  const { offset, size } = variables(f, "i64", "offset", "size");
  const inner = add(level, 1);
  body(
    f,
    set(at, index.at(id)),
    set(info, words.at(at, 1)),
    set(member, add(at, 3)),
    set(end, add(member, mul(vlenOf(info), 3))),
    during(ltU(member, end), [
      set(type, words.at(member, 1)),
      set(start, words.at(member, 2)),
      set(bits, 0),
      when(kflagOf(info), [set(bits, shrU(start, 24)), set(start, and(start, 0xff_ffff))]),
      when(wide.ltU(offset, extendU(start)), [
        call(
          pad,
          offset,
          extendU(start),
          either(packed, 1, layout.alignOf(type)),
          both(wasBits, ne(bits, 0)),
          id,
          inner,
        ),
      ]),
      set(piece, call(pieceOf, type)),
      when(
        both(both(ne(piece, COMPOUND), ltU(level, PIECE_LEVELS)), ne(words.at(member), 0)),
        [
          lines.line(add(add(mul(level, PIECE_COUNT), F.memberLine0 - 1), piece), pieceAt.at(type)),
          lines.line(either(bits, F.memberBits, F.memberName), member),
        ],
        [
          newLine(parts, inner),
          call(declareName, type, member, 1, inner),
          lines.line(either(bits, F.bits, F.end), 0, bits),
        ],
      ),
      set(offset, wide.add(extendU(start), either(bits, extendU(bits), layout.bitsOf(type), "i64"))),
      set(wasBits, bits),
      bump(member, 3),
    ]),
    set(size, wide.shl(extendU(words.at(at, 2)), wide.const(3))),
    when(both(eq(kindOf(info), BtfKind.STRUCT), wide.ltU(offset, size)), [
      call(pad, offset, size, layout.alignOf(id), 0, id, inner),
    ]),
  );
  return f;
}
