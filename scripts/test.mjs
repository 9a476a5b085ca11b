// `npm test`: the unit tests. Arguments are vitest's: `npm test -- test/isa -t decode`.
import { ensureBuilt } from "./build.mjs";
import { ensureInstalled } from "./ensure.mjs";
import { installed, runNode } from "./project.mjs";

await ensureInstalled();
await ensureBuilt("cli");
process.exitCode = runNode([installed("vitest/vitest.mjs"), "run", ...process.argv.slice(2)]);
