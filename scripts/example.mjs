// `npm run example`: runs an example of examples/ from a fresh clone.
//
//   npm run example -- concurrency [ARGUMENTS]
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ensureBuilt } from "./build.mjs";
import { ensureInstalled } from "./ensure.mjs";
import { fail, ROOT, runNode } from "./project.mjs";

/** The program of an example, where it has one that is not its folder's namesake. */
const PROGRAMS = { library: "count-flows.mjs" };

const program = (name) => join(ROOT, "examples", name, PROGRAMS[name] ?? `${name}.mjs`);
const examples = readdirSync(join(ROOT, "examples")).filter((name) => existsSync(program(name)));
const [name, ...args] = process.argv.slice(2);
if (!examples.includes(name ?? ""))
  fail(`npm run example: expected one of ${examples.join(", ")}, got '${name ?? ""}'`);
await ensureInstalled();
await ensureBuilt("lib");
process.exitCode = runNode([program(name), ...args]);
