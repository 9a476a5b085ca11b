import { describe, expect, it } from "vitest";
import { NotSupported } from "../../src/base/index.ts";
import { UsageError } from "../../src/cli/failure.ts";
import { firstWord, type OptionSpec, parseOptions } from "../../src/cli/options.ts";

const SPECS: readonly OptionSpec[] = [
  { name: "json", short: "j" },
  { name: "pretty", short: "p" },
  { name: "base-btf", short: "B", argument: "FILE" },
  { name: "bpffs", short: "f" },
  { name: "style", argument: "STYLE", choices: ["one", "two"] },
  { name: "strace", argument: "FILTER", attached: true, later: true },
  { name: "trace", argument: "FILTER", attached: true },
];

describe("parseOptions", () => {
  it("takes joined letters, attached and separate arguments", () => {
    const parsed = parseOptions(["-jp", "-Bx", "a", "--base-btf=y", "b", "-B", "z"], SPECS);
    expect(parsed.words).toEqual(["a", "b"]);
    expect(parsed.has("json") && parsed.has("pretty")).toBe(true);
    expect(parsed.value("base-btf")).toBe("z");
  });

  it("takes unique beginnings of long names", () => {
    expect(parseOptions(["--pre"], SPECS).has("pretty")).toBe(true);
    expect(() => parseOptions(["--b"], SPECS)).toThrow("'--base-btf' or '--bpffs'");
  });

  it("ends at -- and takes - for a word", () => {
    expect(parseOptions(["-", "--", "-j"], SPECS).words).toEqual(["-", "-j"]);
    expect(parseOptions(["--", "-j"], SPECS).has("json")).toBe(false);
  });

  it("leaves what follows the first word alone where it is asked to", () => {
    expect(parseOptions(["-j", "btf", "-p"], SPECS, { stopAtWord: true }).words).toEqual(["btf", "-p"]);
  });

  it("has optional arguments only attached", () => {
    const parsed = parseOptions(["--trace", "word"], SPECS);
    expect(parsed.value("trace")).toBe("");
    expect(parsed.words).toEqual(["word"]);
    expect(parseOptions(["--trace=bpf"], SPECS).value("trace")).toBe("bpf");
  });

  it.each([
    [["-x"], "unrecognized option '-x'"],
    [["-jx"], "unrecognized option '-jx'"],
    [["--what=1"], "unrecognized option '--what=1'"],
    [["--json=1"], "takes no argument"],
    [["-B"], "needs an argument: FILE"],
    [["--base-btf"], "needs an argument: FILE"],
    [["--style", "three"], "expected one or two, got 'three'"],
  ])("refuses %j", (argv, message) => {
    expect(() => parseOptions(argv, SPECS)).toThrow(UsageError);
    expect(() => parseOptions(argv, SPECS)).toThrow(message);
  });

  it.each([
    [["-j", "--style", "two", "word", "--what"], "word"],
    [["-Bx", "-"], "-"],
    [["--", "-x"], "-x"],
    [["-jB"], undefined],
    [["--"], undefined],
    [["--what", "word"], null],
    [["-jx", "word"], null],
  ])("the first word of %j", (argv, word) => {
    expect(firstWord(argv, SPECS)).toBe(word);
  });

  it("says what is of a later version", () => {
    expect(() => parseOptions(["--strace"], SPECS)).toThrow(NotSupported);
  });
});
