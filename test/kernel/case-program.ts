import { readFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";
import { EmbeddedKernel, type KernelOptions } from "../../src/kernel/index.ts";
import { readCaseFile } from "../verifier/support/case-file.ts";
import { KernelTypes } from "../verifier/support/kernel-types.ts";
import { CaseOnKernel } from "../verifier/support/kernel-verifier.ts";
import type { VerifierCase } from "../verifier/support/verifier-case.ts";

let known: KernelTypes | undefined;

/** The types of Linux 6.18, by which programs call its functions. */
export function linuxTypes(): KernelTypes {
  const packed = () => readFileSync("assets/linux-6.18-x86_64.btf.br");
  return (known ??= new KernelTypes(new Uint8Array(brotliDecompressSync(packed()))));
}

/** A program with its maps on a kernel, written as `testdata/verifier/README.md` says. */
export class CaseProgram implements Disposable {
  readonly kernel: EmbeddedKernel;
  readonly progFd: number;
  readonly #test: VerifierCase;
  readonly #loaded: CaseOnKernel;

  constructor(text: string, options: KernelOptions = {}) {
    this.kernel = new EmbeddedKernel({ btf: linuxTypes().btf, ...options });
    [this.#test] = readCaseFile(`=== program\n${text}`, "program", "program") as [VerifierCase];
    this.#loaded = new CaseOnKernel(this.kernel, linuxTypes(), this.#test);
    const answer = this.#loaded.load(1);
    if (answer.fd === null) throw new Error(`expected a program that loads, got ${answer.log}`);
    this.progFd = answer.fd;
  }

  /** A new descriptor of the only map. */
  map(): number {
    return this.kernel.mapGetFdById({ id: this.kernel.mapGetNextId({ startId: 0 })! });
  }

  /** What a run on 64 bytes of zeros returns. */
  run(): number {
    return this.kernel.progTestRun({ progFd: this.progFd, dataIn: new Uint8Array(64) }).retval;
  }

  [Symbol.dispose](): void {
    this.#loaded[Symbol.dispose]();
  }
}
