import { BtfKind } from "../../src/btf/kinds.ts";
import { and, type Code, eq, geU, leU, shrU, type Value } from "./expressions.ts";
import type { DumpMemory } from "./memory.ts";

/** Parts of a type's info word. */
export const kindOf = (info: Value): Code => and(shrU(info, 24), 0x1f);
export const vlenOf = (info: Value): Code => and(info, 0xffff);
export const kflagOf = (info: Value): Code => shrU(info, 31);

/** Kind of a type by its id. */
export function kindOfType({ words, index }: DumpMemory, id: Value): Code {
  return kindOf(words.at(index.at(id), 1));
}

/** True for VOLATILE, CONST and RESTRICT. */
export function isQualifier(kind: Value): Code {
  return and(geU(kind, BtfKind.VOLATILE), leU(kind, BtfKind.RESTRICT));
}

export function isComposite(kind: Value): Code {
  return eq(and(kind, 0x1e), BtfKind.STRUCT);
}
