import { TextWriter } from "../base/index.ts";

const QUOTE = 34;
const COMMA = 44;
const NEWLINE = 10;
const INDENT = "    ";

/** Characters that have an escape of two; all others, control characters included, are written as they are. */
const ESCAPES: Readonly<Record<number, string>> = {
  8: "\\b",
  9: "\\t",
  10: "\\n",
  12: "\\f",
  13: "\\r",
  34: '\\"',
  92: "\\\\",
};

/**
 * JSON with the layout of bpftool's writer, plain or pretty: pretty names start lines, array elements do not, and a
 * closing bracket has its own line if anything is inside.
 */
export class JsonWriter {
  readonly out: TextWriter;
  readonly #pretty: boolean;
  #depth = 0;
  #separator = false;

  constructor(options: { readonly pretty?: boolean; readonly out?: TextWriter } = {}) {
    this.#pretty = options.pretty ?? false;
    this.out = options.out ?? new TextWriter();
  }

  /** How many objects and arrays are open. */
  get depth(): number {
    return this.#depth;
  }

  startObject(): this {
    return this.#begin("{");
  }

  endObject(): this {
    return this.#end("}");
  }

  startArray(): this {
    return this.#begin("[");
  }

  endArray(): this {
    return this.#end("]");
  }

  /** A member's name; its value follows. */
  name(name: string): this {
    this.#separate();
    this.#line();
    this.#separator = false;
    this.#quoted(name);
    this.out.text(this.#pretty ? ": " : ":");
    return this;
  }

  string(value: string): this {
    this.#separate();
    this.#quoted(value);
    return this;
  }

  number(value: number | bigint): this {
    return this.raw(String(value));
  }

  boolean(value: boolean): this {
    return this.raw(value ? "true" : "false");
  }

  null(): this {
    return this.raw("null");
  }

  /** Text as it is, in the place of a value. */
  raw(text: string): this {
    this.#separate();
    this.out.text(text);
    return this;
  }

  /** A name with its value. */
  field(name: string, value: string | number | bigint | boolean): this {
    this.name(name);
    if (typeof value === "string") return this.string(value);
    return typeof value === "boolean" ? this.boolean(value) : this.number(value);
  }

  #begin(bracket: string): this {
    this.raw(bracket);
    this.#depth++;
    this.#separator = false;
    return this;
  }

  #end(bracket: string): this {
    this.#depth--;
    if (this.#separator) this.#line();
    this.out.text(bracket);
    this.#separator = true;
    return this;
  }

  #separate(): void {
    if (this.#separator) this.out.char(COMMA);
    this.#separator = true;
  }

  #line(): void {
    if (!this.#pretty) return;
    this.out.char(NEWLINE);
    for (let i = 0; i < this.#depth; i++) this.out.text(INDENT);
  }

  #quoted(text: string): void {
    this.out.char(QUOTE);
    for (const character of text) {
      const code = character.charCodeAt(0);
      this.out.text(character.length === 1 ? (ESCAPES[code] ?? character) : character);
    }
    this.out.char(QUOTE);
  }
}
