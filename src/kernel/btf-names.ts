import type { Btf } from "../btf/index.ts";

/** `KSYM_SYMBOL_LEN` */
const NAME_LIMIT = 512;
const UNDERSCORE = 0x5f;
const DOT = 0x2e;

/** What names may be made of, as the kernel's character table has it: Latin-1, whatever the text's encoding. */
export type NameKind = "identifier" | "section";

/**
 * Whether there is a name of a kind at a string offset (`btf_name_valid_identifier`, `btf_name_valid_section`).
 * Identifiers may have dots, which compilers put into the names of symbols; sections have any printable characters.
 */
export function isBtfName(btf: Btf, offset: number, kind: NameKind): boolean {
  const { strings } = btf.tables();
  let at = offset;
  for (; at < strings.length && strings[at] !== 0; at++) {
    if (at - offset >= NAME_LIMIT || !mayBe(strings[at]!, kind, at === offset)) return false;
  }
  return at > offset && at < strings.length;
}

function mayBe(byte: number, kind: NameKind, first: boolean): boolean {
  if (kind === "section") return (byte >= 0x20 && byte < 0x7f) || byte >= 0xa0;
  if (isLetter(byte) || byte === UNDERSCORE || byte === DOT) return true;
  return !first && byte >= 0x30 && byte <= 0x39;
}

/** `isalpha`: in Latin-1 all from À on are letters, but the signs of multiplication and division. */
function isLetter(byte: number): boolean {
  if (byte >= 0xc0) return byte !== 0xd7 && byte !== 0xf7;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}
