import { basename, join, relative, sep } from "node:path";
import type { CliIo } from "../cli/index.ts";
import { FdOutput } from "./fd-output.ts";
import { Interrupts } from "./interrupts.ts";
import { packageRoot } from "./package-root.ts";
import { VERSION } from "./version.ts";

/** The outside of a process. */
export interface ProcessIo extends CliIo {
  /** After the command: 128 and the signal's number where the process was told to end, else undefined. */
  leave(): number | undefined;
}

/** Everything that is not needed to start is imported when it is. */
export function processIo(): ProcessIo {
  const { env } = process;
  const interrupts = new Interrupts();
  const stdout = new FdOutput(1, env);
  // A message stands after the output that it is about.
  const stderr = new FdOutput(2, env, stdout);
  return {
    stdout,
    stderr,
    env,
    version: VERSION,
    platform: `Node.js ${process.version}`,
    now: () => performance.now(),
    turn: () => new Promise((resolve) => setImmediate(resolve)),
    signal: () => interrupts.signal(),
    interruptible: (act) => interrupts.interruptible(act),
    leave: () => {
      interrupts.leave();
      return interrupts.status;
    },
    packageFile: (path) => shortest(join(packageRoot(), path)),
    get program() {
      return programName(process.argv[1] ?? "");
    },
    readStdin: async () => (await import("./files.ts")).readStdin(),
    readFile: async (path) => (await import("./files.ts")).readFile(path),
    openFile: async (path) => (await import("./files.ts")).openFile(path),
    writeFile: async (path, bytes) => (await import("./files.ts")).writeFile(path, bytes),
    openKernel: async (request) => (await import("./kernels.ts")).openKernel(request),
    renderSvg: async (dot) => (await import("./svg.ts")).renderSvg(dot),
  };
}

/** Relative to where we are, unless that leads upwards. */
function shortest(path: string): string {
  const near = relative("", path);
  return near === "" || near.startsWith("..") ? path : near;
}

/** An installed command is called by its name, one of a clone by its file. */
function programName(script: string): string {
  if (basename(script) !== "tsbpf") return `node ${shortest(script)}`;
  return script.includes(`${sep}.bin${sep}`) ? "npx tsbpf" : "tsbpf";
}
