import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openElf } from "../../src/elf/index.ts";
import { type Needed, type RunResult, referee } from "../support/referee.ts";

const clang = referee("clang", "clang-14");
const cc = referee("cc", "gcc", "clang");

/** A folder for one test file, with compilers for BPF and the installed libbpf behind a small program of ours. */
export class Workshop {
  readonly dir = mkdtempSync(join(tmpdir(), "tsbpf-btf-"));
  #libbpf: string | undefined;

  path(name: string): string {
    return join(this.dir, name);
  }

  /** Writes a file and returns its path. */
  write(name: string, content: string | Uint8Array): string {
    writeFileSync(this.path(name), content);
    return this.path(name);
  }

  read(name: string): Uint8Array {
    return new Uint8Array(readFileSync(this.path(name)));
  }

  /** Compiles C to a BPF object with BTF and returns its path. */
  compile(name: string, source: string, ...options: string[]): string {
    const object = this.path(`${name}.o`);
    const args = ["-target", "bpf", "-g", "-O2", "-mcpu=v2", "-w", ...options];
    const { status, stderr } = clang.run([...args, "-c", this.write(`${name}.c`, source), "-o", object]);
    if (status !== 0) throw new Error(stderr);
    return object;
  }

  /** The contents of a section of an object file. */
  section(object: string, name: string): Uint8Array {
    const file = openElf(new Uint8Array(readFileSync(object)));
    const section = file.section(name);
    if (section === undefined) throw new Error(`${object} has no section ${name}`);
    return file.data(section).slice();
  }

  /** Runs `libbpf.c`'s program. */
  libbpf(...args: string[]): RunResult {
    this.#libbpf ??= this.#build();
    const result = referee(this.#libbpf).run(args);
    if (result.status !== 0) throw new Error(`libbpf ${args.join(" ")}: ${result.status}: ${result.stderr}`);
    return result;
  }

  close(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  #build(): string {
    const source = fileURLToPath(new URL("libbpf.c", import.meta.url));
    const program = this.path("libbpf");
    const { status, stderr } = cc.run(["-O1", source, "-o", program, "-lbpf"]);
    if (status !== 0) throw new Error(stderr);
    return program;
  }
}

/** libbpf with its headers and a C compiler. */
export const libbpf: Needed = (() => {
  const present = cc.present && existsSync("/usr/include/bpf/libbpf.h");
  return { present, why: present ? "" : "libbpf's headers or a C compiler are not installed" };
})();
