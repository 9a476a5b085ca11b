import { emitParallel, type MemoryImports } from "../mem/index.ts";
import { BpfMapFlag, BpfMapType } from "../uapi/index.ts";
import type { Func, FunctionBuilder, Local, ModuleBuilder } from "../wasm/index.ts";
import { MapField, SLAB_HEADER_SIZE, SlabField } from "./map-header.ts";
import { ElementField, elementSize, isPerCpuType, rounded, valueAt } from "./map-shape.ts";
import type { MapShape } from "./operations.ts";

/** The emitted functions over the elements of a hash table, or the nodes of a trie, by the header of their map. */
export interface PoolFunctions {
  /** `(header) → element | 0`. */
  readonly take: Func;
  /** `(header, element)`. */
  readonly give: Func;
}

/** Elements of the first slab of a map that does not preallocate. */
const FIRST_SLAB = 16;

export function emitPool(m: ModuleBuilder, shape: MapShape, memory: MemoryImports): PoolFunctions {
  const name = "pool";
  const take = m.function(`${name}_take`, { params: ["i32"], results: ["i32"] });
  const give = m.function(`${name}_give`, { params: ["i32", "i32"] });
  const slow = m.function(`${name}_take_slow`, { params: ["i32"], results: ["i32"] });
  const fixed = shape.type !== BpfMapType.LPM_TRIE && (shape.flags & BpfMapFlag.NO_PREALLOC) === 0;
  const grow = fixed ? undefined : emitGrow(m, shape, memory);

  const [header] = take.params as [Local];
  const element = take.local("i32", "element");
  emitPoolLock(take, memory.function("lock"), header);
  take.get(header).i32.load(MapField.FREE).tee(element);
  take.if(
    () => take.get(header).get(element).i32.load(ElementField.HASH).i32.store(MapField.FREE),
    () => take.get(header).call(slow).set(element),
  );
  emitPoolLock(take, memory.function("unlock"), header);
  take.get(element);

  const [owner, freed] = give.params as [Local, Local];
  emitPoolLock(give, memory.function("lock"), owner);
  give.get(freed).get(owner).i32.load(MapField.FREE).i32.store(ElementField.HASH);
  give.get(owner).get(freed).i32.store(MapField.FREE);
  emitPoolLock(give, memory.function("unlock"), owner);

  emitTakeFresh(slow, shape, grow);
  return { take, give };
}

function emitPoolLock(f: FunctionBuilder, callee: Func, header: Local): void {
  emitParallel(f).if(() => f.get(header).i32.const(MapField.POOL_LOCK).i32.add().call(callee));
}

/** `(header) → element | 0`: one that was never used. */
function emitTakeFresh(f: FunctionBuilder, shape: MapShape, grow: Func | undefined): void {
  const [header] = f.params as [Local];
  const element = f.local("i32", "element");
  f.get(header).i32.load(MapField.FRESH).tee(element).get(header).i32.load(MapField.FRESH_END).i32.eq();
  f.if(() => {
    if (grow === undefined) f.i32.const(0).return();
    else {
      f.get(header)
        .call(grow)
        .i32.eqz()
        .if(() => f.i32.const(0).return());
      f.get(header).i32.load(MapField.FRESH).set(element);
    }
  });
  f.get(header).get(element).i32.const(elementSize(shape)).i32.add().i32.store(MapField.FRESH);
  if (isPerCpuType(shape.type)) {
    const value = f.local("i32", "value");
    const at = valueAt(shape);
    f.get(element).get(header).i32.load(MapField.FRESH_VALUE).tee(value).i32.store(at);
    f.get(element)
      .get(header)
      .i32.load(MapField.FRESH_STRIDE)
      .i32.store(at + 4);
    f.get(header).get(value).i32.const(rounded(shape.valueSize)).i32.add().i32.store(MapField.FRESH_VALUE);
  }
  f.get(element);
}

