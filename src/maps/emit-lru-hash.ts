import type { MemoryImports } from "../mem/index.ts";
import { BpfUpdateFlag, Errno } from "../uapi/index.ts";
import type { Func, FunctionBuilder, Local } from "../wasm/index.ts";
import {
  emitBucketLock,
  emitBucketUnlock,
  emitCount,
  emitInsert,
  emitLink,
  emitRemoval,
} from "./emit-bucket.ts";
import { emitFreeElement, emitKeyOf, emitNewValue } from "./emit-element.ts";
import { emitHashFind, emitHashSearch, emitUse, emitValueOf } from "./emit-hash-find.ts";
import type { LruFunctions } from "./emit-lru.ts";
import { emitCopyValue, emitFreeFields } from "./emit-value.ts";
import { emitHeader, type MapOperand } from "./map-operand.ts";
import { ElementField, isPerCpuType } from "./map-shape.ts";
import type { MapShape } from "./operations.ts";

/** What the operations that change an LRU hash table call. */
export interface LruHashParts {
  readonly memory: MemoryImports;
  readonly lru: LruFunctions;
  /** Ends what a value owns; null where no such value owns anything. */
  readonly freeFields: Func | null;
}

/**
 * `htab_lru_map_update_elem` and `htab_lru_percpu_map_update_elem`. The new element is taken before anything is looked
 * up, as whoever takes one may have to take it out of the table: even an update that is refused, or that replaces,
 * evicts.
 */
export function emitLruUpdate(
  f: FunctionBuilder,
  shape: MapShape,
  map: MapOperand,
  parts: LruHashParts,
): void {
  const [, key, value, flags, cpu] = f.params as [Local, Local, Local, Local, Local];
  const { memory, lru } = parts;
  const perCpu = isPerCpuType(shape.type);
  const fresh = f.local("i32", "fresh");
  const error = f.local("i32", "error");
  // BPF_F_LOCK is none of the flags of these.
  f.get(flags).i32.const(BpfUpdateFlag.EXIST).i32.gtU();
  f.if(() => f.i32.const(-Errno.EINVAL).return());
  const search = emitHashSearch(f, shape, map, key);
  const { element, bucket, hash } = search;
  const take = () => {
    emitHeader(f, map).get(hash).get(cpu).call(lru.take).tee(fresh).i32.eqz();
    f.if(() => f.i32.const(-Errno.ENOMEM).return());
  };
  if (perCpu) {
    f.get(flags).i32.const(BpfUpdateFlag.EXIST).i32.ne();
    f.if(take);
  } else {
    take();
    emitNewValue(f, { shape, map, value, cpu, fresh });
    emitKeyOf(f, search, fresh);
  }
  const version = emitBucketLock(f, memory, bucket);
  emitHashFind(f, search, true);
  f.block((done) => {
    f.get(element);
    f.if(
      () => {
        f.get(flags).i32.const(BpfUpdateFlag.NOEXIST).i32.eq();
        f.if(() => f.i32.const(-Errno.EEXIST).set(error).br(done));
        if (perCpu) {
          const target = f.local("i32", "value_of_cpu");
          emitUse(f, shape, element);
          emitValueOf(f, shape, element, cpu).set(target);
          emitCopyValue(f, shape, { base: target, plus: 0 }, { base: value, plus: 0 });
          emitFreeFields(f, map, parts.freeFields, () => f.get(target));
        } else {
          f.get(fresh).get(element).i32.load(ElementField.NEXT).i32.store(ElementField.NEXT);
          emitUse(f, shape, fresh);
          emitLink(f, search.link, () => f.get(fresh));
          emitRemoval(f, version);
          f.get(element).set(fresh);
        }
      },
      () => {
        f.get(flags).i32.const(BpfUpdateFlag.EXIST).i32.eq();
        f.if(() => f.i32.const(-Errno.ENOENT).set(error).br(done));
        if (perCpu) {
          emitNewValue(f, { shape, map, value, cpu, fresh });
          emitKeyOf(f, search, fresh);
        }
        emitInsert(f, bucket, fresh);
        emitCount(f, map, 1);
        f.i32.const(0).set(fresh);
      },
    );
  });
  emitBucketUnlock(f, memory, bucket, version);
  // What is left over: the element that was replaced, or the new one that was not needed.
  f.get(fresh);
  f.if(() => {
    if (!perCpu) emitFreeElement(f, shape, map, fresh, parts.freeFields);
    emitHeader(f, map).get(fresh).call(lru.give);
  });
  f.get(error);
}

/** `htab_lru_map_delete_elem` */
export function emitLruDelete(
  f: FunctionBuilder,
  shape: MapShape,
  map: MapOperand,
  parts: LruHashParts,
): void {
  const [, key] = f.params as [Local, Local];
  const search = emitHashSearch(f, shape, map, key);
  const { element, link, bucket } = search;
  const version = emitBucketLock(f, parts.memory, bucket);
  emitHashFind(f, search, true);
  f.get(element);
  f.if(() => {
    emitLink(f, link, () => f.get(element).i32.load(ElementField.NEXT));
    emitRemoval(f, version);
    emitCount(f, map, -1);
  });
  emitBucketUnlock(f, parts.memory, bucket, version);
  f.get(element)
    .i32.eqz()
    .if(() => f.i32.const(-Errno.ENOENT).return());
  emitFreeElement(f, shape, map, element, parts.freeFields);
  emitHeader(f, map).get(element).call(parts.lru.give);
  f.i32.const(0);
}
