/** The declarations of a case's `types:` block: the part of C that BTF can say, with clang's tags as Linux spells them. */

export interface CType {
  /** `"unsigned int"`, `"struct elem"`, `"__u32"`, `"void"`. */
  readonly base: string;
  readonly const: boolean;
  /** Tags on what each pointer points to, outermost last: one list for each `*`. */
  readonly pointers: readonly (readonly string[])[];
}

export interface CField {
  readonly name: string;
  readonly type: CType;
  /** Elements of each dimension; empty: no array. */
  readonly dimensions: readonly number[];
  /** 0: no bit field. */
  readonly bits: number;
  readonly tags: readonly string[];
}

export type CDeclaration =
  | {
      readonly kind: "struct" | "union";
      readonly name: string;
      readonly fields: readonly CField[];
    }
  | { readonly kind: "enum"; readonly name: string; readonly values: readonly (readonly [string, number])[] }
  | { readonly kind: "typedef"; readonly name: string; readonly type: CType }
  | {
      readonly kind: "function";
      readonly name: string;
      readonly static: boolean;
      readonly returns: CType;
      readonly params: readonly CField[];
      readonly tags: readonly string[];
    };

const TOKEN = /\s*(?:\/\*[\s\S]*?\*\/|\/\/[^\n]*|([A-Za-z_]\w*|0[xX][0-9a-fA-F]+|\d+|\S))/gy;
const WORD = /^[A-Za-z_]/;
const INTEGER_WORDS: ReadonlySet<string> = new Set([
  "char",
  "short",
  "int",
  "long",
  "signed",
  "unsigned",
  "void",
  "_Bool",
]);
/** Words behind a type that are tags of what it points to. */
const TYPE_TAGS: ReadonlyMap<string, string> = new Map([
  ["__kptr", "kptr"],
  ["__kptr_untrusted", "kptr_untrusted"],
  ["__percpu_kptr", "percpu_kptr"],
  ["__uptr", "uptr"],
  ["__user", "user"],
  ["__rcu", "rcu"],
  ["__arena", "arena"],
]);

/** Reads all declarations. Throws where the text is none. */
export function parseDeclarations(text: string): CDeclaration[] {
  return new Parser(text).run();
}

class Parser {
  readonly #tokens: string[] = [];
  #at = 0;

  constructor(text: string) {
    for (const match of text.matchAll(TOKEN)) if (match[1] !== undefined) this.#tokens.push(match[1]);
  }

  run(): CDeclaration[] {
    const found: CDeclaration[] = [];
    while (this.#at < this.#tokens.length) found.push(this.#declaration());
    return found;
  }

  #declaration(): CDeclaration {
    if (this.#accept("typedef")) {
      const type = this.#type();
      const name = this.#word();
      this.#expect(";");
      return { kind: "typedef", name, type };
    }
    const first = this.#peek();
    if ((first === "struct" || first === "union") && this.#peek(2) === "{") {
      this.#at++;
      return this.#composite(first);
    }
    if (first === "enum" && this.#peek(2) === "{") return this.#enumeration();
    const isStatic = this.#accept("static");
    const returns = this.#type();
    const name = this.#word();
    this.#expect("(");
    const params: CField[] = [];
    if (this.#peek() === "void" && this.#peek(1) === ")") this.#at++;
    while (this.#peek() !== ")") {
      if (params.length > 0) this.#expect(",");
      const type = this.#type();
      const param = WORD.test(this.#peek()) && !this.#peek().startsWith("__arg_") ? this.#word() : "";
      params.push({ name: param, type, dimensions: [], bits: 0, tags: this.#tags() });
    }
    this.#expect(")");
    const tags = this.#tags();
    this.#expect(";");
    return { kind: "function", name, static: isStatic, returns, params, tags };
  }

  #composite(kind: "struct" | "union"): CDeclaration {
    const name = this.#word();
    this.#expect("{");
    const fields: CField[] = [];
    while (!this.#accept("}")) fields.push(this.#field());
    this.#expect(";");
    return { kind, name, fields };
  }

  #field(): CField {
    const type = this.#type();
    const name = this.#word();
    const dimensions: number[] = [];
    while (this.#accept("[")) {
      dimensions.push(this.#number());
      this.#expect("]");
    }
    const bits = this.#accept(":") ? this.#number() : 0;
    const tags = this.#tags();
    this.#expect(";");
    return { name, type, dimensions, bits, tags };
  }

  #enumeration(): CDeclaration {
    this.#at++;
    const name = this.#word();
    this.#expect("{");
    const values: [string, number][] = [];
    while (!this.#accept("}")) {
      const word = this.#word();
      values.push([word, this.#accept("=") ? this.#number() : (values.at(-1)?.[1] ?? -1) + 1]);
      this.#accept(",");
    }
    this.#expect(";");
    return { kind: "enum", name, values };
  }

  #type(): CType {
    let isConst = this.#accept("const");
    const words: string[] = [];
    if (["struct", "union", "enum"].includes(this.#peek())) {
      words.push(this.#word(), this.#word());
    } else if (INTEGER_WORDS.has(this.#peek())) {
      while (INTEGER_WORDS.has(this.#peek())) words.push(this.#word());
    } else words.push(this.#word());
    isConst = this.#accept("const") || isConst;
    const pointers: string[][] = [];
    for (;;) {
      const tags: string[] = [];
      for (let tag = this.#typeTag(); tag !== undefined; tag = this.#typeTag()) tags.push(tag);
      if (!this.#accept("*")) {
        if (tags.length > 0) throw new Error(`expected '*' behind the tag '${tags.at(-1)}'`);
        break;
      }
      pointers.push(tags);
    }
    return { base: words.join(" "), const: isConst, pointers };
  }

  #typeTag(): string | undefined {
    const known = TYPE_TAGS.get(this.#peek());
    if (known !== undefined) {
      this.#at++;
      return known;
    }
    return this.#accept("__type_tag") ? this.#argument() : undefined;
  }

  /** `__contains(elem, node)`, `__arg_ctx`, `__exception_cb(handler)`, `__decl_tag(anything)`. */
  #tags(): string[] {
    const tags: string[] = [];
    for (let word = this.#peek(); word.startsWith("__"); word = this.#peek()) {
      this.#at++;
      if (word === "__contains") tags.push(`contains:${this.#argument().replace(",", ":")}`);
      else if (word === "__exception_cb") tags.push(`exception_callback:${this.#argument()}`);
      else if (word === "__decl_tag") tags.push(this.#argument());
      else if (word.startsWith("__arg_")) tags.push(`arg:${word.slice(6)}`);
      else throw new Error(`there is no tag '${word}'`);
    }
    return tags;
  }

  #argument(): string {
    this.#expect("(");
    let text = "";
    while (this.#peek() !== ")") text += this.#tokens[this.#at++] ?? "";
    this.#at++;
    return text;
  }

  #peek(ahead = 0): string {
    return this.#tokens[this.#at + ahead] ?? "";
  }

  #accept(text: string): boolean {
    if (this.#peek() !== text) return false;
    this.#at++;
    return true;
  }

  #expect(text: string): void {
    if (!this.#accept(text)) throw new Error(`expected '${text}', got '${this.#peek() || "the end"}'`);
  }

  #word(): string {
    const token = this.#peek();
    if (!WORD.test(token)) throw new Error(`expected a name, got '${token || "the end"}'`);
    this.#at++;
    return token;
  }

  #number(): number {
    const value = Number(this.#peek());
    if (!Number.isInteger(value)) throw new Error(`expected a number, got '${this.#peek()}'`);
    this.#at++;
    return value;
  }
}
