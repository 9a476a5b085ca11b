import { TsbpfError } from "../base/index.ts";
import { HEADER_SIZE } from "./block.ts";
import { CONTROL_MAGIC, Control, ExecutorState, FIRST_EPOCH } from "./control.ts";
import { Executors } from "./executors.ts";
import { HEAP } from "./layout.ts";
import type { KernelMemory } from "./memory.ts";
import {
  emitMemoryModule,
  MEMORY_NAMESPACE,
  type MemoryFunctions,
  type MemoryKind,
} from "./memory-module.ts";
import { RegionTable } from "./region-table.ts";

/** A block was given back that is none: freed twice, or an offset that the allocator never gave. */
export class BadFree extends TsbpfError {
  override name = "BadFree";
  readonly offset: number;

  constructor(operation: "free" | "retire", offset: number) {
    super(
      `memory: ${operation}: expected a block that is handed out, got offset 0x${(offset >>> 0).toString(16)}`,
    );
    this.offset = offset;
  }
}

/** The kernel memory as one executor has it: its own instance of the emitted functions over the common memory. */
export class EmittedMemory implements KernelMemory {
  readonly memory: WebAssembly.Memory;
  readonly maximumPages: number;
  readonly shared: boolean;
  readonly notes: readonly string[];
  readonly functions: MemoryFunctions;
  readonly regions: RegionTable;
  readonly executors: Executors;
  readonly #executor: WebAssembly.Global;
  #view: DataView;
  #bytes: Uint8Array;
  #words: Int32Array;

  constructor(
    memory: WebAssembly.Memory,
    {
      executor,
      notes,
      ...kind
    }: MemoryKind & { readonly executor: number; readonly notes: readonly string[] },
  ) {
    this.memory = memory;
    this.#executor = new WebAssembly.Global({ value: "i32" }, executor);
    this.maximumPages = kind.maximumPages;
    this.shared = kind.shared;
    this.notes = notes;
    const module = new WebAssembly.Module(emitMemoryModule(kind));
    const instance = new WebAssembly.Instance(module, {
      [MEMORY_NAMESPACE]: { memory, executor: this.#executor, now: milliseconds },
    });
    this.functions = instance.exports as unknown as MemoryFunctions;
    this.#view = new DataView(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
    this.#words = new Int32Array(memory.buffer);
    this.regions = new RegionTable(this);
    this.executors = new Executors(this);
  }

  get imports(): Readonly<Record<string, Record<string, unknown>>> {
    return { [MEMORY_NAMESPACE]: { memory: this.memory, executor: this.#executor, ...this.functions } };
  }

  view(): DataView {
    this.#refresh();
    return this.#view;
  }

  bytes(): Uint8Array {
    this.#refresh();
    return this.#bytes;
  }

  words(): Int32Array {
    this.#refresh();
    return this.#words;
  }

  alloc(size: number, alignment = 8): number {
    if (!(size >= 0 && size <= 0xffff_ffff)) return 0;
    return this.functions.alloc(size, alignment) >>> 0;
  }

  free(offset: number): void {
    if (this.functions.free(offset) !== 0) throw new BadFree("free", offset);
  }

  retire(offset: number): void {
    if (this.functions.retire(offset) !== 0) throw new BadFree("retire", offset);
  }

  get used(): number {
    return Atomics.load(this.words(), Control.USED >> 2) >>> 0;
  }

  /** Lays out an empty heap, where no other executor has. */
  initialise(checking: boolean): void {
    const words = this.words();
    words[Control.HEAP_END >> 2] = HEAP - HEADER_SIZE;
    words[Control.WATERMARK >> 2] = HEAP;
    words[Control.POISONING >> 2] = checking ? 1 : 0;
    words[Control.EPOCH >> 2] = FIRST_EPOCH;
    words[Control.EXECUTORS >> 2] = ExecutorState.ABSENT;
    words[Control.MAGIC >> 2] = CONTROL_MAGIC;
    this.executors.add();
  }

  /**
   * Takes new views where the heap has outgrown them. The heap's end is asked, not `memory.buffer`: that may lag behind
   * what another thread grew, until a growth by nothing brings it up to date.
   */
  #refresh(): void {
    const end = this.#words[Control.HEAP_END >> 2]! >>> 0;
    if (end + HEADER_SIZE <= this.#bytes.length) return;
    this.memory.grow(0);
    const { buffer } = this.memory;
    this.#view = new DataView(buffer);
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Int32Array(buffer);
  }
}

/** What the emitted functions know of time. */
function milliseconds(): number {
  return performance.now() | 0;
}
