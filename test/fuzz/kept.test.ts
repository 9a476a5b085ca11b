import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { judge, LIMITS } from "./oracle.ts";
import { TARGETS, targetNamed } from "./targets/index.ts";

const FOLDER = new URL("../../testdata/fuzz/", import.meta.url);

function foldersIn(folder: URL): string[] {
  return (
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      // Its cases are texts, which test/fuzz/engines runs.
      .filter((name) => name !== "engines")
  );
}

describe.each(foldersIn(FOLDER))("kept inputs of %s", (name) => {
  const target = targetNamed(name)!;
  const folder = new URL(`${name}/`, FOLDER);
  const files = readdirSync(folder).filter((file) => file.endsWith(".bin"));

  const noteOf = (file: string): string =>
    readFileSync(new URL(file.replace(/\.bin$/, ".txt"), folder), "utf8");
  const isOpen = (file: string): boolean => noteOf(file).startsWith("Open");

  it("belong to a target, and each has a note", () => {
    expect(target).toBeDefined();
    for (const file of files) expect(noteOf(file)).not.toBe("");
  });

  // A bug that is known and not mended: its note begins with "Open".
  it.skip.each(files.filter(isOpen))("%s, an open bug", () => {});

  it.each(files.filter((file) => !isOpen(file)))("%s", (file) => {
    const { problem, milliseconds } = judge(target, new Uint8Array(readFileSync(new URL(file, folder))));
    expect(problem?.description).toBeUndefined();
    expect(milliseconds).toBeLessThan(10 * LIMITS.milliseconds);
  });
});

describe.each(TARGETS.map(({ name }) => name))("the corpus of %s", (name) => {
  const target = targetNamed(name)!;

  it("is judged without a problem", () => {
    const corpus = target.corpus();
    expect(corpus.length).toBeGreaterThan(0);
    const step = Math.max(1, Math.floor(corpus.length / 20));
    for (let i = 0; i < corpus.length; i += step) {
      expect(judge(target, corpus[i]!).problem?.description).toBeUndefined();
    }
  });
});
