import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleCommandLine } from "../../scripts/bundle.mjs";

/** The command line as people have it, bundled into a folder of its own. */
export class BuiltCommand {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(): Promise<BuiltCommand> {
    const folder = mkdtempSync(join(tmpdir(), "tsbpf-command-"));
    for (const name of ["bin", "dist"]) mkdirSync(join(folder, name));
    writeFileSync(join(folder, "dist/tsbpf.cjs"), await bundleCommandLine());
    writeFileSync(join(folder, "package.json"), "{}");
    copyFileSync("bin/tsbpf.cjs", join(folder, "bin/tsbpf.cjs"));
    return new BuiltCommand(folder);
  }

  get script(): string {
    return join(this.folder, "bin/tsbpf.cjs");
  }

  run(
    argv: readonly string[],
    options: { readonly input?: Uint8Array | string; readonly env?: Readonly<Record<string, string>> } = {},
  ) {
    return spawnSync(process.execPath, [this.script, ...argv], {
      encoding: "utf8",
      timeout: 30_000,
      maxBuffer: 1 << 28,
      input: options.input ?? "",
      env: { ...process.env, ...options.env },
    });
  }

  /** A line for sh, in which `tsbpf` is this command. */
  shell(line: string) {
    const prefix = `tsbpf() { '${process.execPath}' '${this.script}' "$@"; };`;
    return spawnSync("bash", ["-c", `${prefix} ${line}`], {
      encoding: "utf8",
      timeout: 30_000,
      maxBuffer: 1 << 28,
    });
  }

  start(argv: readonly string[]): ChildProcess {
    return spawn(process.execPath, [this.script, ...argv], { stdio: ["pipe", "pipe", "pipe"] });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
