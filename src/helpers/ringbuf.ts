import { MapField, RING_DATA, RingField, RingRecord } from "../maps/index.ts";
import { emitParallel, KERNEL_BASE_HIGH, RegionAccess } from "../mem/index.ts";
import { BpfFuncId, BpfMapType, Errno } from "../uapi/index.ts";
import type { FunctionBuilder, Local } from "../wasm/index.ts";
import { emittedHelper } from "./define.ts";
import { DYNPTR_MAX_SIZE, DYNPTR_TYPE_SHIFT, DynptrField, DynptrType } from "./dynptr.ts";
import type { EmitEnvironment, Helper } from "./helper.ts";
import { field } from "./map-field.ts";

/** `RINGBUF_MAX_RECORD_SZ` */
const MAX_RECORD = 0x3fff_ffff;

/** `BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP` */
const WAKEUP_FLAGS = 3;

/** `BPF_RB_AVAIL_DATA` and its kin */
const Query = { AVAILABLE: 0, SIZE: 1, CONSUMER: 2, PRODUCER: 3 } as const;

const PAGE_SHIFT = 12;

/** Emits the ring of a map into a new local. */
function ringOf(f: FunctionBuilder, map: Local): Local {
  const ring = f.local("i32", "ring");
  field(f, map, MapField.VALUES).i32.const(RING_DATA).i32.sub().set(ring);
  return ring;
}

/**
 * Emits `__bpf_ringbuf_reserve`: leaves the offset of the record's bytes in `record`, 0 where there is no room.
 * `size` is an i64.
 */
function emitReserve(
  f: FunctionBuilder,
  { memory }: EmitEnvironment,
  map: Local,
  size: Local,
  record: Local,
): void {
  const length = f.local("i32", "length");
  const mask = f.local("i64", "mask");
  const [consumer, producer] = [f.local("i64", "consumer"), f.local("i64", "producer")];
  const [pending, end] = [f.local("i64", "pending"), f.local("i64", "end")];
  const header = f.local("i32", "header");
  f.i32.const(0).set(record);
  f.block((none) => {
    f.get(size).i64.const(MAX_RECORD).i64.gtU().brIf(none);
    f.get(size).i32.wrapI64().i32.const(15).i32.add().i32.const(-8).i32.and().tee(length);
    field(f, map, MapField.MAX_ENTRIES).i32.gtU().brIf(none);
    field(f, map, MapField.MAX_ENTRIES).i32.const(1).i32.sub().i64.extendI32U().set(mask);
    const ring = ringOf(f, map);
    const headerAt = (position: Local) =>
      f.get(position).get(mask).i64.and().i32.wrapI64().get(ring).i32.add().i32.const(RING_DATA).i32.add();
    emitParallel(f).if(() => f.get(ring).call(memory.function("lock")));
    f.get(ring).i64.atomicLoad(RingField.CONSUMER).set(consumer);
    f.get(ring).i64.load(RingField.PRODUCER).set(producer);
    f.get(ring).i64.load(RingField.PENDING).set(pending);
    f.get(producer).get(length).i64.extendI32U().i64.add().set(end);
    f.block((found) => {
      f.loop((again) => {
        f.get(pending).get(producer).i64.geU().brIf(found);
        headerAt(pending).i32.atomicLoad(RingRecord.LENGTH).tee(header);
        f.i32.const(RingRecord.BUSY).i32.and().brIf(found);
        f.get(header).i32.const(~RingRecord.DISCARD).i32.and().i32.const(15).i32.add();
        f.i32.const(-8).i32.and().i64.extendI32U().get(pending).i64.add().set(pending).br(again);
      });
    });
    f.get(ring).get(pending).i64.store(RingField.PENDING);
    f.get(end).get(consumer).i64.sub().get(mask).i64.gtU();
    f.get(end).get(pending).i64.sub().get(mask).i64.gtU().i32.or().i32.eqz();
    f.if(() => {
      headerAt(producer).tee(header);
      f.get(size).i32.wrapI64().i32.const(RingRecord.BUSY).i32.or().i32.atomicStore(RingRecord.LENGTH);
      f.get(header).get(header).get(ring).i32.sub().i32.const(PAGE_SHIFT).i32.shrU();
      f.i32.store(RingRecord.PAGE);
      f.get(ring).get(end).i64.atomicStore(RingField.PRODUCER);
      f.get(header).i32.const(RingRecord.HEADER_SIZE).i32.add().set(record);
    });
    emitParallel(f).if(() => f.get(ring).call(memory.function("unlock")));
  });
}

