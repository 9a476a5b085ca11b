import { utf8 } from "../../base/index.ts";
import type { Btf } from "../model.ts";
import { essentialEnd, essentialName } from "./names.ts";
import { type CoreSide, kindsCompatible } from "./types.ts";

/** Longer names are in no kernel; a hostile string section could make them cost far more than its size. */
const MAX_NAME = 4096;

/** The named types of a target by their names without flavours: a hash table of numbers over the names' bytes. */
export class CandidateIndex {
  readonly #btf: Btf;
  readonly #firstId: number;
  readonly #heads: Uint32Array;
  readonly #next: Uint32Array;

  /** `firstId`: where to start, so that a module's BTF does not give its base's types again. */
  constructor({ btf, tables }: CoreSide, firstId: number) {
    const { words, index, strings } = tables;
    let size = 16;
    while (size < btf.count - firstId) size *= 2;
    const heads = new Uint32Array(size);
    const next = new Uint32Array(Math.max(0, btf.count - firstId));
    for (let id = btf.count - 1; id >= firstId; id--) {
      const start = words[index[id]!]!;
      if (start === 0) continue;
      const length = strings.subarray(start, start + MAX_NAME).indexOf(0);
      if (length < 0) continue;
      const end = essentialEnd(strings, start, start + length);
      const bucket = hashOf(strings, start, end) & (size - 1);
      next[id - firstId] = heads[bucket]!;
      heads[bucket] = id;
    }
    this.#btf = btf;
    this.#firstId = firstId;
    this.#heads = heads;
    this.#next = next;
  }

  /** Ids of the types that a local type of this name and kind may be about, in order. */
  find(localName: string, localKind: number): number[] {
    const name = essentialName(localName);
    const bytes = utf8(name);
    const found: number[] = [];
    const btf = this.#btf;
    let id = this.#heads[hashOf(bytes, 0, bytes.length) & (this.#heads.length - 1)]!;
    for (; id !== 0; id = this.#next[id - this.#firstId]!) {
      if (kindsCompatible(localKind, btf.kind(id)) && essentialName(btf.name(id)) === name) found.push(id);
    }
    return found;
  }
}

function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 5381;
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 33) ^ bytes[i]!) | 0;
  return hash ^ (hash >>> 15);
}
