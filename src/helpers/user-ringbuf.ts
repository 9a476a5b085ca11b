import { MapField, RING_DATA, RingField, RingRecord } from "../maps/index.ts";
import { KERNEL_BASE_HIGH } from "../mem/index.ts";
import { BpfFuncId, BpfMapType, Errno } from "../uapi/index.ts";
import type { FunctionBuilder, Local } from "../wasm/index.ts";
import { CALLBACK } from "./callback.ts";
import { emittedHelper } from "./define.ts";
import { DYNPTR_MAX_SIZE, DYNPTR_TYPE_SHIFT, DynptrField, DynptrType } from "./dynptr.ts";
import type { EmitEnvironment, Helper } from "./helper.ts";
import { field } from "./map-field.ts";

/** `BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP` */
const WAKEUP_FLAGS = 3;

/** `BPF_MAX_USER_RINGBUF_SAMPLES` */
const MOST_SAMPLES = 128 * 1024;

/** What one drain works with. */
interface Drain {
  readonly f: FunctionBuilder;
  readonly environment: EmitEnvironment;
  readonly callback: Local;
  readonly context: Local;
  readonly ring: Local;
  /** Bytes of data, an i32. */
  readonly size: Local;
  readonly consumer: Local;
  /** Bytes of the sample, and of the record with its header and padding. */
  readonly length: Local;
  readonly total: Local;
  /** Samples that the callback was called for. */
  readonly count: Local;
  /** Samples, with those that were discarded. */
  readonly seen: Local;
  readonly error: Local;
  /** Where a dynptr lies that the callback is given. */
  readonly dynptr: Local;
}

/** Emits where the data of a position lies; a record that begins before the end goes on behind it. */
function emitPlace(f: FunctionBuilder, ring: Local, size: Local, push: () => void): FunctionBuilder {
  push();
  f.i32.wrapI64().get(size).i32.const(1).i32.sub().i32.and();
  return f.get(ring).i32.add().i32.const(RING_DATA).i32.add();
}

/** The consumer goes on behind the record. */
function emitAdvance({ f, ring, consumer, total }: Drain): void {
  f.get(ring).get(consumer).get(total).i64.extendI32U().i64.add();
  f.i64.atomicStore(RingField.CONSUMER);
}

/** Emits the samples' loop: it ends where there is no more, one is bad, or the callback has had enough. */
function emitSamples(drain: Drain): void {
  const { f, ring, size, consumer, length, total, seen, error } = drain;
  const producer = f.local("i64", "producer");
  const header = f.local("i32", "header");
  f.block((done) => {
    const refuse = (errno: number) => f.if(() => f.i32.const(-errno).set(error).br(done));
    f.loop((again) => {
      f.get(seen).i32.const(MOST_SAMPLES).i32.geU().brIf(done);
      f.get(ring).i64.atomicLoad(RingField.PRODUCER).tee(producer).i64.const(7).i64.and().i64.eqz().i32.eqz();
      refuse(Errno.EINVAL);
      f.get(ring).i64.atomicLoad(RingField.CONSUMER).tee(consumer).get(producer).i64.geU().brIf(done);
      // A position that is no multiple of 8 is the user's mistake: its header is read as it lies there.
      emitPlace(f, ring, size, () => f.get(consumer))
        .i32.const(-4)
        .i32.and();
      f.i32.atomicLoad(RingRecord.LENGTH).tee(header);
      f.i32
        .const(~(RingRecord.BUSY | RingRecord.DISCARD))
        .i32.and()
        .tee(length);
      f.i32
        .const(RingRecord.HEADER_SIZE + 7)
        .i32.add()
        .i32.const(-8)
        .i32.and()
        .tee(total);
      f.i64.extendI32U().get(producer).get(consumer).i64.sub().i64.gtU();
      refuse(Errno.EINVAL);
      f.get(total).get(size).i32.gtU();
      f.get(length).i32.const(DYNPTR_MAX_SIZE).i32.gtU().i32.or();
      refuse(Errno.E2BIG);
      f.get(header).i32.const(RingRecord.DISCARD).i32.and();
      f.if(() => {
        emitAdvance(drain);
        f.get(seen).i32.const(1).i32.add().set(seen).br(again);
      });
      f.get(header).i32.const(RingRecord.BUSY).i32.and().brIf(done);
      emitSample(drain);
      f.i32.eqz().brIf(again);
    });
  });
}

