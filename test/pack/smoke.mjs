// Tries the installed package as a user would: `node smoke.mjs FOLDER`, where FOLDER/node_modules has tsbpf.
// Prints one line for each try; the exit status is 1 if any failed.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const folder = resolve(process.argv[2] ?? ".");
const installed = join(folder, "node_modules/tsbpf");
const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
let failed = 0;

function report(what, problem) {
  console.log(
    `${problem === "" ? "ok    " : "FAILED"} ${process.version} ${what}${problem === "" ? "" : `: ${problem}`}`,
  );
  if (problem !== "") failed++;
}

/** Runs the command line with this Node; `expected` must match what it prints. */
function command(args, expected, input = "") {
  const cli = join(installed, manifest.bin.tsbpf);
  const run = spawnSync(process.execPath, [cli, ...args], {
    cwd: folder,
    input,
    encoding: "utf8",
    timeout: 30_000,
  });
  const good = run.status === 0 && expected.test(run.stdout);
  const problem = `status ${run.status}, printed ${JSON.stringify(run.stdout)}, ${JSON.stringify(run.stderr)}`;
  report(`tsbpf ${args.join(" ")}`, good ? "" : problem);
}

// Twice: the second run has compiled code from the first.
command(["version"], new RegExp(`v${manifest.version.replaceAll(".", "\\.")}`));
command(["version"], new RegExp(`v${manifest.version.replaceAll(".", "\\.")}`));
command(["help"], /tsbpf/);
// The main job, from files that come with the package.
command(["demo"], /XDP_DROP/);
// r0 = 42; exit
command(["vm"], /^(0x)?2a\s*$/, "b7000000 2a000000 95000000 00000000");

// Every subpath loads, and exports something.
const subpaths = Object.keys(manifest.exports ?? {}).filter((path) => !path.endsWith(".json"));
const specifiers = subpaths.map((path) => `tsbpf${path.slice(1)}`);
const script = `for (const name of ${JSON.stringify(specifiers)}) {
  try {
    if (Object.keys(await import(name)).length === 0) throw new Error("nothing exported");
    console.log(JSON.stringify([name, ""]));
  } catch (error) {
    console.log(JSON.stringify([name, String(error)]));
  }
}
`;
writeFileSync(join(folder, "imports.mjs"), script);
const imports = spawnSync(process.execPath, ["imports.mjs"], {
  cwd: folder,
  encoding: "utf8",
  timeout: 60_000,
});
const loaded = imports.stdout
  .trim()
  .split("\n")
  .filter(Boolean)
  .map((line) => JSON.parse(line));
for (const [name, problem] of loaded) report(`import ${name}`, problem);
if (loaded.length !== specifiers.length) report("imports", imports.stderr || "some imports gave no answer");

// The declarations compile for a user of TypeScript (Disposable needs the esnext library), where the compiler is at hand.
const compiler = join(import.meta.dirname, "../../node_modules/typescript/bin/tsc");
if (existsSync(compiler) && specifiers.length > 0) {
  const uses = specifiers.map((name, index) => `import * as m${index} from "${name}";\nvoid m${index};`);
  writeFileSync(join(folder, "types.mts"), `${uses.join("\n")}\n`);
  const args = [
    compiler,
    "--ignoreConfig",
    "--noEmit",
    "--strict",
    "--module",
    "nodenext",
    "--target",
    "esnext",
    "types.mts",
  ];
  const types = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8", timeout: 60_000 });
  report("types", types.status === 0 ? "" : types.stdout);
}

process.exitCode = failed > 0 ? 1 : 0;
