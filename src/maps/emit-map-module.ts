import { MemoryImports, type MemoryKind } from "../mem/index.ts";
import { BpfMapType } from "../uapi/index.ts";
import type { Local } from "../wasm/index.ts";
import { type FunctionBuilder, ModuleBuilder, type Signature } from "../wasm/index.ts";
import {
  emitArrayDelete,
  emitArrayElement,
  emitArrayLookup,
  emitArrayNextKey,
  emitArrayUpdate,
} from "./emit-array.ts";
import { emitCgroupStorage } from "./emit-cgroup-storage.ts";
import { emitContainer } from "./emit-container.ts";
import { emitHashDelete, emitHashLookup, emitHashNextKey, emitHashUpdate } from "./emit-hash.ts";
import { emitHashValue } from "./emit-hash-find.ts";
import { emitLru } from "./emit-lru.ts";
import { emitLruDelete, emitLruUpdate } from "./emit-lru-hash.ts";
import { emitPool } from "./emit-pool.ts";
import { emitRedirectMap } from "./emit-redirect-map.ts";
import { emitSocketMap } from "./emit-socket-map.ts";
import { emitTrie } from "./emit-trie.ts";
import { FREE_FIELDS } from "./emit-value.ts";
import { emitMapOperand, type MapOperand } from "./map-operand.ts";
import {
  isArrayType,
  isCgroupStorage,
  isContainer,
  isHashType,
  isLruType,
  isRedirectMap,
  isSocketMap,
} from "./map-shape.ts";
import type { MapShape } from "./operations.ts";

const I = "i32";

/** Signatures of the operations, as `MapOperations` has them. */
export const MAP_OPERATIONS = {
  lookup: { params: [I, I, I], results: [I] },
  inspect: { params: [I, I, I], results: [I] },
  update: { params: [I, I, I, I, I], results: [I] },
  push: { params: [I, I, I], results: [I] },
  pop: { params: [I, I], results: [I] },
  peek: { params: [I, I], results: [I] },
  delete: { params: [I, I], results: [I] },
  nextKey: { params: [I, I, I], results: [I] },
} as const satisfies Record<string, Signature>;

export type MapOperationName = keyof typeof MAP_OPERATIONS;

/** Those that every type has. */
export type CommonOperation = "lookup" | "update" | "delete" | "nextKey";

/** The operations of a shape as functions of a module. */
export type MapOperationFunctions = Readonly<Record<CommonOperation, FunctionBuilder>> &
  Readonly<Partial<Record<MapOperationName, FunctionBuilder>>>;

/** The operations that maps of a type have. */
export function operationNames(type: number): readonly MapOperationName[] {
  if (isContainer(type)) return [...COMMON, "push", "pop", "peek"];
  return isLruType(type) || isSocketMap(type) ? [...COMMON, "inspect"] : COMMON;
}

const COMMON: readonly CommonOperation[] = ["lookup", "update", "delete", "nextKey"];

/**
 * Emits all operations of a shape into a module: a JIT that does so calls them without leaving its module.
 *
 * @param constant a map that all of them work on, in place of their first parameter.
 */
export function emitMapOperations(
  m: ModuleBuilder,
  memory: MemoryImports,
  shape: MapShape,
  constant?: MapOperand,
): MapOperationFunctions {
  const func = (name: MapOperationName) => m.function(name, MAP_OPERATIONS[name]);
  const operations = {
    lookup: func("lookup"),
    update: func("update"),
    delete: func("delete"),
    nextKey: func("nextKey"),
  };
  const operand = (f: FunctionBuilder) => constant ?? emitMapOperand(f, f.params[0]!);
  const { lookup, update, delete: remove, nextKey } = operations;
  if (isSocketMap(shape.type)) {
    const all = { ...operations, inspect: func("inspect") };
    emitSocketMap(shape, all, { module: m, memory, operand });
    return all;
  }
  if (isRedirectMap(shape.type)) {
    emitRedirectMap(shape, operations, { module: m, memory, operand });
    return operations;
  }
  if (isContainer(shape.type)) {
    const own = { push: func("push"), pop: func("pop"), peek: func("peek") };
    emitContainer(shape, operations, own, { memory, operand });
    return { ...operations, ...own };
  }
  if (shape.type === BpfMapType.LPM_TRIE) {
    emitTrie(shape, operations, { module: m, memory, operand });
    return operations;
  }
  if (isCgroupStorage(shape.type)) {
    emitCgroupStorage(operations);
    return operations;
  }
  const { module, name, signature } = FREE_FIELDS;
  const freeFields = shape.special?.frees === true ? m.importFunction(module, name, signature) : null;
  if (isLruType(shape.type)) {
    const inspect = func("inspect");
    const parts = { memory, lru: emitLru(m, shape, memory, freeFields), freeFields };
    emitHashLookup(lookup, shape, operand(lookup));
    emitHashLookup(inspect, shape, operand(inspect), false);
    emitLruUpdate(update, shape, operand(update), parts);
    emitLruDelete(remove, shape, operand(remove), parts);
    emitHashNextKey(nextKey, shape, operand(nextKey), memory);
    return { ...operations, inspect };
  }
  if (isHashType(shape.type)) {
    const parts = { memory, pool: emitPool(m, shape, memory), freeFields };
    emitHashLookup(lookup, shape, operand(lookup));
    emitHashUpdate(update, shape, operand(update), parts);
    emitHashDelete(remove, shape, operand(remove), parts);
    emitHashNextKey(nextKey, shape, operand(nextKey), memory);
  } else {
    emitArrayLookup(lookup, shape, operand(lookup));
    emitArrayUpdate(update, shape, operand(update), { memory, freeFields });
    emitArrayDelete(remove, shape, operand(remove));
    emitArrayNextKey(nextKey, operand(nextKey));
  }
  return operations;
}

/** The module of a shape's operations: exports named as in `MapOperations`. */
export function emitMapModule(
  shape: MapShape,
  kind: MemoryKind,
  options: { readonly check?: boolean } = {},
): Uint8Array {
  const m = new ModuleBuilder({ name: "map", check: options.check ?? false });
  const operations = emitMapOperations(m, new MemoryImports(m, kind), shape);
  for (const [name, func] of Object.entries(operations)) m.export(name, func);
  return m.finish();
}

/**
 * Emits a lookup in place: `result` becomes the offset of the value of the key at `key` (for `cpu`), or 0.
 *
 * @returns false, with nothing emitted, for a shape that has no lookup in place.
 */
export function emitLookup(
  f: FunctionBuilder,
  shape: MapShape,
  map: MapOperand,
  locals: { readonly key: Local; readonly cpu: Local; readonly result: Local },
): boolean {
  const { key, cpu, result } = locals;
  if (isHashType(shape.type)) {
    emitHashValue(f, shape, map, locals);
    return true;
  }
  if (!isArrayType(shape.type)) return false;
  const index = f.local("i32", "index");
  f.get(key).i32.load(0, 1).set(index);
  emitArrayElement(f, shape, map, index, cpu, result);
  return true;
}