/** `(header) → 1 | 0`: a new slab, half as large as all before it together. The pool's lock is held. */
function emitGrow(m: ModuleBuilder, shape: MapShape, memory: MemoryImports): Func {
  const f = m.function("pool_grow", { params: ["i32"], results: ["i32"] });
  const [header] = f.params as [Local];
  const count = f.local("i32", "count");
  const left = f.local("i32", "left");
  const slab = f.local("i32", "slab");
  const start = f.local("i32", "start");
  const end = f.local("i32", "end");
  const handle = f.local("i32", "region");
  const bytes = f.local("i64", "bytes");
  const size = elementSize(shape);
  const valueSize = rounded(shape.valueSize);
  const perCpu = isPerCpuType(shape.type);
  f.get(header).i32.load(MapField.POOLED).i32.const(1).i32.shrU().tee(count);
  f.i32
    .const(FIRST_SLAB)
    .i32.ltU()
    .if(() => f.i32.const(FIRST_SLAB).set(count));
  // As many as can be in use at once: every entry, and one in the hands of each CPU and of the kernel's own thread. Of a
  // trie nodes in limbo are in use, too, however many.
  if (shape.type !== BpfMapType.LPM_TRIE) {
    f.get(header).i32.load(MapField.MAX_ENTRIES).get(header).i32.load(MapField.CPUS).i32.add();
    f.i32.const(1).i32.add();
    f.get(header).i32.load(MapField.POOLED).i32.sub().tee(left).get(count).i32.ltU();
    f.if(() => f.get(left).set(count));
    f.get(count)
      .i32.eqz()
      .if(() => f.i32.const(0).return());
  }

  f.get(count).i64.extendI32U().i64.const(size).i64.mul().i64.const(SLAB_HEADER_SIZE).i64.add();
  if (perCpu) {
    f.i64.const(63).i64.add().i64.const(-64).i64.and();
    emitAreaSize(f, count, valueSize).i64.extendI32U();
    f.get(header).i32.load(MapField.CPUS).i64.extendI32U().i64.mul().i64.add();
  }
  f.tee(bytes)
    .i64.const(0xffff_ffff)
    .i64.gtU()
    .if(() => f.i32.const(0).return());
  f.get(bytes).i32.wrapI64().i32.const(64).call(memory.function("alloc")).tee(slab).i32.eqz();
  f.if(() => f.i32.const(0).return());
  f.get(slab).i32.const(SLAB_HEADER_SIZE).i32.add().tee(start);
  f.get(count).i32.const(size).i32.mul().i32.add().set(end);
  f.get(header).get(start).i32.store(MapField.FRESH);
  f.get(header).get(end).i32.store(MapField.FRESH_END);
  if (perCpu) {
    f.get(end).i32.const(63).i32.add().i32.const(-64).i32.and().set(start);
    f.get(header).get(start).i32.store(MapField.FRESH_VALUE);
    f.get(header);
    emitAreaSize(f, count, valueSize).i32.store(MapField.FRESH_STRIDE);
    f.get(slab).get(bytes).i32.wrapI64().i32.add().set(end);
  } else f.get(start).i32.const(valueAt(shape)).i32.add().set(start);
  f.get(start).get(end);
  f.get(header).i32.load(MapField.ACCESS);
  f.i32.const(perCpu ? valueSize : size).i32.const(shape.valueSize);
  f.get(header).i32.load(MapField.WHAT).i32.const(0).call(memory.function("region_add")).tee(handle);
  f.i32.const(0).i32.leS();
  f.if(() => {
    f.get(slab).call(memory.function("free")).drop();
    f.get(header).get(header).i32.load(MapField.FRESH_END).i32.store(MapField.FRESH);
    f.i32.const(0).return();
  });
  f.get(slab).get(handle).i32.store(SlabField.REGION);
  f.get(slab).get(header).i32.load(MapField.SLABS).i32.store(SlabField.NEXT);
  f.get(header).get(slab).i32.store(MapField.SLABS);
  f.get(header).get(header).i32.load(MapField.POOLED).get(count).i32.add().i32.store(MapField.POOLED);
  f.i32.const(1);
  return f;
}

/** Bytes of one CPU's values in a slab, a multiple of a cache line: no two CPUs write the same one. */
function emitAreaSize(f: FunctionBuilder, count: Local, valueSize: number): FunctionBuilder {
  return f.get(count).i32.const(7).i32.add().i32.const(-8).i32.and().i32.const(valueSize).i32.mul();
}
