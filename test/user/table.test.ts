import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tableText } from "../../src/user/index.ts";

const COLUMNS = [
  { name: "name", right: false },
  { name: "count", right: true },
  { name: "note", right: false },
];
const ROWS = [
  ["a", "1", "first"],
  ["longer", "1000", ""],
];

describe("tableText", () => {
  it("lines columns up and leaves no blanks at the end", () => {
    expect(tableText(COLUMNS, ROWS, { width: 80, indent: 2 }).text).toBe(
      "  name    count  note\n  a           1  first\n  longer   1000\n",
    );
  });

  it("leaves out columns without room, the last first", () => {
    const { text, hidden } = tableText(COLUMNS, ROWS, { width: 15 });
    expect(hidden).toEqual(["note"]);
    expect(text).toBe("name    count\na           1\nlonger   1000\n");
    expect(tableText(COLUMNS, ROWS, { width: 1 }).hidden).toEqual(["count", "note"]);
  });

  it("dresses the heading alone", () => {
    const { text } = tableText(COLUMNS, ROWS, { width: 80, heading: (line) => `<${line}>` });
    expect(text.split("\n")[0]).toBe("<name    count  note>");
    expect(text.match(/</g)?.length).toBe(1);
  });

  it("never exceeds the width where the first column fits", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string({ maxLength: 9 }), fc.string(), fc.string()), { maxLength: 5 }),
        fc.integer({ min: 12, max: 60 }),
        (rows, width) => {
          const clean = rows.map((row) => row.map((cell) => cell.replaceAll(/\s/g, "_")));
          const { text } = tableText(COLUMNS, clean, { width });
          for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(width);
        },
      ),
    );
  });
});
