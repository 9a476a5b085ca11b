import { type Btf, BtfKind } from "../btf/index.ts";
import { Errno } from "../uapi/index.ts";
import { isBtfName } from "./btf-names.ts";
import type { BtfProblem } from "./btf-types.ts";

const NO_PARAMETERS = 3;
const REGULAR_SIZES: ReadonlySet<number> = new Set([1, 2, 4, 8, 16]);

const MODIFIERS: ReadonlySet<number> = new Set([
  BtfKind.TYPEDEF,
  BtfKind.CONST,
  BtfKind.VOLATILE,
  BtfKind.RESTRICT,
  BtfKind.TYPE_TAG,
]);
/** Kinds that refer to types, and that no type refers to but a section to its variables. */
const SOURCES: ReadonlySet<number> = new Set([BtfKind.VAR, BtfKind.DECL_TAG, BtfKind.DATASEC]);
const TAGGED: ReadonlySet<number> = new Set([
  BtfKind.VAR,
  BtfKind.STRUCT,
  BtfKind.UNION,
  BtfKind.FUNC,
  BtfKind.TYPEDEF,
]);

/**
 * What Linux demands of types together (`btf_check_all_types`): that each reference leads to a type that can stand
 * there, that no type contains itself, and that what is contained fits.
 */
export function checkBtfReferences(btf: Btf): BtfProblem | null {
  const contained = new Set<number>([...MODIFIERS, BtfKind.ARRAY, BtfKind.STRUCT, BtfKind.UNION]);
  const loop = findLoop(btf, contained) ?? findLoop(btf, new Set([...MODIFIERS, BtfKind.PTR]));
  if (loop !== null) return { id: loop, reason: "Loop detected", errno: Errno.EEXIST };
  for (let id = 1; id < btf.count; id++) {
    const reason = new References(btf, id).problem();
    if (reason !== null) return { id, reason, errno: Errno.EINVAL };
  }
  return null;
}

/** The references of one type. */
class References {
  readonly #btf: Btf;
  readonly #id: number;

  constructor(btf: Btf, id: number) {
    this.#btf = btf;
    this.#id = id;
  }

  problem(): string | null {
    const kind = this.#btf.kind(this.#id);
    if (kind === BtfKind.PTR || MODIFIERS.has(kind)) return this.#pointsTo(this.#btf.ref(this.#id));
    switch (kind) {
      case BtfKind.ARRAY:
        return this.#array();
      case BtfKind.STRUCT:
      case BtfKind.UNION:
        return this.#members();
      case BtfKind.FUNC:
        return this.#function();
      case BtfKind.FUNC_PROTO:
        return this.#prototype();
      case BtfKind.VAR:
        return this.#hasSize(this.#btf.ref(this.#id)) ? null : "Invalid type_id";
      case BtfKind.DATASEC:
        return this.#section();
      case BtfKind.DECL_TAG:
        return this.#tag();
      default:
        return null;
    }
  }

