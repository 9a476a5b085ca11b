import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { joined, withPlainBindings } from "../../scripts/bundle.mjs";

// A bundle of parts, as scripts/build.mjs writes it.
const bundle = (text: string) =>
  joined([
    { name: "./text.js", code: `exports.text = () => ${JSON.stringify(text)};` },
    {
      name: "./main.js",
      code: `"use strict";
exports.main = async (argv) => {
  if (argv[0] === "fail") return 3;
  console.log(require("./text.js").text() + argv.join(","));
  return argv[1] === "other" ? require("./other.js").where() : 0;
};
`,
    },
    {
      name: "./other.js",
      code: `
exports.where = () => {
  console.log(new Error("at").stack.split("\\n")[1].trim());
  return 0;
};`,
    },
  ]);

let home: string;
const path = (...parts: string[]) => join(home, ...parts);
const install = (text: string) => writeFileSync(path("dist/tsbpf.cjs"), bundle(text));
const cached = () => (existsSync(path("dist/code-cache")) ? readdirSync(path("dist/code-cache")) : []);

function run(args: readonly string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path("bin/tsbpf.cjs"), ...args], {
    encoding: "utf8",
    env: { ...process.env, HOME: home, XDG_CACHE_HOME: "", ...env },
    timeout: 20_000,
  });
  return { status, stdout, stderr };
}

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "tsbpf-launcher-"));
  mkdirSync(path("bin"));
  mkdirSync(path("dist"));
  copyFileSync("bin/tsbpf.cjs", path("bin/tsbpf.cjs"));
  install("one:");
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

