import { BtfKind, MAX_RESOLVE_DEPTH } from "../kinds.ts";
import type { Btf } from "../model.ts";
import type { BtfTables } from "../view.ts";
import type { WalkBounds } from "./bounds.ts";

/** 0: not visited yet. */
const ORDERING = 1;
const ORDERED = 2;

/**
 * The order in which C needs definitions: what is embedded comes before what embeds it, what is only pointed to may
 * come later. The link from a type to another is weak (0) if there is a pointer and a named type on the way, and
 * strong (1) otherwise (`btf_dump_order_type` of libbpf, whose order this is).
 */
export class DefinitionOrder {
  private readonly btf: Btf;
  private readonly words: Uint32Array;
  private readonly index: Uint32Array;
  private readonly bounds: WalkBounds;
  private readonly states: Uint8Array;
  private readonly referenced: Uint8Array;
  /** The first `length` of these are to be defined, in this order. Each type comes at most once. */
  readonly queue: Uint32Array;
  #length = 0;

  constructor(btf: Btf, tables: BtfTables, bounds: WalkBounds) {
    this.btf = btf;
    this.words = tables.words;
    this.index = tables.index;
    this.bounds = bounds;
    this.states = new Uint8Array(btf.count);
    this.states[0] = ORDERED;
    this.queue = new Uint32Array(btf.count);
    this.referenced = referencedTypes(tables);
  }

  get length(): number {
    return this.#length;
  }

  /** Adds what is to be defined for a type and is not in the queue yet; FormatError, and adds nothing, for a cycle. */
  add(id: number): void {
    const start = this.#length;
    try {
      this.visit(id, false);
    } catch (error) {
      this.#length = start;
      throw error;
    }
  }

  /** `add` for the types `ids[from]` and up. */
  addAll(ids: Uint32Array, from: number): void {
    const { states, words, index } = this;
    for (let i = from; i < ids.length; i++) {
      const id = ids[i]!;
      // Functions are half of a kernel's types, and define nothing.
      if (states[id] === ORDERED) continue;
      if (((words[index[id]! + 1]! >>> 24) & 0x1f) === BtfKind.FUNC) states[id] = ORDERED;
      else this.add(id);
    }
  }

  /** False where `add` would change nothing, as far as that can be told without a walk. */
  awaits(id: number): boolean {
    const { words, states } = this;
    const at = this.index[id]!;
    const info = words[at + 1]!;
    if (((info >>> 24) & 0x1f) !== BtfKind.FUNC_PROTO) return !this.isReached(id);
    if (!this.isReached(words[at + 2]!)) return true;
    for (let param = at + 4, end = param + (info & 0xffff) * 2; param < end; param += 2) {
      const type = words[param]!;
      if (states[type] !== ORDERED && !this.isReached(type)) return true;
    }
    return false;
  }

  /** True where a walk would end at what is ordered, without a step that is remembered. */
  private isReached(id: number): boolean {
    const { words, states } = this;
    for (let hops = 0; hops < MAX_RESOLVE_DEPTH; hops++) {
      if (states[id] === ORDERED) return true;
      const at = this.index[id]!;
      const kind = (words[at + 1]! >>> 24) & 0x1f;
      if (kind === BtfKind.ARRAY) id = words[at + 3]!;
      else if ((kind >= BtfKind.VOLATILE && kind <= BtfKind.RESTRICT) || kind === BtfKind.TYPE_TAG) {
        id = words[at + 2]!;
      } else return false;
    }
    return false;
  }

