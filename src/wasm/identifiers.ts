/** The identifiers of one index space in the text format: names made valid and unique, else the index. */
export class Identifiers {
  readonly #names = new Map<number, string>();

  constructor(names: ReadonlyMap<number, string>) {
    const taken = new Set<string>();
    const counters = new Map<string, number>();
    for (const [index, name] of names) {
      const valid = `$${name.replaceAll(/[^0-9A-Za-z!#$%&'*+\-./:<=>?@\\^_`|~]/g, "_")}`;
      let unique = valid;
      let counter = counters.get(valid) ?? 0;
      while (unique === "$" || taken.has(unique)) unique = `${valid}.${++counter}`;
      counters.set(valid, counter);
      taken.add(unique);
      this.#names.set(index, unique);
    }
  }

  /** The identifier of an index, where it has a name. */
  nameOf(index: number): string | undefined {
    return this.#names.get(index);
  }

  /** How instructions name it. */
  reference(index: number): string {
    return this.#names.get(index) ?? String(index);
  }

  /** How a definition introduces it, with its index as a comment. */
  definition(index: number): string {
    const name = this.#names.get(index);
    return name === undefined ? `(;${index};)` : `${name} (;${index};)`;
  }
}

/** A string of the text format (specification 6.3.3). */
export function quoted(text: string): string {
  let out = '"';
  for (const char of text) {
    const code = char.codePointAt(0)!;
    const plain = code >= 0x20 && code !== 0x7f && char !== '"' && char !== "\\";
    out += plain ? char : `\\${(code + 0x100).toString(16).slice(1)}`;
  }
  return `${out}"`;
}
