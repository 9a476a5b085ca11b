import { TsbpfError } from "../../base/index.ts";
import { KERNEL_BASE_HIGH } from "../../mem/index.ts";
import { ModuleBuilder } from "../../wasm/index.ts";
import type { CompiledProgram } from "../engine.ts";
import type { BpfExecutor } from "../executor.ts";
import { CALLBACK_SIGNATURE, ENTRY_SIGNATURE, EXECUTOR_NAMESPACE } from "../signatures.ts";
import { FaultCode, State } from "../state.ts";
import type { InterpreterExports } from "./exports.ts";
import { CODE_ARENA, CODE_HEADER_SIZE, RECORD_SIZE } from "./record.ts";

/** Records in the one memory, and the functions through which others reach them. */
export class InterpretedProgram implements CompiledProgram {
  readonly codeSize: number;
  readonly image = null;
  readonly #executor: BpfExecutor;
  readonly #exports: InterpreterExports;
  /** The header, and behind it the records. */
  readonly #block: number;
  readonly #code: number;
  readonly #callbacks = new Map<number, number>();
  #entry = 0;
  #closed = false;

  /** @param arena see `EngineInput.arena` */
  constructor(executor: BpfExecutor, exports: InterpreterExports, slots: number, arena: number) {
    this.#executor = executor;
    this.#exports = exports;
    this.codeSize = CODE_HEADER_SIZE + (slots + 1) * RECORD_SIZE;
    this.#block = executor.memory.alloc(this.codeSize, RECORD_SIZE);
    if (this.#block === 0)
      throw new TsbpfError(`interpreter: no memory is left for ${this.codeSize} bytes of code`);
    this.#code = this.#block + CODE_HEADER_SIZE;
    executor.memory.view().setUint32(this.#code + CODE_ARENA, arena, true);
  }

  load(records: Uint8Array): void {
    this.#executor.memory.bytes().set(records, this.#code);
  }

  /** Lets calls through registers find helpers by number; `indexOf` gives 0 where there is none. */
  callThrough(indexOf: (id: number) => number): void {
    this.#executor.indirect.set(this.#code, indexOf);
  }

  /** Made when first asked for: most programs are never called by another. */
  get entry(): number {
    if (this.#entry === 0) {
      this.#entry = this.#install((m) => {
        const enter = m.importFunction(EXECUTOR_NAMESPACE, "enter", {
          params: ["i32", ...ENTRY_SIGNATURE.params],
          results: ENTRY_SIGNATURE.results,
        });
        const f = m.function("program", ENTRY_SIGNATURE, { export: "f" });
        f.i32.const(this.#code);
        for (const param of f.params) f.get(param);
        f.returnCall(enter);
      });
    }
    return this.#entry;
  }

  /** Function index of the subprogram at a slot, as a helper calls it back. */
  callback(slot: number): number {
    let index = this.#callbacks.get(slot);
    if (index === undefined) {
      index = this.#install((m) => {
        const callback = m.importFunction(EXECUTOR_NAMESPACE, "callback", {
          params: ["i32", "i32", ...CALLBACK_SIGNATURE.params],
          results: CALLBACK_SIGNATURE.results,
        });
        const f = m.function("callback", CALLBACK_SIGNATURE, { export: "f" });
        f.i32.const(this.#code).i32.const(this.#code + slot * RECORD_SIZE);
        for (const param of f.params) f.get(param);
        f.call(callback);
      });
      this.#callbacks.set(slot, index);
      this.#executor.callbacks.set(this.#code, new Set(this.#callbacks.values()));
    }
    return index;
  }

  owns(index: number): boolean {
    return this.#executor.callbacks.get(this.#code)?.has(index) === true;
  }

  run(context: number): number {
    const executor = this.#executor;
    const outermost = executor.depth++ === 0 ? 1 : 0;
    try {
      return this.#exports.start(this.#code, context, context === 0 ? 0 : KERNEL_BASE_HIGH, 0, outermost);
    } finally {
      executor.depth--;
    }
  }

  runMany(context: number, count: number): number {
    let result = 0;
    for (let i = 0; i < count; i++) {
      result = this.run(context);
      if (this.#executor.stopped) {
        // Loops in it may have been cut short.
        if (this.#executor.fault === null) this.#executor.setWord(State.FAULT, FaultCode.interrupted);
        this.#executor.setWord(State.LEFT, count - i);
        return result;
      }
    }
    this.#executor.setWord(State.LEFT, 0);
    return result;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const executor = this.#executor;
    executor.indirect.delete(this.#code);
    executor.callbacks.delete(this.#code);
    for (const index of [this.#entry, ...this.#callbacks.values()]) {
      if (index === 0) continue;
      executor.remove(index);
      executor.indices.release(index);
    }
    executor.memory.retire(this.#block);
  }

  #install(emit: (m: ModuleBuilder) => void): number {
    const m = new ModuleBuilder({ names: false });
    emit(m);
    const { enter, callback } = this.#exports;
    const instance = new WebAssembly.Instance(new WebAssembly.Module(m.finish()), {
      [EXECUTOR_NAMESPACE]: { enter, callback },
    });
    const index = this.#executor.indices.allocate();
    this.#executor.install(index, instance.exports["f"]);
    return index;
  }
}
