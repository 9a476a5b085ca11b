import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The cases of a file of `testdata/asm`: a line has the bytes in hex, blanks, and the text. */
export function goldenLines(name: string): [text: string, bytes: string][] {
  return readFileSync(join("testdata", "asm", name), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [, bytes, text] = /^([0-9a-f]+) +(.*)$/.exec(line)!;
      return [text!, bytes!];
    });
}
