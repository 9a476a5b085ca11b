import { textOf, utf8 } from "../../src/base/index.ts";
import type { Random } from "./random.ts";

const TOKEN = /\r?\n|[ \t]+|[A-Za-z_][\w.]*|0[xX][0-9a-fA-F]+|\d+|[<>=!&|^+\-*/%]+|./gsu;
// biome-ignore format: a table
const ODD = [
  "0", "-1", "0x", "0xffffffffffffffff", "0x10000000000000000", "9223372036854775808", "-9223372036854775808",
  "2147483648", "-2147483649", "65536", "32768", "-32769", "1e9", "08", "\t", "\r\n", "\0", "\u2028", "é", "😀", "'", '"',
  "/*", "*/", "//", "#", ";", ":", ",", "(", ")", "[", "]", "{", "}", "+", "-", "@", "%", "\\", "$", "__proto__",
  "constructor", "toString",
] as const;
const USUAL_LIMIT = 16 * 1024;
const LARGE_LIMIT = 256 * 1024;
const LARGE_ONE_IN = 3000;

/** Changes texts token by token, with a dictionary made of all texts of a corpus and of numbers near limits. */
export class TextMutator {
  readonly #texts: readonly (readonly string[])[];
  readonly #words: readonly string[];

  constructor(corpus: readonly Uint8Array[]) {
    this.#texts = corpus.map((bytes) => textOf(bytes).match(TOKEN) ?? []);
    this.#words = [...new Set(this.#texts.flat())];
  }

  mutate(random: Random): Uint8Array {
    let tokens = [...this.#start(random)];
    for (let count = 1 + random.small(10); count > 0; count--) tokens = this.#changed(random, tokens);
    let text = tokens.join("");
    if (text.length > USUAL_LIMIT) text = text.slice(0, USUAL_LIMIT);
    if (random.oneIn(LARGE_ONE_IN) && text.length > 0) {
      const start = random.below(text.length);
      const part = text.slice(start, start + 1 + random.small(200));
      text =
        text.slice(0, start) +
        part.repeat(Math.ceil(random.below(LARGE_LIMIT) / part.length)) +
        text.slice(start);
    }
    const bytes = utf8(text);
    if (random.oneIn(20) && bytes.length > 0) bytes[random.below(bytes.length)] = random.u32();
    return bytes;
  }

  /** A few lines of one text: what an assembler says of a line hardly depends on the others. */
  #start(random: Random): readonly string[] {
    const tokens = random.pick(this.#texts);
    if (random.oneIn(8)) return tokens;
    const from = random.below(tokens.length);
    return tokens.slice(from === 0 ? 0 : tokens.lastIndexOf("\n", from) + 1, from + 8 + random.below(80));
  }

  #changed(random: Random, tokens: string[]): string[] {
    const at = random.below(tokens.length + 1);
    switch (random.below(9)) {
      case 0:
      case 1:
        tokens[at] = this.#word(random);
        return tokens;
      case 2:
        tokens.splice(at, 0, this.#word(random));
        return tokens;
      case 3:
        tokens.splice(at, 1 + random.small(6));
        return tokens;
      case 4:
        tokens.splice(at, 0, ...tokens.slice(at, at + 1 + random.small(12)));
        return tokens;
      case 5: {
        const other = random.pick(this.#texts);
        const from = random.below(other.length);
        tokens.splice(at, random.below(4), ...other.slice(from, from + random.small(24)));
        return tokens;
      }
      case 6: {
        const token = tokens[at];
        if (token !== undefined && token.length > 0) {
          const cut = random.below(token.length);
          tokens[at] = token.slice(0, cut) + (random.oneIn(2) ? "" : random.pick(ODD)) + token.slice(cut + 1);
        }
        return tokens;
      }
      case 7: {
        const number = tokens.findIndex((token, index) => index >= at && /^\d/.test(token));
        if (number >= 0) tokens[number] = this.#number(random);
        return tokens;
      }
      default: {
        const other = random.below(tokens.length);
        const token = tokens[at];
        if (token !== undefined && tokens[other] !== undefined) {
          tokens[at] = tokens[other];
          tokens[other] = token;
        }
        return tokens;
      }
    }
  }

  #word(random: Random): string {
    if (random.oneIn(4)) return random.pick(ODD);
    return random.oneIn(6) ? this.#number(random) : random.pick(this.#words);
  }

  #number(random: Random): string {
    const value = random.interesting();
    const sign = random.oneIn(3) ? "-" : "";
    return random.oneIn(3) ? `${sign}0x${value.toString(16)}` : `${sign}${value}`;
  }
}
