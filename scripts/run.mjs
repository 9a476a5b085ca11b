// Runs the project's own programs: `node scripts/run.mjs gen|bench|fuzz|stress|oracle|verifier-cases|verifier-objects|record-verifier|record-verdicts [ARGUMENTS]`.
// They are TypeScript; Node 20 cannot run that, so they are bundled first (some 30 ms).
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ensureBuilt } from "./build.mjs";
import { ensureInstalled } from "./ensure.mjs";
import { fail, installed, isMain, ROOT, runNode } from "./project.mjs";

const PROGRAMS = {
  gen: "gen/main.ts",
  bench: "bench/main.ts",
  fuzz: "test/fuzz/main.ts",
  stress: "test/maps/main.ts",
  "verifier-cases": "test/verifier/main.ts",
  "verifier-objects": "test/verifier/object-files/main.ts",
  "record-verifier": "gen/verifier/record.ts",
  "record-verdicts": "gen/verifier/verdicts.ts",
};

/** Bundles a TypeScript file of the project for this Node, and gives the path of the result. */
export async function bundled(entry) {
  const esbuild = await import("esbuild");
  const output = join(ROOT, ".cache", `${entry.replaceAll("/", "-").replace(/\.ts$/, "")}.mjs`);
  await esbuild.build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile: output,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20.19",
    packages: "external",
    sourcemap: "linked",
  });
  return output;
}

async function main([name, ...args]) {
  await ensureInstalled();
  if (name === "oracle") {
    await ensureBuilt("cli");
    return runNode([installed("vitest/vitest.mjs"), "run", ...args], {
      env: { ...process.env, TSBPF_ORACLE: "1" },
    });
  }
  const entry = PROGRAMS[name];
  if (entry === undefined)
    fail(`expected one of ${Object.keys(PROGRAMS).join(", ")}, oracle; got '${name ?? ""}'`);
  if (!existsSync(join(ROOT, entry))) fail(`${entry} does not exist`);
  if (name === "bench") await ensureBuilt("cli");
  return runNode(["--enable-source-maps", await bundled(entry), ...args]);
}

if (isMain(import.meta)) process.exitCode = await main(process.argv.slice(2));