/** Emits the call for a sample; pushes whether it is the last one. */
function emitSample(drain: Drain): void {
  const { f, environment, callback, context, ring, size, consumer, length, count, seen, dynptr } = drain;
  const data = f.local("i32", "data");
  const last = f.local("i32", "last");
  emitPlace(f, ring, size, () => f.get(consumer).i64.const(RingRecord.HEADER_SIZE).i64.add()).set(data);
  f.get(dynptr).get(data).i64.extendI32U().i64.constPair(0, KERNEL_BASE_HIGH).i64.or();
  f.i64.store(DynptrField.DATA);
  f.get(dynptr).get(length);
  f.i32
    .const(DynptrType.LOCAL << DYNPTR_TYPE_SHIFT)
    .i32.or()
    .i32.store(DynptrField.SIZE);
  f.get(dynptr).i32.const(0).i32.store(DynptrField.OFFSET);
  f.get(dynptr).i64.extendI32U().i64.constPair(0, KERNEL_BASE_HIGH).i64.or();
  f.get(context).i64.const(0).i64.const(0).i64.const(0);
  f.get(callback).callIndirect(environment.type(CALLBACK), environment.table);
  f.i64.eqz().i32.eqz();
  environment.stopped(f);
  f.i32.or().set(last);
  emitAdvance(drain);
  f.get(seen).i32.const(1).i32.add().set(seen);
  f.get(count).i32.const(1).i32.add().set(count);
  f.get(last);
}

/**
 * `bpf_user_ringbuf_drain`: calls back with a dynptr for each sample that user space has written, until the function
 * returns something else than 0. Nobody waits for room, so nobody is woken.
 *
 * @returns how many samples; EBUSY while another drains the same ring, EINVAL or E2BIG for a sample that user space
 *   cannot have meant.
 */
const drain = emittedHelper(
  BpfFuncId.user_ringbuf_drain,
  // The function's address has its index in the function table as its low half.
  { args: ["ptr", "i32", "i64", "i64"], result: "i32" },
  (f, environment) => {
    const [map, callback, context, flags] = f.params as [Local, Local, Local, Local];
    const ring = f.local("i32", "ring");
    const size = f.local("i32", "size");
    const [count, seen, error] = [f.local("i32", "count"), f.local("i32", "seen"), f.local("i32", "error")];
    const [length, total] = [f.local("i32", "length"), f.local("i32", "total")];
    const consumer = f.local("i64", "consumer");
    f.get(flags).i64.const(~WAKEUP_FLAGS).i64.and().i64.eqz().i32.eqz();
    if (environment.checked)
      field(f, map, MapField.TYPE).i32.const(BpfMapType.USER_RINGBUF).i32.ne().i32.or();
    f.if(() => f.i32.const(-Errno.EINVAL).return());
    field(f, map, MapField.VALUES).i32.const(RING_DATA).i32.sub().set(ring);
    field(f, map, MapField.MAX_ENTRIES).set(size);
    f.get(ring).i32.const(0).i32.const(1).i32.atomicRmw("cmpxchg", RingField.LOCK);
    f.if(() => f.i32.const(-Errno.EBUSY).return());
    environment.onStack(
      f,
      () => f.i32.const(DynptrField.BYTES),
      (dynptr) =>
        emitSamples({
          f,
          environment,
          callback,
          context,
          ring,
          size,
          consumer,
          length,
          total,
          count,
          seen,
          error,
          dynptr,
        }),
    );
    f.get(ring).i32.const(0).i32.atomicStore(RingField.LOCK);
    f.get(error).get(count).get(error).select();
  },
);

/** Ring buffers that user space writes and programs read. */
export const USER_RINGBUF_HELPERS: readonly Helper[] = [drain];
