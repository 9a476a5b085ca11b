import { utf8 } from "../base/index.ts";
import type { BtfTables, BtfView } from "./view.ts";

/**
 * Type ids by name: a hash table of numbers over the bytes of the names, with no string made for any of them.
 * Types of one bucket are chained in order of ids.
 */
export class NameIndex {
  readonly #btf: BtfView;
  readonly #heads: Uint32Array;
  readonly #next: Uint32Array;

  constructor(btf: BtfView, { words, index, strings }: BtfTables) {
    let size = 16;
    while (size < btf.count) size *= 2;
    const heads = new Uint32Array(size);
    const next = new Uint32Array(btf.count);
    for (let id = btf.count - 1; id > 0; id--) {
      const name = words[index[id]!]!;
      if (name === 0) continue;
      let hash = 5381;
      for (let i = name, byte = strings[i]!; byte !== 0; byte = strings[++i]!) {
        hash = (Math.imul(hash, 33) ^ byte) | 0;
      }
      const bucket = spread(hash) & (size - 1);
      next[id] = heads[bucket]!;
      heads[bucket] = id;
    }
    this.#btf = btf;
    this.#heads = heads;
    this.#next = next;
  }

  find(name: string, kind?: number): number {
    const bytes = utf8(name);
    for (let id = this.#first(bytes); id !== 0; id = this.#next[id]!) {
      if ((kind === undefined || this.#btf.kind(id) === kind) && this.#btf.name(id) === name) return id;
    }
    return 0;
  }

  findAll(name: string): number[] {
    const bytes = utf8(name);
    const found: number[] = [];
    for (let id = this.#first(bytes); id !== 0; id = this.#next[id]!) {
      if (this.#btf.name(id) === name) found.push(id);
    }
    return found;
  }

  #first(name: Uint8Array): number {
    if (name.length === 0) return 0;
    let hash = 5381;
    for (const byte of name) hash = (Math.imul(hash, 33) ^ byte) | 0;
    return this.#heads[spread(hash) & (this.#heads.length - 1)]!;
  }
}

function spread(hash: number): number {
  return hash ^ (hash >>> 15);
}
