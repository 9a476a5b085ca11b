import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../../src/kernel/index.ts";
import { LoadError, load } from "../../../src/loader/index.ts";
import { open } from "../../../src/object/index.ts";
import { explainLog, located, UNKNOWN_CODE } from "../../../src/verifier/index.ts";

const FOLDER = "testdata/verifier/explain/c";
const files = readdirSync(FOLDER).filter((name) => name.endsWith(".bpf.c"));
const hasTypes = existsSync("/sys/kernel/btf/vmlinux");

interface CMark {
  readonly program: string;
  readonly line: number;
}

/** The marked lines of a source, by program: that of the function above, where the mark names none. */
function marksOf(source: string): CMark[] {
  let above = "";
  return source.split("\n").flatMap((text, i) => {
    above = /^(?:static __noinline )?(?:int|struct val \*)\s*(\w+)\(/.exec(text)?.[1] ?? above;
    const mark = /\/\/ CAUSE ?(\w*)$/.exec(text);
    return mark === null ? [] : [{ program: mark[1] === "" ? above : mark[1]!, line: i + 1 }];
  });
}

describe.skipIf(!hasTypes)("mistakes in C", () => {
  const kernel = hasTypes ? new EmbeddedKernel({ execute: false }) : null;
  const missed: string[] = [];
  let asked = 0;

  it.each(files)("%s: each program is refused, and its explanation names the line that is marked", (file) => {
    const marks = marksOf(readFileSync(`${FOLDER}/${file}`, "utf8"));
    expect(marks.length).toBeGreaterThan(4);
    const spec = open(new Uint8Array(readFileSync(`${FOLDER}/${file.slice(0, -2)}.o`)), { name: file });
    for (const { program, line } of marks) {
      let log = "";
      try {
        load(spec, kernel!, { autoload: ({ name }) => name === program, logLevel: 2 }).close();
      } catch (error) {
        if (!(error instanceof LoadError)) throw error;
        log = error.log;
      }
      const found = explainLog(log, { refused: true });
      expect(found, program).not.toBeNull();
      const explanation = located(found!, spec.programs.get(program)!.lineInfo);
      expect(explanation.code, program).not.toBe(UNKNOWN_CODE);
      expect(explanation.fixes.length, program).toBeGreaterThan(0);
      const step = explanation.why[explanation.cause ?? 0];
      asked++;
      if (step?.source?.line !== line)
        missed.push(`${file}: ${program}: ${step?.source?.line}, not ${line}: ${step?.text}`);
    }
  });

  it("names nearly all of them", () => {
    expect(asked).toBeGreaterThanOrEqual(55);
    expect(missed.length, missed.join("\n")).toBeLessThanOrEqual(asked * 0.05);
  });
});
