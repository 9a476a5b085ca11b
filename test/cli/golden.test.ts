import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { tsbpf } from "./fake-io.ts";

/**
 * Outputs of commands as text files. To add a case, write a file `golden/NAME.txt` with one line `$ tsbpf …` (and
 * perhaps `< FILE`), and run `TSBPF_BLESS=1 npx vitest run test/cli/golden.test.ts`; then read what it wrote.
 */
const FOLDER = "test/cli/golden";
const BLESS = process.env["TSBPF_BLESS"] !== undefined;

/** The words of a command line, with single quotes as shells have them. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}

/** Times differ from run to run. */
function steady(text: string): string {
  return text
    .replaceAll(/\([\d.]+(?: [kMG])? (?:packets|runs)\/s, [\d.]+ (?:ns|µs|ms|s)\)/g, "(RATE)")
    .replaceAll(/\([\d.]+ (?:ns|µs|ms|s) a run/g, "(TIME a run")
    .replaceAll(/"(seconds|packets_per_second|runs_per_second|duration_ns)":( ?)[\d.]+/g, '"$1":$2TIME')
    .replaceAll(/"(first_ns|last_ns)":( ?)\d+/g, '"$1":$2TIME');
}

describe("outputs", () => {
  for (const name of readdirSync(FOLDER)
    .filter((file) => file.endsWith(".txt"))
    .sort()) {
    it(name.replace(/\.txt$/, ""), async () => {
      const path = `${FOLDER}/${name}`;
      const wanted = readFileSync(path, "utf8");
      const [head = ""] = wanted.split("\n", 1);
      const [, command = "", input] = /^\$ tsbpf ?(.*?)(?: < (\S+))?$/.exec(head) ?? [];
      const world = input === undefined ? {} : { stdin: readFileSync(input) };
      const { status, stdout, stderr } = await tsbpf(wordsOf(command), world);
      const errors = stderr === "" ? "" : `[stderr]\n${stderr}`;
      const got = steady(`${head}\n${stdout}${errors}[rc=${status}]\n`);
      if (BLESS) writeFileSync(path, got);
      else expect(got).toBe(wanted);
    });
  }
});
