import { TsbpfError } from "../base/index.ts";
import { type Btf, BtfKind, isComposite, isModifier } from "../btf/index.ts";

/** Where a member of a kernel struct lies. */
export interface FieldPlace {
  /** From the start of the outermost struct, in bytes; of a bit field, the byte that holds its lowest bit. */
  readonly offset: number;
  /** In bytes; of a bit field, those that it touches. */
  readonly size: number;
  /** Position of the lowest bit in the byte at `offset`; 0 where the member is no bit field. */
  readonly shift: number;
  /** Bits of a bit field in place (`shift` applied); 0 where the member is none. */
  readonly mask: number;
}

/** Offsets and sizes of kernel structs by name, from the kernel's own BTF: no kernel offset is written in code. */
export class KernelLayout {
  readonly btf: Btf;
  readonly #places = new Map<string, FieldPlace | null>();
  readonly #sizes = new Map<string, number>();

  constructor(btf: Btf) {
    this.btf = btf;
  }

  /**
   * The place of a member by its path, `"sk_buff.len"` or `"sock.__sk_common.skc_family"`. Members of anonymous
   * structs and unions are found as in C.
   *
   * @throws TsbpfError where this kernel has no such struct or member.
   */
  field(path: string): FieldPlace {
    const place = this.find(path);
    if (place === null) throw new TsbpfError(`kernel layout: expected a member ${path}, the BTF has none`);
    return place;
  }

  /** As `field`, or null where this kernel has no such member. */
  find(path: string): FieldPlace | null {
    let place = this.#places.get(path);
    if (place === undefined) {
      place = this.#resolve(path);
      this.#places.set(path, place);
    }
    return place;
  }

  /** Offset of a member, in bytes. */
  offset(path: string): number {
    return this.field(path).offset;
  }

  /** Size of a struct or union by name, in bytes. */
  sizeOf(name: string): number {
    let size = this.#sizes.get(name);
    if (size === undefined) {
      const id = this.#composite(name);
      if (id === 0) throw new TsbpfError(`kernel layout: expected a struct ${name}, the BTF has none`);
      size = this.btf.size(id);
      this.#sizes.set(name, size);
    }
    return size;
  }

  #composite(name: string): number {
    return this.btf.findByName(name, BtfKind.STRUCT) || this.btf.findByName(name, BtfKind.UNION);
  }

  #resolve(path: string): FieldPlace | null {
    const [struct, ...names] = path.split(".");
    let type = this.#composite(struct!);
    let bitOffset = 0;
    let bitSize = 0;
    for (const name of names) {
      type = this.#skip(type);
      const found = isComposite(this.btf.kind(type)) ? this.#member(type, name) : null;
      if (found === null) return null;
      type = found.type;
      bitOffset += found.bitOffset;
      bitSize = found.bitSize;
    }
    if (type === 0) return null;
    const shift = bitSize === 0 ? 0 : bitOffset & 7;
    return {
      offset: bitOffset >> 3,
      size: bitSize === 0 ? this.#sizeOf(type) : (shift + bitSize + 7) >> 3,
      shift,
      mask: bitSize === 0 ? 0 : (2 ** bitSize - 1) * 2 ** shift,
    };
  }

  #skip(type: number): number {
    const { btf } = this;
    // Chains of modifiers in valid BTF end; a cycle in a broken one must not hang.
    for (let depth = 0; depth < 32; depth++) {
      const kind = btf.kind(type);
      if (!isModifier(kind) && kind !== BtfKind.TYPEDEF) return type;
      type = btf.ref(type);
    }
    return 0;
  }

  #member(
    type: number,
    name: string,
    depth = 0,
  ): { type: number; bitOffset: number; bitSize: number } | null {
    const { btf } = this;
    const count = btf.vlen(type);
    for (let member = 0; member < count; member++) {
      const memberType = btf.memberType(type, member);
      const bitOffset = btf.memberBitOffset(type, member);
      const memberName = btf.memberName(type, member);
      if (memberName === name)
        return { type: memberType, bitOffset, bitSize: btf.memberBitSize(type, member) };
      if (memberName !== "" || depth > 16) continue;
      const inner = this.#skip(memberType);
      const found = isComposite(btf.kind(inner)) ? this.#member(inner, name, depth + 1) : null;
      if (found !== null) return { ...found, bitOffset: found.bitOffset + bitOffset };
    }
    return null;
  }

  #sizeOf(type: number): number {
    const { btf } = this;
    let count = 1;
    for (let depth = 0; depth < 32; depth++) {
      type = this.#skip(type);
      const kind = btf.kind(type);
      if (kind === BtfKind.PTR) return count * btf.pointerSize;
      if (kind !== BtfKind.ARRAY) return type === 0 ? 0 : count * btf.size(type);
      count *= btf.elementCount(type);
      type = btf.elementType(type);
    }
    return 0;
  }
}
