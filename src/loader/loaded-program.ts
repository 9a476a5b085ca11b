import type { ProgramSpec } from "../object/index.ts";
import type { BpfCommands } from "../sys/index.ts";

/** A program that was loaded. */
export class LoadedProgram implements Disposable {
  readonly name: string;
  readonly spec: ProgramSpec;
  readonly fd: number;
  /** What the verifier wrote; empty where no log was asked for. */
  readonly log: string;
  readonly #sys: BpfCommands;
  #open = true;

  constructor(sys: BpfCommands, fd: number, parts: { readonly spec: ProgramSpec; readonly log: string }) {
    this.#sys = sys;
    this.fd = fd;
    this.name = parts.spec.name;
    this.spec = parts.spec;
    this.log = parts.log;
  }

  /** Closes the descriptor; the kernel keeps the program while something uses it. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#sys.port.close(this.fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
