import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { UNKNOWN_CODE } from "../../../src/verifier/explain/explain-log.ts";
import { explainLog, RULES } from "../../../src/verifier/explain/index.ts";
import { type CatalogueEntry, catalogue } from "../support/catalogue.ts";
import { KernelVerifier } from "../support/kernel-verifier.ts";
import { LogLevel } from "../support/verifier-answer.ts";

const entries = catalogue();
const hasTypes = existsSync("/sys/kernel/btf/vmlinux");

/** A program of a million instructions is asked about without a log of each. */
function levelFor({ code }: CatalogueEntry): number {
  return code === "too-complex" ? LogLevel.stats : LogLevel.two;
}

describe("the catalogue", () => {
  it("has an entry and a page for each code of the rules, and no others", () => {
    const codes = RULES.map(({ code }) => code).sort();
    expect(entries.map(({ code }) => code).sort()).toEqual(codes);
    expect(new Set(codes).size).toBe(codes.length);
    expect(codes.length).toBeGreaterThanOrEqual(60);
    const pages = readdirSync("docs/verifier").map((name) => name.replace(/\.md$/, ""));
    expect(pages.filter((name) => name !== "index" && name !== "json").sort()).toEqual(codes);
  });

  it("says something about each, and lists it", () => {
    const index = readFileSync("docs/verifier/index.md", "utf8");
    for (const { code, about } of entries) {
      expect(about, code).toMatch(/\.$/);
      expect(index).toContain(`[${code}](${code}.md)`);
    }
  });
});

describe.skipIf(!hasTypes)("each program of the catalogue", () => {
  const verifier = hasTypes ? KernelVerifier.embedded() : null;

  it.each(entries)("is refused as $code", (entry) => {
    const { errno, log } = verifier!.verify(entry.rejected, { logLevel: levelFor(entry) });
    expect(errno).not.toBe(0);
    const explanation = explainLog(log, { refused: true });
    expect(explanation?.code).toBe(entry.code);
    expect(explanation?.code).not.toBe(UNKNOWN_CODE);
    expect(explanation?.fixes.length).toBeGreaterThan(0);
  });

  it.each(entries)("is accepted mended: $code", ({ mended }) => {
    const { errno, log } = verifier!.verify(mended, { logLevel: LogLevel.one });
    expect(errno, log).toBe(0);
  });

  it.each(entries)("is explained the same from the log of the failing path alone: $code", (entry) => {
    if (levelFor(entry) === LogLevel.stats) return;
    const { log } = verifier!.verify(entry.rejected, { logLevel: LogLevel.one });
    expect(explainLog(log, { refused: true })?.code).toBe(entry.code);
  });
});