  private visit(id: number, throughPointer: boolean): 0 | 1 {
    const { words, states } = this;
    for (;;) {
      const state = states[id]!;
      if (state === ORDERED) return 1;
      const at = this.index[id]!;
      const info = words[at + 1]!;
      const kind = (info >>> 24) & 0x1f;
      const named = words[at] !== 0;
      if (state === ORDERING) {
        if ((kind === BtfKind.STRUCT || kind === BtfKind.UNION) && throughPointer && named) return 0;
        throw this.btf.error(id, "expected types that C can define in some order, got a cycle");
      }
      switch (kind) {
        case BtfKind.STRUCT:
        case BtfKind.UNION:
          if (throughPointer && named) return 0;
          this.visitMembers(id, at, info & 0xffff);
          if (named) this.queue[this.#length++] = id;
          states[id] = ORDERED;
          return 1;
        case BtfKind.PTR: {
          this.bounds.enter(id);
          const link = this.visit(words[at + 2]!, true);
          this.bounds.leave();
          states[id] = ORDERED;
          return link;
        }
        case BtfKind.ARRAY:
          id = words[at + 3]!;
          throughPointer = false;
          break;
        case BtfKind.VOLATILE:
        case BtfKind.CONST:
        case BtfKind.RESTRICT:
        case BtfKind.TYPE_TAG:
          id = words[at + 2]!;
          break;
        case BtfKind.TYPEDEF:
          return this.visitTypedef(id, words[at + 2]!, throughPointer);
        case BtfKind.FUNC_PROTO:
          return this.visitPrototype(id, at, info & 0xffff, throughPointer);
        case BtfKind.ENUM:
        case BtfKind.ENUM64:
        case BtfKind.FWD:
          // An anonymous enum that nothing refers to declares constants; others are written where they are used.
          if (named || this.referenced[id] === 0) this.queue[this.#length++] = id;
          states[id] = ORDERED;
          return 1;
        default:
          states[id] = ORDERED;
          return 0;
      }
      this.bounds.step(id);
    }
  }

  private visitMembers(id: number, at: number, vlen: number): void {
    const { words, states } = this;
    states[id] = ORDERING;
    this.bounds.enter(id);
    for (let member = at + 4, end = member + vlen * 3; member < end; member += 3) {
      const type = words[member]!;
      if (states[type] !== ORDERED) this.visit(type, false);
    }
    this.bounds.leave();
  }

  private visitTypedef(id: number, target: number, throughPointer: boolean): 0 | 1 {
    this.bounds.enter(id);
    const link = this.visit(target, throughPointer);
    this.bounds.leave();
    if (throughPointer && link === 0) return 0;
    this.queue[this.#length++] = id;
    this.states[id] = ORDERED;
    return 1;
  }

  private visitPrototype(id: number, at: number, vlen: number, throughPointer: boolean): 0 | 1 {
    const { words, states } = this;
    this.bounds.enter(id);
    let link = this.visit(words[at + 2]!, throughPointer);
    for (let param = at + 4, end = param + vlen * 2; param < end; param += 2) {
      const type = words[param]!;
      if (states[type] === ORDERED || this.visit(type, throughPointer) === 1) link = 1;
    }
    this.bounds.leave();
    return link;
  }
}

/** 1 for each type that another type refers to. */
function referencedTypes({ words, index }: BtfTables): Uint8Array {
  const referenced = new Uint8Array(index.length);
  for (let id = 1; id < index.length; id++) {
    const at = index[id]!;
    const info = words[at + 1]!;
    const kind = (info >>> 24) & 0x1f;
    // Where an element's type is: the second word of members and parameters, the first of section variables.
    const step = kind === BtfKind.FUNC_PROTO ? 2 : 3;
    let first = at + 4;
    let count = info & 0xffff;
    if (kind === BtfKind.DATASEC) first = at + 3;
    else if (kind !== BtfKind.STRUCT && kind !== BtfKind.UNION && kind !== BtfKind.FUNC_PROTO) {
      count = 0;
      if (kind === BtfKind.ARRAY) {
        referenced[words[at + 3]!] = 1;
        referenced[words[at + 4]!] = 1;
      } else if (
        kind === BtfKind.PTR ||
        (kind >= BtfKind.TYPEDEF && kind !== BtfKind.FLOAT && kind !== BtfKind.ENUM64)
      ) {
        referenced[words[at + 2]!] = 1;
      }
    }
    for (let i = 0; i < count; i++, first += step) referenced[words[first]!] = 1;
  }
  return referenced;
}
