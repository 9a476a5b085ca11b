// `npm start`: the main job, from a fresh clone to packets counted. Arguments are passed on.
import { ensureBuilt } from "./build.mjs";
import { ensureInstalled } from "./ensure.mjs";
import { runNode } from "./project.mjs";

await ensureInstalled();
await ensureBuilt("cli");
process.exitCode = runNode(["bin/tsbpf.cjs", "demo", ...process.argv.slice(2)]);
