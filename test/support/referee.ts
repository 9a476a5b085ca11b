import { spawnSync } from "node:child_process";
import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, it } from "vitest";

/** Something a test compares with and that may be absent: an installed tool, or a file of recorded truth. */
export interface Needed {
  readonly present: boolean;
  /** Why it is absent: `"bpftool is not installed"`. Empty where it is present. */
  readonly why: string;
}

export interface RunResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  /** Milliseconds before the command is killed; 30,000 where not given. */
  readonly timeout?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** An installed command that knows the right answer. */
export interface Referee extends Needed {
  readonly path: string;
  /** Runs it to its end and gives what it printed, whatever its exit status. Throws where it could not run or timed out. */
  run(args: readonly string[], options?: RunOptions): RunResult;
  /** Like `run`, with standard output as the bytes it is; throws unless the exit status is 0. */
  bytes(args: readonly string[], options?: RunOptions): Uint8Array;
}

/** A file of `../shared`: ground truth, recorded outputs, listings. Nothing is read before it is asked for. */
export interface Fixture extends Needed {
  readonly path: string;
  /** The content; `.gz` files are unpacked. */
  bytes(): Uint8Array;
  text(): string;
  json<T>(): T;
}

const SYSTEM_PATHS = ["/usr/local/sbin", "/usr/sbin", "/sbin"];
const OUTPUT_LIMIT = 256 * 1024 * 1024;

/** The path of an installed command, or `null`. Looks into the system directories too, where bpftool and tcpdump are. */
export function findCommand(name: string): string | null {
  for (const folder of [...(process.env["PATH"] ?? "").split(delimiter), ...SYSTEM_PATHS]) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {
      // Not here: the next folder.
    }
  }
  return null;
}

export function hasCommand(name: string): boolean {
  return findCommand(name) !== null;
}

/** The first of `names` that is installed: `referee("clang", "clang-14")`. */
export function referee(...names: readonly string[]): Referee {
  const found = names.map(findCommand).find((path) => path !== null);
  const path = found ?? names[0]!;
  const spawn = (args: readonly string[], options: RunOptions) => {
    const result = spawnSync(path, args, {
      cwd: options.cwd,
      input: options.input ?? "",
      timeout: options.timeout ?? 30_000,
      killSignal: "SIGKILL",
      maxBuffer: OUTPUT_LIMIT,
      env: options.env === undefined ? process.env : { ...process.env, ...options.env },
    });
    if (result.error !== undefined) throw new Error(`${path} ${args.join(" ")}: ${result.error.message}`);
    return result;
  };
  return {
    present: found !== undefined,
    why: found === undefined ? `${names.join(" or ")} is not installed` : "",
    path,
    run(args, options = {}) {
      const { status, stdout, stderr } = spawn(args, options);
      return { status, stdout: stdout.toString("utf8"), stderr: stderr.toString("utf8") };
    },
    bytes(args, options = {}) {
      const { status, stdout, stderr } = spawn(args, options);
      if (status !== 0)
        throw new Error(`${path} ${args.join(" ")}: exit ${status}: ${stderr.toString("utf8")}`);
      return new Uint8Array(stdout.buffer, stdout.byteOffset, stdout.byteLength);
    },
  };
}

/** The live kernel as a referee: Linux, root, and the release asked for (`"6.18"`), where one is. */
export function liveKernel(release = ""): Needed {
  const need = (present: boolean, why: string): Needed => ({ present, why: present ? "" : why });
  if (process.platform !== "linux") return need(false, "no Linux kernel here");
  if (process.geteuid?.() !== 0) return need(false, "the live kernel needs root");
  const running = readFileSync("/proc/sys/kernel/osrelease", "utf8").trim();
  return need(`${running}.`.startsWith(release), `the running kernel is ${running}, not ${release}`);
}

/** Any readable file, as something needed: `/sys/kernel/btf/vmlinux`. */
export function fixture(path: string): Fixture {
  let present = true;
  try {
    accessSync(path, constants.R_OK);
  } catch {
    present = false;
  }
  const bytes = () => {
    const content = readFileSync(path);
    const unpacked = path.endsWith(".gz") ? gunzipSync(new Uint8Array(content)) : content;
    return new Uint8Array(unpacked.buffer, unpacked.byteOffset, unpacked.byteLength);
  };
  const text = () => new TextDecoder().decode(bytes());
  return {
    present,
    why: present ? "" : `${path} is absent`,
    path,
    bytes,
    text,
    json: <T>() => JSON.parse(text()) as T,
  };
}

/** `../shared/groundtruth/NAME`: instruction-set and verifier cases with the real kernel's answers. */
export function groundtruth(name: string): Fixture {
  return fixture(join("..", "shared", "groundtruth", name));
}

/** `../shared/golden/NAME`: recorded outputs of bpftool (`bpftool-7.8/map_show.txt`) and their inputs. */
export function golden(name: string): Fixture {
  return fixture(join("..", "shared", "golden", name));
}

/** `../shared/book/NAME`: listings and their inputs. */
export function book(name: string): Fixture {
  return fixture(join("..", "shared", "book", name));
}

/**
 * A `describe` whose body runs only where everything it needs is present. Elsewhere one skipped test stands for it,
 * with the reason in its title, and the body is not even collected: it may read its fixtures right away.
 */
export function describeWith(needs: readonly Needed[], title: string, body: () => void): void {
  const missing = needs.filter((need) => !need.present);
  if (missing.length === 0) {
    describe(title, body);
    return;
  }
  const why = missing.map((need) => need.why).join("; ");
  describe(title, () => {
    it.skip(`skipped: ${why}`, () => {});
  });
}
