import { utf8 } from "../../base/index.ts";

/**
 * Line formats as tables of numbers, so that one small loop writes every line of a dump.
 *
 * A kernel's BTF has 300,000 lines and is dumped once per process: the time to compile the code that writes them is
 * most of the time. One function with three plain loops is compiled after 1 % of the lines; methods for each kind,
 * which the compiler would inline into each other, take four times as long in all.
 *
 * A format is a text with fields in braces: `{s W}` the string whose offset is word W of the record, `{u W}` and
 * `{d W}` word W as an unsigned or signed number, `{u W SHIFT WIDTH}` some of its bits, `{id}` the number of the line. `{{` is a brace.
 */
export interface LineFormats {
  /** Five numbers for each step: offset of the text before the field, field, word, left shift, right shift. */
  readonly steps: Uint32Array;
  /** First step of each format, and the end of the last. */
  readonly starts: Uint32Array;
  /** The texts between fields, each ended by NUL. */
  readonly texts: Uint8Array;
}

const FIELD = { NONE: 0, STRING: 1, UNSIGNED: 2, SIGNED: 3, ID: 4 } as const;

export function lineFormats(formats: readonly string[]): LineFormats {
  const steps: number[] = [];
  const starts = [0];
  const offsets = new Map<string, number>();
  let texts = "";
  for (const format of formats) {
    for (const [, escaped = "", field = ""] of format.matchAll(/((?:[^{]|\{\{)*)(?:\{([^}]*)\}|$)/g)) {
      if (escaped === "" && field === "") continue;
      const text = escaped.replaceAll("{{", "{");
      let offset = offsets.get(text);
      if (offset === undefined) {
        offset = texts.length;
        offsets.set(text, offset);
        texts += `${text}\0`;
      }
      const [kind, word = "0", shift = "0", width = "32"] = field.split(" ");
      const code =
        kind === "s"
          ? FIELD.STRING
          : kind === "u"
            ? FIELD.UNSIGNED
            : kind === "d"
              ? FIELD.SIGNED
              : kind === "id"
                ? FIELD.ID
                : FIELD.NONE;
      steps.push(offset, code, Number(word), 32 - Number(shift) - Number(width), 32 - Number(width));
    }
    starts.push(steps.length);
  }
  return { steps: Uint32Array.from(steps), starts: Uint32Array.from(starts), texts: utf8(texts) };
}

/** Formats with names, and the number of each. */
export function namedFormats<Name extends string>(
  formats: Readonly<Record<Name, string>>,
): { readonly formats: LineFormats; readonly id: Readonly<Record<Name, number>> } {
  const names = Object.keys(formats) as Name[];
  return {
    formats: lineFormats(names.map((name) => formats[name])),
    id: Object.fromEntries(names.map((name, number) => [name, number])) as Record<Name, number>,
  };
}

/** Receives output piece by piece; the bytes are valid only during the call. */
export type ByteSink = (chunk: Uint8Array) => void;

/** Bytes collected before they are handed on. */
const CHUNK = 1 << 17;
/** More than a line has besides its strings. */
const LINE_SLACK = 4096;
/** Words of types from which on practice pays. */
const PRACTICE_PAYS = 100_000;

/** Writes records of 32-bit words as lines. */
export class LineWriter {
  private readonly words: Uint32Array;
  private readonly strings: Uint8Array;
  private readonly anonymous: Uint8Array;
  private readonly steps: Uint32Array;
  private readonly starts: Uint32Array;
  private readonly texts: Uint8Array;
  private readonly sink: ByteSink;
  private readonly chunk: number;
  private readonly out: Uint8Array;
  private length = 0;

  /** `anonymous` is written for the string at offset 0. Formats must not have more than one string each. */
  constructor(
    words: Uint32Array,
    strings: Uint8Array,
    formats: LineFormats,
    anonymous: string,
    sink: ByteSink,
    chunk = CHUNK,
  ) {
    this.words = words;
    this.strings = strings;
    this.steps = formats.steps;
    this.starts = formats.starts;
    this.texts = formats.texts;
    this.anonymous = utf8(`${anonymous}\0`);
    this.sink = sink;
    this.chunk = chunk;
    if (words.length > PRACTICE_PAYS) practise(formats);
    // A line has one string, and none is longer than all of them: lines need no checks for room. What a buffer
    // has too much costs nothing, for it is never touched.
    this.out = new Uint8Array(CHUNK + strings.length + LINE_SLACK);
  }

  /** Writes the record at `words[at]` in a format; `id` is what `{id}` prints. */
  line(format: number, at: number, id: number): void {
    const steps = this.steps;
    const out = this.out;
    const end = this.starts[format + 1]!;
    let length = this.length;
    for (let step = this.starts[format]!; step < end; step += 5) {
      let source = this.texts;
      let from = steps[step]!;
      const field = steps[step + 1]!;
      for (let byte = source[from]!; byte !== 0; byte = source[++from]!) out[length++] = byte;
      if (field === 0) break;
      // As a signed number, so that it stays a small integer wherever it can.
      let value = (this.words[at + steps[step + 2]!]! << steps[step + 3]!) | 0;
      if (field === 1) {
        source = value === 0 ? this.anonymous : this.strings;
        for (let byte = source[value]!; byte !== 0; byte = source[++value]!) out[length++] = byte;
        continue;
      }
      if (field === 3) {
        if (value < 0) {
          out[length++] = 45;
          value = -value | 0;
        }
      } else {
        value = (value >>> steps[step + 4]!) | 0;
      }
      if (field === 4) value = id;
      let last = 0;
      if (value < 0) {
        // 2147483648 to 4294967295: the last digit first, then the others as a small number.
        const high = Math.floor((value >>> 0) / 10);
        last = 49 + (value >>> 0) - high * 10;
        value = high | 0;
      }
      let digits = length + 1;
      for (let limit = value; limit >= 10; limit = (limit / 10) | 0) digits++;
      length = digits;
      do {
        const quotient = (value / 10) | 0;
        out[--digits] = 48 + value - quotient * 10;
        value = quotient;
      } while (value !== 0);
      if (last !== 0) out[length++] = last - 1;
    }
    if (length > this.chunk) {
      this.sink(out.subarray(0, length));
      length = 0;
    }
    this.length = length;
  }

  /** Writes ASCII text of at most 1024 characters. */
  text(text: string): void {
    if (this.length > CHUNK) this.finish();
    for (let i = 0; i < text.length; i++) this.out[this.length++] = text.charCodeAt(i);
  }

  /** Writes bytes and then ASCII text, cut to `limit` bytes in all. */
  raw(bytes: Uint8Array, start: number, end: number, text: string, limit: number): void {
    if (this.length > CHUNK) this.finish();
    const last = this.length + limit;
    for (let i = start; i < end && this.length < last; i++) this.out[this.length++] = bytes[i]!;
    for (let i = 0; i < text.length && this.length < last; i++) this.out[this.length++] = text.charCodeAt(i);
  }

  /** Hands on what is left. */
  finish(): void {
    if (this.length > 0) this.sink(this.out.subarray(0, this.length));
    this.length = 0;
  }
}

/**
 * Writes a few hundred lines that go all ways through the writer, to nowhere. A compiler that has seen only part of
 * the ways drops its code at the first line that takes another, and starts again: on a kernel's BTF that happened
 * five times and took 40 ms, this takes one.
 */
function practise(formats: LineFormats): void {
  const words = Uint32Array.of(
    0,
    7,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff,
    1,
    12_345,
    0xffff_ff85,
    2,
    0,
    123_456,
    3,
  );
  // Two sinks: code that has met but one is made for that one.
  for (let round = 0; round < 6; round++) {
    const writer = new LineWriter(
      words,
      utf8("\0ab\0abcdef\0"),
      formats,
      "none",
      round % 2 === 0 ? () => {} : (chunk) => chunk,
      64,
    );
    for (let format = 0; format < formats.starts.length - 1; format++) {
      // Formats that print text by its offset must meet only the offsets there are.
      const hasString = formatHasString(formats, format);
      for (let at = 0; at < (hasString ? 1 : 6); at++)
        writer.line(format, hasString ? (format & 1) * 8 : at, round);
    }
  }
}

function formatHasString(formats: LineFormats, format: number): boolean {
  for (let step = formats.starts[format]!; step < formats.starts[format + 1]!; step += 5) {
    if (formats.steps[step + 1] === FIELD.STRING) return true;
  }
  return false;
}
