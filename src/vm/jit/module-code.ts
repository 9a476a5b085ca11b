import { MemoryImports, type MemoryKind } from "../../mem/index.ts";
import { type Func, type FunctionBuilder, ModuleBuilder, type Signature } from "../../wasm/index.ts";
import { emitLocate } from "../emit-locate.ts";
import { bodySignature } from "../emit-passing.ts";
import { emitSwap64 } from "../emit-swap.ts";
import type { ExecutorPlace } from "../place.ts";
import { ADAPTER_SIGNATURE, ENTRY_SIGNATURE, EXECUTOR_NAMESPACE } from "../signatures.ts";
import { State } from "../state.ts";
import type { AdapterTarget, Reached } from "./targets.ts";

/**
 * A module while it is emitted: what the functions of its programs call. What only some programs need is added when it
 * is first asked for.
 */
export class ModuleCode {
  readonly m: ModuleBuilder;
  readonly place: ExecutorPlace;
  readonly checked: boolean;
  readonly memory: MemoryImports;
  /** Functions that the module imports from `EXECUTOR_NAMESPACE`. */
  readonly imports = new Map<string, unknown>();
  readonly #made = new Map<string, Func>();

  constructor(
    name: string,
    parts: {
      readonly place: ExecutorPlace;
      readonly kind: MemoryKind;
      readonly checked: boolean;
      readonly check?: boolean;
    },
  ) {
    this.m = new ModuleBuilder({ name, check: parts.check ?? false });
    this.place = parts.place;
    this.checked = parts.checked;
    this.memory = new MemoryImports(this.m, parts.kind);
  }

  /** `(i64) → i64`: reverses eight bytes. */
  get swap64(): Func {
    return this.once("swap64", { params: ["i64"], results: ["i64"] }, emitSwap64);
  }

  /** `(address, size, access) → 1 | 0`: finds the region and leaves it in the state block, or the fault. */
  get locate(): Func {
    const regionCheck = this.memory.function("region_check");
    return this.once("locate", { params: ["i64", "i32", "i32"], results: ["i32"] }, (f) =>
      emitLocate(f, this.place.stateAt, regionCheck),
    );
  }

  /** `(slot)`: notes the place of a fault, unless it has one. */
  get noteFault(): Func {
    return this.once("note_fault", { params: ["i32"] }, (f) => {
      const at = (word: number) => this.place.stateAt + word;
      f.i32.const(0).i32.load(at(State.FAULT_PC)).i32.eqz();
      f.if(() => {
        f.i32.const(0).get(f.params[0]!).i32.store(at(State.FAULT_PC));
        f.i32.const(0).i32.const(0).i32.store(at(State.FAULT_CODE));
      });
    });
  }

  /** `(window, low, high) → status`: a call through a register; who instantiates the module has it. */
  get callThrough(): Func {
    return this.#imported("callThrough", { params: ["i32", "i32", "i32"], results: ["i32"] }, null);
  }

  /** An adapter of a helper or kfunc. */
  adapter({ func, index }: AdapterTarget): Func {
    return this.#imported(`adapter${index}`, ADAPTER_SIGNATURE, func);
  }

  /** The body of a helper or kfunc. */
  body({ callee, body }: Reached & { readonly kind: "body" }): Func {
    return this.#imported(callee.callable.name, bodySignature(callee.callable), body.func);
  }

  /** `(context, stack, function index) → r0`, to go on with. */
  tailCall(func: unknown): Func {
    const { params, results } = ENTRY_SIGNATURE;
    return this.#imported("tail_call", { params: [...params, "i32"], results }, func);
  }

  #imported(name: string, signature: Signature, func: unknown): Func {
    let imported = this.#made.get(name);
    if (imported === undefined) {
      imported = this.m.importFunction(EXECUTOR_NAMESPACE, name, signature);
      this.#made.set(name, imported);
      if (func !== null) this.imports.set(name, func);
    }
    return imported;
  }

  /** A function that is made when it is first asked for. `key` tells it from others of its name. */
  once(name: string, signature: Signature, emit: (f: FunctionBuilder) => void, key = name): Func {
    let func = this.#made.get(key);
    if (func === undefined) {
      const made = this.m.function(name, signature);
      this.#made.set(key, made);
      emit(made);
      func = made;
    }
    return func;
  }
}
