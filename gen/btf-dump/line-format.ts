import { utf8 } from "../../src/base/index.ts";

/**
 * Line formats as tables of numbers, so that one small loop writes every line of a dump.
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

/** What a step writes after its text. */
export const FIELD = { NONE: 0, STRING: 1, UNSIGNED: 2, SIGNED: 3, ID: 4 } as const;

/** Numbers of a step in {@link LineFormats}. */
export const STEP_WORDS = 5;

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
