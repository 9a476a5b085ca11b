import { CommandError, UsageError } from "./failure.ts";

/** Whether `word` is the beginning of `full`, and is so taken for it: bpftool's `is_prefix`. */
export function isPrefix(word: string, full: string): boolean {
  return full.startsWith(word);
}

/** The words of a command line after its options, taken one by one. */
export class Words {
  readonly #words: readonly string[];
  /** The word before the first: what messages name when the first is missing. */
  readonly #before: string;
  #at = 0;

  constructor(words: readonly string[], before: string) {
    this.#words = words;
    this.#before = before;
  }

  get count(): number {
    return this.#words.length - this.#at;
  }

  /** The next word, not taken. UsageError at the end. */
  get peek(): string {
    this.need(1);
    return this.#words[this.#at]!;
  }

  /** Takes a word. UsageError at the end. */
  take(): string {
    const word = this.peek;
    this.#at++;
    return word;
  }

  /** Takes the next word if it stands for `keyword`. */
  accept(keyword: string): boolean {
    if (this.count === 0 || !isPrefix(this.peek, keyword)) return false;
    this.#at++;
    return true;
  }

  /** Takes all that is left. */
  rest(): readonly string[] {
    const rest = this.#words.slice(this.#at);
    this.#at = this.#words.length;
    return rest;
  }

  /** Fails unless `count` more words follow. */
  need(count: number): void {
    if (this.count >= count) return;
    const before = this.#at === 0 ? this.#before : this.#words[this.#at - 1];
    throw new UsageError(`'${before}' needs at least ${count} arguments, ${this.count} found`);
  }

  /** Fails if a word is left. */
  end(): void {
    if (this.count > 0) throw new CommandError(`what is '${this.peek}'?`);
  }

  /** A number as C's `strtoul` reads it with base 0: decimal, 0x… or 0…. */
  id(what: string): number {
    const word = this.take();
    const value = parseUnsigned(word);
    if (value === null) throw new CommandError(`can't parse ${word} as ${what}`);
    return value;
  }
}

/** A number of 32 bits, in the forms of C: `16`, `0x10`, `020`; null for anything else. */
export function parseUnsigned(text: string): number | null {
  if (!/^(0[xX][0-9a-fA-F]+|[0-9]+)$/.test(text)) return null;
  const octal = /^0[0-9]+$/.test(text);
  if (octal && /[89]/.test(text)) return null;
  const value = octal ? Number.parseInt(text, 8) : Number(text);
  return value <= 0xffff_ffff ? value : null;
}
