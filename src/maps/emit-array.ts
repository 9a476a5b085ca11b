import type { MemoryImports } from "../mem/index.ts";
import { BpfUpdateFlag, Errno } from "../uapi/index.ts";
import type { Func, FunctionBuilder, Local } from "../wasm/index.ts";
import { emitCopyLocked, emitCopyValue, emitFreeFields, hasLock } from "./emit-value.ts";
import { MapField } from "./map-header.ts";
import { emitFixed, type MapOperand } from "./map-operand.ts";
import { arrayStride, isMapOfMaps, isObjectArray, isPerCpuType } from "./map-shape.ts";
import type { MapShape } from "./operations.ts";

/**
 * Emits the lookup of an element by its index: `result` becomes the offset of the value of `cpu`, or 0 where the
 * index is not below `max_entries`. Of an array of maps it becomes the offset of the map there.
 */
export function emitArrayElement(
  f: FunctionBuilder,
  shape: MapShape,
  map: MapOperand,
  index: Local,
  cpu: Local,
  result: Local,
): void {
  f.i32.const(0).set(result);
  f.get(index);
  emitFixed(f, map, MapField.MAX_ENTRIES).i32.ltU();
  f.if(() => {
    emitElementAddress(f, shape, map, index, cpu);
    if (isMapOfMaps(shape.type)) f.i32.atomicLoad();
    f.set(result);
  });
}

/** Emits the offset of an element's value onto the stack; the index is in bounds. */
function emitElementAddress(
  f: FunctionBuilder,
  shape: MapShape,
  map: MapOperand,
  index: Local,
  cpu: Local,
): FunctionBuilder {
  const stride = arrayStride(shape);
  f.get(index);
  // Strides are mostly powers of two.
  if ((stride & (stride - 1)) === 0) f.i32.const(31 - Math.clz32(stride)).i32.shl();
  else f.i32.const(stride).i32.mul();
  emitFixed(f, map, MapField.VALUES).i32.add();
  if (isPerCpuType(shape.type)) {
    f.get(cpu);
    emitFixed(f, map, MapField.CPU_STRIDE).i32.mul().i32.add();
  }
  return f;
}

/** `array_map_lookup_elem`. */
export function emitArrayLookup(f: FunctionBuilder, shape: MapShape, map: MapOperand): void {
  const [, key, cpu] = f.params as [Local, Local, Local];
  const index = f.local("i32", "index");
  const result = f.local("i32", "result");
  f.get(key).i32.load(0, 1).set(index);
  emitArrayElement(f, shape, map, index, cpu, result);
  f.get(result);
}

/** `array_map_update_elem`, with its checks in its order. */
export function emitArrayUpdate(
  f: FunctionBuilder,
  shape: MapShape,
  map: MapOperand,
  parts: { readonly memory: MemoryImports; readonly freeFields: Func | null },
): void {
  const [, key, value, flags, cpu] = f.params as [Local, Local, Local, Local, Local];
  const index = f.local("i32", "index");
  const to = f.local("i32", "to");
  // An array of objects takes no flags at all (`bpf_fd_array_map_update_elem`).
  if (isObjectArray(shape.type)) f.get(flags);
  else {
    f.get(flags).i32.const(~BpfUpdateFlag.F_LOCK).i32.and();
    f.i32.const(BpfUpdateFlag.EXIST).i32.gtU();
  }
  f.if(() => f.i32.const(-Errno.EINVAL).return());
  f.get(key).i32.load(0, 1).tee(index);
  emitFixed(f, map, MapField.MAX_ENTRIES).i32.geU();
  f.if(() => f.i32.const(-Errno.E2BIG).return());
  f.get(flags).i32.const(BpfUpdateFlag.NOEXIST).i32.and();
  f.if(() => f.i32.const(-Errno.EEXIST).return());
  const [target, source] = [
    { base: to, plus: 0 },
    { base: value, plus: 0 },
  ];
  if (hasLock(shape)) {
    emitElementAddress(f, shape, map, index, cpu).set(to);
    f.get(flags).i32.const(BpfUpdateFlag.F_LOCK).i32.and();
    f.if(
      () => emitCopyLocked(f, shape, target, source, parts.memory),
      () => emitCopyValue(f, shape, target, source),
    );
  } else {
    f.get(flags).i32.const(BpfUpdateFlag.F_LOCK).i32.and();
    f.if(() => f.i32.const(-Errno.EINVAL).return());
    emitElementAddress(f, shape, map, index, cpu).set(to);
    emitCopyValue(f, shape, target, source);
  }
  emitFreeFields(f, map, parts.freeFields, () => f.get(to));
  f.i32.const(0);
}

/** `array_map_delete_elem`; an array of objects can empty a slot (`fd_array_map_delete_elem`). */
export function emitArrayDelete(f: FunctionBuilder, shape: MapShape, map: MapOperand): void {
  if (!isObjectArray(shape.type)) {
    f.i32.const(-Errno.EINVAL);
    return;
  }
  const [, key] = f.params as [Local, Local];
  const index = f.local("i32", "index");
  const slot = f.local("i32", "slot");
  f.get(key).i32.load(0, 1).tee(index);
  emitFixed(f, map, MapField.MAX_ENTRIES).i32.geU();
  f.if(() => f.i32.const(-Errno.E2BIG).return());
  emitElementAddress(f, shape, map, index, index).tee(slot).i32.const(0).i32.atomicRmw("xchg").i32.eqz();
  f.if(() => f.i32.const(-Errno.ENOENT).return());
  f.i32.const(0);
}

/** `array_map_get_next_key`. */
export function emitArrayNextKey(f: FunctionBuilder, map: MapOperand): void {
  const [, key, next] = f.params as [Local, Local, Local];
  const index = f.local("i32", "index");
  f.i32.const(-1).set(index);
  f.get(key).if(() => f.get(key).i32.load(0, 1).set(index));
  f.get(index);
  emitFixed(f, map, MapField.MAX_ENTRIES).i32.geU();
  f.if(() => {
    f.get(next).i32.const(0).i32.store(0, 1);
    f.i32.const(0).return();
  });
  f.get(index).i32.const(1).i32.add().tee(index);
  emitFixed(f, map, MapField.MAX_ENTRIES).i32.eq();
  f.if(() => f.i32.const(-Errno.ENOENT).return());
  f.get(next).get(index).i32.store(0, 1);
  f.i32.const(0);
}
