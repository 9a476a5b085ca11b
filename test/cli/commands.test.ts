import { describe, expect, it } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { moduleOf } from "../../src/cli/modules.ts";
import { tsbpf } from "./fake-io.ts";

const now = COMMANDS.filter((command) => command.later !== true);

describe("the table of commands", () => {
  it.each(now.map(({ name }) => name))("%s has the functions that the table says", async (name) => {
    const { verbs } = now.find((command) => command.name === name)!;
    const module = await moduleOf(name);
    if (verbs === undefined) {
      expect("run" in module).toBe(true);
      return;
    }
    const wanted = verbs.filter((verb) => verb.later !== true).map((verb) => verb.name);
    expect("verbs" in module ? Object.keys(module.verbs).sort() : []).toEqual(wanted.sort());
  });

  it.each(now.map(({ name }) => name))("%s has a help of at most 100 columns", async (name) => {
    const { stdout, status } = await tsbpf(["help", name]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Usage: tsbpf/);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  it.each(COMMANDS.filter((command) => command.later === true).map(({ name }) => name))(
    "%s says that it is of a later version",
    async (name) => {
      const { stderr, status } = await tsbpf([name]);
      expect(stderr).toBe(`Error: '${name}' is not supported: it is not in this version of tsbpf\n`);
      expect(status).toBe(255);
    },
  );
});
