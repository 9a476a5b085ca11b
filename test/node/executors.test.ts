import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** A process whose kernel has two CPUs fight for a lock; `then` is what it does meanwhile. */
const PROGRAM = (then: string) => `
import { readFileSync } from "node:fs";
import { EmbeddedKernel, load, nodeExecutors, open } from "./tsbpf.mjs";
const kernel = new EmbeddedKernel({ cpus: 2, engine: "jit", executors: nodeExecutors(2) });
const object = load(open(readFileSync(${JSON.stringify(join(process.cwd(), "testdata/concurrency/counters.bpf.o"))})), kernel);
const progFd = object.programs.get("spin").fd;
const begun = () => object.maps.get("guarded").get(0).value > 0n;
const running = kernel.runParallel({ progFd, cpus: [0, 1], repeat: 2 ** 40 });
while (!begun()) await new Promise((resolve) => setTimeout(resolve, 1));
${then}
`;

describe("a process with executors", () => {
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "tsbpf-executors-"));
    writeFileSync(
      join(folder, "tsbpf.ts"),
      ["kernel", "loader", "node", "object"]
        .map((room) => `export * from ${JSON.stringify(join(process.cwd(), `src/${room}/index.ts`))};`)
        .join("\n"),
    );
    await build({
      entryPoints: [join(folder, "tsbpf.ts"), "src/node/executor-worker.ts"],
      outdir: folder,
      entryNames: "[name]",
      outExtension: { ".js": ".mjs" },
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node20",
    });
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function run(then: string): Promise<{ code: number | null; signal: string | null; text: string }> {
    const script = join(folder, "process.mjs");
    writeFileSync(script, PROGRAM(then));
    const child = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => (text += bytes));
    const guard = setTimeout(() => child.kill("SIGKILL"), 60_000);
    const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
      child.on("exit", (...ended) => resolve(ended)),
    );
    clearTimeout(guard);
    return { code, signal, text };
  }

  it("exits in the midst of a run with the status that it asked for", async () => {
    for (let i = 0; i < 3; i++)
      expect(await run("process.exit(3);")).toEqual({ code: 3, signal: null, text: "" });
  });

  it("ends with what it threw", async () => {
    const { code, text } = await run(`throw new Error("on purpose");`);
    expect(code).toBe(1);
    expect(text).toContain("on purpose");
    expect(text).not.toContain("FATAL");
  });

  it("ends by itself when its kernel has shut down", async () => {
    expect(await run("await kernel.shutdown(); await running; console.log('done');")).toEqual({
      code: 0,
      signal: null,
      text: "done\n",
    });
  });

  it("ends by itself where executors have nothing to do", async () => {
    const then = `
      await kernel.shutdown();
      const other = new EmbeddedKernel({ cpus: 2, executors: nodeExecutors(2) });
      const again = load(open(readFileSync(${JSON.stringify(join(process.cwd(), "testdata/concurrency/counters.bpf.o"))})), other);
      await other.runParallel({ progFd: again.programs.get("atomic").fd, cpus: [0, 1], repeat: 100 });
      console.log(String(again.maps.get("shared").get(0)));`;
    expect(await run(then)).toEqual({ code: 0, signal: null, text: "200\n" });
  });
});
