import type { TsbpfError } from "../base/index.ts";
import {
  Btf,
  BtfBuilder,
  BtfKind,
  CoreReloKind,
  CoreResolver,
  isComposite,
  KIND_NAMES,
  parseBtfExt,
  resolveType,
} from "../btf/index.ts";
import { openElf } from "../elf/index.ts";
import { inObject, ObjectError } from "./error.ts";
import type { LinkInput } from "./linker/source.ts";

/**
 * The part of a kernel's types that the CO-RE relocations of some objects need, as BTF data of its own: what
 * `bpftool gen min_core_btf` writes. Of structs only the members that are used stay, types behind pointers only where a
 * relocation asks for the type itself.
 *
 * Throws ObjectError for an object without `.BTF.ext`, and for relocations that contradict their types.
 */
export function minCoreBtf(kernel: Btf, objects: readonly LinkInput[]): Uint8Array {
  const usage = new TypeUsage(kernel);
  for (const object of objects) inObject(object.name, () => recordObject(usage, kernel, object));
  return usage.write();
}

function recordObject(usage: TypeUsage, kernel: Btf, { name, bytes }: LinkInput): void {
  const elf = openElf(bytes);
  const types = elf.section(".BTF");
  const ext = elf.section(".BTF.ext");
  if (types === undefined || ext === undefined) {
    throw new ObjectError(
      name,
      {},
      `expected a section ${types === undefined ? ".BTF" : ".BTF.ext"}, got none`,
    );
  }
  const local = Btf.parse(elf.data(types), { what: "section .BTF" });
  const resolver = new CoreResolver(local, { kernel: { name: "vmlinux", btf: kernel } });
  for (const { records } of parseBtfExt(elf.data(ext), local).coreRelos) {
    for (const { typeId, accessOffset, kind } of records) {
      const { match } = resolver.resolve({ typeId, access: local.string(accessOffset), kind });
      if (match !== null) usage.record(kind, match.typeId, match.steps);
    }
  }
}

/** Which types and members of a kernel are used. */
class TypeUsage {
  readonly #btf: Btf;
  readonly #types = new Set<number>();
  readonly #members = new Map<number, Set<number>>();
  /** Types whose pointers were followed, and those marked for comparison by what is in them. */
  readonly #followed = new Set<number>();
  readonly #compared = new Set<number>();

  constructor(btf: Btf) {
    this.#btf = btf;
  }

  /** Records a relocation that was resolved in a type, by the steps of its access there. */
  record(kind: number, root: number, steps: readonly number[]): void {
    switch (kind) {
      case CoreReloKind.TYPE_ID_TARGET:
      case CoreReloKind.TYPE_EXISTS:
      case CoreReloKind.TYPE_SIZE:
        this.#mark(root, true);
        break;
      case CoreReloKind.TYPE_MATCHES:
        this.#markContents(root);
        break;
      case CoreReloKind.ENUMVAL_EXISTS:
      case CoreReloKind.ENUMVAL_VALUE:
        this.#mark(root, false);
        break;
      default:
        this.#markField(root, steps);
    }
  }

  /** BTF data of what was recorded; ids keep their order. */
  write(): Uint8Array {
    const btf = this.#btf;
    const used = [...this.#types].sort((a, b) => a - b);
    const builder = new BtfBuilder();
    const ids = new Map(used.map((id, i) => [id, builder.nextId + i]));
    // What a pointer that was not followed points to is void.
    const mapId = (id: number) => ids.get(id) ?? 0;
    for (const id of used) {
      const type = isComposite(btf.kind(id)) ? btf.type(id) : null;
      if (type === null || (type.kind !== "STRUCT" && type.kind !== "UNION")) {
        builder.addFrom(btf, id, mapId);
        continue;
      }
      const own = this.#members.get(id);
      const members = type.members
        .filter((_, i) => own?.has(i))
        .map((member) => ({ ...member, type: mapId(member.type) }));
      builder.add({ kind: type.kind, name: type.name, size: type.size, members });
    }
    return builder.finish({ endian: btf.endian });
  }

  #markField(root: number, steps: readonly number[]): void {
    const btf = this.#btf;
    this.#mark(root, false);
    let id = root;
    for (const step of steps.slice(1)) {
      id = resolveType(btf, id);
      if (isComposite(btf.kind(id))) {
        this.#markMember(id, step);
        id = btf.memberType(id, step);
      } else if (btf.kind(id) === BtfKind.ARRAY) id = btf.elementType(id);
      else throw btf.error(id, `expected a type with members or elements, got ${KIND_NAMES[btf.kind(id)]}`);
      this.#mark(id, false);
    }
  }