/**
 * Emits `bpf_ringbuf_commit`. Who waits for records looks for them when the program has ended: nobody needs to be woken.
 */
function emitCommit(
  f: FunctionBuilder,
  { memory, checked }: EmitEnvironment,
  record: Local,
  discard: boolean,
): void {
  const header = f.local("i32", "record_header");
  f.get(record).i32.const(RingRecord.HEADER_SIZE).i32.sub().set(header);
  f.block((foreign) => {
    if (checked) {
      f.get(header).i32.const(RingRecord.HEADER_SIZE).i32.const(RegionAccess.WRITE);
      f.call(memory.function("region_check")).i32.const(0).i32.ltS().brIf(foreign);
      f.get(header).i32.const(3).i32.and().brIf(foreign);
    }
    f.get(header).get(header).i32.load(RingRecord.LENGTH).i32.const(RingRecord.BUSY).i32.xor();
    if (discard) f.i32.const(RingRecord.DISCARD).i32.or();
    f.i32.atomicStore(RingRecord.LENGTH);
  });
}

/** Pushes whether an i64 has other bits than these. */
function otherBits(f: FunctionBuilder, flags: Local, known: number): FunctionBuilder {
  return f.get(flags).i64.const(~known).i64.and().i64.eqz().i32.eqz();
}

/** Emits the test that argument 1 is a ring, which no verifier has made in checked mode; others give `otherwise`. */
function emitRingTest(
  f: FunctionBuilder,
  { checked }: EmitEnvironment,
  map: Local,
  otherwise: () => void,
): void {
  if (!checked) return;
  field(f, map, MapField.TYPE).i32.const(BpfMapType.RINGBUF).i32.ne();
  f.if(() => {
    otherwise();
    f.return();
  });
}

const reserve = emittedHelper(
  BpfFuncId.ringbuf_reserve,
  { args: ["ptr", "i64", "i64"], result: "ptr" },
  (f, environment) => {
    const [map, size, flags] = f.params as [Local, Local, Local];
    const record = f.local("i32", "record");
    emitRingTest(f, environment, map, () => f.i32.const(0));
    otherBits(f, flags, 0).if(() => f.i32.const(0).return());
    emitReserve(f, environment, map, size, record);
    f.get(record);
  },
);

function commit(id: number, discard: boolean): Helper {
  return emittedHelper(id, { args: ["ptr", "i64"], result: "i32" }, (f, environment) => {
    emitCommit(f, environment, f.params[0]!, discard);
    f.i32.const(0);
  });
}

const output = emittedHelper(
  BpfFuncId.ringbuf_output,
  { args: ["ptr", "ptr", "i64", "i64"], result: "i32" },
  (f, environment) => {
    const [map, data, size, flags] = f.params as [Local, Local, Local, Local];
    const record = f.local("i32", "record");
    emitRingTest(f, environment, map, () => f.i32.const(-Errno.EINVAL));
    otherBits(f, flags, WAKEUP_FLAGS).if(() => f.i32.const(-Errno.EINVAL).return());
    emitReserve(f, environment, map, size, record);
    f.get(record)
      .i32.eqz()
      .if(() => f.i32.const(-Errno.EAGAIN).return());
    f.get(record).get(data).get(size).i32.wrapI64().memoryCopy();
    emitCommit(f, environment, record, false);
    f.i32.const(0);
  },
);

