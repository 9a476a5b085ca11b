import { mapFlagsOf, mapTypeOf } from "./case-words.ts";

/** A map as a case file describes it. */
export interface MapLine {
  readonly name: string;
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  /** Names of types that say the sizes instead. */
  readonly keyType: string | null;
  readonly valueType: string | null;
  readonly entries: number;
  readonly flags: number;
  readonly extra: bigint;
  readonly inner: string | null;
  /** The kernel's map gets no name. */
  readonly anonymous: boolean;
}

/** `hash, key 8, value struct elem, entries 4, flags no_prealloc|rdonly_prog, extra 0x1000, inner NAME, anonymous` */
export function readMapLine(name: string, text: string): MapLine {
  const [type, ...parts] = text.split(",").map((part) => part.trim());
  const given = new Map<string, string>();
  for (const part of parts) {
    const [word = "", ...rest] = part.split(/\s+/);
    if (!["key", "value", "entries", "flags", "extra", "inner", "anonymous"].includes(word)) {
      throw new Error(`map ${name}: there is no property '${word}'`);
    }
    given.set(word, rest.join(" "));
  }
  const size = (word: string): readonly [number, string | null] => {
    const value = given.get(word) ?? "0";
    return /^\d+$/.test(value) ? [Number(value), null] : [0, value];
  };
  const [keySize, keyType] = size("key");
  const [valueSize, valueType] = size("value");
  return {
    name,
    type: mapTypeOf(type!),
    keySize,
    valueSize,
    keyType,
    valueType,
    entries: Number(given.get("entries") ?? 0),
    flags: mapFlagsOf(given.get("flags") ?? ""),
    extra: BigInt(given.get("extra") ?? 0),
    inner: given.get("inner") ?? null,
    anonymous: given.has("anonymous"),
  };
}
