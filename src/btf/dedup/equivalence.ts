import { typeLength } from "../fields.ts";
import { BtfKind, isComposite } from "../kinds.ts";
import { type TypeGraph, UNMAPPED } from "./graph.ts";
import { identicalTypes } from "./identical.ts";
import {
  compatibleEnums,
  equalArray,
  equalComposite,
  equalExact,
  equalHead,
  equalPrototype,
} from "./signature.ts";

/**
 * Tells whether the graph below a candidate type equals the one below a canonical type (`btf_dedup_is_equiv`).
 *
 * The walk records which candidate each canonical type would stand for, the hypothetical map. It is a contradiction
 * for one canonical type to stand for two candidates. A forward declaration equals any struct or union of its name;
 * when the graphs turn out equivalent, `merge` makes such findings permanent.
 */
export class Equivalence {
  readonly #graph: TypeGraph;
  /** By canonical id: the candidate it would stand for. */
  readonly #hypothesis: Uint32Array;
  readonly #touched: number[] = [];
  /** Pairs still to compare, as candidate and canonical id: a stack. */
  readonly #pending: number[] = [];
  #adjustsBase = false;

  constructor(graph: TypeGraph) {
    this.#graph = graph;
    this.#hypothesis = new Uint32Array(graph.count).fill(UNMAPPED);
  }

  /**
   * True where a forward declaration of the base would have to become a struct of ours: the base cannot change, so
   * the graphs do not count as equivalent after all.
   */
  get adjustsBase(): boolean {
    return this.#adjustsBase;
  }

  check(candidate: number, canonical: number): boolean {
    for (const id of this.#touched) this.#hypothesis[id] = UNMAPPED;
    this.#touched.length = 0;
    this.#adjustsBase = false;
    const pending = this.#pending;
    pending.length = 0;
    pending.push(candidate, canonical);
    while (pending.length > 0) {
      const next = pending.pop()!;
      if (!this.#compare(pending.pop()!, next)) return false;
    }
    return true;
  }

  /** Records what a successful check found: `btf_dedup_merge_hypot_map`. */
  merge(): void {
    const graph = this.#graph;
    const map = graph.canonical;
    for (const id of this.#touched) {
      const target = graph.resolve(this.#hypothesis[id]!);
      const canonical = graph.resolve(id);
      const targetIsForward = graph.kind(target) === BtfKind.FWD;
      const canonicalIsForward = graph.kind(canonical) === BtfKind.FWD;
      if (canonicalIsForward && !targetIsForward) map[canonical] = target;
      if (this.#adjustsBase || canonicalIsForward) continue;
      if (targetIsForward) map[target] = canonical;
      else if (isComposite(graph.kind(target)) && graph.isMapped(canonical) && !graph.isMapped(target)) {
        map[target] = canonical;
      }
    }
  }

  /** Compares two types by themselves and puts what they refer to on the stack, the first reference on top. */
  #compare(candidate: number, canonicalId: number): boolean {
    const graph = this.#graph;
    if (graph.resolve(candidate) === graph.resolve(canonicalId)) return true;
    const canonical = this.#resolveForward(canonicalId);
    const supposed = this.#hypothesis[canonical]!;
    if (supposed !== UNMAPPED) return supposed === candidate || identicalTypes(graph, supposed, candidate);
    this.#hypothesis[canonical] = candidate;
    this.#touched.push(canonical);

    const { words, index } = graph;
    const a = index[candidate]!;
    const b = index[canonical]!;
    if (words[a] !== words[b]) return false;
    const kind = graph.kind(candidate);
    const canonicalKind = graph.kind(canonical);
    if (kind !== canonicalKind && (kind === BtfKind.FWD || canonicalKind === BtfKind.FWD)) {
      return this.#forwardFits(candidate, canonical);
    }
    const end = a + typeLength(words, a);
    switch (kind) {
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
        this.#pending.push(words[a + 2]!, words[b + 2]!);
        return true;
      case BtfKind.ARRAY:
        if (!equalArray(words, a, b)) return false;
        this.#pending.push(words[a + 3]!, words[b + 3]!, words[a + 4]!, words[b + 4]!);
        return true;
      case BtfKind.STRUCT:
      case BtfKind.UNION:
        if (!equalComposite(words, a, b)) return false;
        for (let i = end - 2; i > a + 3; i -= 3) this.#pending.push(words[i]!, words[i - a + b]!);
        return true;
      case BtfKind.FUNC_PROTO:
        if (!equalPrototype(words, a, b)) return false;
        for (let i = end - 1; i > a + 3; i -= 2) this.#pending.push(words[i]!, words[i - a + b]!);
        this.#pending.push(words[a + 2]!, words[b + 2]!);
        return true;
      default:
        return false;
    }
  }

  #forwardFits(candidate: number, canonical: number): boolean {
    const graph = this.#graph;
    const candidateIsForward = graph.kind(candidate) === BtfKind.FWD;
    const [forward, real] = candidateIsForward ? [candidate, canonical] : [canonical, candidate];
    const wanted = graph.words[graph.index[forward]! + 1]! >>> 31 === 1 ? BtfKind.UNION : BtfKind.STRUCT;
    const fits = graph.kind(real) === wanted;
    if (fits && !candidateIsForward && canonical < graph.firstId) this.#adjustsBase = true;
    return fits;
  }

  /** On the canonical side, a forward declaration that was resolved stands for its struct. */
  #resolveForward(id: number): number {
    const graph = this.#graph;
    if (graph.kind(id) !== BtfKind.FWD) return id;
    const resolved = graph.resolve(id);
    return graph.kind(resolved) === BtfKind.FWD ? id : resolved;
  }
}
