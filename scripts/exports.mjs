// The `exports` of package.json: one subpath for each public folder of src (one with an index.ts), and `tsbpf/linux`.
//
//   node scripts/exports.mjs           says what differs
//   node scripts/exports.mjs --write   rewrites the block
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail, isMain, ROOT } from "./project.mjs";

/** Subpaths that are not a folder of layers.json: the live kernel is its own door, so that `tsbpf/node` stays light. */
const INNER = { linux: "node/linux" };

export function wantedExports() {
  const { rings } = JSON.parse(readFileSync(join(ROOT, "layers.json"), "utf8"));
  const folders = rings.flatMap(({ folders }) => Object.keys(folders)).map((name) => [name, name]);
  const block = {};
  const add = (subpath, file) => {
    if (!existsSync(join(ROOT, "src", `${file}.ts`))) return;
    block[subpath] = { types: `./dist/lib/${file}.d.ts`, default: `./dist/lib/${file}.js` };
  };
  add(".", "index");
  for (const [name, folder] of [...folders, ...Object.entries(INNER)]) add(`./${name}`, `${folder}/index`);
  block["./package.json"] = "./package.json";
  return block;
}

/** What is wrong, or an empty string. */
export function exportsProblem() {
  const wanted = wantedExports();
  const { exports: found = {} } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const paths = [...new Set([...Object.keys(wanted), ...Object.keys(found)])];
  const wrong = paths.filter((path) => JSON.stringify(wanted[path]) !== JSON.stringify(found[path]));
  if (wrong.length === 0) return "";
  return `package.json: exports of ${wrong.join(", ")} differ from src: run 'node scripts/exports.mjs --write'`;
}

if (isMain(import.meta)) {
  if (process.argv[2] === "--write") {
    const path = join(ROOT, "package.json");
    const { exports: _, ...rest } = JSON.parse(readFileSync(path, "utf8"));
    const entries = Object.entries(rest);
    const at = entries.findIndex(([key]) => key === "bin");
    entries.splice(at, 0, ["exports", wantedExports()]);
    writeFileSync(path, `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`);
  } else if (exportsProblem() !== "") fail(exportsProblem());
}
