import { BtfKind } from "../../src/btf/kinds.ts";
import type { Func, ModuleBuilder } from "../../src/wasm/index.ts";
import { COMPOUND, PIECE_CONST, PIECE_OF_KIND, PIECE_VOID } from "./c-formats.ts";
import {
  add,
  any,
  body,
  both,
  bump,
  declare,
  during,
  either,
  eq,
  ltU,
  ne,
  result,
  select,
  set,
  variables,
  when,
} from "./expressions.ts";
import { kindOf } from "./fields.ts";
import type { CParts } from "./parts.ts";

/**
 * Emits `piece_of(id)`: whether a type is written in one piece, which is up to two pointers to a (constant) type that
 * has a name of its own; one more than the piece's number, or {@link COMPOUND}. It stays so from the first use on,
 * which counts the name.
 */
export function emitPieceOf(m: ModuleBuilder, { memory, tags }: CParts): Func {
  const { words, index, pieces, pieceAt } = memory;
  const f = declare(m, "piece_of", ["i32"], "i32");
  const [id] = f.params;
  const { piece, type, pointers, at, kind, constant, base } = variables(
    f,
    "i32",
    "piece",
    "type",
    "pointers",
    "at",
    "kind",
    "constant",
    "base",
  );
  const follow = [set(type, words.at(at, 2)), set(at, index.at(type)), set(kind, kindOf(words.at(at, 1)))];
  const kinds = [...PIECE_OF_KIND.keys()].filter((kind) => PIECE_OF_KIND[kind]! >= 0);
  body(
    f,
    set(piece, pieces.at(id!)),
    when(piece, [result(piece)]),
    set(type, id!),
    set(at, index.at(type)),
    set(kind, kindOf(words.at(at, 1))),
    during(both(eq(kind, BtfKind.PTR), ltU(pointers, 2)), [bump(pointers, 1), ...follow]),
    when(eq(kind, BtfKind.CONST), [set(constant, PIECE_CONST), ...follow]),
    set(piece, COMPOUND),
    select(
      kind,
      kinds.map((each) => [[each], [set(base, PIECE_OF_KIND[each]!)]]),
      [set(base, -1)],
    ),
    when(any(eq(base, PIECE_VOID), both(ne(base, -1), ne(words.at(at), 0))), [
      when(
        either(
          eq(kind, BtfKind.TYPEDEF),
          eq(tags.identifierNumber(type), 1),
          // Base types count their names where they are defined.
          either(both(base, ne(base, PIECE_VOID)), eq(tags.tagNumber(type), 1), 1),
        ),
        [set(piece, add(add(base, constant), add(pointers, 1)))],
      ),
    ]),
    pieces.set(id!, piece),
    pieceAt.set(id!, at),
    result(piece),
  );
  return f;
}
