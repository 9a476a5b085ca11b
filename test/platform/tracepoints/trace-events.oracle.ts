import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { linuxTypes } from "../../../src/node/index.ts";
import { formatFile, TraceEvents } from "../../../src/platform/index.ts";

const root = mkdtempSync(join(tmpdir(), "tracefs-"));
const mounted = spawnSync("mount", ["-t", "tracefs", "tracefs", root]).status === 0;
const release = readFileSync("/proc/sys/kernel/osrelease", "utf8");

afterAll(() => {
  if (mounted) spawnSync("umount", ["-l", root]);
  if (!existsSync(join(root, "events"))) rmdirSync(root);
});

/** The fields of a format file; integers as our own files write them. */
function fields(text: string): string[] {
  return [...text.matchAll(/\tfield:([^;]+);(\toffset:\d+;\tsize:\d+;\tsigned:\d;)/g)].map(
    ([, type, rest]) => `${type!.replace(/^unsigned (?!int|long|short|char)/, "unsigned int ")}${rest}`,
  );
}

describe.skipIf(!mounted || !release.startsWith("6.18."))("format files", () => {
  const events = new TraceEvents(linuxTypes());
  const pairs = readdirSync(`${root}/events`, { recursive: true, encoding: "utf8" })
    .filter((path) => /^\w+\/\w+\/format$/.test(path))
    .map((path) => {
      const [category, name] = path.split("/") as [string, string, string];
      return { category, name, text: readFileSync(`${root}/events/${path}`, "utf8") };
    });

  it("are of the same events", () => {
    const missing = pairs.filter(({ category, name }) => events.find(category, name) === undefined);
    expect(missing.filter(({ category }) => category !== "ftrace")).toEqual([]);
  });

  it("say of every field where it is, and of nearly all what they are", () => {
    const layouts: string[] = [];
    const texts = new Set<string>();
    let compared = 0;
    for (const { category, name, text } of pairs) {
      const event = events.find(category, name);
      if (event === undefined) continue;
      const [ours, theirs] = [fields(formatFile(event)), fields(text)];
      expect(ours.length, name).toBe(theirs.length);
      for (const [i, field] of theirs.entries()) {
        compared++;
        const own = ours[i]!;
        const place = (line: string) =>
          line.replace(/^.*?([\w]+)(\[[^\]]*\])*;\t/, "$1;").replace(/signed.*/, "");
        if (place(own) !== place(field)) layouts.push(`${name}: ${own} for ${field}`);
        if (own !== field) texts.add(`${own} for ${field}`);
      }
    }
    expect(layouts).toEqual([]);
    // Names of macros that the compiler has replaced, and elements of dynamic arrays.
    expect(texts.size / compared).toBeLessThan(0.05);
    console.log(`${compared} fields; ${texts.size} kinds of them differ in their type's name`);
  });
});
