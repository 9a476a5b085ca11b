import { emitParallel } from "../mem/index.ts";
import type { Func, FunctionBuilder, Local } from "../wasm/index.ts";
import { BucketField, LOCK_STRIDE } from "./emit-hash-find.ts";
import { MapField } from "./map-header.ts";
import { emitChanging, emitFixed, emitHeader, type MapOperand } from "./map-operand.ts";
import { ElementField } from "./map-shape.ts";

/** Emits the lock, or unlock, of a bucket by its number, where several executors may be at work. */
export function emitBucketLock(f: FunctionBuilder, callee: Func, map: MapOperand, index: Local): void {
  emitParallel(f).if(() => {
    f.get(index);
    emitFixed(f, map, MapField.LOCK_MASK).i32.and().i32.const(LOCK_STRIDE).i32.mul();
    emitFixed(f, map, MapField.LOCKS).i32.add().call(callee);
  });
}

/** Emits a change of the count of elements. */
export function emitCount(f: FunctionBuilder, map: MapOperand, by: number): void {
  emitParallel(f);
  f.if(
    () => emitHeader(f, map).i32.const(by).i32.atomicRmw("add", MapField.COUNT).drop(),
    () => {
      emitHeader(f, map);
      emitChanging(f, map, MapField.COUNT).i32.const(by).i32.add().i32.store(MapField.COUNT);
    },
  );
}

/** Emits the entry of a new element at the head of its bucket. */
export function emitInsert(f: FunctionBuilder, bucket: Local, fresh: Local): void {
  f.get(fresh).get(bucket).i32.load(BucketField.FIRST).i32.store(ElementField.NEXT);
  emitLink(f, bucket, () => f.get(fresh));
}

/** Emits the store of a link that readers follow: what was written before it is visible to them. */
export function emitLink(f: FunctionBuilder, link: Local, target: () => void): void {
  const to = f.local("i32", "target");
  target();
  f.set(to);
  emitParallel(f);
  f.if(
    () => f.get(link).get(to).i32.atomicStore(),
    () => f.get(link).get(to).i32.store(),
  );
}

/** Emits the note that an element was taken out, which must stand before the element can be reused. */
export function emitRemoval(f: FunctionBuilder, bucket: Local): void {
  emitParallel(f).if(() => f.get(bucket).i32.const(1).i32.atomicRmw("add", BucketField.REMOVALS).drop());
}
