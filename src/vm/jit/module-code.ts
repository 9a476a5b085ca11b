import type { EmitEnvironment } from "../../helpers/index.ts";
import { KERNEL_BASE_HIGH, MemoryImports, type MemoryKind } from "../../mem/index.ts";
import {
  type Func,
  type FuncType,
  type FunctionBuilder,
  type Local,
  ModuleBuilder,
  type Signature,
  type Table,
  type ValueType,
} from "../../wasm/index.ts";
import type { Callee } from "../emit-adapter.ts";
import { emitArenaAddress, emitArenaCast, type PushArena } from "../emit-arena.ts";
import { createEnvironment } from "../emit-environment.ts";
import { emitLocate } from "../emit-locate.ts";
import { bodySignature } from "../emit-passing.ts";
import { emitSwap64 } from "../emit-swap.ts";
import { ADAPTER_SIGNATURE, ENTRY_SIGNATURE, EXECUTOR_NAMESPACE } from "../signatures.ts";
import { State } from "../state.ts";
import type { CodeGraph } from "./code-graph.ts";
import { CARRIED } from "./function-code.ts";

/** Where an executor keeps what its modules use: all offsets in the one memory. */
export interface JitPlace {
  readonly stateAt: number;
  readonly stackLow: number;
  readonly stackEnd: number;
  readonly framesAt: number;
  readonly framesEnd: number;
  /** As the memory's epochs know it. */
  readonly executor: number;
}

const CHECKED_FUNCTION: Signature = {
  params: [...Array.from({ length: CARRIED }, (): ValueType => "i64"), "i32", "i32"],
  results: ["i64"],
};

const VERIFIED_FUNCTION: Signature = {
  params: ["i64", "i64", "i64", "i64", "i64", "i32"],
  results: ["i64"],
};

/** A body of a helper or kfunc in the module. */
export interface BodyCode {
  readonly func: Func;
  /** It may leave a fault, or needs to know where the stack is free: a host body, or one that calls back. */
  readonly mayStop: boolean;
}

/**
 * The module of one program while it is emitted: its functions, and what they call. What only some programs need is
 * added when it is first asked for.
 */
export class ModuleCode {
  readonly m: ModuleBuilder;
  readonly place: JitPlace;
  readonly checked: boolean;
  readonly graph: CodeGraph;
  readonly memory: MemoryImports;
  readonly table: Table;
  readonly adapterType: FuncType;
  readonly entryType: FuncType;
  /** The functions of the program, by their first slots. */
  readonly functions = new Map<number, FunctionBuilder>();
  /** Host bodies that the module imports, by the name of the import. */
  readonly hosts = new Map<string, Callee>();
  /** Offset that names the program where callbacks are looked up. */
  readonly codeAt: number;
  readonly #arena: number;
  readonly #bodies = new Map<number, BodyCode>();
  readonly #made = new Map<string, Func>();
  readonly #environment: EmitEnvironment;
  #callsBack = false;

