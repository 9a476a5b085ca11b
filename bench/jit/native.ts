import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandPath, ROOT } from "../places.ts";
import type { Absence, Contender } from "./contender.ts";
import type { BenchProgram } from "./programs.ts";

type Run = (packet: Uint8Array, length: number, count: number) => number;

interface Koffi {
  load(path: string): { func(name: string, result: string, args: string[]): Run };
}

/** Functions of one program must not be replaced by another's: all are hidden but the driver's. */
const FLAGS = ["-O2", "-shared", "-fPIC", "-fvisibility=hidden", "-w"];

/** Compiles programs for the machine itself, and calls them in this process. */
export class NativeCode implements Disposable {
  /** The compiler's command. */
  readonly compiler: string;
  readonly #koffi: Koffi;
  readonly #folder = mkdtempSync(join(tmpdir(), "tsbpf-bench-"));

  private constructor(compiler: string, koffi: Koffi) {
    this.compiler = compiler;
    this.#koffi = koffi;
  }

  /** Or why there is none here. */
  static async create(): Promise<NativeCode | string> {
    const compiler = ["clang", "gcc"].find((name) => commandPath(name) !== null);
    if (compiler === undefined) return "neither clang nor gcc is installed";
    try {
      const { default: koffi } = (await import("koffi")) as unknown as { default: Koffi };
      return new NativeCode(compiler, koffi);
    } catch {
      return "koffi is not installed";
    }
  }

  contender({ name, mapFree }: BenchProgram): Contender | Absence {
    if (!mapFree) return { engine: "native", why: "it uses what only a kernel has" };
    const source = join(ROOT, "bench/jit/programs", `${name}.bpf.c`);
    const output = join(this.#folder, `${name}.so`);
    const driver = join(ROOT, "bench/jit/native-driver.c");
    const built = spawnSync(this.compiler, [...FLAGS, `-DSOURCE="${source}"`, driver, "-o", output]);
    if (built.status !== 0) return { engine: "native", why: `${this.compiler}: ${built.stderr}` };
    const run = this.#koffi.load(output).func("run", "uint32", ["void *", "uint32", "uint32"]);
    return {
      engine: "native",
      run: (packet, count) => run(packet, packet.length, count),
      time: () => null,
      maps: () => null,
      [Symbol.dispose]: () => {},
    };
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
