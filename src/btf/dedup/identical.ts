import { typeLength } from "../fields.ts";
import { BtfKind } from "../kinds.ts";
import type { TypeGraph } from "./graph.ts";
import {
  compatibleEnums,
  equalArray,
  equalComposite,
  equalExact,
  equalHead,
  equalPrototype,
} from "./signature.ts";

/** How deep the comparison goes (libbpf's limit), and how many types it looks at before it gives up. */
const MAX_DEPTH = 16;
const MAX_STEPS = 100_000;

/**
 * True where two types of one graph are copies of each other: compilers sometimes describe one array, struct or
 * pointer type twice in a unit. Purely structural, and "no" where that cannot be seen within the limits.
 */
export function identicalTypes(graph: TypeGraph, first: number, second: number): boolean {
  const { words, index } = graph;
  let steps = 0;
  const identical = (id1: number, id2: number, depth: number): boolean => {
    for (;;) {
      if (depth <= 0 || ++steps > MAX_STEPS) return false;
      if (id1 === id2) return true;
      const a = index[id1]!;
      const b = index[id2]!;
      const kind = graph.kind(id1);
      if (kind !== graph.kind(id2)) return false;
      const end = a + typeLength(words, a);
      switch (kind) {
        case BtfKind.VOID:
          return true;
        case BtfKind.INT:
        case BtfKind.FWD:
        case BtfKind.FLOAT:
          return equalExact(words, a, b);
        case BtfKind.ENUM:
        case BtfKind.ENUM64:
          return compatibleEnums(words, a, b);
        case BtfKind.CONST:
        case BtfKind.VOLATILE:
        case BtfKind.RESTRICT:
        case BtfKind.PTR:
        case BtfKind.TYPEDEF:
        case BtfKind.FUNC:
        case BtfKind.TYPE_TAG:
          if (!equalHead(words, a, b)) return false;
          id1 = words[a + 2]!;
          id2 = words[b + 2]!;
          // A chain of pointers may be as long as it likes, but not a cycle: that uses up the steps.
          continue;
        case BtfKind.ARRAY:
          return (
            equalArray(words, a, b) &&
            identical(words[a + 4]!, words[b + 4]!, depth - 1) &&
            identical(words[a + 3]!, words[b + 3]!, depth - 1)
          );
        case BtfKind.STRUCT:
        case BtfKind.UNION:
          if (!equalComposite(words, a, b)) return false;
          for (let i = a + 4; i < end; i += 3) {
            if (!identical(words[i]!, words[i - a + b]!, depth - 1)) return false;
          }
          return true;
        case BtfKind.FUNC_PROTO:
          if (!equalPrototype(words, a, b)) return false;
          if (!identical(words[a + 2]!, words[b + 2]!, depth - 1)) return false;
          for (let i = a + 4; i < end; i += 2) {
            if (!identical(words[i]!, words[i - a + b]!, depth - 1)) return false;
          }
          return true;
        default:
          return false;
      }
    }
  };
  return identical(first, second, MAX_DEPTH);
}
