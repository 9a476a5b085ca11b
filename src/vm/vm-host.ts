import { createKernelMemory, type KernelMemory, RegionAccess } from "../mem/index.ts";
import { BpfExecutor } from "./executor.ts";
import { FunctionIndices } from "./function-indices.ts";
import type { InterpreterExports } from "./interp/exports.ts";
import { instantiate } from "./interp/interpreter.ts";

/** Pages of 64 KiB that a host's memory may grow to. */
const MAXIMUM_PAGES = 16_384;

/** Function index, in every host, of the adapter that calls `executor.callHost`: records are the same in all of them. */
export const HOST_ADAPTER = 1;

/** A block that grows with what is put into it. */
class Room {
  at = 0;
  #size = 0;
  readonly #memory: KernelMemory;

  constructor(memory: KernelMemory) {
    this.#memory = memory;
  }

  /** Makes room for `size` bytes; what was there is lost where it moves. False where no memory is left. */
  reserve(size: number): boolean {
    if (size <= this.#size && this.at !== 0) return true;
    if (this.at !== 0) this.#memory.free(this.at);
    this.#size = Math.max(4096, size + (size >>> 1));
    this.at = this.#memory.alloc(this.#size, 16);
    if (this.at === 0) this.#size = 0;
    return this.at !== 0;
  }
}

/** Memory, executor and interpreter that bare machines take turns in: a process has place for few memories. */
export class VmHost {
  readonly memory: KernelMemory;
  readonly executor: BpfExecutor;
  readonly exports: InterpreterExports;
  readonly code: Room;
  readonly data: Room;
  /** Whose records are in `code`. */
  resident: object | null = null;
  #region = 0;
  #regionStart = 0;
  #regionLength = 0;

  constructor() {
    const indices = new FunctionIndices();
    this.memory = createKernelMemory({ maximumPages: MAXIMUM_PAGES });
    this.executor = new BpfExecutor(this.memory, { indices });
    this.exports = instantiate(this.executor, "checked");
    const index = indices.allocate();
    if (index !== HOST_ADAPTER)
      throw new Error(`expected the first function index to be ${HOST_ADAPTER}, got ${index}`);
    this.executor.install(index, this.exports.host);
    this.code = new Room(this.memory);
    this.data = new Room(this.memory);
  }

  /** Makes exactly these bytes of `data` accessible. */
  expose(length: number): void {
    const start = this.data.at;
    if (this.#region !== 0) {
      if (this.#regionStart === start && this.#regionLength === length) return;
      this.memory.regions.remove(this.#region);
      this.#region = 0;
    }
    this.memory.executors.quiesce(this.executor.id);
    if (length === 0) return;
    this.#region = this.memory.regions.add({
      start,
      end: start + length,
      access: RegionAccess.READ_WRITE,
      stride: 0,
      size: 0,
      what: "the memory",
    });
    this.#regionStart = start;
    this.#regionLength = length;
  }
}
