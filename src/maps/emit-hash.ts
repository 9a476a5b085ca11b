import { emitParallel, type MemoryImports } from "../mem/index.ts";
import { BpfMapFlag, BpfUpdateFlag, Errno } from "../uapi/index.ts";
import type { Func, FunctionBuilder, Local } from "../wasm/index.ts";
import { emitClear, emitCopy } from "./emit-bytes.ts";
import {
  BUCKET_SIZE,
  BucketField,
  emitHashFind,
  emitHashSearch,
  emitHashValue,
  emitValueOf,
  type HashSearch,
  LOCK_STRIDE,
} from "./emit-hash-find.ts";
import { comparesHash, emitKeyStore } from "./emit-key.ts";
import type { PoolFunctions } from "./emit-pool.ts";
import { emitClearSpecial, emitCopyLocked, emitCopyValue, emitFreeFields, hasLock } from "./emit-value.ts";
import { MapField } from "./map-header.ts";
import { emitChanging, emitFixed, emitHeader, type MapOperand } from "./map-operand.ts";
import { ElementField, isPerCpuType, rounded, valueAt } from "./map-shape.ts";
import type { MapShape } from "./operations.ts";

/** What the operations that change a hash table call. */
export interface HashParts {
  readonly memory: MemoryImports;
  readonly pool: PoolFunctions;
  /** Ends what a value owns; null where no such value owns anything. */
  readonly freeFields: Func | null;
}

/** `htab_map_lookup_elem`, `htab_percpu_map_lookup_elem`. */
export function emitHashLookup(f: FunctionBuilder, shape: MapShape, map: MapOperand): void {
  const [, key, cpu] = f.params as [Local, Local, Local];
  const result = f.local("i32", "result");
  emitHashValue(f, shape, map, key, cpu, result);
  f.get(result);
}

/** Emits the lock, or unlock, of a bucket by its number, where several executors may be at work. */
function emitBucketLock(f: FunctionBuilder, callee: Func, map: MapOperand, index: Local): void {
  emitParallel(f).if(() => {
    f.get(index);
    emitFixed(f, map, MapField.LOCK_MASK).i32.and().i32.const(LOCK_STRIDE).i32.mul();
    emitFixed(f, map, MapField.LOCKS).i32.add().call(callee);
  });
}

/** Emits a change of the count of elements. */
function emitCount(f: FunctionBuilder, map: MapOperand, by: number): void {
  emitParallel(f);
  f.if(
    () => emitHeader(f, map).i32.const(by).i32.atomicRmw("add", MapField.COUNT).drop(),
    () => {
      emitHeader(f, map);
      emitChanging(f, map, MapField.COUNT).i32.const(by).i32.add().i32.store(MapField.COUNT);
    },
  );
}

/**
 * `htab_map_update_elem` and `htab_percpu_map_update_elem`, with their checks in their order.
 *
 * A value that is there is not overwritten: a new element takes its place, so that who holds the old value goes on
 * seeing it, until the CPU that replaced it replaces another. Values of a per-CPU map are overwritten in place.
 */
export function emitHashUpdate(f: FunctionBuilder, shape: MapShape, map: MapOperand, parts: HashParts): void {
  const [, key, value, flags, cpu] = f.params as [Local, Local, Local, Local, Local];
  const { memory, pool, freeFields } = parts;
  const fresh = f.local("i32", "fresh");
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
  emitBucketLock(f, memory.function("lock"), map, search.index);
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
          emitReplace(f, { shape, map, search, value, cpu, fresh, error, pool, freeFields }, () =>
            f.br(done),
          );
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
        emitInsert(f, search, fresh);
      },
    );
  });
  emitBucketLock(f, memory.function("unlock"), map, search.index);
  f.get(error);
}

/** Emits key and hash of a new element. */
function emitKeyOf(f: FunctionBuilder, search: HashSearch, fresh: Local): void {
  emitKeyStore(f, search.key, { base: fresh, plus: ElementField.KEY });
  if (comparesHash(search.key.size)) f.get(fresh).get(search.hash).i32.store(ElementField.HASH);
}

/** Emits the value of a new element: for per-CPU types `cpu`'s, and zero for all others (`pcpu_init_value`). */
function emitNewValue(
  f: FunctionBuilder,
  parts: { shape: MapShape; map: MapOperand; value: Local; cpu: Local; fresh: Local },
): void {
  const { shape, map, value, cpu, fresh } = parts;
  if (!isPerCpuType(shape.type)) {
    const target = { base: fresh, plus: valueAt(shape) };
    emitCopyValue(f, shape, target, { base: value, plus: 0 });
    emitClearSpecial(f, shape, target);
    return;
  }
  const at = f.local("i32", "value_at");
  const left = f.local("i32", "cpus_left");
  f.get(fresh).i32.load(valueAt(shape)).set(at);
  emitFixed(f, map, MapField.CPUS).set(left);
  f.loop((again) => {
    emitClear(f, { base: at, plus: 0 }, rounded(shape.valueSize));
    f.get(at)
      .get(fresh)
      .i32.load(valueAt(shape) + 4)
      .i32.add()
      .set(at);
    f.get(left).i32.const(1).i32.sub().tee(left).brIf(again);
  });
  emitValueOf(f, shape, fresh, cpu).set(at);
  emitCopyValue(f, shape, { base: at, plus: 0 }, { base: value, plus: 0 });
}

