import { describe, expect, it } from "vitest";
import type { Explanation } from "../../../src/verifier/explain/explanation.ts";
import { excerpt, explanationText, PLAIN } from "../../../src/verifier/explain/explanation-text.ts";
import { located } from "../../../src/verifier/explain/located.ts";
import type { LogSource } from "../../../src/verifier/explain/log-model.ts";

function explanation(source: LogSource | null, code = "r1 = *(u8 *)(r0 +0)"): Explanation {
  return {
    code: "null-pointer",
    headline: "a pointer is used without a test for NULL",
    message: "R0 invalid mem access 'map_value_or_null'",
    instruction: { index: 12, code, operand: "R0" },
    source,
    why: [{ role: "used", instruction: 12, code, source, text: "R0 may still be NULL here" }],
    cause: 0,
    fixes: [],
  };
}

function frame(each: Explanation, width = 80): string[] {
  const lines = explanationText(each, { ...PLAIN, width }).split("\n");
  const from = lines.findIndex((line) => line.includes("--> "));
  return lines.slice(from + 1, lines.indexOf(""));
}

describe("the mark", () => {
  it("stands under the C source where its column is known, and under the operand besides", () => {
    const records = [
      { slot: 0, file: "a.bpf.c", line: "\tif (x)\treturn value->count;", lineNumber: 7, column: 23 },
    ];
    expect(frame(located(explanation(null), records))).toEqual([
      "   7 | if (x)    return value->count;",
      "     |                         ^^^^^ R0 may still be NULL here",
      "  12:  r1 = *(u8 *)(r0 +0)",
      "     |              ^^",
    ]);
  });

  it("stands under the instruction where only the line is known, or nothing", () => {
    const line = { text: "return value->count;", file: "a.bpf.c", line: 7, column: null };
    expect(frame(explanation(line))).toEqual([
      "   7 | return value->count;",
      "  12:  r1 = *(u8 *)(r0 +0)",
      "     |              ^^ R0 may still be NULL here",
    ]);
    expect(frame(explanation(null)).length).toBe(2);
  });

  it("has no empty frame where the source's text is not in the records", () => {
    expect(frame(explanation({ text: "", file: "a.bpf.c", line: 7, column: 3 }))).toEqual([
      "  12:  r1 = *(u8 *)(r0 +0)",
      "     |              ^^ R0 may still be NULL here",
    ]);
  });

  it.each([60, 80, 120])("stays under its word in a window of %d columns of a long line", (width) => {
    const text = `${"first_argument_that_is_long(a, b), ".repeat(4)}value->count, ${"and(more), ".repeat(9)}`;
    const offset = text.indexOf("count");
    const [source, caret] = frame(
      explanation({ text, file: "a.c", line: 7, column: offset + 2, offset }),
      width,
    );
    expect(source!.length).toBeLessThanOrEqual(width);
    expect(source!.slice(caret!.indexOf("^"), caret!.lastIndexOf("^") + 1)).toBe("count");
    expect(source).toMatch(/\| \.\.\./);
  });
});

describe("excerpt", () => {
  it("leaves short texts alone, and cuts long ones around the spot", () => {
    expect(excerpt("short", [1, 2], 10)).toEqual({ text: "short", at: 1, length: 2 });
    const text = "abcdefghijklmnopqrstuvwxyz";
    for (let at = 0; at < text.length; at++) {
      const shown = excerpt(text, [at, 1], 15);
      expect(shown.text.length).toBe(15);
      expect(shown.text[shown.at]).toBe(text[at]);
    }
  });
});