  constructor(
    name: string,
    parts: {
      readonly place: JitPlace;
      readonly kind: MemoryKind;
      readonly checked: boolean;
      readonly graph: CodeGraph;
      readonly arena: number;
      readonly codeAt: number;
      readonly check?: boolean;
    },
  ) {
    this.m = new ModuleBuilder({ name, check: parts.check ?? false });
    this.place = parts.place;
    this.checked = parts.checked;
    this.graph = parts.graph;
    this.codeAt = parts.codeAt;
    this.#arena = parts.arena;
    this.memory = new MemoryImports(this.m, parts.kind);
    this.table = this.m.importTable(EXECUTOR_NAMESPACE, "table", { min: 1 });
    this.adapterType = this.m.type(ADAPTER_SIGNATURE);
    this.entryType = this.m.type(ENTRY_SIGNATURE);
    const environment = createEnvironment(
      this.m,
      { imports: this.memory, table: this.table },
      this.place,
      this.checked,
    );
    this.#environment = {
      ...environment,
      onStack: (...args) => {
        this.#callsBack = true;
        environment.onStack(...args);
      },
      stopped: (f) => {
        this.#callsBack = true;
        environment.stopped(f);
      },
    };
  }

  get functionSignature(): Signature {
    return this.checked ? CHECKED_FUNCTION : VERIFIED_FUNCTION;
  }

  /** Instructions from a slot up to another, where wide loads are one. */
  instructionsBetween(from: number, to: number): number {
    let count = 0;
    for (let slot = from; slot < to; slot++) if (this.graph.rows[slot] !== undefined) count++;
    return count;
  }

  /** `(i64) → i64`: reverses eight bytes. */
  get swap64(): Func {
    return this.#once("swap64", { params: ["i64"], results: ["i64"] }, emitSwap64);
  }

  /** `(address, size, access) → 1 | 0`: finds the region and leaves it in the state block, or the fault. */
  get locate(): Func {
    const regionCheck = this.memory.function("region_check");
    return this.#once("locate", { params: ["i64", "i32", "i32"], results: ["i32"] }, (f) =>
      emitLocate(f, this.place.stateAt, regionCheck),
    );
  }

  /** `(address, size) → offset`: where bytes of the program's arena are; 0 where no page is there. */
  get arenaAddress(): Func {
    return this.#once("arena_address", { params: ["i64", "i32"], results: ["i32"] }, (f) =>
      emitArenaAddress(f, this.#pushArena),
    );
  }

  /** `(address) → address`: the user's address of an arena's. */
  get arenaCast(): Func {
    return this.#once("arena_cast", { params: ["i64"], results: ["i64"] }, (f) =>
      emitArenaCast(f, this.#pushArena),
    );
  }

  /** `(slot)`: notes the place of a fault, unless it has one. */
  get noteFault(): Func {
    return this.#once("note_fault", { params: ["i32"] }, (f) => {
      const at = (word: number) => this.place.stateAt + word;
      f.i32.const(0).i32.load(at(State.FAULT_PC)).i32.eqz();
      f.if(() => {
        f.i32.const(0).get(f.params[0]!).i32.store(at(State.FAULT_PC));
        f.i32.const(0).i32.const(0).i32.store(at(State.FAULT_CODE));
      });
    });
  }

  /** `(window, low, high) → status`: a call through a register. */
  get callThrough(): Func {
    let func = this.#made.get("callThrough");
    if (func === undefined) {
      const signature: Signature = { params: ["i32", "i32", "i32"], results: ["i32"] };
      func = this.m.importFunction(EXECUTOR_NAMESPACE, "callThrough", signature);
      this.#made.set("callThrough", func);
    }
    return func;
  }

  /** The body of a callee as a function of this module. */
  body({ number, callable }: Callee): BodyCode {
    let code = this.#bodies.get(number);
    if (code === undefined) {
      const signature = bodySignature(callable);
      if (callable.body.kind === "host") {
        const name = `host${number}`;
        this.hosts.set(name, { number, callable });
        code = { func: this.m.importFunction(EXECUTOR_NAMESPACE, name, signature), mayStop: true };
      } else {
        const func = this.m.function(callable.name, signature);
        this.#callsBack = false;
        callable.body.emit(func, this.#environment);
        code = { func, mayStop: this.#callsBack };
      }
      this.#bodies.set(number, code);
    }
    return code;
  }

  readonly #pushArena: PushArena = (f) => f.i32.const(this.#arena);

  #once(name: string, signature: Signature, emit: (f: FunctionBuilder) => void): Func {
    let func = this.#made.get(name);
    if (func === undefined) {
      const made = this.m.function(name, signature);
      this.#made.set(name, made);
      emit(made);
      func = made;
    }
    return func;
  }
}

/** Pushes the address of an offset, NULL for 0. */
export function pushAddress(f: FunctionBuilder, offset: Local): void {
  f.get(offset)
    .i64.extendI32U()
    .i64.constPair(0, KERNEL_BASE_HIGH)
    .i64.or()
    .i64.const(0)
    .get(offset)
    .select();
}