  #kindOf(id: number): number {
    return this.#btf.has(id) ? this.#btf.kind(id) : -1;
  }

  /** The type behind modifiers. */
  #bare(id: number): number {
    let type = id;
    for (let depth = 0; depth < this.#btf.count && MODIFIERS.has(this.#kindOf(type)); depth++)
      type = this.#btf.ref(type);
    return type;
  }

  #hasSize(id: number): boolean {
    if (!this.#btf.has(id) || id === 0 || SOURCES.has(this.#kindOf(id))) return false;
    return this.#btf.sizeOf(id) >= 0;
  }

  /** What a pointer or a modifier may refer to: also what has no size, but is a type. */
  #pointsTo(id: number): string | null {
    const bare = this.#bare(id);
    const kind = this.#kindOf(bare);
    if (kind < 0 || SOURCES.has(kind)) return "Invalid type_id";
    const sizeless = kind === 0 || kind === BtfKind.FWD || kind === BtfKind.FUNC_PROTO;
    return sizeless || this.#hasSize(bare) ? null : "Invalid type_id";
  }

  #array(): string | null {
    const btf = this.#btf;
    const element = btf.elementType(this.#id);
    const index = this.#bare(btf.word(this.#id, 4));
    if (this.#kindOf(index) !== BtfKind.INT || !isRegular(btf, index)) return "Invalid index";
    if (!this.#hasSize(element)) return "Invalid elem";
    const bare = this.#bare(element);
    if (this.#kindOf(bare) === BtfKind.INT && !isRegular(btf, bare)) return "Invalid array of int";
    return btf.sizeOf(element) * btf.elementCount(this.#id) > 0xffff_ffff ? "Array size overflows u32" : null;
  }

  #members(): string | null {
    const btf = this.#btf;
    const size = btf.size(this.#id);
    for (let member = 0; member < btf.vlen(this.#id); member++) {
      const type = btf.memberType(this.#id, member);
      if (!this.#hasSize(type)) return "Invalid member";
      const bits = btf.memberBitSize(this.#id, member);
      const problem = this.#memberProblem(type, btf.memberBitOffset(this.#id, member), bits, size);
      if (problem !== null) return problem;
    }
    return null;
  }

  #memberProblem(type: number, offset: number, bits: number, size: number): string | null {
    const btf = this.#btf;
    const bare = this.#bare(type);
    const kind = this.#kindOf(bare);
    if (btf.kflag(this.#id)) {
      if (kind === BtfKind.INT || kind === BtfKind.ENUM || kind === BtfKind.ENUM64) {
        const width = kind === BtfKind.INT ? btf.intInfo(bare) & 0xff : btf.size(bare) * 8;
        if (kind === BtfKind.INT && !isRegular(btf, bare)) return "Invalid member base type";
        if (bits > width) return "Invalid member bitfield_size";
        if (bits === 0 && offset % 8 !== 0) return "Invalid member offset";
        const end = bits === 0 ? offset + btf.size(bare) * 8 : offset + bits;
        return Math.ceil(end / 8) > size ? "Member exceeds struct_size" : null;
      }
      if (bits !== 0) return "Invalid member bitfield_size";
    }
    if (kind === BtfKind.INT) return this.#intMember(bare, offset, size);
    if (offset % 8 !== 0) return "Member is not byte aligned";
    return offset / 8 + btf.sizeOf(type) > size ? "Member exceeds struct_size" : null;
  }

  /** `btf_int_check_member` */
  #intMember(type: number, offset: number, size: number): string | null {
    const info = this.#btf.intInfo(type);
    const bits = offset + ((info >>> 16) & 0xff);
    const inByte = bits % 8;
    const copied = (info & 0xff) + inByte;
    if (copied > 128) return "nr_copy_bits exceeds 128";
    return size < Math.floor(bits / 8) || size - Math.floor(bits / 8) < Math.ceil(copied / 8)
      ? "Member exceeds struct_size"
      : null;
  }

  #function(): string | null {
    const prototype = this.#btf.ref(this.#id);
    if (this.#kindOf(prototype) !== BtfKind.FUNC_PROTO) return "Invalid type_id";
    for (let i = 0; i < this.#btf.vlen(prototype); i++) {
      const at = NO_PARAMETERS + 2 * i;
      if (this.#btf.word(prototype, at + 1) !== 0 && this.#btf.word(prototype, at) === 0)
        return "Invalid arg";
    }
    return null;
  }

  #prototype(): string | null {
    const btf = this.#btf;
    const returned = btf.ref(this.#id);
    if (returned !== 0 && !this.#hasSize(returned)) return "Invalid return type";
    const count = btf.vlen(this.#id);
    for (let i = 0; i < count; i++) {
      const at = NO_PARAMETERS + 2 * i;
      const [name, type] = [btf.word(this.#id, at), btf.word(this.#id, at + 1)];
      // Only the last may be without a type: the dots of a variable number of arguments.
      if (type === 0 && i === count - 1) return name === 0 ? null : "Invalid arg";
      if (!this.#hasSize(type)) return "Invalid arg";
      if (name >= btf.stringEnd) return "Invalid arg";
      if (name !== 0 && !isBtfName(btf, name, "identifier")) return "Invalid arg";
    }
    return null;
  }

  #section(): string | null {
    const btf = this.#btf;
    for (let i = 0; i < btf.vlen(this.#id); i++) {
      const at = 3 + 3 * i;
      const variable = btf.word(this.#id, at);
      if (this.#kindOf(variable) !== BtfKind.VAR) return "Not a VAR kind member";
      if (btf.sizeOf(btf.ref(variable)) > btf.word(this.#id, at + 2)) return "Invalid size";
    }
    return null;
  }

  #tag(): string | null {
    const btf = this.#btf;
    const target = btf.ref(this.#id);
    const kind = this.#kindOf(target);
    if (!TAGGED.has(kind)) return "Invalid type_id";
    const component = btf.word(this.#id, 3) | 0;
    if (component === -1) return null;
    if (kind === BtfKind.VAR || kind === BtfKind.TYPEDEF) return "Invalid component_idx";
    const components = btf.vlen(kind === BtfKind.FUNC ? btf.ref(target) : target);
    return component < components ? null : "Invalid component_idx";
  }
}

/** An integer of as many bits as one of C's has (`btf_type_int_is_regular`). */
function isRegular(btf: Btf, id: number): boolean {
  const info = btf.intInfo(id);
  return ((info >>> 16) & 0xff) === 0 && REGULAR_SIZES.has((info & 0xff) / 8);
}

/** A type that leads back to itself through types of these kinds alone. */
function findLoop(btf: Btf, kinds: ReadonlySet<number>): number | null {
  const UNSEEN = 0;
  const OPEN = 1;
  const DONE = 2;
  const states = new Uint8Array(btf.count);
  const path: { readonly id: number; readonly targets: readonly number[]; next: number }[] = [];
  const enter = (id: number) => {
    states[id] = OPEN;
    path.push({ id, targets: targetsOf(btf, id), next: 0 });
  };
  for (let root = 1; root < btf.count; root++) {
    if (states[root] !== UNSEEN || !kinds.has(btf.kind(root))) continue;
    enter(root);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const target = top.targets[top.next++];
      if (target === undefined) {
        states[top.id] = DONE;
        path.pop();
      } else if (btf.has(target) && kinds.has(btf.kind(target))) {
        if (states[target] === OPEN) return target;
        if (states[target] === UNSEEN) enter(target);
      }
    }
  }
  return null;
}

function targetsOf(btf: Btf, id: number): readonly number[] {
  switch (btf.kind(id)) {
    case BtfKind.ARRAY:
      return [btf.elementType(id), btf.word(id, 4)];
    case BtfKind.STRUCT:
    case BtfKind.UNION:
      return Array.from({ length: btf.vlen(id) }, (_, member) => btf.memberType(id, member));
    default:
      return [btf.ref(id)];
  }
}
