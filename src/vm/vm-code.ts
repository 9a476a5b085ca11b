import { TsbpfError } from "../base/index.ts";
import type { Insn } from "../isa/index.ts";
import { CodeError } from "./code-error.ts";
import { predecode } from "./interp/predecode.ts";
import { emitProgram } from "./jit/emit-program.ts";
import { JitCode } from "./jit/jit-code.ts";
import { placeOf } from "./place.ts";
import { HOST_ADAPTER, type VmHost } from "./vm-host.ts";

/** `(r1 low, r1 high, r2) → low half of r0`: runs once, with nothing else under way. */
export type VmStart = (r1: number, r1High: number, r2: number) => number;

/** The code of a bare machine, for any of the hosts that machines take turns in. */
export interface VmCode {
  on(host: VmHost): VmStart;
}

/** Whether a machine has a helper of a number. */
type HasHelper = (id: number) => boolean;

function noCallback(name: string, slot: number): never {
  throw new CodeError(name, slot, "expected no address of a function: the bare machine has no callbacks");
}

function recordsOf(name: string, insns: readonly Insn[], has: HasHelper): Uint8Array {
  return predecode(
    { name, insns },
    {
      helper: (id) => (has(id) ? { index: HOST_ADAPTER, argument: id } : null),
      callback: (slot) => noCallback(name, slot),
    },
  );
}

/** Records: in the host that ran them last they are in place already. */
export class InterpretedVmCode implements VmCode {
  readonly #name: string;
  readonly #records: Uint8Array;

  constructor(name: string, insns: readonly Insn[], has: HasHelper) {
    this.#name = name;
    this.#records = recordsOf(name, insns, has);
  }

  on(host: VmHost): VmStart {
    if (host.resident !== this) {
      host.resident = null;
      const { length } = this.#records;
      if (!host.code.reserve(length))
        throw new TsbpfError(`program ${this.#name}: no memory is left for ${length} bytes`);
      host.memory.bytes().set(this.#records, host.code.at);
      host.resident = this;
    }
    return (r1, r1High, r2) => host.exports.start(host.code.at, r1, r1High, r2, 1);
  }
}

/** A module for each host, which has places of that host as constants. */
export class JitVmCode implements VmCode {
  readonly #name: string;
  readonly #insns: readonly Insn[];
  readonly #has: HasHelper;
  readonly #starts = new WeakMap<VmHost, VmStart>();

  constructor(name: string, insns: readonly Insn[], has: HasHelper) {
    this.#name = name;
    this.#insns = insns;
    this.#has = has;
    // What is wrong with the code is said when a machine is made, whatever its engine.
    recordsOf(name, insns, has);
  }

  on(host: VmHost): VmStart {
    let start = this.#starts.get(host);
    if (start === undefined) {
      const code = this.#compile(host);
      start = (r1, r1High, r2) => code.start(0, r1, r1High, r2, 1);
      this.#starts.set(host, start);
    }
    return start;
  }

  #compile({ executor, memory, exports }: VmHost): JitCode {
    const name = this.#name;
    const input = {
      name,
      insns: this.#insns,
      checked: true,
      throws: new Set<number>(),
      exceptionCallback: 0,
      arena: 0,
      // No callbacks: nothing looks the program up.
      codeAt: 0,
      counting: false,
      optimised: null,
    };
    const module = emitProgram(input, placeOf(executor), memory, {
      helper: (id) =>
        this.#has(id)
          ? { kind: "call", via: { kind: "adapter", func: exports.host, index: HOST_ADAPTER, argument: id } }
          : null,
      kfunc: () => null,
      tailCall: () => null,
      linkable: () => null,
      callback: (slot) => noCallback(name, slot),
    });
    return new JitCode(executor, module);
  }
}
