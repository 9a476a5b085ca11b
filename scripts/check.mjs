// `npm run check`: everything about the project that can be checked without running it. All checks run, whatever fails.
//
//   npm run check -- types layers     only these
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ensureInstalled } from "./ensure.mjs";
import { exportsProblem } from "./exports.mjs";
import { violations } from "./layers.mjs";
import { fail, filesBelow, installed, ROOT } from "./project.mjs";

/** Runs Node on a script and gives what it printed if it failed, else an empty string. */
function problemsOf(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: "utf8" });
  return status === 0 ? "" : `${stdout}${stderr}`.trim() || `exit status ${status}`;
}

function version() {
  const declared = filesBelow("src")
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => [
      ...readFileSync(join(ROOT, file), "utf8").matchAll(/^export const VERSION = "(.*)";$/gm),
    ]);
  const wanted = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).version;
  const found = declared.map((match) => match[1]).join(", ");
  return found === wanted
    ? ""
    : `expected one VERSION in src, '${wanted}' as in package.json, got '${found}'`;
}

const layers = () => JSON.parse(readFileSync(join(ROOT, "layers.json"), "utf8"));
const tsc = installed("typescript/bin/tsc");

/** Each gives its problems as text, or an empty string. */
const CHECKS = {
  "types:core": () => problemsOf(tsc, "-p", "tsconfig.core.json"),
  types: () => problemsOf(tsc, "-p", "tsconfig.json"),
  layers: () => violations(layers(), join(ROOT, "src")).join("\n"),
  lint: () => problemsOf(installed("@biomejs/biome/bin/biome"), "check", "--error-on-warnings", "."),
  generated: () => problemsOf("scripts/run.mjs", "gen", "--check"),
  exports: exportsProblem,
  version,
};

await ensureInstalled();
const names = process.argv.slice(2);
const unknown = names.find((name) => !(name in CHECKS));
if (unknown !== undefined)
  fail(`npm run check: expected one of ${Object.keys(CHECKS).join(", ")}, got '${unknown}'`);
let passed = 0;
let failed = 0;
for (const [name, check] of Object.entries(CHECKS)) {
  if (names.length > 0 && !names.includes(name)) continue;
  const started = performance.now();
  const problems = check();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${problems === "" ? "ok    " : "FAILED"} ${name.padEnd(12)} ${seconds} s`);
  if (problems === "") passed++;
  else {
    failed++;
    console.log(problems.replace(/^/gm, "    "));
  }
}
console.log(`${passed} checks passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