  #markMember(id: number, member: number): void {
    const members = this.#members.get(id);
    if (members === undefined) this.#members.set(id, new Set([member]));
    else members.add(member);
  }

  /** Marks a type and what it is made of; members of structs are not. */
  #mark(root: number, followPointers: boolean): void {
    const btf = this.#btf;
    const done = followPointers ? this.#followed : new Set<number>();
    const pending = [root];
    for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
      if (id === 0 || done.has(id)) continue;
      done.add(id);
      this.#types.add(id);
      switch (btf.kind(id)) {
        case BtfKind.INT:
        case BtfKind.FLOAT:
        case BtfKind.ENUM:
        case BtfKind.ENUM64:
        case BtfKind.STRUCT:
        case BtfKind.UNION:
        case BtfKind.FWD:
          break;
        case BtfKind.PTR:
          if (followPointers) pending.push(btf.ref(id));
          break;
        case BtfKind.CONST:
        case BtfKind.RESTRICT:
        case BtfKind.VOLATILE:
        case BtfKind.TYPEDEF:
        case BtfKind.TYPE_TAG:
          pending.push(btf.ref(id));
          break;
        case BtfKind.ARRAY:
          pending.push(btf.elementType(id), btf.word(id, 4));
          break;
        case BtfKind.FUNC_PROTO:
          pending.push(btf.ref(id), ...parameters(btf, id));
          break;
        default:
          throw unsupported(btf, id);
      }
    }
  }

  /** Marks a type with all members, but structs behind pointers without theirs. */
  #markContents(root: number): void {
    const btf = this.#btf;
    const pending: [id: number, behindPointer: boolean][] = [[root, false]];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const [id, behindPointer] = next;
      const state = 2 * id + (behindPointer ? 1 : 0);
      if (id === 0 || this.#compared.has(state)) continue;
      this.#compared.add(state);
      this.#types.add(id);
      switch (btf.kind(id)) {
        case BtfKind.INT:
        case BtfKind.FLOAT:
        case BtfKind.ENUM:
        case BtfKind.ENUM64:
        case BtfKind.FWD:
          break;
        case BtfKind.STRUCT:
        case BtfKind.UNION:
          if (behindPointer) break;
          for (let i = 0, count = btf.vlen(id); i < count; i++) {
            this.#markMember(id, i);
            pending.push([btf.memberType(id, i), false]);
          }
          break;
        case BtfKind.CONST:
        case BtfKind.RESTRICT:
        case BtfKind.VOLATILE:
        case BtfKind.TYPEDEF:
        case BtfKind.TYPE_TAG:
          pending.push([btf.ref(id), behindPointer]);
          break;
        case BtfKind.PTR:
          pending.push([btf.ref(id), true]);
          break;
        case BtfKind.ARRAY:
          pending.push([btf.elementType(id), false], [btf.word(id, 4), false]);
          break;
        case BtfKind.FUNC_PROTO:
          pending.push([btf.ref(id), false]);
          for (const type of parameters(btf, id)) pending.push([type, false]);
          break;
        default:
          throw unsupported(btf, id);
      }
    }
  }
}

function parameters(btf: Btf, id: number): number[] {
  return Array.from({ length: btf.vlen(id) }, (_, i) => btf.word(id, 4 + 2 * i));
}

function unsupported(btf: Btf, id: number): TsbpfError {
  return btf.error(id, `expected a type that values have, got ${KIND_NAMES[btf.kind(id)]}`);
}