const query = emittedHelper(
  BpfFuncId.ringbuf_query,
  { args: ["ptr", "i64"], result: "i64" },
  (f, environment) => {
    const [map, what] = f.params as [Local, Local];
    emitRingTest(f, environment, map, () => f.i64.const(0));
    const ring = ringOf(f, map);
    const answer = (which: number, push: () => void) => {
      f.get(what).i64.const(which).i64.eq();
      f.if(() => {
        push();
        f.return();
      });
    };
    const position = (at: number) => f.get(ring).i64.atomicLoad(at);
    answer(Query.AVAILABLE, () => {
      position(RingField.PRODUCER);
      position(RingField.CONSUMER).i64.sub();
    });
    answer(Query.SIZE, () => field(f, map, MapField.MAX_ENTRIES).i64.extendI32U());
    answer(Query.CONSUMER, () => position(RingField.CONSUMER));
    answer(Query.PRODUCER, () => position(RingField.PRODUCER));
    f.i64.const(0);
  },
);

/** `bpf_ringbuf_reserve_dynptr`: a null dynptr where it fails, which has to be given back all the same. */
const reserveDynptr = emittedHelper(
  BpfFuncId.ringbuf_reserve_dynptr,
  { args: ["ptr", "i32", "i64", "ptr"], result: "i32" },
  (f, environment) => {
    const [map, size, flags, dynptr] = f.params as [Local, Local, Local, Local];
    const record = f.local("i32", "record");
    const wide = f.local("i64", "wide_size");
    f.get(dynptr).i64.const(0).i64.store(DynptrField.DATA);
    f.get(dynptr).i64.const(0).i64.store(DynptrField.SIZE);
    emitRingTest(f, environment, map, () => f.i32.const(-Errno.EINVAL));
    otherBits(f, flags, 0).if(() => f.i32.const(-Errno.EINVAL).return());
    f.get(size)
      .i32.const(DYNPTR_MAX_SIZE)
      .i32.gtU()
      .if(() => f.i32.const(-Errno.E2BIG).return());
    f.get(size).i64.extendI32U().set(wide);
    emitReserve(f, environment, map, wide, record);
    f.get(record)
      .i32.eqz()
      .if(() => f.i32.const(-Errno.EINVAL).return());
    f.get(dynptr).get(record).i64.extendI32U().i64.constPair(0, KERNEL_BASE_HIGH).i64.or();
    f.i64.store(DynptrField.DATA);
    f.get(dynptr)
      .get(size)
      .i32.const(DynptrType.RINGBUF << DYNPTR_TYPE_SHIFT)
      .i32.or()
      .i32.store(DynptrField.SIZE);
    f.i32.const(0);
  },
);

function commitDynptr(id: number, discard: boolean): Helper {
  return emittedHelper(id, { args: ["ptr", "i64"], result: "void" }, (f, environment) => {
    const [dynptr] = f.params as [Local];
    const record = f.local("i32", "record");
    f.get(dynptr).i32.load(DynptrField.DATA).tee(record);
    f.if(() => {
      emitCommit(f, environment, record, discard);
      f.get(dynptr).i64.const(0).i64.store(DynptrField.DATA);
      f.get(dynptr).i64.const(0).i64.store(DynptrField.SIZE);
    });
  });
}

/** Ring buffers that programs write and user space reads. */
export const RINGBUF_HELPERS: readonly Helper[] = [
  reserve,
  commit(BpfFuncId.ringbuf_submit, false),
  commit(BpfFuncId.ringbuf_discard, true),
  output,
  query,
  reserveDynptr,
  commitDynptr(BpfFuncId.ringbuf_submit_dynptr, false),
  commitDynptr(BpfFuncId.ringbuf_discard_dynptr, true),
];
