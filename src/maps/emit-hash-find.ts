import { VERSION_STEP } from "../mem/index.ts";
import { BpfMapType } from "../uapi/index.ts";
import type { FunctionBuilder, Local } from "../wasm/index.ts";
import { comparesHash, emitHash, emitKeyTest, emitKeyWords, type KeyWords } from "./emit-key.ts";
import { LruNode } from "./lru-lists.ts";
import { MapField } from "./map-header.ts";
import { emitFixed, emitFixed64, type MapOperand } from "./map-operand.ts";
import { ElementField, isLruType, isMapOfMaps, isPerCpuType, nodeAt, valueAt } from "./map-shape.ts";
import type { MapShape } from "./operations.ts";

/**
 * A bucket: its first element, and its lock with a version, which changes when elements have been taken out.
 *
 * Readers take no lock. One that stands on an element while it is taken out goes on by its `next`, which stays as it
 * is until the element is reused, in this bucket or another: after the lock was released. So a reader that finds
 * nothing, and sees that the version has changed since it began, may have been led astray and begins again.
 */
export const BucketField = { FIRST: 0, VERSION: 4 } as const;

export const BUCKET_SIZE = 8;

/** A search in a hash table: what it looks for, and locals for where it is. */
export interface HashSearch {
  readonly shape: MapShape;
  readonly key: KeyWords;
  readonly hash: Local;
  /** Number of the bucket. */
  readonly index: Local;
  /** Its offset. */
  readonly bucket: Local;
  /** The element found, or 0. */
  readonly element: Local;
  /** Offset of the word that names the element: the bucket's or another element's. */
  readonly link: Local;
}

/** Emits the hashing of a key and the choice of its bucket. */
export function emitHashSearch(f: FunctionBuilder, shape: MapShape, map: MapOperand, key: Local): HashSearch {
  const search: HashSearch = {
    shape,
    key: emitKeyWords(f, key, shape.keySize),
    hash: f.local("i32", "hash"),
    index: f.local("i32", "index"),
    bucket: f.local("i32", "bucket"),
    element: f.local("i32", "element"),
    link: f.local("i32", "link"),
  };
  // dev_map_index_hash: devices lie by their index, and a walk finds them in its order.
  if (shape.type === BpfMapType.DEVMAP_HASH) f.get(key).i32.load(0, 1);
  else emitHash(f, search.key, () => emitFixed64(f, map, MapField.SEED));
  f.tee(search.hash);
  emitFixed(f, map, MapField.MASK).i32.and().tee(search.index);
  f.i32.const(Math.log2(BUCKET_SIZE)).i32.shl();
  emitFixed(f, map, MapField.BUCKETS).i32.add().set(search.bucket);
  return search;
}

/**
 * Emits the walk through the bucket: sets `element` and `link`. With the bucket's lock held (`alone`), nothing changes
 * meanwhile.
 */
export function emitHashFind(f: FunctionBuilder, search: HashSearch, alone: boolean): void {
  const { key, hash, bucket, element, link } = search;
  const version = f.local("i32", "version_seen");
  f.loop((again) => {
    if (!alone) f.get(bucket).i32.atomicLoad(BucketField.VERSION).set(version);
    f.block((done) => {
      f.get(bucket).tee(link).i32.atomicLoad(BucketField.FIRST).tee(element).i32.eqz().brIf(done);
      f.loop((next) => {
        f.block((different) => {
          if (comparesHash(key.size)) {
            f.get(element).i32.load(ElementField.HASH).get(hash).i32.ne().brIf(different);
          }
          emitKeyTest(f, key, { base: element, plus: ElementField.KEY }, different);
          f.br(done);
        });
        f.get(element).tee(link).i32.atomicLoad(ElementField.NEXT).tee(element).brIf(next);
      });
    });
    if (!alone) {
      f.get(element).i32.eqz();
      f.if(() => {
        f.get(bucket).i32.atomicLoad(BucketField.VERSION).get(version).i32.xor();
        f.i32.const(VERSION_STEP).i32.geU().brIf(again);
      });
    }
  });
}

/** Emits the offset of an element's value (for `cpu`) onto the stack. */
export function emitValueOf(
  f: FunctionBuilder,
  shape: MapShape,
  element: Local,
  cpu: Local,
): FunctionBuilder {
  const at = valueAt(shape);
  if (!isPerCpuType(shape.type)) return f.get(element).i32.const(at).i32.add();
  f.get(element).i32.load(at);
  return f
    .get(cpu)
    .get(element)
    .i32.load(at + 4)
    .i32.mul()
    .i32.add();
}

/** Emits the note that an element of an LRU table was used; it is written only where it does not stand there already. */
export function emitUse(f: FunctionBuilder, shape: MapShape, element: Local): void {
  const at = nodeAt(shape) + LruNode.REF;
  f.get(element).i32.load8U(at).i32.eqz();
  f.if(() => f.get(element).i32.const(1).i32.store8(at));
}

/**
 * Emits a lookup: `result` becomes the offset of the value (for `cpu`) or of the map that it names, or 0.
 *
 * @param uses whether the lookup keeps an element of an LRU table from being evicted.
 */
export function emitHashValue(
  f: FunctionBuilder,
  shape: MapShape,
  map: MapOperand,
  { key, cpu, result }: { readonly key: Local; readonly cpu: Local; readonly result: Local },
  uses = true,
): void {
  const search = emitHashSearch(f, shape, map, key);
  emitHashFind(f, search, false);
  f.get(search.element).tee(result);
  f.if(() => {
    if (uses && isLruType(shape.type)) emitUse(f, shape, search.element);
    emitValueOf(f, shape, search.element, cpu);
    if (isMapOfMaps(shape.type)) f.i32.atomicLoad();
    f.set(result);
  });
}
