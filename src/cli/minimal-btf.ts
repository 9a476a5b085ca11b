import { TsbpfError } from "../base/index.ts";
import {
  Btf,
  BtfBuilder,
  BtfKind,
  type CoreMatch,
  CoreReloKind,
  CoreResolver,
  isComposite,
  parseBtfExt,
} from "../btf/index.ts";
import { openElf } from "../elf/index.ts";

const TYPE_RELOS: ReadonlySet<number> = new Set([
  CoreReloKind.TYPE_ID_TARGET,
  CoreReloKind.TYPE_EXISTS,
  CoreReloKind.TYPE_SIZE,
]);
const ENUM_RELOS: ReadonlySet<number> = new Set([CoreReloKind.ENUMVAL_EXISTS, CoreReloKind.ENUMVAL_VALUE]);
const MAX_DEPTH = 256;

/**
 * The part of a kernel's types that some objects need for their CO-RE relocations: of structs only the members that are
 * accessed, of types that are only asked for their existence or size the mere name. What `bpftool gen min_core_btf`
 * makes (BTFGen).
 */
export class MinimalBtf {
  readonly #source: Btf;
  readonly #types = new Set<number>();
  /** Members to keep, by struct. */
  readonly #members = new Map<number, Set<number>>();

  constructor(source: Btf) {
    this.#source = source;
  }

  /** Notes what the relocations of an object resolve to. Throws where it has no `.BTF` or `.BTF.ext`. */
  record(object: Uint8Array, name: string): void {
    const elf = openElf(object);
    const [types, ext] = [".BTF", ".BTF.ext"].map((section) => {
      const found = elf.section(section);
      if (found === undefined)
        throw new TsbpfError(`failed to parse BPF object '${name}': section ${section} not found`);
      return elf.data(found);
    });
    const btf = Btf.parse(types!, { what: "section .BTF" });
    const resolver = new CoreResolver(btf, { kernel: { name: "target BTF", btf: this.#source } });
    for (const { records } of parseBtfExt(ext!, btf).coreRelos) {
      for (const { typeId, accessOffset, kind } of records) {
        if (kind === CoreReloKind.TYPE_ID_LOCAL) continue;
        const { match } = resolver.resolve({ typeId, access: btf.string(accessOffset), kind });
        if (match !== null) this.#note(kind, match);
      }
    }
  }

  /** The data of the new BTF. */
  finish(): Uint8Array {
    const source = this.#source;
    const kept = [...this.#types].sort((one, other) => one - other);
    const ids = new Map(kept.map((id, at) => [id, at + 1]));
    const builder = new BtfBuilder();
    for (const id of kept) {
      const type = source.type(id);
      if (type.kind !== "STRUCT" && type.kind !== "UNION") {
        builder.addFrom(source, id, (each) => ids.get(each) ?? 0);
        continue;
      }
      const wanted = this.#members.get(id);
      const members = type.members
        .filter((_, at) => wanted?.has(at) === true)
        .map((member) => ({ ...member, type: ids.get(member.type) ?? 0 }));
      builder.add({ kind: type.kind, name: type.name, size: type.size, members });
    }
    return builder.finish();
  }

  #note(kind: number, { typeId, steps }: CoreMatch): void {
    if (kind === CoreReloKind.TYPE_MATCHES) this.#keepMatching(typeId, false, 0);
    else if (TYPE_RELOS.has(kind)) this.#keep(typeId, true, 0);
    else if (ENUM_RELOS.has(kind)) this.#keep(typeId, false, 0);
    else this.#keepField(typeId, steps);
  }

  /** The members on the way to a field, and their types. */
  #keepField(root: number, steps: readonly number[]): void {
    const btf = this.#source;
    this.#keep(root, false, 0);
    let type = root;
    for (const step of steps.slice(1)) {
      while (isAlias(btf.kind(type))) type = btf.ref(type);
      if (btf.kind(type) === BtfKind.ARRAY) {
        type = btf.elementType(type);
        continue;
      }
      if (!isComposite(btf.kind(type))) throw btf.error(type, "expected a struct, a union or an array");
      this.#keepMember(type, step);
      type = btf.memberType(type, step);
      this.#keep(type, false, 0);
    }
  }

  #keepMember(type: number, member: number): void {
    const members = this.#members.get(type);
    if (members === undefined) this.#members.set(type, new Set([member]));
    else members.add(member);
  }

  /** A type and what it is made of, but no members; what pointers lead to only where it matters. */
  #keep(type: number, throughPointers: boolean, depth: number): void {
    const btf = this.#source;
    if (type === 0) return;
    if (depth > MAX_DEPTH) throw btf.error(type, "expected types that end, got a cycle");
    this.#types.add(type);
    const next = (id: number) => this.#keep(id, throughPointers, depth + 1);
    const kind = btf.kind(type);
    if (kind === BtfKind.PTR) {
      if (throughPointers) next(btf.ref(type));
    } else if (isAlias(kind)) next(btf.ref(type));
    else this.#eachPart(type, next);
  }

  /** A type with all that a comparison by `bpf_core_type_matches` looks at. */
  #keepMatching(type: number, behindPointer: boolean, depth: number): void {
    const btf = this.#source;
    if (type === 0) return;
    if (depth > MAX_DEPTH) throw btf.error(type, "expected types that end, got a cycle");
    const known = this.#types.has(type);
    this.#types.add(type);
    const kind = btf.kind(type);
    const next = (id: number, behind: boolean) => this.#keepMatching(id, behind, depth + 1);
    if (isComposite(kind)) {
      // All members were kept before: a struct may contain pointers to itself.
      if (behindPointer || (known && this.#members.get(type)?.size === btf.vlen(type))) return;
      for (let member = 0; member < btf.vlen(type); member++) this.#keepMember(type, member);
      for (let member = 0; member < btf.vlen(type); member++) next(btf.memberType(type, member), false);
    } else if (kind === BtfKind.PTR) next(btf.ref(type), true);
    else if (isAlias(kind)) next(btf.ref(type), behindPointer);
    else this.#eachPart(type, (id) => next(id, false));
  }

  /** The types inside an array or a prototype. */
  #eachPart(type: number, visit: (id: number) => void): void {
    const btf = this.#source;
    const kind = btf.kind(type);
    if (kind === BtfKind.ARRAY) {
      visit(btf.elementType(type));
      visit(btf.word(type, 4));
    } else if (kind === BtfKind.FUNC_PROTO) {
      visit(btf.ref(type));
      for (let i = 0; i < btf.vlen(type); i++) visit(btf.word(type, 4 + i * 2));
    }
  }
}

/** Kinds that stand for the type they refer to. */
function isAlias(kind: number): boolean {
  return (
    kind === BtfKind.CONST ||
    kind === BtfKind.VOLATILE ||
    kind === BtfKind.RESTRICT ||
    kind === BtfKind.TYPEDEF ||
    kind === BtfKind.TYPE_TAG
  );
}
