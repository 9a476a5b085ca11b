import { type Btf, BtfKind, resolveType } from "../../btf/index.ts";

/** How deep structs of two objects are compared: far more than they nest. */
const MAX_DEPTH = 512;

/** How many types one comparison may look at. */
const MAX_STEPS = 1_000_000;

/**
 * Compares what two objects say of one global variable or function (`glob_sym_btf_matches`): returns what differs, or
 * null. Behind pointers only kinds and names count, and a forward declaration is as good as its struct; encodings of
 * integers, values of enums, sizes of arrays and names of parameters do not count.
 */
export function typeDifference(a: Btf, aId: number, b: Btf, bId: number): string | null {
  return new TypeComparison(a, b).compare(aId, bId, true, 0);
}

class TypeComparison {
  readonly #a: Btf;
  readonly #b: Btf;
  #steps = MAX_STEPS;

  constructor(a: Btf, b: Btf) {
    this.#a = a;
    this.#b = b;
  }

  compare(aId: number, bId: number, exact: boolean, depth: number): string | null {
    const a = this.#a;
    const b = this.#b;
    for (;;) {
      aId = resolveType(a, aId);
      bId = resolveType(b, bId);
      if (--this.#steps < 0 || depth > MAX_DEPTH)
        throw a.error(aId, "too many types to compare: does it contain itself?");
      const kind = a.kind(aId);
      const other = b.kind(bId);
      if (!exact && (kind === BtfKind.FWD) !== (other === BtfKind.FWD)) return this.#forward(aId, bId);
      if (kind !== other) return `kind ${kind} and ${other}`;
      if (NAMED.has(kind) && a.name(aId) !== b.name(bId))
        return `names '${a.name(aId)}' and '${b.name(bId)}'`;
      switch (kind) {
        case BtfKind.VOID:
        case BtfKind.FWD:
          return null;
        case BtfKind.INT:
        case BtfKind.FLOAT:
        case BtfKind.ENUM:
        case BtfKind.ENUM64:
          return a.size(aId) === b.size(bId)
            ? null
            : `sizes ${a.size(aId)} and ${b.size(bId)} of '${a.name(aId)}'`;
        case BtfKind.PTR:
          exact = false;
          aId = a.ref(aId);
          bId = b.ref(bId);
          break;
        case BtfKind.ARRAY:
          aId = a.elementType(aId);
          bId = b.elementType(bId);
          break;
        case BtfKind.FUNC:
        case BtfKind.VAR:
          aId = a.ref(aId);
          bId = b.ref(bId);
          break;
        case BtfKind.STRUCT:
        case BtfKind.UNION:
          return exact ? this.#members(aId, bId, depth) : null;
        case BtfKind.FUNC_PROTO: {
          const count = a.vlen(aId);
          if (count !== b.vlen(bId)) return `${count} and ${b.vlen(bId)} parameters`;
          for (let i = 0; i < count; i++) {
            const difference = this.compare(a.word(aId, 4 + 2 * i), b.word(bId, 4 + 2 * i), exact, depth + 1);
            if (difference !== null) return difference;
          }
          aId = a.ref(aId);
          bId = b.ref(bId);
          break;
        }
        default:
          return `kind ${kind}`;
      }
    }
  }

  #forward(aId: number, bId: number): string | null {
    const a = this.#a;
    const b = this.#b;
    if (a.name(aId) !== b.name(bId)) return `names '${a.name(aId)}' and '${b.name(bId)}'`;
    const [forward, declared, concrete] =
      a.kind(aId) === BtfKind.FWD ? [a, aId, b.kind(bId)] : [b, bId, a.kind(aId)];
    const wanted = forward.kflag(declared) ? BtfKind.UNION : BtfKind.STRUCT;
    return concrete === wanted ? null : `a forward declaration and kind ${concrete} of '${a.name(aId)}'`;
  }

  #members(aId: number, bId: number, depth: number): string | null {
    const a = this.#a;
    const b = this.#b;
    const count = a.vlen(aId);
    if (count !== b.vlen(bId)) return `${count} and ${b.vlen(bId)} members of '${a.name(aId)}'`;
    for (let i = 0; i < count; i++) {
      const name = a.memberName(aId, i);
      if (name !== b.memberName(bId, i)) return `members '${name}' and '${b.memberName(bId, i)}'`;
      if (
        a.memberBitOffset(aId, i) !== b.memberBitOffset(bId, i) ||
        a.memberBitSize(aId, i) !== b.memberBitSize(bId, i)
      ) {
        return `offsets of member '${name}'`;
      }
      const difference = this.compare(a.memberType(aId, i), b.memberType(bId, i), true, depth + 1);
      if (difference !== null) return difference;
    }
    return null;
  }
}

const NAMED: ReadonlySet<number> = new Set([
  BtfKind.STRUCT,
  BtfKind.UNION,
  BtfKind.ENUM,
  BtfKind.ENUM64,
  BtfKind.FWD,
  BtfKind.FUNC,
]);
