import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { assemble } from "../../src/asm/index.ts";
import { open, writeObject } from "../../src/object/index.ts";
import { pcapOf } from "../asm/classic/frames.ts";
import { BuiltCommand } from "./command.ts";

/** An object with one program. */
function objectOf(text: string): Uint8Array {
  const spec = open(new Uint8Array(readFileSync(SECTIONS)), { name: "it" });
  const [name, program] = [...spec.programs][0]!;
  const { insns } = assemble(text);
  const bare = { ...program, insns, references: [], coreRelocations: [], funcInfo: [], lineInfo: [] };
  return writeObject({ ...spec, programs: new Map([[name, bare]]) });
}

/** A second at least: all rounds are other ones. */
const LONG = "r6 = 0\nr0 = 0\nr7 = 1\nr0 += r6\nr6 += 1\nr7 *= 3\nif r6 != 1000000 goto -4\nr0 = 0\nexit";
const SECTIONS = "testdata/objects/sections-tracing.bpf.o";
const FLOW = "testdata/flow/flow.bpf.o";
const CAPTURE = "testdata/flow/traffic.pcap";

describe("the command as a process", () => {
  let command: BuiltCommand;
  beforeAll(async () => {
    command = await BuiltCommand.make();
  });
  afterAll(() => command.remove());

  it("prints, and its status is 0", () => {
    const { status, stdout, stderr } = command.run(["version"]);
    expect(stdout).toMatch(/^tsbpf v\d+\.\d+\.\d+\nusing Node\.js v/);
    expect([status, stderr]).toEqual([0, ""]);
  });

  it("writes errors to standard error, with bpftool's status", () => {
    const { status, stdout, stderr } = command.run(["btf", "dump", "file", "/nonexistent"]);
    expect(stdout).toBe("");
    expect(stderr).toBe("Error: failed to load BTF from /nonexistent: No such file or directory\n");
    expect(status).toBe(254);
  });

  it("shows a stack only where TSBPF_DEBUG asks for it", () => {
    const { stderr } = command.run(["btf", "dump", "file", "/nonexistent"], { env: { TSBPF_DEBUG: "1" } });
    expect(stderr).toContain("caused by FileError: /nonexistent");
    expect(stderr).toMatch(/\n {4}at /);
  });

  it("reads standard input, also an empty one and one that closes late", () => {
    expect(command.run(["vm"], { input: "b7000000070000009500000000000000" }).stdout).toBe("7\n");
    expect(command.run(["vm"]).stderr).toBe("Error: program: expected instructions, got nothing\n");
    const late = command.shell("(sleep 0.3; echo 'r0 = 1'; echo exit) | tsbpf asm --hex");
    expect(late.stdout).toBe("b7 00 00 00 01 00 00 00\n95 00 00 00 00 00 00 00\n");
  });

  it("ends quietly where nobody reads", () => {
    const { stdout, stderr } = command.shell(`tsbpf help | true; echo \${PIPESTATUS[0]}`);
    expect([stdout, stderr]).toEqual(["141\n", ""]);
    const graph = command.shell(
      `for i in 1 2 3; do tsbpf prog dump xlated file ${FLOW} opcodes linum; done | head -1; echo \${PIPESTATUS[1]}`,
    );
    expect([graph.stdout, graph.stderr]).toEqual(["int count_flows(struct xdp_md * ctx):\n0\n", ""]);
  });

  it("says where a disk is full", () => {
    const { stderr, stdout } = command.shell("tsbpf version > /dev/full; echo $?");
    expect(stderr).toBe("Error: standard output: No space left on device\n");
    expect(stdout).toBe("255\n");
  });

  it("says what is wrong with files", () => {
    const secret = join(command.folder, "secret");
    writeFileSync(secret, "");
    chmodSync(secret, 0o000);
    const reason = (path: string) => command.run(["disasm", path]).stderr;
    if (process.geteuid?.() !== 0) expect(reason(secret)).toBe(`Error: ${secret}: Permission denied\n`);
    expect(reason("/nonexistent")).toBe("Error: /nonexistent: No such file or directory\n");
    expect(reason(command.folder)).toBe(`Error: ${command.folder}: Is a directory\n`);
    expect(reason(`${secret}/x`)).toBe(`Error: ${secret}/x: Not a directory\n`);
    const run = command.run(["asm", "-o", join(command.folder, "no/such/folder")], { input: "exit" });
    expect(run.stderr).toMatch(/no\/such\/folder: No such file or directory\n$/);
  });

  it("writes files", () => {
    const file = join(command.folder, "out.bin");
    expect(command.run(["asm", "-o", file], { input: "exit\n" }).status).toBe(0);
    expect(new Uint8Array(readFileSync(file))).toEqual(Uint8Array.of(0x95, 0, 0, 0, 0, 0, 0, 0));
  });

  it("runs a capture from a file and from a pipe alike", () => {
    const fromFile = command.run(["-j", "run", FLOW, "--pcap", CAPTURE]);
    const fromPipe = command.run(["-j", "run", FLOW, "--pcap", "-"], { input: readFileSync(CAPTURE) });
    const verdicts = (stdout: string) => (JSON.parse(stdout) as { verdicts: unknown }).verdicts;
    expect(verdicts(fromFile.stdout)).toEqual(verdicts(fromPipe.stdout));
    expect(fromFile.status).toBe(0);
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("ends a run cleanly at %s, with the results so far", async (signal, status) => {
    const child = command.start(["-j", "run", FLOW, "--pcap", "-"]);
    let stdout = "";
    let stderr = "";
    child.stdout!.on("data", (chunk) => (stdout += chunk));
    child.stderr!.on("data", (chunk) => (stderr += chunk));
    // A pipe that stays open: the run waits for more. It has begun, and read most, when all was written.
    await new Promise((resolve) => child.stdin!.write(readFileSync(CAPTURE), resolve));
    await new Promise((resolve) => setTimeout(resolve, 2000));
    child.kill(signal);
    const [code] = await once(child, "close");
    expect(stderr).toBe("");
    expect(code).toBe(status);
    const result = JSON.parse(stdout) as { packets: number; interrupted: boolean };
    expect(result).toMatchObject({ packets: 3755, interrupted: true });
  });

  it.skipIf(process.platform === "win32").each([
    ["--pcap", 130, ""],
    ["--data", 130, "Error: test run: ended in the midst of a run, after 0 others\n"],
  ])("ends one run that nobody waits for at SIGINT: %s", async (how, status, message) => {
    const capture = join(command.folder, "long.pcap");
    writeFileSync(capture, pcapOf([40, 40, 80, 40].map((length) => new Uint8Array(length))));
    const input = how === "--pcap" ? [how, capture] : [how, "00".repeat(80), "--repeat", "5"];
    const child = command.start(["-j", "run", "testdata/objects/nested-loops.bpf.o", ...input]);
    let stdout = "";
    child.stdout!.on("data", (chunk) => (stdout += chunk));
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const started = performance.now();
    child.kill("SIGINT");
    const [code] = await once(child, "close");
    expect(performance.now() - started).toBeLessThan(1000);
    expect(code).toBe(status);
    if (message === "") expect(JSON.parse(stdout)).toMatchObject({ interrupted: true });
    else expect(JSON.parse(stdout)).toMatchObject({ error: message.slice(7, -1) });
  });

  it.skipIf(process.platform === "win32")("ends the verification of a long program at SIGINT", async () => {
    const object = join(command.folder, "long.o");
    writeFileSync(object, objectOf(LONG));
    const child = command.start(["verify", "-j", FLOW, ...new Array<string>(20).fill(object)]);
    let stdout = "";
    let stderr = "";
    child.stdout!.on("data", (chunk) => (stdout += chunk));
    child.stderr!.on("data", (chunk) => (stderr += chunk));
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const started = performance.now();
    child.kill("SIGINT");
    const [code] = await once(child, "close");
    expect(performance.now() - started).toBeLessThan(1000);
    expect([code, stderr]).toEqual([130, expect.stringMatching(/^stopped: \d+ of 21 programs verified\n$/)]);
    const { programs } = JSON.parse(stdout) as { programs: readonly unknown[] };
    expect(`stopped: ${programs.length} of 21 programs verified\n`).toBe(stderr);
  });

  it.skipIf(process.platform === "win32")("is ended by SIGTERM while it verifies", async () => {
    const object = join(command.folder, "longer.o");
    writeFileSync(object, objectOf(LONG));
    const child = command.start(["verify", ...new Array<string>(20).fill(object)]);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const started = performance.now();
    child.kill("SIGTERM");
    const [code, signal] = await once(child, "close");
    expect(performance.now() - started).toBeLessThan(1000);
    expect(code === 143 || signal === "SIGTERM").toBe(true);
  });

  it.skipIf(process.platform === "win32")("can be left while it waits for a named pipe", async () => {
    const pipe = join(command.folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    const child = command.start(["run", FLOW, "--pcap", pipe]);
    await new Promise((resolve) => setTimeout(resolve, 1200));
    child.kill("SIGINT");
    const [code, signal] = await once(child, "close");
    expect(code ?? signal).toBe("SIGINT");
  });

  it("draws a graph where the renderer is installed, and says where it is not", () => {
    const file = join(command.folder, "flow.svg");
    const { status, stderr } = command.run(["prog", "dump", "xlated", "file", FLOW, "--svg", file]);
    // The folder of this bundle has no packages.
    expect(stderr).toContain("@viz-js/viz is not installed: npm install @viz-js/viz");
    expect(status).toBe(255);
  });

  it("has no colours in a pipe, unless they are forced", () => {
    // Whatever the tests themselves were started with; an empty NO_COLOR says nothing.
    const run = (env: Record<string, string>) =>
      command.run(["run", FLOW, "--pcap", "testdata/flow/traffic.pcapng"], {
        env: { NO_COLOR: "", FORCE_COLOR: "", ...env },
      }).stdout;
    expect(run({})).not.toContain("\x1b");
    expect(run({ FORCE_COLOR: "1" })).toContain("\x1b[1m");
    expect(run({ FORCE_COLOR: "1", NO_COLOR: "1" })).not.toContain("\x1b");
  });
});