describe("the launcher", () => {
  it("runs the bundle, and keeps what was compiled for the command", () => {
    expect(run(["version", "-j"])).toEqual({ status: 0, stdout: "one:version,-j\n", stderr: "" });
    expect(cached()).toHaveLength(1);
    expect(cached()[0]).toMatch(/^[0-9a-f]{16}-v.*-version$/);
    const before = readFileSync(path("dist/code-cache", cached()[0]!));
    expect(run(["version"]).stdout).toBe("one:version\n");
    // Accepted: a rejected one would have been written again, with another run's functions.
    expect(
      Buffer.compare(
        new Uint8Array(before),
        new Uint8Array(readFileSync(path("dist/code-cache", cached()[0]!))),
      ),
    ).toBe(0);
    run(["prog", "show"]);
    expect(cached()).toHaveLength(2);
  });

  it("adds the parts that a later run of the command needs", () => {
    run(["prog"]);
    const size = () => readFileSync(path("dist/code-cache", cached()[0]!)).length;
    const before = size();
    expect(run(["prog", "other"]).status).toBe(0);
    expect(cached()).toHaveLength(1);
    const both = size();
    expect(both).toBeGreaterThan(before);
    run(["prog"]);
    expect(size()).toBe(both);
  });

  it("names the lines of its file in traces", () => {
    const lines = bundle("one:").toString("latin1").split("\n");
    const line = lines.findIndex((each) => each.includes("new Error")) + 1;
    for (let i = 0; i < 2; i++) expect(run(["prog", "other"]).stdout).toContain(`tsbpf.cjs:${line}:`);
  });

  it("passes the exit status on, and keeps nothing of a failed run", () => {
    expect(run(["fail"]).status).toBe(3);
    expect(cached()).toEqual([]);
  });

  it("never takes code compiled from another build of the same length", () => {
    run(["version"]);
    install("two:");
    expect(run(["version"]).stdout).toBe("two:version\n");
  });

  it("survives damaged, cut, empty and foreign files", () => {
    run(["version"]);
    const file = path("dist/code-cache", cached()[0]!);
    const good = new Uint8Array(readFileSync(file));
    const flipped = (at: number) => good.map((byte, index) => (index === at ? byte ^ 0x10 : byte));
    const damaged = [flipped(0), flipped(20), flipped(good.length >> 1), flipped(good.length - 1)];
    for (const bytes of [
      ...damaged,
      good.subarray(0, good.length >> 1),
      new Uint8Array(0),
      new Uint8Array(4096),
    ]) {
      writeFileSync(file, bytes);
      expect(run(["version"])).toEqual({ status: 0, stdout: "one:version\n", stderr: "" });
    }
  });

  it.skipIf(process.platform === "win32")(
    "does not trust a file that others can write, and replaces it",
    () => {
      run(["version"]);
      const file = path("dist/code-cache", cached()[0]!);
      writeFileSync(file, "not ours");
      chmodSync(file, 0o666);
      expect(run(["version"]).stdout).toBe("one:version\n");
      expect(readFileSync(file, "latin1")).not.toBe("not ours");
    },
  );

  it("uses the user's cache folder where it cannot write beside the bundle", () => {
    // A file where the folder would be: what a read-only installation looks like even to root.
    writeFileSync(path("dist/code-cache"), "");
    expect(run(["version"])).toEqual({ status: 0, stdout: "one:version\n", stderr: "" });
    expect(readdirSync(path(".cache/tsbpf"))).toHaveLength(1);
    expect(run(["version"]).stdout).toBe("one:version\n");
  });

  it("works with nowhere to write, and without caching where told so", () => {
    expect(run(["version"], { TSBPF_NO_CODE_CACHE: "1" }).stdout).toBe("one:version\n");
    expect(cached()).toEqual([]);
    writeFileSync(path("dist/code-cache"), "");
    expect(run(["version"], { HOME: "/proc/none" })).toEqual({
      status: 0,
      stdout: "one:version\n",
      stderr: "",
    });
  });

  it("says what to do where nothing was built, and of what is damaged", () => {
    const whole = readFileSync(path("dist/tsbpf.cjs"));
    const damaged = [
      null,
      "",
      "exports.main = 1",
      whole.subarray(0, 40),
      whole.subarray(0, whole.length / 2),
    ];
    for (const bytes of damaged) {
      rmSync(path("dist/tsbpf.cjs"), { force: true });
      if (bytes !== null) writeFileSync(path("dist/tsbpf.cjs"), bytes);
      const { status, stdout, stderr } = run(["version"]);
      expect([status, stdout]).toEqual([1, ""]);
      expect(stderr).toMatch(
        /^tsbpf: \S+dist\/tsbpf\.cjs cannot be used: .*\nRun 'npm run build', or install tsbpf again\.\n$/,
      );
    }
  });

  it.skipIf(process.platform === "win32")(
    "leaves nothing behind where it cannot write all, and waits for nobody",
    () => {
      run(["version"]);
      const file = path("dist/code-cache", cached()[0]!);
      rmSync(file);
      spawnSync("mkfifo", [file]);
      expect(run(["version"])).toEqual({ status: 0, stdout: "one:version\n", stderr: "" });
      expect(readdirSync(path("dist/code-cache"))).toHaveLength(1);
    },
  );
});

describe("parts of the bundle", () => {
  it("take what they import into variables, and give plain properties", () => {
    const part = [
      'import {\n  a,\n  b as b2,\n  $ as $2\n} from "./chunk-X.js";',
      'import "./chunk-Y.js";',
      'import { readFileSync } from "node:fs";',
      "export {\n  c as default,\n  d\n};",
    ].join("\n");
    expect(withPlainBindings(part)).toBe(
      [
        'var {\n  a,\n  b: b2,\n  $: $2\n} = require("./chunk-X.js");',
        'require("./chunk-Y.js");',
        'import { readFileSync } from "node:fs";',
        "module.exports = {default: c, d: d};",
      ].join("\n"),
    );
  });

  it("refuses lines that it does not know", () => {
    expect(() => withPlainBindings('import * as x from "./chunk-X.js";')).toThrow("unexpected line");
    expect(() => withPlainBindings("export const a = 1;")).toThrow("unexpected line");
  });
});
