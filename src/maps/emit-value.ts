import { emitParallel, type MemoryImports } from "../mem/index.ts";
import type { Func, FunctionBuilder, Signature } from "../wasm/index.ts";
import { emitCopy, type Place } from "./emit-bytes.ts";
import { MAP_HEADER_SIZE } from "./map-header.ts";
import { emitHeader, type MapOperand } from "./map-operand.ts";
import type { MapShape } from "./operations.ts";

/** Emits the copy of a value without its special fields, which keep what they are (`copy_map_value`). */
export function emitCopyValue(f: FunctionBuilder, shape: MapShape, to: Place, from: Place): void {
  let at = 0;
  for (const { offset, size } of shape.special?.holes ?? []) {
    emitPart(f, to, from, { at, end: offset });
    at = offset + size;
  }
  emitPart(f, to, from, { at, end: shape.valueSize });
}

function emitPart(f: FunctionBuilder, to: Place, from: Place, part: { at: number; end: number }): void {
  const { at, end } = part;
  if (end <= at) return;
  emitCopy(f, { base: to.base, plus: to.plus + at }, { base: from.base, plus: from.plus + at }, end - at);
}

/** Emits the clearing of the special fields of a new value (`check_and_init_map_value`). */
export function emitClearSpecial(f: FunctionBuilder, shape: MapShape, { base, plus }: Place): void {
  for (const { offset, size } of shape.special?.holes ?? []) {
    f.get(base)
      .i32.const(plus + offset)
      .i32.add()
      .i32.const(0)
      .i32.const(size)
      .memoryFill();
  }
}

/** What modules import that end what values own: `(map, value)`, the kernel's `bpf_obj_free_fields`. */
export const FREE_FIELDS = {
  module: "fields",
  name: "freeFields",
  signature: { params: ["i32", "i32"] },
} as const satisfies { module: string; name: string; signature: Signature };

/** Emits the end of what a value owns, where such values own anything. */
export function emitFreeFields(
  f: FunctionBuilder,
  map: MapOperand,
  freeFields: Func | null,
  value: () => void,
): void {
  if (freeFields === null) return;
  emitHeader(f, map).i32.const(MAP_HEADER_SIZE).i32.add();
  value();
  f.call(freeFields);
}

/** Emits the taking of a `struct bpf_spin_lock`: there is nobody to wait for where one executor is all there is. */
export function emitSpinLock(f: FunctionBuilder, memory: MemoryImports, lock: () => void): void {
  emitParallel(f).if(() => {
    lock();
    f.call(memory.function("lock"));
  });
}

/** Emits the release of a `struct bpf_spin_lock`. */
export function emitSpinUnlock(f: FunctionBuilder, memory: MemoryImports, lock: () => void): void {
  emitParallel(f).if(() => {
    lock();
    f.call(memory.function("unlock"));
  });
}

/** Emits the copy of a whole value under its lock (`copy_map_value_locked`). */
export function emitCopyLocked(
  f: FunctionBuilder,
  shape: MapShape,
  to: Place,
  from: Place,
  memory: MemoryImports,
): void {
  const lock = () =>
    f
      .get(to.base)
      .i32.const(to.plus + shape.special!.lock)
      .i32.add();
  emitSpinLock(f, memory, lock);
  emitCopyValue(f, shape, to, from);
  emitSpinUnlock(f, memory, lock);
}

/** Whether BPF_F_LOCK has a meaning for values of a shape. */
export function hasLock(shape: MapShape): boolean {
  return (shape.special?.lock ?? -1) >= 0;
}
