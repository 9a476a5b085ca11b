import { type Func, type Global, type Memory, ModuleBuilder, type Signature } from "../wasm/index.ts";
import { emitAllocator } from "./emit-allocator.ts";
import { emitEpochs } from "./emit-epochs.ts";
import { emitLocks } from "./emit-lock.ts";
import { emitRegions } from "./emit-regions.ts";
import { emitResLocks } from "./emit-res-lock.ts";
import { HEAP, WASM_PAGE } from "./layout.ts";

/** What a module must say of a memory that it imports. */
export interface MemoryKind {
  readonly maximumPages: number;
  readonly shared: boolean;
}

/** Namespace of what emitted modules import of the memory. */
export const MEMORY_NAMESPACE = "mem";

const I = "i32";

/** The memory's own emitted functions, by the name under which other modules import them. */
export const MEMORY_FUNCTIONS = {
  alloc: { params: [I, I], results: [I] },
  free: { params: [I], results: [I] },
  retire: { params: [I], results: [I] },
  lock: { params: [I] },
  unlock: { params: [I] },
  lock_version: { params: [I], results: [I] },
  wake: { params: [I] },
  res_lock: { params: [I], results: [I] },
  res_unlock: { params: [I] },
  quiesce: { params: [I] },
  online: { params: [I] },
  offline: { params: [I] },
  region_check: { params: [I, I, I], results: [I] },
  region_find: { params: [I, I], results: [I] },
  region_add: { params: [I, I, I, I, I, I, I], results: [I] },
  region_remove: { params: [I], results: [I] },
} as const satisfies Record<string, Signature>;

export type MemoryFunctionName = keyof typeof MEMORY_FUNCTIONS;

/** The memory's functions as the host calls them: i32 in, i32 out; offsets come out signed. */
export type MemoryFunctions = Readonly<Record<MemoryFunctionName, (...args: number[]) => number>>;

/** The module of allocator, locks, epochs and regions, the same for every executor of a memory. */
export function emitMemoryModule(kind: MemoryKind, options: { readonly check?: boolean } = {}): Uint8Array {
  const m = new ModuleBuilder({ name: MEMORY_NAMESPACE, check: options.check ?? false });
  importKernelMemory(m, kind);
  const now = m.importFunction(MEMORY_NAMESPACE, "now", { results: [I] });
  const executor = m.importGlobal(MEMORY_NAMESPACE, "executor", I);
  const locks = emitLocks(m);
  emitResLocks(m, executor, now);
  const allocator = emitAllocator(m, locks);
  const retire = emitEpochs(m, locks, allocator);
  emitRegions(m, locks, allocator.alloc, retire);
  return m.finish();
}

/** Imports the one memory into a module: `mem.memory`. */
export function importKernelMemory(m: ModuleBuilder, kind: MemoryKind): Memory {
  return m.importMemory(MEMORY_NAMESPACE, "memory", {
    min: HEAP / WASM_PAGE,
    max: kind.maximumPages,
    shared: kind.shared,
  });
}

/** What an emitted module takes of the memory; each function is imported when it is first asked for. */
export class MemoryImports {
  readonly memory: Memory;
  readonly #module: ModuleBuilder;
  readonly #functions = new Map<MemoryFunctionName, Func>();
  #executor: Global | undefined;

  constructor(m: ModuleBuilder, kind: MemoryKind) {
    this.#module = m;
    this.memory = importKernelMemory(m, kind);
  }

  /** The number of the executor that has instantiated the module. */
  get executor(): Global {
    this.#executor ??= this.#module.importGlobal(MEMORY_NAMESPACE, "executor", "i32");
    return this.#executor;
  }

  /** `alloc`, `free`, `retire`, `lock`, `region_check` … : see {@link MEMORY_FUNCTIONS}. */
  function(name: MemoryFunctionName): Func {
    let func = this.#functions.get(name);
    if (func === undefined) {
      func = this.#module.importFunction(MEMORY_NAMESPACE, name, MEMORY_FUNCTIONS[name]);
      this.#functions.set(name, func);
    }
    return func;
  }
}
