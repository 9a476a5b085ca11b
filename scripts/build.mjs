// Builds dist/: `tsbpf.cjs`, the command line as one file of parts, and `lib/`, the library as ES modules with their types.
//
//   npm run build          both, where their sources changed
//   npm run build -- cli   only the command line (what `npm start` needs)
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, sep } from "node:path";
import { bundleCommandLine } from "./bundle.mjs";
import { ensureInstalled } from "./ensure.mjs";
import { fail, filesBelow, fingerprint, installed, isMain, progress, ROOT, runNode } from "./project.mjs";

const INPUTS = [
  "package.json",
  "tsconfig.base.json",
  "tsconfig.json",
  "tsconfig.build.json",
  "scripts/build.mjs",
  "scripts/bundle.mjs",
];

/** Where V8's compiled code is kept beside the bundle (see bin/tsbpf.cjs). It belongs to one bundle only. */
const CODE_CACHE = "code-cache";

async function buildCli() {
  const output = join(ROOT, "dist/tsbpf.cjs");
  // Complete or absent: a run that goes on reads its parts from the file that it opened.
  writeFileSync(`${output}.new`, await bundleCommandLine());
  renameSync(`${output}.new`, output);
  rmSync(join(ROOT, "dist", CODE_CACHE), { recursive: true, force: true });
}

function buildLibrary() {
  rmSync(join(ROOT, "dist/lib"), { recursive: true, force: true });
  const status = runNode([installed("typescript/bin/tsc"), "-p", "tsconfig.build.json"]);
  if (status !== 0) throw new Error("the TypeScript compiler found errors");
  nameWebAssembly(join(ROOT, "dist/lib"));
}

/**
 * TypeScript knows WebAssembly's types only as part of the DOM. Where a declaration names one, it refers to a file that
 * declares these names, empty: they merge with the DOM's where that is there.
 */
function nameWebAssembly(folder) {
  const names = new Set();
  for (const path of readdirSync(folder, { recursive: true })) {
    if (!path.endsWith(".d.ts")) continue;
    const file = join(folder, path);
    const text = readFileSync(file, "utf8");
    const used = [...text.matchAll(/\bWebAssembly\.(\w+)/g)].map((match) => match[1]);
    if (used.length === 0) continue;
    for (const name of used) names.add(name);
    const up = "../".repeat(path.split(sep).length - 1) || "./";
    writeFileSync(file, `/// <reference path="${up}webassembly.d.ts" />\n${text}`);
  }
  const declared = [...names].sort().map((name) => `  interface ${name} {}`);
  writeFileSync(
    join(folder, "webassembly.d.ts"),
    `declare namespace WebAssembly {\n${declared.join("\n")}\n}\n`,
  );
}

const PARTS = {
  cli: { output: "dist/tsbpf.cjs", what: "command line", build: buildCli },
  lib: { output: "dist/lib/base/index.js", what: "library", build: buildLibrary },
};

/** Builds the parts asked for whose sources changed since. */
export async function ensureBuilt(...parts) {
  mkdirSync(join(ROOT, "dist"), { recursive: true });
  // What only this machine needs stays out of the package.
  writeFileSync(join(ROOT, "dist/.npmignore"), `${CODE_CACHE}\n.*.built\n`);
  const state = fingerprint([...INPUTS, ...filesBelow("src")]);
  for (const part of parts) {
    const { output, what, build } = PARTS[part];
    const stamp = join(ROOT, `dist/.${part}.built`);
    if (existsSync(join(ROOT, output)) && existsSync(stamp) && readFileSync(stamp, "utf8") === state)
      continue;
    const started = performance.now();
    rmSync(stamp, { force: true });
    try {
      await build();
    } catch (error) {
      // esbuild has already printed where and why.
      fail(
        error.errors === undefined
          ? `Building the ${what} failed: ${error.message}`
          : `Building the ${what} failed.`,
      );
    }
    writeFileSync(stamp, state);
    progress(`Built the ${what} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  }
}

if (isMain(import.meta)) {
  const parts = process.argv.slice(2);
  const unknown = parts.find((part) => !(part in PARTS));
  if (unknown !== undefined)
    fail(`npm run build: expected one of ${Object.keys(PARTS).join(", ")}, got '${unknown}'`);
  await ensureInstalled();
  await ensureBuilt(...(parts.length > 0 ? parts : Object.keys(PARTS)));
}
