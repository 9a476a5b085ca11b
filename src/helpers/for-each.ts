import { BUCKET_SIZE, BucketField, ElementField, MapField } from "../maps/index.ts";
import { KERNEL_BASE_HIGH } from "../mem/index.ts";
import { BpfFuncId, BpfMapType, Errno } from "../uapi/index.ts";
import type { FunctionBuilder, Label, Local } from "../wasm/index.ts";
import { CALLBACK } from "./callback.ts";
import { emittedHelper } from "./define.ts";
import type { EmitEnvironment, Helper } from "./helper.ts";
import { field } from "./map-field.ts";

/** What the walks over arrays and hash tables share. */
interface Walk {
  readonly f: FunctionBuilder;
  readonly environment: EmitEnvironment;
  readonly map: Local;
  readonly callback: Local;
  readonly context: Local;
  /** Elements that were called for. */
  readonly count: Local;
  /** Where the key of the element is: on the stack, as the program may look at it. */
  readonly key: Local;
}

/** Emits the call for one element; leaves `done` where it returns something else than 0, or the run has ended. */
function emitCall(walk: Walk, value: Local, done: Label): void {
  const { f, environment, map, callback, context, count, key } = walk;
  const pointer = (offset: Local) =>
    f.get(offset).i64.extendI32U().i64.constPair(0, KERNEL_BASE_HIGH).i64.or();
  f.get(count).i32.const(1).i32.add().set(count);
  pointer(map);
  pointer(key);
  pointer(value);
  f.get(context).i64.const(0).get(callback).callIndirect(environment.type(CALLBACK), environment.table);
  f.i64.eqz().i32.eqz().brIf(done);
  environment.stopped(f);
  f.brIf(done);
}

/** `bpf_for_each_array_elem` */
function emitArrayWalk(walk: Walk): void {
  const { f, environment, map, key } = walk;
  const index = f.local("i32", "index");
  const value = f.local("i32", "array_value");
  const stride = f.local("i32", "stride");
  field(f, map, MapField.VALUE_SIZE).i32.const(7).i32.add().i32.const(-8).i32.and().set(stride);
  field(f, map, MapField.VALUES).set(value);
  field(f, map, MapField.TYPE).i32.const(BpfMapType.PERCPU_ARRAY).i32.eq();
  f.if(() => {
    environment.cpu(f);
    field(f, map, MapField.CPU_STRIDE).i32.mul().get(value).i32.add().set(value);
  });
  f.block((done) => {
    f.loop((again) => {
      f.get(index);
      field(f, map, MapField.MAX_ENTRIES).i32.geU().brIf(done);
      f.get(key).get(index).i32.store();
      emitCall(walk, value, done);
      f.get(value).get(stride).i32.add().set(value);
      f.get(index).i32.const(1).i32.add().set(index).br(again);
    });
  });
}

/** `bpf_for_each_hash_elem`: the next element is looked up before the call, which may delete this one. */
function emitHashWalk(walk: Walk): void {
  const { f, environment, map, key } = walk;
  const bucket = f.local("i32", "bucket");
  const element = f.local("i32", "element");
  const next = f.local("i32", "next");
  const value = f.local("i32", "hash_value");
  const keySize = f.local("i32", "key_size");
  const perCpu = f.local("i32", "per_cpu");
  field(f, map, MapField.KEY_SIZE).set(keySize);
  field(f, map, MapField.TYPE).i32.const(BpfMapType.PERCPU_HASH).i32.eq();
  field(f, map, MapField.TYPE).i32.const(BpfMapType.LRU_PERCPU_HASH).i32.eq().i32.or().set(perCpu);
  f.block((done) => {
    f.loop((nextBucket) => {
      f.get(bucket);
      field(f, map, MapField.MASK).i32.gtU().brIf(done);
      field(f, map, MapField.BUCKETS).get(bucket).i32.const(BUCKET_SIZE).i32.mul().i32.add();
      f.i32.atomicLoad(BucketField.FIRST).set(element);
      f.block((end) => {
        f.loop((again) => {
          f.get(element).i32.eqz().brIf(end);
          f.get(element).i32.atomicLoad(ElementField.NEXT).set(next);
          f.get(key).get(element).i32.const(ElementField.KEY).i32.add().get(keySize).memoryCopy();
          f.get(element).i32.const(ElementField.KEY).i32.add().get(keySize);
          f.i32.const(7).i32.add().i32.const(-8).i32.and().i32.add().set(value);
          f.get(perCpu);
          f.if(() => {
            environment.cpu(f);
            f.get(value).i32.load(4).i32.mul().get(value).i32.load().i32.add().set(value);
          });
          emitCall(walk, value, done);
          f.get(next).set(element).br(again);
        });
      });
      f.get(bucket).i32.const(1).i32.add().set(bucket).br(nextBucket);
    });
  });
}

const HASH_TYPES = [
  BpfMapType.HASH,
  BpfMapType.PERCPU_HASH,
  BpfMapType.LRU_HASH,
  BpfMapType.LRU_PERCPU_HASH,
] as const;

/** `bpf_for_each_map_elem`: how many elements the function was called for, until it returned something else than 0. */
const forEach = emittedHelper(
  BpfFuncId.for_each_map_elem,
  // The function's address has its index in the function table as its low half.
  { args: ["ptr", "i32", "i64", "i64"], result: "i32" },
  (f, environment) => {
    const [map, callback, context, flags] = f.params as [Local, Local, Local, Local];
    const count = f.local("i32", "count");
    f.get(flags).i64.eqz().i32.eqz();
    f.if(() => f.i32.const(-Errno.EINVAL).return());
    const isOf = (types: readonly number[]) => {
      f.i32.const(0);
      for (const type of types) field(f, map, MapField.TYPE).i32.const(type).i32.eq().i32.or();
      return f;
    };
    environment.onStack(
      f,
      () => field(f, map, MapField.KEY_SIZE),
      (key) => {
        const walk = { f, environment, map, callback, context, count, key };
        isOf([BpfMapType.ARRAY, BpfMapType.PERCPU_ARRAY]).if(() => emitArrayWalk(walk));
        isOf(HASH_TYPES).if(() => emitHashWalk(walk));
      },
    );
    f.get(count);
  },
);

export const FOR_EACH_HELPERS: readonly Helper[] = [forEach];
