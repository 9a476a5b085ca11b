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

// A bundle of the form that scripts/build.mjs writes: the build's name, then a module with `main`.
const bundle = (build: string, text: string) => `/*${build}*/"use strict";
exports.main = async (argv) => {
  const lazy = () => ${JSON.stringify(text)} + argv.join(",");
  if (argv[0] === "fail") return 3;
  console.log(lazy());
  return 0;
};
`;

let home: string;
const path = (...parts: string[]) => join(home, ...parts);
const install = (build: string, text: string) => writeFileSync(path("dist/tsbpf.cjs"), bundle(build, text));
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
  install("0123456789abcdef", "one:");
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

describe("the launcher", () => {
  it("runs the bundle, and keeps what was compiled for the command", () => {
    expect(run(["version", "-j"])).toEqual({ status: 0, stdout: "one:version,-j\n", stderr: "" });
    expect(cached()).toHaveLength(1);
    expect(cached()[0]).toMatch(/^0123456789abcdef-v.*-version$/);
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

  it("passes the exit status on, and keeps nothing of a failed run", () => {
    expect(run(["fail"]).status).toBe(3);
    expect(cached()).toEqual([]);
  });

  it("never takes code compiled from another build of the same length", () => {
    run(["version"]);
    install("fedcba9876543210", "two:");
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

  it("says what to do where nothing was built", () => {
    rmSync(path("dist/tsbpf.cjs"));
    const { status, stderr } = run(["version"]);
    expect(status).toBe(1);
    expect(stderr).toContain("npm run build");
  });
});
