import { build } from "esbuild";
import type { ExecutorThreads } from "../../src/kernel/index.ts";
import { nodeExecutors } from "../../src/node/executors.ts";

let source: Promise<string> | undefined;

/** As `nodeExecutors`, from the sources: Node 20 runs no TypeScript in a worker. */
export async function testExecutors(count: number): Promise<ExecutorThreads> {
  source ??= build({
    entryPoints: ["src/node/executor-worker.ts"],
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
    target: "node20",
  }).then(({ outputFiles }) => outputFiles[0]!.text);
  return nodeExecutors(count, { source: await source });
}
