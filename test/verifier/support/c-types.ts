import { Btf, BtfBuilder, type BtfMember } from "../../../src/btf/index.ts";
import { type CDeclaration, type CField, type CType, parseDeclarations } from "./c-syntax.ts";

/** What the kernel's own structs that a program's BTF may hold look like, where a case does not declare them. */
const KNOWN = `
struct bpf_spin_lock { __u32 val; };
struct bpf_res_spin_lock { __u32 val; };
struct bpf_timer { __u64 __opaque[2]; };
struct bpf_wq { __u64 __opaque[2]; };
struct bpf_task_work { __u64 __opaque; };
struct bpf_dynptr { __u64 __opaque[2]; };
struct bpf_list_head { __u64 __opaque[2]; };
struct bpf_list_node { __u64 __opaque[3]; };
struct bpf_rb_root { __u64 __opaque[2]; };
struct bpf_rb_node { __u64 __opaque[4]; };
struct bpf_refcount { __u32 __opaque[1]; };
typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef _Bool bool;
`;

interface Integer {
  readonly name: string;
  readonly size: number;
  readonly signed: boolean;
  readonly bool?: boolean;
}

const INTEGERS: ReadonlyMap<string, Integer> = new Map(
  (
    [
      ["char", 1, true],
      ["signed char", 1, true],
      ["unsigned char", 1, false],
      ["short", 2, true],
      ["unsigned short", 2, false],
      ["int", 4, true],
      ["unsigned int", 4, false],
      ["long", 8, true],
      ["unsigned long", 8, false],
      ["long long", 8, true],
      ["unsigned long long", 8, false],
    ] as const
  ).map(([name, size, signed]): [string, Integer] => [name, { name, size, signed }]),
);

/** BTF made of C declarations, with the ids of what they name. */
export class CTypes {
  readonly #declared = new Map<string, CDeclaration>();
  readonly #builder = new BtfBuilder();
  readonly #ids = new Map<string, number>();
  readonly #open = new Set<string>();
  /** Pointers to structs that were not finished when the pointer was added. */
  readonly #pending: { readonly id: number; readonly base: string }[] = [];
  readonly #functions = new Map<string, number>();
  #finished: Btf | null = null;

  /** Throws where the text is no C, or names a type that is not declared. */
  constructor(text: string) {
    const own = parseDeclarations(text);
    for (const each of [...parseDeclarations(KNOWN), ...own]) this.#declared.set(keyOf(each), each);
    for (const each of own) {
      if (each.kind === "function") this.#function(each);
      else this.id(keyOf(each));
    }
  }

  /** The id of `"struct elem"`, `"int"`, `"__u32"`; added where it is new. */
  id(name: string): number {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    if (this.#finished !== null) throw new Error(`the types have no '${name}'`);
    const id = this.#add(name);
    this.#ids.set(name, id);
    return id;
  }

  /** The id of a FUNC, or undefined. */
  functionId(name: string): number | undefined {
    return this.#functions.get(name);
  }

  /** The offset of a string that is put into the BTF. */
  string(text: string): number {
    return this.#builder.string(text);
  }

  sizeOf(name: string): number {
    return this.#layout().sizeOf(this.id(name));
  }

  bytes(): Uint8Array {
    this.#resolve();
    return this.#builder.finish();
  }

  #layout(): Btf {
    this.#resolve();
    return Btf.parse(this.#builder.finish());
  }

  #resolve(): void {
    for (let next = this.#pending.pop(); next !== undefined; next = this.#pending.pop()) {
      this.#builder.setType(next.id, this.id(next.base));
    }
  }

