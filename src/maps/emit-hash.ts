import type { MemoryImports } from "../mem/index.ts";
import { BpfMapFlag, BpfUpdateFlag, Errno } from "../uapi/index.ts";
import type { Func, FunctionBuilder, Local } from "../wasm/index.ts";
import {
  emitBucketLock,
  emitBucketUnlock,
  emitCount,
  emitInsert,
  emitLink,
  emitRemoval,
  emitRemovalNow,
} from "./emit-bucket.ts";
import { emitCopy } from "./emit-bytes.ts";
import { emitFreeElement, emitKeyOf, emitNewValue } from "./emit-element.ts";
import {
  BUCKET_SIZE,
  BucketField,
  emitHashFind,
  emitHashSearch,
  emitHashValue,
  emitValueOf,
  type HashSearch,
} from "./emit-hash-find.ts";
import type { PoolFunctions } from "./emit-pool.ts";
import { emitClearSpecial, emitCopyLocked, emitCopyValue, emitFreeFields, hasLock } from "./emit-value.ts";
import { MapField } from "./map-header.ts";
import { emitChanging, emitFixed, emitHeader, type MapOperand } from "./map-operand.ts";
import { ElementField, isPerCpuType, valueAt } from "./map-shape.ts";
import type { MapShape } from "./operations.ts";

/** What the operations that change a hash table call. */
export interface HashParts {
  readonly memory: MemoryImports;
  readonly pool: PoolFunctions;
  /** Ends what a value owns; null where no such value owns anything. */
  readonly freeFields: Func | null;
}

/** `htab_map_lookup_elem`, `htab_percpu_map_lookup_elem`, and their like of LRU tables. */
export function emitHashLookup(f: FunctionBuilder, shape: MapShape, map: MapOperand, uses = true): void {
  const [, key, cpu] = f.params as [Local, Local, Local];
  const result = f.local("i32", "result");
  emitHashValue(f, shape, map, { key, cpu, result }, uses);
  f.get(result);
}

/**
 * `htab_map_update_elem` and `htab_percpu_map_update_elem`, with their checks in their order.
 *
 * A value that is there is not overwritten: a new element takes its place, so that who holds the old value goes on
 * seeing it, until the executor that replaced it replaces another. Values of a per-CPU map are overwritten in place.
 */
export function emitHashUpdate(f: FunctionBuilder, shape: MapShape, map: MapOperand, parts: HashParts): void {
  const [, key, value, flags, cpu] = f.params as [Local, Local, Local, Local, Local];
  const { memory, pool, freeFields } = parts;
  const fresh = f.local("i32", "fresh");
  const old = f.local("i32", "old");
  const error = f.local("i32", "error");
  const locked = hasLock(shape) ? f.local("i32", "locked") : null;
  if (locked !== null) {
    f.get(flags).i32.const(BpfUpdateFlag.F_LOCK).i32.and().set(locked);
    f.get(flags).i32.const(~BpfUpdateFlag.F_LOCK).i32.and().set(flags);
  }
  f.get(flags)
    .i32.const(BpfUpdateFlag.EXIST)
    .i32.gtU()
    .if(() => f.i32.const(-Errno.EINVAL).return());
  const search = emitHashSearch(f, shape, map, key);
  const version = emitBucketLock(f, memory, search.bucket);
  emitHashFind(f, search, true);
  f.block((done) => {
    f.get(search.element);
    f.if(
      () => {
        f.get(flags).i32.const(BpfUpdateFlag.NOEXIST).i32.eq();
        f.if(() => f.i32.const(-Errno.EEXIST).set(error).br(done));
        if (isPerCpuType(shape.type)) {
          emitValueOf(f, shape, search.element, cpu).set(fresh);
          emitCopyValue(f, shape, { base: fresh, plus: 0 }, { base: value, plus: 0 });
          emitFreeFields(f, map, freeFields, () => f.get(fresh));
        } else {
          if (locked !== null) {
            f.get(locked);
            f.if(() => {
              const target = { base: search.element, plus: valueAt(shape) };
              emitCopyLocked(f, shape, target, { base: value, plus: 0 }, memory);
              f.br(done);
            });
          }
          emitReplace(f, { ...parts, shape, map, search, value, version, fresh, error }, () => f.br(done));
          f.get(search.element).set(old);
        }
      },
      () => {
        f.get(flags).i32.const(BpfUpdateFlag.EXIST).i32.eq();
        f.if(() => f.i32.const(-Errno.ENOENT).set(error).br(done));
        if (shape.flags & BpfMapFlag.NO_PREALLOC) {
          emitChanging(f, map, MapField.COUNT);
          emitFixed(f, map, MapField.MAX_ENTRIES).i32.geU();
          f.if(() => f.i32.const(-Errno.E2BIG).set(error).br(done));
        }
        emitHeader(f, map).call(pool.take).tee(fresh).i32.eqz();
        f.if(() =>
          f.i32
            .const(shape.flags & BpfMapFlag.NO_PREALLOC ? -Errno.ENOMEM : -Errno.E2BIG)
            .set(error)
            .br(done),
        );
        emitCount(f, map, 1);
        emitNewValue(f, { shape, map, value, cpu, fresh });
        emitKeyOf(f, search, fresh);
        emitInsert(f, search.bucket, fresh);
      },
    );
  });
  emitBucketUnlock(f, memory, search.bucket, version);
  if (!isPerCpuType(shape.type)) {
    f.get(old);
    f.if(() => {
      if (isPreallocated(shape)) emitSpare(f, map, memory).get(old).i32.store();
      else emitHeader(f, map).get(old).call(pool.give);
    });
  }
  f.get(error);
}

