import { TsbpfError } from "../base/index.ts";
import { CONTROL_MAGIC, Control } from "./control.ts";
import { EmittedMemory } from "./emitted-memory.ts";
import { HEAP, WASM_PAGE } from "./layout.ts";
import type { KernelMemory } from "./memory.ts";
import type { MemoryKind } from "./memory-module.ts";

export interface KernelMemoryOptions {
  /** In Wasm pages of 64 KiB; 65536 (4 GiB) unless told. */
  readonly maximumPages?: number;
  /** False: memory that cannot be shared with workers; true unless told. */
  readonly shared?: boolean;
  /** Overwrites what is freed, so that a use of freed memory shows. */
  readonly checking?: boolean;
}

const INITIAL_PAGES = HEAP / WASM_PAGE;

/** What another executor needs to attach to a memory: structured clones of it pass to workers. */
export interface MemoryHandle extends MemoryKind {
  readonly memory: WebAssembly.Memory;
}

/**
 * A new, empty kernel memory, with the calling thread as its executor 0.
 *
 * Where the platform refuses the maximum, half of it is tried, down to 1 MiB; where it refuses shared memory, the
 * memory is not shared. `notes` says so.
 *
 * @throws {TsbpfError} where the platform gives no memory at all.
 */
export function createKernelMemory(options: KernelMemoryOptions = {}): KernelMemory {
  const wanted = options.maximumPages ?? 65_536;
  if (!(Number.isInteger(wanted) && wanted > INITIAL_PAGES && wanted <= 65_536)) {
    throw new TsbpfError(`memory: expected a maximum of 3 to 65536 pages, got ${wanted}`);
  }
  let cause: unknown;
  for (const shared of options.shared === false ? [false] : [true, false]) {
    for (let maximumPages = wanted; ; maximumPages = Math.max(16, maximumPages >> 1)) {
      const attempt = tryMemory(maximumPages, shared);
      if (attempt instanceof WebAssembly.Memory) {
        const notes: string[] = [];
        if (maximumPages < wanted) {
          notes.push(`memory: at most ${maximumPages >> 4} MiB: the platform refused ${wanted >> 4} MiB`);
        }
        if (!shared && options.shared !== false)
          notes.push("memory: not shared, so one executor only: the platform refused shared memory");
        const memory = new EmittedMemory(attempt, { maximumPages, shared, executor: 0, notes });
        memory.initialise(options.checking ?? false);
        return memory;
      }
      cause = attempt;
      if (maximumPages <= 16) break;
    }
  }
  throw new TsbpfError("memory: the platform gives none", { cause });
}

/** The memory of another executor's kernel, on this thread, which is the executor of a number. */
export function attachKernelMemory(handle: MemoryHandle, executor: number): KernelMemory {
  const { memory: shared, ...kind } = handle;
  const memory = new EmittedMemory(shared, { ...kind, executor, notes: [] });
  if (memory.words()[Control.MAGIC >> 2] !== CONTROL_MAGIC) {
    throw new TsbpfError("memory: expected one that createKernelMemory made, got another");
  }
  return memory;
}

/** What {@link attachKernelMemory} takes, to be posted to a worker. */
export function memoryHandle(memory: KernelMemory): MemoryHandle {
  return { memory: memory.memory, maximumPages: memory.maximumPages, shared: memory.shared };
}

function tryMemory(maximum: number, shared: boolean): unknown {
  try {
    return new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum, shared });
  } catch (error) {
    return error;
  }
}
