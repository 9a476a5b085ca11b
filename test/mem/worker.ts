import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { build } from "esbuild";

/** Bundles a TypeScript file, runs it as a worker once for each of `data`, and gives what each posts. */
export async function runWorkers<Data, Result>(entry: URL, data: readonly Data[]): Promise<Result[]> {
  const bundle = await build({
    entryPoints: [fileURLToPath(entry)],
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
    target: "node20",
  });
  const code = bundle.outputFiles[0]!.text;
  return Promise.all(
    data.map(
      (workerData) =>
        new Promise<Result>((resolve, reject) => {
          const worker = new Worker(code, { eval: true, workerData });
          worker.once("message", resolve);
          worker.once("error", reject);
        }),
    ),
  );
}