/** Emits the entry of a new element at the head of its bucket. */
function emitInsert(f: FunctionBuilder, { bucket }: HashSearch, fresh: Local): void {
  f.get(fresh).get(bucket).i32.load(BucketField.FIRST).i32.store(ElementField.NEXT);
  emitLink(f, bucket, () => f.get(fresh));
}

/** Emits the store of a link that readers follow: what was written before it is visible to them. */
function emitLink(f: FunctionBuilder, link: Local, target: () => void): void {
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
function emitRemoval(f: FunctionBuilder, bucket: Local): void {
  emitParallel(f).if(() => f.get(bucket).i32.const(1).i32.atomicRmw("add", BucketField.REMOVALS).drop());
}

interface Replacement {
  readonly shape: MapShape;
  readonly map: MapOperand;
  readonly search: HashSearch;
  readonly value: Local;
  readonly cpu: Local;
  readonly fresh: Local;
  readonly error: Local;
  readonly pool: PoolFunctions;
  readonly freeFields: Func | null;
}

/** Emits the replacement of an element that is there by a new one of the same key in its place. */
function emitReplace(f: FunctionBuilder, parts: Replacement, done: () => void): void {
  const { shape, map, search, value, cpu, fresh, error, pool, freeFields } = parts;
  const { element, link } = search;
  const preallocated = (shape.flags & BpfMapFlag.NO_PREALLOC) === 0;
  const spare = f.local("i32", "spare");
  if (preallocated) {
    // The CPU's spare element; the old one becomes the next spare (`extra_elems`).
    emitFixed(f, map, MapField.SPARES).get(cpu).i32.const(2).i32.shl().i32.add().set(spare);
    emitParallel(f);
    f.if(
      () => f.get(spare).i32.const(0).i32.atomicRmw("xchg").set(fresh),
      () => f.get(spare).i32.load().set(fresh),
    );
    f.get(fresh).i32.eqz();
    f.if(() => {
      // Another executor runs as the same CPU and has it in hand.
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
  emitRemoval(f, search.bucket);
  emitFreeFields(f, map, freeFields, () => f.get(element).i32.const(valueAt(shape)).i32.add());
  if (preallocated) f.get(spare).get(element).i32.store();
  else emitHeader(f, map).get(element).call(pool.give);
}

/** `htab_map_delete_elem`. The element is free for reuse at once, as in Linux. */
export function emitHashDelete(f: FunctionBuilder, shape: MapShape, map: MapOperand, parts: HashParts): void {
  const [, key] = f.params as [Local, Local];
  const search = emitHashSearch(f, shape, map, key);
  const { element, link, bucket } = search;
  emitBucketLock(f, parts.memory.function("lock"), map, search.index);
  emitHashFind(f, search, true);
  f.get(element);
  f.if(() => {
    emitLink(f, link, () => f.get(element).i32.load(ElementField.NEXT));
    emitRemoval(f, bucket);
    emitCount(f, map, -1);
    emitFreeElement(f, shape, map, element, parts.freeFields);
    emitHeader(f, map).get(element).call(parts.pool.give);
  });
  emitBucketLock(f, parts.memory.function("unlock"), map, search.index);
  f.i32.const(0).i32.const(-Errno.ENOENT).get(element).select();
}

/** Emits the end of what the values of an element own, of every CPU. */
function emitFreeElement(
  f: FunctionBuilder,
  shape: MapShape,
  map: MapOperand,
  element: Local,
  freeFields: Func | null,
): void {
  if (freeFields === null) return;
  if (!isPerCpuType(shape.type)) {
    emitFreeFields(f, map, freeFields, () => f.get(element).i32.const(valueAt(shape)).i32.add());
    return;
  }
  const value = f.local("i32", "value_of_cpu");
  const left = f.local("i32", "cpus_to_free");
  f.get(element).i32.load(valueAt(shape)).set(value);
  emitFixed(f, map, MapField.CPUS).set(left);
  f.loop((again) => {
    emitFreeFields(f, map, freeFields, () => f.get(value));
    f.get(value)
      .get(element)
      .i32.load(valueAt(shape) + 4)
      .i32.add()
      .set(value);
    f.get(left).i32.const(1).i32.sub().tee(left).brIf(again);
  });
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
  const lock = () => emitBucketLock(f, memory.function("lock"), map, at);
  const unlock = () => emitBucketLock(f, memory.function("unlock"), map, at);
  const take = () => {
    emitCopy(f, { base: next, plus: 0 }, { base: found, plus: ElementField.KEY }, shape.keySize);
    unlock();
    f.i32.const(0).return();
  };
  f.get(key);
  f.if(() => {
    const search = emitHashSearch(f, shape, map, key);
    f.get(search.index).set(at);
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
      emitFixed(f, map, MapField.BUCKETS).get(at).i32.const(Math.log2(BUCKET_SIZE)).i32.shl().i32.add();
      f.tee(bucket)
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
