import type { MemoryImports } from "../mem/index.ts";
import { BpfMapType, Errno } from "../uapi/index.ts";
import type { FunctionBuilder, Local, ModuleBuilder } from "../wasm/index.ts";
import { emitArrayElement, emitArrayNextKey, emitArrayUpdate } from "./emit-array.ts";
import { emitHashDelete, emitHashLookup, emitHashNextKey, emitHashUpdate } from "./emit-hash.ts";
import { emitPool } from "./emit-pool.ts";
import { MapField } from "./map-header.ts";
import { emitFixed, type MapOperand } from "./map-operand.ts";
import { arrayStride } from "./map-shape.ts";
import type { MapShape } from "./operations.ts";

/** What `emitRedirectMap` emits into. */
export interface RedirectMapParts {
  readonly module: ModuleBuilder;
  readonly memory: MemoryImports;
  /** Emits the map of a function's first parameter. */
  readonly operand: (f: FunctionBuilder) => MapOperand;
}

/**
 * Maps of what XDP redirects to: devices (`dev_map_ops`, `dev_map_hash_ops`), CPUs (`cpu_map_ops`) and sockets
 * (`xsk_map_ops`), of which there are none here. In an array, a value whose first word is 0 is none: no device has this
 * index, and no CPU's queue this length.
 */
export function emitRedirectMap(
  shape: MapShape,
  operations: Readonly<Record<"lookup" | "update" | "delete" | "nextKey", FunctionBuilder>>,
  { module, memory, operand }: RedirectMapParts,
): void {
  const { lookup, update, delete: remove, nextKey } = operations;
  if (shape.type === BpfMapType.DEVMAP_HASH) {
    const parts = { memory, pool: emitPool(module, shape, memory), freeFields: null };
    emitHashLookup(lookup, shape, operand(lookup));
    emitHashUpdate(update, shape, operand(update), parts);
    emitHashDelete(remove, shape, operand(remove), parts);
    emitHashNextKey(nextKey, shape, operand(nextKey), memory);
    return;
  }
  emitArrayNextKey(nextKey, operand(nextKey));
  if (shape.type === BpfMapType.XSKMAP) {
    lookup.i32.const(0);
    // A socket of another family.
    update.i32.const(-Errno.EOPNOTSUPP);
    emitDelete(remove, shape, operand(remove), () => undefined);
    return;
  }
  emitLookup(lookup, shape, operand(lookup));
  emitArrayUpdate(update, shape, operand(update), { memory, freeFields: null });
  emitDelete(remove, shape, operand(remove), (value) => {
    remove.get(value).i64.const(0).i64.store();
  });
}

function emitLookup(f: FunctionBuilder, shape: MapShape, map: MapOperand): void {
  const [, key, cpu] = f.params as [Local, Local, Local];
  const value = emitValueAt(f, shape, map, key, cpu);
  f.get(value).if(() => {
    f.get(value)
      .i32.load()
      .i32.eqz()
      .if(() => f.i32.const(0).set(value));
  });
  f.get(value);
}

/** Emits the offset of the value of an index into a local; 0 for one beyond the end. */
function emitValueAt(f: FunctionBuilder, shape: MapShape, map: MapOperand, key: Local, cpu: Local): Local {
  const index = f.local("i32", "index");
  const value = f.local("i32", "value");
  f.get(key).i32.load(0, 1).set(index);
  emitArrayElement(f, shape, map, index, cpu, value);
  return value;
}

/** An index beyond the end is an error, an element that is not there is none. */
function emitDelete(
  f: FunctionBuilder,
  shape: MapShape,
  map: MapOperand,
  clear: (value: Local) => void,
): void {
  const key = f.params[1]!;
  const index = f.local("i32", "index");
  const value = f.local("i32", "value");
  f.get(key).i32.load(0, 1).tee(index);
  emitFixed(f, map, MapField.MAX_ENTRIES).i32.geU();
  f.if(() => f.i32.const(-Errno.EINVAL).return());
  emitFixed(f, map, MapField.VALUES).get(index).i32.const(arrayStride(shape)).i32.mul().i32.add().set(value);
  clear(value);
  f.i32.const(0);
}
