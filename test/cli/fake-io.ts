import { readFileSync, writeFileSync } from "node:fs";
import { NotSupported } from "../../src/base/index.ts";
import type { ByteSource, CliIo, KernelRequest, OpenKernel, Output } from "../../src/cli/index.ts";
import { FileError, runCommandLine } from "../../src/cli/index.ts";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { openKernel } from "../../src/node/kernels.ts";

/** What a command line did. */
export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What it wrote to files. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

export interface FakeWorld {
  /** Files by path; others are real ones. */
  readonly files?: Readonly<Record<string, Uint8Array | string>>;
  readonly stdin?: Uint8Array | string;
  readonly env?: Readonly<Record<string, string>>;
  /** A terminal of so many columns; none unless told. */
  readonly terminal?: number;
  readonly colour?: boolean;
  readonly openKernel?: (request: KernelRequest) => Promise<OpenKernel>;
  /** Aborted after so many turns: Ctrl-C. */
  readonly interruptAfter?: number;
  readonly renderSvg?: (dot: string) => Promise<string>;
}

class Collected implements Output {
  readonly parts: Uint8Array[] = [];
  readonly isTerminal: boolean;
  readonly columns: number;
  readonly colour: boolean;

  constructor(world: FakeWorld) {
    this.isTerminal = world.terminal !== undefined;
    this.columns = world.terminal ?? 80;
    this.colour = world.colour ?? false;
  }

  write(data: Uint8Array | string): void {
    this.parts.push(typeof data === "string" ? new TextEncoder().encode(data) : data.slice());
  }

  async drain(): Promise<void> {}

  get text(): string {
    return Buffer.concat(this.parts).toString("utf8");
  }
}

function bytesOf(data: Uint8Array | string): Uint8Array {
  return typeof data === "string" ? new TextEncoder().encode(data) : data;
}

/** The same run each time: no clock, and hash tables in one order. */
async function steadyKernel(request: KernelRequest): Promise<OpenKernel> {
  // What commands say must not depend on the machine.
  if (request.kind === "linux") throw new NotSupported("the live Linux kernel", { why: "these are tests" });
  if (request.kind !== "embedded") return await openKernel(request);
  let now = 0;
  const execute = request.execute ?? true;
  const lenient = request.lenient ?? false;
  const hot = request.hot === true ? ({ engine: "jit", jit: { after: 0 } } as const) : {};
  const kernel = new EmbeddedKernel({ seed: 1, clock: () => (now += 1000), execute, lenient, ...hot });
  return {
    sys: kernel,
    fault: () => kernel.lastFault?.message ?? null,
    isRefused: (fd) => kernel.isRefused(fd),
    tracePipe: () => kernel.readTracePipe(),
    targetBtf: () => null,
    testRun: (args, options) => kernel.testRun(args, options),
    close: () => kernel.exit(),
  };
}

/** Runs a command line in this process, with a world of the test's own. */
export async function tsbpf(argv: readonly string[], world: FakeWorld = {}): Promise<Outcome> {
  const stdout = new Collected(world);
  const stderr = new Collected(world);
  const written = new Map<string, Uint8Array>();
  const controller = new AbortController();
  let turns = 0;
  let clock = 0;
  const readFile = async (path: string): Promise<Uint8Array> => {
    const given = world.files?.[path] ?? written.get(path);
    if (given !== undefined) return bytesOf(given);
    try {
      return new Uint8Array(readFileSync(path));
    } catch (error) {
      const { code, errno } = error as NodeJS.ErrnoException;
      throw new FileError(
        path,
        code ?? "EIO",
        -(errno ?? 0),
        code === "ENOENT" ? "No such file or directory" : `${code}`,
      );
    }
  };
  const io: CliIo = {
    stdout,
    stderr,
    env: world.env ?? {},
    version: "0.0.0-test",
    platform: "a test",
    program: "tsbpf",
    packageFile: (path) => path,
    now: () => (clock += 5),
    turn: async () => {
      if (++turns === world.interruptAfter) controller.abort("SIGINT");
    },
    signal: () => controller.signal,
    interruptible: (act) => act(),
    readStdin: async () => bytesOf(world.stdin ?? ""),
    readFile,
    openFile: async (path): Promise<ByteSource> => {
      const bytes = path === "-" ? bytesOf(world.stdin ?? "") : await readFile(path);
      let at = 0;
      return {
        size: bytes.length,
        read: async () => {
          if (at >= bytes.length) return null;
          const chunk = bytes.slice(at, at + 1000);
          at += chunk.length;
          return chunk;
        },
        close: async () => {},
      };
    },
    writeFile: async (path, bytes) => {
      if (path.startsWith("/tmp/")) writeFileSync(path, bytes);
      written.set(path, bytes);
    },
    openKernel: world.openKernel ?? steadyKernel,
    renderSvg: world.renderSvg ?? (async (dot) => `<svg>${dot.length}</svg>`),
  };
  const status = await runCommandLine(argv, io);
  return { status, stdout: stdout.text, stderr: stderr.text, files: written };
}
