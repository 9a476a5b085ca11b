import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** The example as people have it, with the sources of the library in place of the built one. */
let folder: string;
let script: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tsbpf-concurrency-"));
  const example = join(folder, "examples/concurrency");
  mkdirSync(example, { recursive: true });
  mkdirSync(join(folder, "testdata/concurrency"), { recursive: true });
  copyFileSync("testdata/concurrency/counters.bpf.o", join(folder, "testdata/concurrency/counters.bpf.o"));
  copyFileSync("examples/concurrency/live-thread.mjs", join(example, "live-thread.mjs"));
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
  await build({
    entryPoints: ["examples/concurrency/concurrency.mjs", "src/node/executor-worker.ts"],
    outdir: example,
    outExtension: { ".js": ".mjs" },
    entryNames: "[name]",
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    external: ["koffi"],
    plugins: [
      {
        name: "tsbpf",
        setup: ({ onResolve }) =>
          onResolve({ filter: /^tsbpf\// }, ({ path }) => ({
            path: resolve(`src/${path.slice("tsbpf/".length)}/index.ts`),
          })),
      },
    ],
  });
  script = join(example, "concurrency.mjs");
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Events, counted and lost of each way to count. */
function countsOf(text: string): Record<string, readonly number[]> {
  const rows = text.split("\n").flatMap((line) => {
    const cells = line.trim().split(/ {2,}/);
    const numbers = cells.slice(2, 5).map((cell) => Number(cell.replaceAll(",", "")));
    return /^(plain|atomic|spin|per_cpu)$/.test(cells[0]!) && cells.length === 7
      ? [[cells[0]!, numbers] as const]
      : [];
  });
  return Object.fromEntries(rows);
}

describe("examples/concurrency", () => {
  it.each(["jit", "interp"])("loses nothing but what plain additions lose, with the engine %s", (engine) => {
    const args = ["--cpus", "2", "--events", "100000", "--engine", engine, "--no-live"];
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
      encoding: "utf8",
      timeout: 120_000,
    });
    expect([status, stderr]).toEqual([0, ""]);
    const counts = countsOf(stdout);
    expect(counts["atomic"]).toEqual([200_000, 200_000, 0]);
    expect(counts["spin"]).toEqual([200_000, 200_000, 0]);
    expect(counts["per_cpu"]).toEqual([200_000, 200_000, 0]);
    // How many are lost is a matter of chance; what is lost was counted, at least once by each CPU.
    const [events, counted, lost] = counts["plain"] as [number, number, number];
    expect(events % 200_000).toBe(0);
    expect(counted + lost).toBe(events);
    expect(counted).toBeGreaterThanOrEqual(2);
    expect(stdout).toContain(`"tracing progs cannot use bpf_spin_lock yet"`);
    // Plain text.
    expect(stdout).not.toContain("\u001b");
    expect(stdout).toMatch(/^ {2}per_cpu +#+/m);
  });

  it("refuses numbers that are none", () => {
    const { status, stderr } = spawnSync(process.execPath, [script, "--events", "many"], {
      encoding: "utf8",
    });
    expect([status, stderr]).toEqual([2, expect.stringContaining("expected --cpus and --events above 0")]);
  });

  it("ends with what it has at Ctrl-C", async () => {
    const child = spawn(process.execPath, [script, "--cpus", "2", "--events", "1000000000000", "--no-live"]);
    let text = "";
    child.stdout.on("data", (bytes: Buffer) => {
      text += bytes.toString();
    });
    const ended = new Promise<number | null>((done) => child.on("exit", done));
    // By then the first way is running, or about to.
    await new Promise((done) => setTimeout(done, 3000));
    const asked = performance.now();
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(performance.now() - asked).toBeLessThan(2000);
    expect(text).toContain("nothing");
  });
});
