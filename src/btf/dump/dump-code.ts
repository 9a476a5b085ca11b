import { NotSupported } from "../../base/index.ts";
import { DUMP_MODULE } from "../generated/dump-module.ts";
import type { Btf } from "../model.ts";
import type { ByteSink } from "./byte-sink.ts";
import { type CStyle, type DumpPlan, fillMemory, planMemory } from "./dump-memory.ts";

/** What the host calls and reads of the code of a dump. */
export interface DumpExports {
  /** Steps that are left, depth, and why and where a walk ended: `Bounds` of gen/btf-dump. */
  readonly steps: WebAssembly.Global;
  readonly depth: WebAssembly.Global;
  readonly failure: WebAssembly.Global;
  readonly failed_type: WebAssembly.Global;
  /** Types to be defined, and those that were before the last `add`. */
  readonly queue_length: WebAssembly.Global;
  readonly queue_start: WebAssembly.Global;
  /** Must be called before all others. */
  start(): void;
  /** Adds what is to be defined for a type. */
  add(id: number): void;
  /** `add` for all types from one on. */
  add_from(id: number): void;
  /** `add` for all types in bpftool's order for C. */
  add_sorted(): void;
  /** Writes the first definitions of the queue. */
  define_queue(length: number): void;
  /** The first DECL_TAG of a function, not of one of its parameters, from a type on; the number of types for none. */
  next_tag(id: number): number;
  /** Declares a function that BPF programs may call. */
  kernel_function(id: number, fastcall: number): void;
  /** Writes a type as `bpftool btf dump` prints it; all from one on. */
  raw(id: number): void;
  raw_from(id: number): void;
  /** Hands on what is collected. */
  finish(): void;
}

/** The code of one dump, and its memory. */
export interface DumpCode {
  readonly exports: DumpExports;
  readonly memory: WebAssembly.Memory;
  readonly plan: DumpPlan;
}

/**
 * Makes the code of one dump and its memory, with the types in it. `style` is that of C.
 *
 * A dump of a kernel's types runs once in a process, for less time than V8 needs to make machine code of JavaScript.
 * WebAssembly has it from the start. Throws FormatError for types that are too many, NotSupported where there is no
 * memory.
 */
export function instantiateDump(btf: Btf, style: CStyle, sink: ByteSink): DumpCode {
  const tables = btf.tables();
  const plan = planMemory(tables, btf.pointerSize, style);
  const memory = memoryOf(plan.pages);
  fillMemory(memory, plan, tables);
  const flush = (address: number, length: number): void => {
    if (length > 0) sink(new Uint8Array(memory.buffer, address, length));
  };
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytesOf(DUMP_MODULE)), {
    host: { memory, flush, ...plan.areas, ...plan.numbers },
  });
  const exports = instance.exports as unknown as DumpExports;
  exports.start();
  return { exports, memory, plan };
}

/** V8 reserves 10 GiB of addresses for each memory, so that it need not check accesses: they may be limited. */
function memoryOf(pages: number): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages });
  } catch (cause) {
    const why = `WebAssembly gets no memory of ${pages * 64} KiB; is the address space limited (ulimit -v)?`;
    throw new NotSupported("a dump", { why, cause });
  }
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
