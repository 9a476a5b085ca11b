import { describe, expect, it } from "vitest";
import { CompileError, type Diagnostic, renderDiagnostic, SourceText } from "../../src/base/index.ts";

function about(start: number, end: number): Diagnostic {
  return { code: "ASM0001", severity: "error", message: "expected a register", span: { start, end } };
}

/** The source line and what the carets stand under. */
function shown(source: SourceText, start: number, end: number): { text: string; marked: string } {
  const [, text, carets] = renderDiagnostic(source, about(start, end)).split("\n");
  const from = carets!.indexOf("^");
  return { text: text!.slice(2), marked: text!.slice(from, from + carets!.length - from) };
}

describe("renderDiagnostic", () => {
  it("marks the span under its line, keeping tabs", () => {
    const source = new SourceText("exit\n\tr1 = r12\n", "a.s");
    expect(renderDiagnostic(source, about(11, 14))).toBe(
      "a.s:2:7: error: expected a register [ASM0001]\n  \tr1 = r12\n  \t     ^^^",
    );
  });

  it("shows no line where it is empty", () => {
    expect(renderDiagnostic(new SourceText("\nexit", "a.s"), about(0, 0))).toBe(
      "a.s:1:1: error: expected a register [ASM0001]",
    );
  });

  it("shows the part of a long line that is around the span", () => {
    const words = Array.from({ length: 40_000 }, (_, index) => `w${index}`);
    const text = words.join(" ");
    const source = new SourceText(text);
    for (const index of [0, 1, 9, 10, 20_000, 39_990, 39_999]) {
      const start =
        index === 0
          ? 0
          : text.indexOf(` w${index} `) >= 0
            ? text.indexOf(` w${index} `) + 1
            : text.length - 6;
      const { text: line, marked } = shown(source, start, start + words[index]!.length);
      expect(marked).toBe(words[index]);
      expect(line.length).toBeLessThanOrEqual(162);
      expect(line.startsWith("…")).toBe(index >= 20_000);
      expect(line.endsWith("…")).toBe(index <= 20_000);
    }
  });

  it("ends the carets where the part ends", () => {
    const { text, marked } = shown(new SourceText("x".repeat(1000)), 500, 1000);
    expect(text).toBe(`…${"x".repeat(160)}…`);
    expect(marked).toBe(`${"x".repeat(100)}…`);
  });

  it("parts no surrogate pair", () => {
    for (const lead of ["", "x"]) {
      const { text } = shown(new SourceText(lead + "😀".repeat(400)), 300, 302);
      expect(text === new TextDecoder().decode(new TextEncoder().encode(text))).toBe(true);
    }
  });

  it("keeps the message of many errors on one long line short", () => {
    const source = new SourceText("a ".repeat(50_000));
    const error = new CompileError(
      source,
      Array.from({ length: 100 }, (_, index) => about(index * 2, index * 2 + 1)),
    );
    expect(error.message.length).toBeLessThan(50_000);
  });

  it("cuts a message that quotes a word as long as the file", () => {
    const name = "a".repeat(100_000);
    const message = `there is no instruction '${name}'`;
    const diagnostic = {
      code: "ASM0002",
      severity: "error",
      message,
      span: { start: 0, end: name.length },
    } as const;
    expect(renderDiagnostic(new SourceText(name), diagnostic).length).toBeLessThan(1000);
  });
});
