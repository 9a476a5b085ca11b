import { Errno as E } from "../uapi/index.ts";
import type { ProgTestRunArguments, ProgTestRunResult } from "./arguments.ts";
import { attrOffset, encodeAttr } from "./attr.ts";
import { Errno } from "./errno.ts";
import { Loans } from "./loans.ts";
import type { UserMemory } from "./port.ts";

const NOTHING = new Uint8Array(0);

/** The attributes of one BPF_PROG_TEST_RUN, and what the kernel writes into them. Its buffers are lent until it is disposed of. */
export class TestRunCall implements Disposable {
  /** `union bpf_attr` */
  readonly attr: Uint8Array;
  readonly #loans: Loans;
  readonly #dataOut: Uint8Array;
  readonly #ctxOut: Uint8Array;

  constructor(memory: UserMemory, args: ProgTestRunArguments) {
    const loans = new Loans(memory);
    this.#loans = loans;
    this.#dataOut = new Uint8Array(args.dataSizeOut ?? 0);
    this.#ctxOut = new Uint8Array(args.ctxSizeOut ?? 0);
    this.attr = encodeAttr("PROG_TEST_RUN", {
      progFd: args.progFd,
      dataSizeIn: args.dataIn?.length ?? 0,
      dataIn: loans.lend(args.dataIn ?? NOTHING),
      dataSizeOut: this.#dataOut.length,
      dataOut: loans.lend(this.#dataOut),
      ctxSizeIn: args.ctxIn?.length ?? 0,
      ctxIn: loans.lend(args.ctxIn ?? NOTHING),
      ctxSizeOut: this.#ctxOut.length,
      ctxOut: loans.lend(this.#ctxOut),
      repeat: args.repeat ?? 0,
      flags: args.flags ?? 0,
      cpu: args.cpu ?? 0,
      batchSize: args.batchSize ?? 0,
    });
  }

  /** What the kernel gave. @param returned by bpf(2). @throws Errno */
  result(returned: number): ProgTestRunResult {
    // With a buffer too small for the packet the run has happened and the buffer is full: ENOSPC only says so.
    if (returned < 0 && returned !== -E.ENOSPC) throw new Errno(-returned, "BPF_PROG_TEST_RUN");
    const [dataOut, ctxOut] = [this.#dataOut, this.#ctxOut];
    const dataSizeOut = this.#field("dataSizeOut");
    const ctxSizeOut = this.#field("ctxSizeOut");
    // Of a packet in fragments whose first part is to be cut, the kernel tells nothing.
    if (returned < 0 && dataSizeOut <= dataOut.length && ctxSizeOut <= ctxOut.length)
      throw new Errno(-returned, "BPF_PROG_TEST_RUN");
    return {
      retval: this.#field("retval"),
      duration: this.#field("duration"),
      dataOut: dataOut.subarray(0, Math.min(dataOut.length, dataSizeOut)),
      dataSizeOut,
      ctxOut: ctxOut.subarray(0, Math.min(ctxOut.length, ctxSizeOut)),
      ctxSizeOut,
    };
  }

  #field(name: "retval" | "duration" | "dataSizeOut" | "ctxSizeOut"): number {
    return new DataView(this.attr.buffer).getUint32(attrOffset("PROG_TEST_RUN", name), true);
  }

  [Symbol.dispose](): void {
    this.#loans[Symbol.dispose]();
  }
}
