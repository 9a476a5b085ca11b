import {
  emitLockVersion,
  emitParallel,
  emitUnlockVersion,
  type MemoryImports,
  VERSION_STEP,
} from "../mem/index.ts";
import type { FunctionBuilder, Local } from "../wasm/index.ts";
import { BucketField } from "./emit-hash-find.ts";
import { MapField } from "./map-header.ts";
import { emitChanging, emitHeader, type MapOperand } from "./map-operand.ts";
import { ElementField } from "./map-shape.ts";

/** Emits the lock of a bucket, where several executors may be at work: gives what its release needs. */
export function emitBucketLock(f: FunctionBuilder, memory: MemoryImports, bucket: Local): Local {
  const version = f.local("i32", "version");
  emitParallel(f).if(() => emitLockVersion(f, memory, { base: bucket, plus: BucketField.VERSION }, version));
  return version;
}

/** Emits the release of a bucket's lock; elements that were taken out can be reused from then on. */
export function emitBucketUnlock(
  f: FunctionBuilder,
  memory: MemoryImports,
  bucket: Local,
  version: Local,
): void {
  emitParallel(f).if(() =>
    emitUnlockVersion(f, memory, { base: bucket, plus: BucketField.VERSION }, version),
  );
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

/** Emits the note that an element was taken out, by the `version` that the bucket's lock is released with. */
export function emitRemoval(f: FunctionBuilder, version: Local): void {
  f.get(version).i32.const(VERSION_STEP).i32.add().set(version);
}

/** Emits the same note where the element can be reused before the lock is released: readers see it at once. */
export function emitRemovalNow(f: FunctionBuilder, bucket: Local, version: Local): void {
  emitRemoval(f, version);
  emitParallel(f).if(() => {
    f.get(bucket).i32.const(VERSION_STEP).i32.atomicRmw("add", BucketField.VERSION).drop();
  });
}
