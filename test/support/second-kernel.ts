import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bundled } from "../../scripts/run.mjs";
import { liveKernel, type Needed } from "./referee.ts";

/** Whether the running kernel has probes of functions, and programs around them, and lets us have some. */
export function functionProbes(): Needed {
  const live = liveKernel();
  if (!live.present) return live;
  const need = (present: boolean, why: string): Needed => ({ present, why: present ? "" : why });
  if (!existsSync("/sys/bus/event_source/devices/kprobe/type"))
    return need(false, "the kernel has no kprobes");
  const called = /^[0-9a-f]+ [tT] __fentry__$/m.test(readFileSync("/proc/kallsyms", "utf8"));
  return need(called, "the kernel cannot be traced by function");
}

/** `../shared/vm/vm-run`: runs a command on a second kernel, of another release, that has what this one lacks. */
export interface SecondKernel extends Needed {
  /**
   * Runs a TypeScript program of the project there.
   *
   * @returns what it printed. @throws where it failed, or took more than `seconds`.
   */
  run(program: string, seconds: number): Promise<string>;
}

export function secondKernel(): SecondKernel {
  const path = join("..", "shared", "vm", "vm-run");
  const present = existsSync(path) && process.geteuid?.() === 0;
  return {
    present,
    why: present ? "" : `${path} is absent, or not ours to run`,
    async run(program, seconds) {
      // Bundled: the second machine is an emulated one, and slow.
      const command = ["node", "--enable-source-maps", await bundled(program)];
      const { status, stdout, stderr } = spawnSync(path, ["-t", `${seconds}`, "--", ...command], {
        encoding: "utf8",
        timeout: (seconds + 60) * 1000,
        killSignal: "SIGTERM",
      });
      if (status !== 0)
        throw new Error(`${path}: exit ${status}: ${stdout.slice(-2000)}${stderr.slice(-2000)}`);
      return stdout;
    },
  };
}
