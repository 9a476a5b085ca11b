import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { groundtruthCases } from "../support/groundtruth.ts";

const KNOWN = "testdata/verifier/recorded/linux-6.1/differences.txt";
/** All cases once, on a machine that does other things, too. */
const PATIENCE = 900_000;

it(
  "the embedded kernel as Linux 6.1 gives that kernel's verdicts and error numbers, but for those that are listed",
  async () => {
    // A program of its own, as a test would run it several times slower. It fails where anything differs.
    const program = promisify(execFile)(
      process.execPath,
      ["scripts/run.mjs", "verifier-cases", "--release", "6.1", "--differences"],
      { timeout: PATIENCE, maxBuffer: 1 << 26 },
    );
    const output = await program.then(
      ({ stdout }) => stdout,
      (error: { readonly stdout: string }) => error.stdout,
    );
    const hasGroundtruth = typeof groundtruthCases() !== "string";
    const known = readFileSync(KNOWN, "utf8")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => line.split("\t")[0]!)
      .filter((line) => hasGroundtruth || !line.includes(": groundtruth/"));
    expect(output.trimEnd().split("\n").sort()).toEqual(known.sort());
  },
  PATIENCE,
);
