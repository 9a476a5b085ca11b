import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Absent, Benchmark, Candidate } from "./frame.ts";
import { commandPath, ROOT, VMLINUX } from "./places.ts";

const TIMEOUT = 60_000;

/** A whole process, from its start to its end, writing to /dev/null. It must succeed. */
function whole(name: string, command: string | null, args: readonly string[]): Candidate | Absent {
  if (command === null) return { name, absent: "not installed" };
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  const run = (): string => {
    const { status, stderr, error } = spawnSync(command, args, {
      stdio: ["ignore", "ignore", "pipe"],
      encoding: "utf8",
      timeout: TIMEOUT,
      env,
    });
    if (error !== undefined) return error.message;
    return status === 0 ? "" : `exit code ${status}: ${stderr.split("\n")[0]}`;
  };
  const problem = run();
  if (problem !== "") return { name, absent: problem };
  return {
    name,
    run: () => {
      const failed = run();
      if (failed !== "") throw new Error(`${name}: ${failed}`);
      return 1;
    },
  };
}

function tsbpf(...args: readonly string[]): Candidate | Absent {
  return whole(`tsbpf ${args.join(" ")}`, process.execPath, [join(ROOT, "bin/tsbpf.cjs"), ...args]);
}

function bpftool(...args: readonly string[]): Candidate | Absent {
  return whole(`bpftool ${args.join(" ")}`, commandPath("bpftool"), args);
}

/** A dump of ours and of a peer; ours may need to be told whose form to write. */
function dump(name: string, args: readonly string[], options: readonly string[] = []): Benchmark {
  const ours = ["btf", ...options, ...args];
  return {
    name,
    operation: "process",
    candidates: () =>
      existsSync(VMLINUX)
        ? [tsbpf(...ours), bpftool("btf", ...args)]
        : [{ name: `tsbpf ${ours.join(" ")}`, absent: `there is no ${VMLINUX}` }],
  };
}

/** Whole processes, as a user meets them. */
export const CLI_BENCHMARKS: readonly Benchmark[] = [
  {
    name: "cli.version",
    operation: "process",
    candidates: () => [
      tsbpf("version"),
      whole("node -e 0", process.execPath, ["-e", "0"]),
      bpftool("version"),
    ],
  },
  dump("cli.btf-raw", ["dump", "file", VMLINUX]),
  dump("cli.btf-c", ["dump", "file", VMLINUX, "format", "c"], ["--bpftool", "7.1"]),
  dump("cli.btf-c-sorted", ["dump", "file", VMLINUX, "format", "c"]),
];
