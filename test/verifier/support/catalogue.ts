import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readCaseFile } from "./case-file.ts";
import type { VerifierCase } from "./verifier-case.ts";

/** Where the programs of the catalogue lie, from the project's root. */
export const CATALOGUE = "testdata/verifier/explain";
const NOT_CASES: ReadonlySet<string> = new Set(["marks.txt"]);

/** A code of the explanations with a program that is refused for it, and one that is not. */
export interface CatalogueEntry {
  readonly code: string;
  /** The file, without its ending: `"pointers"`. */
  readonly theme: string;
  /** A sentence or two about the kind. */
  readonly about: string;
  readonly rejected: VerifierCase;
  readonly mended: VerifierCase;
  /** The code of both, as it is written. */
  readonly rejectedCode: string;
  readonly mendedCode: string;
  /** Keys that stand before the code, and those that the mended program has instead. */
  readonly keys: readonly string[];
  readonly mendedKeys: readonly string[];
}

/** All of the catalogue, in the order of its files. */
export function catalogue(root = "."): CatalogueEntry[] {
  const folder = join(root, CATALOGUE);
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((name) => name.endsWith(".txt") && !NOT_CASES.has(name));
  return files.sort().flatMap((name) => {
    const file = join(CATALOGUE, name);
    return entriesOf(readFileSync(join(root, file), "utf8"), file, name.slice(0, -4));
  });
}

/** From its line `mended …:` on, a case says what differs in the mended program: later keys go before earlier ones. */
function entriesOf(text: string, file: string, theme: string): CatalogueEntry[] {
  const [preamble = "", ...sections] = text.split(/^(?==== )/m);
  return sections.map((section) => {
    const code = /^=== (\S+)/.exec(section)![1]!;
    const about = /^about: (.*)$/m.exec(section)?.[1] ?? "";
    const plain = section.replace(/^about: .*\n/m, "");
    const at = plain.search(/^mended[ :]/m);
    if (at < 0) throw new Error(`${file}: ${code}: expected a line 'mended:', got none`);
    const rejected = plain.slice(0, at);
    const changes = plain
      .slice(at)
      .replace(/^mended:/m, "code:")
      .replaceAll(/^mended /gm, "");
    const read = (source: string) => readCaseFile(`${preamble}${source}`, file, `explain-${theme}`)[0]!;
    const mended = rejected + changes;
    return {
      code,
      theme,
      about,
      rejected: read(rejected),
      mended: read(mended),
      rejectedCode: codeOf(rejected),
      mendedCode: codeOf(mended),
      keys: keysOf(`${preamble}\n${rejected}`),
      mendedKeys: keysOf(changes),
    };
  });
}

/** The last block of code: up to the next key. */
function codeOf(text: string): string {
  const block = text.slice(text.lastIndexOf("\ncode:") + "\ncode:\n".length);
  const lines = block.split("\n");
  const end = lines.findIndex((line) => /^(?:rights|license|flags|type|run): ?\S/.test(line));
  return (end < 0 ? lines : lines.slice(0, end)).join("\n").trimEnd();
}

/** Single-line keys that matter to a reader: the type, the maps, the rights. */
function keysOf(text: string): string[] {
  const found = new Map<string, string>();
  for (const [, key, value] of text.matchAll(
    /^((?:type|attach-type|attach|flags|license|rights)|map \S+): (.*)$/gm,
  ))
    found.set(key!, value!);
  return [...found].map(([key, value]) => `${key}: ${value}`);
}
