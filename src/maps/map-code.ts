import { type KernelMemory, MEMORY_NAMESPACE } from "../mem/index.ts";
import {
  type CommonOperation,
  emitMapModule,
  type MapOperationName,
  operationNames,
} from "./emit-map-module.ts";
import { FREE_FIELDS } from "./emit-value.ts";
import { hostedOperations } from "./hosted-operations.ts";
import { shapeName } from "./map-shape.ts";
import type { FreeFields, MapOperations, MapShape } from "./operations.ts";

/** An executor's function table, whose indices mean the same function in every executor. */
export interface FunctionTable {
  readonly table: WebAssembly.Table;
  /** The index of the function of a name: a new one for a new name. The table has it already. */
  index(name: string): number;
}

/** Indices of a shape's operations in every executor's table. */
export type OperationIndices = Readonly<Record<CommonOperation, number>> &
  Readonly<Partial<Record<MapOperationName, number>>>;

/** The compiled operations of an executor, by shape: each is compiled when a map of it is first used. */
export class MapCode {
  readonly #memory: KernelMemory;
  readonly #functions: FunctionTable | undefined;
  readonly #freeFields: FreeFields;
  readonly #operations = new Map<string, MapOperations>();

  /**
   * @param functions where operations are entered too, for `call_indirect`; none are where it is absent.
   * @param freeFields ends what a value owns that is replaced or deleted.
   */
  constructor(memory: KernelMemory, functions?: FunctionTable, freeFields: FreeFields = () => undefined) {
    this.#memory = memory;
    this.#functions = functions;
    this.#freeFields = freeFields;
  }

  /** The operations of a shape, compiled (and entered into the table) the first time. */
  operations(shape: MapShape): MapOperations {
    const hosted = hostedOperations(this.#memory, shape.type);
    if (hosted !== null) return hosted;
    const name = shapeName(shape);
    let operations = this.#operations.get(name);
    if (operations === undefined) {
      const memory = this.#memory;
      const module = new WebAssembly.Module(emitMapModule(shape, memory));
      const instance = new WebAssembly.Instance(module, {
        [MEMORY_NAMESPACE]: memory.imports[MEMORY_NAMESPACE]!,
        [FREE_FIELDS.module]: { [FREE_FIELDS.name]: this.#freeFields },
      });
      operations = instance.exports as unknown as MapOperations;
      this.#operations.set(name, operations);
      if (this.#functions !== undefined) {
        const indices = this.#indicesOf(this.#functions, shape);
        for (const each of operationNames(shape.type)) {
          this.#functions.table.set(indices[each]!, operations[each]);
        }
      }
    }
    return operations;
  }

  /** The table indices of a shape's operations, entered into this executor's table; null where it has none. */
  indices(shape: MapShape): OperationIndices | null {
    this.operations(shape);
    return this.#functions === undefined ? null : this.#indicesOf(this.#functions, shape);
  }

  #indicesOf(functions: FunctionTable, shape: MapShape): OperationIndices {
    const shapes = shapeName(shape);
    const indices = operationNames(shape.type).map((name) => [name, functions.index(`${shapes}:${name}`)]);
    return Object.fromEntries(indices) as OperationIndices;
  }
}
