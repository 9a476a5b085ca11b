import { describe, expect, it } from "vitest";
import { findCommand } from "../../src/cli/commands.ts";
import { parseUnsigned, Words } from "../../src/cli/words.ts";

describe("Words", () => {
  it("takes words by any beginning of a keyword", () => {
    const words = new Words(["f", "x", "format"], "dump");
    expect(words.accept("file")).toBe(true);
    expect(words.accept("file")).toBe(false);
    expect(words.take()).toBe("x");
    expect(words.accept("format")).toBe(true);
    expect(() => words.take()).toThrow();
  });

  it("names the word before a gap", () => {
    expect(() => new Words([], "dump").need(2)).toThrow("'dump' needs at least 2 arguments, 0 found");
    const words = new Words(["map", "id"], "dump");
    words.take();
    expect(() => words.need(2)).toThrow("'map' needs at least 2 arguments, 1 found");
    expect(() => words.end()).toThrow("what is 'id'?");
  });

  it.each([
    ["0", 0],
    ["010", 8],
    ["0x1F", 31],
    ["4294967295", 0xffff_ffff],
    ["4294967296", null],
    ["08", null],
    ["0x", null],
    ["-1", null],
    ["1k", null],
    ["", null],
  ])("reads %j as C does", (text, value) => {
    expect(parseUnsigned(text)).toBe(value);
  });
});

describe("findCommand", () => {
  // The first of bpftool's table that begins so, as its cmd_select takes it.
  it.each([
    ["p", "prog"],
    ["pe", "perf"],
    ["b", "batch"],
    ["bt", "btf"],
    ["m", "map"],
    ["n", "net"],
    ["v", "version"],
    ["g", "gen"],
    ["t", "token"],
    ["c", "cgroup"],
    ["vm", "vm"],
    ["r", undefined],
    ["ru", "run"],
    ["dis", "disasm"],
  ])("%s", (word, name) => {
    const found = findCommand(word);
    expect("command" in found ? found.command.name : undefined).toBe(name);
  });

  it("knows no empty word and nothing longer than a name", () => {
    expect(findCommand("")).toEqual({ unknown: true });
    expect(findCommand("progs")).toEqual({ unknown: true });
  });
});
