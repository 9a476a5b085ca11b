import type { FunctionBuilder, Local } from "../wasm/index.ts";
import { comparesHash, emitHash, emitKeyTest, emitKeyWords, type KeyWords } from "./emit-key.ts";
import { MapField } from "./map-header.ts";
import { emitFixed, emitFixed64, type MapOperand } from "./map-operand.ts";
import { ElementField, isPerCpuType, valueAt } from "./map-shape.ts";
import type { MapShape } from "./operations.ts";

/** Bytes of a bucket: the first element (0 where it was always empty), and its lock. */
export const BUCKET_SIZE = 8;

export const BucketField = { FIRST: 0, LOCK: 4 } as const;

/** A search in a hash table: what it looks for, and locals for where it is. */
export interface HashSearch {
  readonly shape: MapShape;
  readonly key: KeyWords;
  readonly hash: Local;
  /** Number of the bucket, and its offset. */
  readonly index: Local;
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
  emitHash(f, search.key, () => emitFixed64(f, map, MapField.SEED));
  f.tee(search.hash);
  emitFixed(f, map, MapField.MASK).i32.and().tee(search.index);
  f.i32.const(Math.log2(BUCKET_SIZE)).i32.shl();
  emitFixed(f, map, MapField.BUCKETS).i32.add().set(search.bucket);
  return search;
}

/**
 * Emits the walk through the bucket: sets `element` and `link`. Without the bucket's lock (`alone` false), a walk that
 * ends in another bucket starts again.
 */
export function emitHashFind(f: FunctionBuilder, search: HashSearch, alone: boolean): void {
  const { key, hash, index, bucket, element, link } = search;
  f.block((done) => {
    f.loop((again) => {
      f.get(bucket).tee(link).i32.load(BucketField.FIRST).tee(element).i32.eqz().brIf(done);
      f.block((end) => {
        f.loop((next) => {
          f.get(element).i32.const(1).i32.and().brIf(end);
          f.block((different) => {
            if (comparesHash(key.size)) {
              f.get(element).i32.load(ElementField.HASH).get(hash).i32.ne().brIf(different);
            }
            emitKeyTest(f, key, { base: element, plus: ElementField.KEY }, different);
            f.br(done);
          });
          f.get(element).tee(link).i32.load(ElementField.NEXT).set(element);
          f.br(next);
        });
      });
      if (!alone) {
        f.get(element);
        emitEndOfBucket(f, index).i32.ne().brIf(again);
      }
      f.i32.const(0).set(element);
    });
  });
}

/** Emits the word that ends a bucket's chain. */
export function emitEndOfBucket(f: FunctionBuilder, index: Local): FunctionBuilder {
  return f.get(index).i32.const(1).i32.shl().i32.const(1).i32.or();
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

/** Emits a lookup: `result` becomes the offset of the value (for `cpu`), or 0. */
export function emitHashValue(
  f: FunctionBuilder,
  shape: MapShape,
  map: MapOperand,
  key: Local,
  cpu: Local,
  result: Local,
): void {
  const search = emitHashSearch(f, shape, map, key);
  emitHashFind(f, search, false);
  f.get(search.element).tee(result);
  f.if(() => emitValueOf(f, shape, search.element, cpu).set(result));
}
