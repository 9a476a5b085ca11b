import type { CodeImage } from "../engine.ts";
import type { BpfExecutor } from "../executor.ts";
import { EXECUTOR_NAMESPACE } from "../signatures.ts";
import type { ProgramModule } from "./emit-program.ts";

/** `(unused, r1 low, r1 high, r2, outermost) → low half of r0` */
type Start = (code: number, r1: number, r1High: number, r2: number, outermost: number) => number;

/** `(r1 low, r1 high, count) → low half of the last r0` */
type Batch = (r1: number, r1High: number, count: number) => number;

/** `(r1 low, r1 high) → low half of r0` */
type Alone = (r1: number, r1High: number) => number;

/** The module of a program in an executor. */
export class JitCode {
  readonly image: CodeImage;
  /** See `emitStart`. */
  readonly start: Start;
  /** A run that nothing is around. */
  readonly alone: Alone;
  /** As so many runs that nothing is around, up to one that ends with a fault. */
  readonly batch: Batch;
  readonly #exports: WebAssembly.Exports;

  constructor(executor: BpfExecutor, { bytes, functions, imports: needed }: ProgramModule) {
    const imports: Record<string, unknown> = {
      callThrough: (window: number, low: number, high: number) => executor.callThrough(window, low, high),
    };
    for (const [name, func] of needed) imports[name] = func;
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
      ...executor.memory.imports,
      [EXECUTOR_NAMESPACE]: imports,
    });
    this.image = { bytes, functions };
    this.#exports = instance.exports;
    this.start = instance.exports["start"] as Start;
    this.alone = instance.exports["alone"] as Alone;
    this.batch = instance.exports["batch"] as Batch;
  }

  /** `(context, stack) → r0` */
  get entry(): unknown {
    return this.#exports["entry"];
  }

  /** `(r1 … r5) → r0`: the function at a slot, as helpers call it. */
  callback(slot: number): unknown {
    return this.#exports[`callback${slot}`];
  }
}