  #add(name: string): number {
    const builder = this.#builder;
    if (name === "_Bool") return builder.add({ kind: "INT", name, size: 1, bool: true });
    const integer = INTEGERS.get(name.replace(/^unsigned$/, "unsigned int"));
    if (integer !== undefined) return builder.add({ kind: "INT", ...integer });
    const declared = this.#declared.get(name);
    const composite = /^(struct|union) (.*)$/.exec(name);
    if (declared === undefined) {
      if (composite === null) throw new Error(`there is no type '${name}'`);
      // A kernel's struct: its name is all that counts.
      const kind = composite[1] === "struct" ? "STRUCT" : "UNION";
      return builder.add({ kind, name: composite[2]!, size: 0, members: [] });
    }
    switch (declared.kind) {
      case "typedef":
        return builder.add({ kind: "TYPEDEF", name: declared.name, type: this.#type(declared.type) });
      case "enum":
        return builder.add({
          kind: "ENUM",
          name: declared.name,
          size: 4,
          signed: declared.values.some(([, value]) => value < 0),
          values: declared.values.map(([word, value]) => ({ name: word, value })),
        });
      case "struct":
      case "union":
        return this.#composite(name, declared);
      case "function":
        throw new Error(`'${name}' is a function`);
    }
  }

  #composite(key: string, { kind, name, fields }: Extract<CDeclaration, { fields: unknown }>): number {
    if (this.#open.has(key)) throw new Error(`'${key}' contains itself`);
    this.#open.add(key);
    const members: BtfMember[] = [];
    let bits = 0;
    let size = 0;
    let alignment = 1;
    for (const field of fields) {
      const { id, bytes, align } = this.#field(field);
      alignment = Math.max(alignment, align);
      const unit = align * 8;
      if (kind === "union") bits = 0;
      const fits = field.bits > 0 && Math.floor(bits / unit) === Math.floor((bits + field.bits - 1) / unit);
      if (!fits) bits = Math.ceil(bits / unit) * unit;
      members.push({ name: field.name, type: id, bitOffset: bits, bitSize: field.bits });
      bits += field.bits > 0 ? field.bits : bytes * 8;
      size = Math.max(size, Math.ceil(bits / 8));
    }
    const id = this.#builder.add({
      kind: kind === "struct" ? "STRUCT" : "UNION",
      name,
      size: Math.ceil(size / alignment) * alignment,
      members,
    });
    this.#open.delete(key);
    for (const [component, field] of fields.entries()) this.#declTags(id, component, field.tags);
    return id;
  }

  #field(field: CField): { readonly id: number; readonly bytes: number; readonly align: number } {
    let id = this.#type(field.type);
    const layout = Btf.parse(this.#provisional());
    let bytes = layout.sizeOf(id);
    const align = layout.alignOf(id);
    for (const count of field.dimensions.toReversed()) {
      id = this.#builder.add({ kind: "ARRAY", type: id, indexType: this.id("unsigned int"), count });
      bytes *= count;
    }
    return { id, bytes, align };
  }

  /** The BTF so far; pointers to unfinished structs point to void. */
  #provisional(): Uint8Array {
    return this.#builder.finish();
  }

  #type(type: CType): number {
    const builder = this.#builder;
    const base = type.base;
    const open = this.#open.has(base);
    let id = base === "void" || open ? 0 : this.id(base);
    if (type.const) {
      id = builder.add({ kind: "CONST", type: id });
      if (open) this.#pending.push({ id, base });
    }
    let direct = open && !type.const;
    if (direct && type.pointers.length === 0) throw new Error(`'${base}' contains itself`);
    for (const tags of type.pointers) {
      for (const tag of tags.toReversed()) {
        id = builder.add({ kind: "TYPE_TAG", name: tag, type: id });
        if (direct) this.#pending.push({ id, base });
        direct = false;
      }
      id = builder.add({ kind: "PTR", type: id });
      if (direct) this.#pending.push({ id, base });
      direct = false;
    }
    return id;
  }

  #function(declared: Extract<CDeclaration, { kind: "function" }>): void {
    const params = declared.params.map(({ name, type }) => ({ name, type: this.#type(type) }));
    const type = this.#builder.add({ kind: "FUNC_PROTO", returns: this.#type(declared.returns), params });
    const linkage = declared.static ? "static" : "global";
    const id = this.#builder.add({ kind: "FUNC", name: declared.name, type, linkage });
    this.#functions.set(declared.name, id);
    this.#declTags(id, -1, declared.tags);
    for (const [component, param] of declared.params.entries()) this.#declTags(id, component, param.tags);
  }

  #declTags(type: number, component: number, tags: readonly string[]): void {
    for (const name of tags) this.#builder.add({ kind: "DECL_TAG", name, type, component });
  }
}

function keyOf(declaration: CDeclaration): string {
  const { kind, name } = declaration;
  return kind === "struct" || kind === "union" || kind === "enum" ? `${kind} ${name}` : name;
}