interface Replacement extends HashParts {
  readonly shape: MapShape;
  readonly map: MapOperand;
  readonly search: HashSearch;
  readonly value: Local;
  readonly version: Local;
  readonly fresh: Local;
  readonly error: Local;
}

function isPreallocated(shape: MapShape): boolean {
  return (shape.flags & BpfMapFlag.NO_PREALLOC) === 0;
}

/** Emits the offset of the word that names the executor's spare element. */
function emitSpare(f: FunctionBuilder, map: MapOperand, memory: MemoryImports): FunctionBuilder {
  return emitFixed(f, map, MapField.SPARES).globalGet(memory.executor).i32.const(2).i32.shl().i32.add();
}

/**
 * Emits the replacement of an element that is there by a new one of the same key in its place. The old one can be
 * reused when the bucket is unlocked.
 */
function emitReplace(f: FunctionBuilder, parts: Replacement, done: () => void): void {
  const { shape, map, search, value, version, fresh, error, memory, pool, freeFields } = parts;
  const { element, link } = search;
  if (isPreallocated(shape)) {
    // The executor's spare element; the old one becomes its next spare (Linux has one for each CPU: `extra_elems`).
    emitSpare(f, map, memory).i32.load().tee(fresh).i32.eqz();
    f.if(() => {
      // There are more executors than CPUs, and none is left for this one.
      emitCopyValue(f, shape, { base: element, plus: valueAt(shape) }, { base: value, plus: 0 });
      done();
    });
  } else {
    emitHeader(f, map).call(pool.take).tee(fresh).i32.eqz();
    f.if(() => {
      f.i32.const(-Errno.ENOMEM).set(error);
      done();
    });
  }
  const target = { base: fresh, plus: valueAt(shape) };
  emitCopyValue(f, shape, target, { base: value, plus: 0 });
  emitClearSpecial(f, shape, target);
  emitKeyOf(f, search, fresh);
  f.get(fresh).get(element).i32.load(ElementField.NEXT).i32.store(ElementField.NEXT);
  emitLink(f, link, () => f.get(fresh));
  emitRemoval(f, version);
  emitFreeFields(f, map, freeFields, () => f.get(element).i32.const(valueAt(shape)).i32.add());
}

/** `htab_map_delete_elem`. The element is free for reuse at once, as in Linux. */
export function emitHashDelete(f: FunctionBuilder, shape: MapShape, map: MapOperand, parts: HashParts): void {
  const [, key] = f.params as [Local, Local];
  const search = emitHashSearch(f, shape, map, key);
  const { element, link, bucket } = search;
  const version = emitBucketLock(f, parts.memory, bucket);
  emitHashFind(f, search, true);
  f.get(element);
  f.if(() => {
    emitLink(f, link, () => f.get(element).i32.load(ElementField.NEXT));
    emitRemovalNow(f, bucket, version);
    emitCount(f, map, -1);
    emitFreeElement(f, shape, map, element, parts.freeFields);
    // Before anybody can see that the key is gone: a full table has room then.
    emitHeader(f, map).get(element).call(parts.pool.give);
  });
  emitBucketUnlock(f, parts.memory, bucket, version);
  f.i32.const(0).i32.const(-Errno.ENOENT).get(element).select();
}

/** `htab_map_get_next_key`: a key that is not there starts over. */
export function emitHashNextKey(
  f: FunctionBuilder,
  shape: MapShape,
  map: MapOperand,
  memory: MemoryImports,
): void {
  const [, key, next] = f.params as [Local, Local, Local];
  const at = f.local("i32", "at");
  const bucket = f.local("i32", "at_bucket");
  const found = f.local("i32", "found");
  const emitAt = () => {
    emitFixed(f, map, MapField.BUCKETS).get(at).i32.const(Math.log2(BUCKET_SIZE)).i32.shl().i32.add();
    f.set(bucket);
  };
  let version: Local;
  const lock = () => {
    version = emitBucketLock(f, memory, bucket);
  };
  const unlock = () => emitBucketUnlock(f, memory, bucket, version);
  const take = () => {
    emitCopy(f, { base: next, plus: 0 }, { base: found, plus: ElementField.KEY }, shape.keySize);
    unlock();
    f.i32.const(0).return();
  };
  f.get(key);
  f.if(() => {
    const search = emitHashSearch(f, shape, map, key);
    f.get(search.index).set(at);
    f.get(search.bucket).set(bucket);
    lock();
    emitHashFind(f, search, true);
    f.get(search.element);
    f.if(
      () => {
        f.get(search.element).i32.load(ElementField.NEXT).tee(found).if(take);
        unlock();
        f.get(at).i32.const(1).i32.add().set(at);
      },
      () => {
        unlock();
        f.i32.const(0).set(at);
      },
    );
  });
  f.block((none) => {
    f.loop((again) => {
      f.get(at);
      emitFixed(f, map, MapField.MASK).i32.gtU().brIf(none);
      emitAt();
      f.get(bucket)
        .i32.load(BucketField.FIRST)
        .if(() => {
          lock();
          f.get(bucket).i32.load(BucketField.FIRST).tee(found).if(take);
          unlock();
        });
      f.get(at).i32.const(1).i32.add().set(at).br(again);
    });
  });
  f.i32.const(-Errno.ENOENT);
}
