import type { Func, FunctionBuilder, Global, Label, Local, ModuleBuilder } from "../wasm/index.ts";
import { Control } from "./control.ts";
import { emitWhereParallel, type LockFunctions } from "./emit-lock.ts";
import { REGION_ENTRY_SIZE, REGION_TABLE_HEADER, RegionEntry } from "./region-entry.ts";

/** The emitted functions over regions. */
export interface RegionFunctions {
  /** `(offset, length, access) → index | -1`, exported as `region_check`. */
  readonly check: Func;
  /**
   * `(start, end, access, stride, size, what, owns what) → handle`, exported as `region_add`. 0 where memory is
   * exhausted, -1 for a region that overlaps another.
   */
  readonly add: Func;
  /** `(handle) → 1 | 0`, exported as `region_remove`. */
  readonly remove: Func;
}

const ENTRY_SHIFT = 5;

/** Emits the test of accesses against live regions, and the changes of their table. */
export function emitRegions(
  m: ModuleBuilder,
  locks: LockFunctions,
  alloc: Func,
  retire: Func,
): RegionFunctions {
  const hint = m.global("region_hint", "i32", { mutable: true });
  const lowerBound = m.function(
    "region_find",
    { params: ["i32", "i32"], results: ["i32"] },
    { export: true },
  );
  const check = m.function(
    "region_check",
    { params: ["i32", "i32", "i32"], results: ["i32"] },
    { export: true },
  );
  const add = m.function(
    "region_add",
    { params: ["i32", "i32", "i32", "i32", "i32", "i32", "i32"], results: ["i32"] },
    { export: true },
  );
  const remove = m.function("region_remove", { params: ["i32"], results: ["i32"] }, { export: true });
  emitLowerBound(lowerBound);
  emitCheck(check, hint, lowerBound);
  emitAdd(add, { locks, alloc, retire, lowerBound });
  emitRemove(remove, { locks, alloc, retire });
  return { check, add, remove };
}

/** Locals of one test. */
export interface RegionTest {
  readonly offset: Local;
  /** In bytes; at least 1. */
  readonly length: Local;
  /** Bits of `RegionAccess`. */
  readonly access: Local;
  /** Scratch. */
  readonly entry: Local;
  /** Scratch. */
  readonly rest: Local;
}

/**
 * Emits the test whether the entry in `test.entry` allows an access, branching to `refused` where it does not.
 * Comparisons are of distances, which cannot wrap.
 */
export function emitEntryTest(f: FunctionBuilder, test: RegionTest, refused: Label): void {
  const { offset, length, access, entry, rest } = test;
  f.get(offset).get(entry).i32.load(RegionEntry.START).i32.ltU().brIf(refused);
  f.get(entry).i32.load(RegionEntry.END).tee(rest).get(offset).i32.leU().brIf(refused);
  f.get(length).get(rest).get(offset).i32.sub().i32.gtU().brIf(refused);
  f.get(entry).i32.load(RegionEntry.STRIDE);
  f.if(() => {
    f.get(entry).i32.load(RegionEntry.SIZE);
    f.get(offset).get(entry).i32.load(RegionEntry.START).i32.sub();
    f.get(entry).i32.load(RegionEntry.STRIDE).i32.remU();
    f.i32.sub().set(rest);
    // Behind the accessible part of its element: less than nothing remains.
    f.get(rest).i32.const(0).i32.ltS().brIf(refused);
    f.get(length).get(rest).i32.gtU().brIf(refused);
  });
  f.get(access).get(entry).i32.load(RegionEntry.ACCESS).i32.const(-1).i32.xor().i32.and().brIf(refused);
}

/** `(table, offset) → number of entries that start at or before the offset`. */
function emitLowerBound(f: FunctionBuilder): void {
  const [table, offset] = f.params as [Local, Local];
  const low = f.local("i32", "low");
  const high = f.local("i32", "high");
  const middle = f.local("i32", "middle");
  f.get(table).i32.load().set(high);
  f.block((done) => {
    f.loop((again) => {
      f.get(low).get(high).i32.geU().brIf(done);
      f.get(low).get(high).i32.add().i32.const(1).i32.shrU().tee(middle);
      f.i32.const(ENTRY_SHIFT).i32.shl().get(table).i32.add();
      f.i32
        .load(REGION_TABLE_HEADER + RegionEntry.START)
        .get(offset)
        .i32.leU();
      f.if(
        () => f.get(middle).i32.const(1).i32.add().set(low).br(again),
        () => f.get(middle).set(high).br(again),
      );
    });
  });
  f.get(low);
}

function emitCheck(f: FunctionBuilder, hint: Global, lowerBound: Func): void {
  const [offset, length, access] = f.params as [Local, Local, Local];
  const table = f.local("i32", "table");
  const index = f.local("i32", "index");
  const entry = f.local("i32", "entry");
  const rest = f.local("i32", "rest");
  const test: RegionTest = { offset, length, access, entry, rest };
  f.block((refused) => {
    f.i32.const(0).i32.load(Control.REGIONS).tee(table).i32.eqz().brIf(refused);
    f.block((miss) => {
      // The hint is only an index: whatever it names is tested in full.
      f.globalGet(hint).tee(index).get(table).i32.load().i32.geU().brIf(miss);
      emitEntryAddress(f, table, index).set(entry);
      emitEntryTest(f, test, miss);
      f.get(index).return();
    });
    f.get(table).get(offset).call(lowerBound).i32.const(1).i32.sub().tee(index).i32.const(0).i32.ltS();
    f.brIf(refused);
    emitEntryAddress(f, table, index).set(entry);
    emitEntryTest(f, test, refused);
    f.get(index).globalSet(hint);
    f.get(index).return();
  });
  f.i32.const(-1);
}

function emitEntryAddress(f: FunctionBuilder, table: Local, index: Local): FunctionBuilder {
  return f
    .get(index)
    .i32.const(ENTRY_SHIFT)
    .i32.shl()
    .get(table)
    .i32.add()
    .i32.const(REGION_TABLE_HEADER)
    .i32.add();
}

interface ChangeParts {
  readonly locks: LockFunctions;
  readonly alloc: Func;
  readonly retire: Func;
}

function emitAdd(f: FunctionBuilder, parts: ChangeParts & { readonly lowerBound: Func }): void {
  const [start, end, access, stride, size, what, owns] = f.params as [
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
  ];
  const old = f.local("i32", "old");
  const table = f.local("i32", "table");
  const count = f.local("i32", "count");
  const index = f.local("i32", "index");
  const entry = f.local("i32", "entry");
  const handle = f.local("i32", "handle");
  emitWhereParallel(f, parts.locks.lock, Control.REGIONS_LOCK);
  f.block((done) => {
    f.i32.const(0).i32.load(Control.REGIONS).tee(old);
    f.if(() => {
      f.get(old).i32.load().set(count);
      f.get(old).get(start).call(parts.lowerBound).set(index);
    });
    f.i32.const(-1).set(handle);
    emitOverlap(f, { old, index, count, start, end }, done);
    f.get(count)
      .i32.const(1)
      .i32.add()
      .i32.const(ENTRY_SHIFT)
      .i32.shl()
      .i32.const(REGION_TABLE_HEADER)
      .i32.add();
    f.i32.const(8).call(parts.alloc).tee(table).set(handle);
    f.get(table).i32.eqz().brIf(done);
    f.get(table).get(count).i32.const(1).i32.add().i32.store();
    emitEntryAddress(f, table, index).set(entry);
    f.get(old).if(() => {
      f.get(table).i32.const(REGION_TABLE_HEADER).i32.add();
      f.get(old).i32.const(REGION_TABLE_HEADER).i32.add();
      f.get(index).i32.const(ENTRY_SHIFT).i32.shl().memoryCopy();
      f.get(entry).i32.const(REGION_ENTRY_SIZE).i32.add();
      emitEntryAddress(f, old, index);
      f.get(count).get(index).i32.sub().i32.const(ENTRY_SHIFT).i32.shl().memoryCopy();
    });
    const words: readonly [number, Local][] = [
      [RegionEntry.START, start],
      [RegionEntry.END, end],
      [RegionEntry.ACCESS, access],
      [RegionEntry.STRIDE, stride],
      [RegionEntry.SIZE, size],
      [RegionEntry.WHAT, what],
      [RegionEntry.OWNS_WHAT, owns],
    ];
    for (const [at, value] of words) f.get(entry).get(value).i32.store(at);
    f.i32.const(0).i32.load(Control.REGION_HANDLE).i32.const(1).i32.add().set(handle);
    f.i32.const(0).get(handle).i32.store(Control.REGION_HANDLE);
    f.get(entry).get(handle).i32.store(RegionEntry.HANDLE);
    emitPublish(f, parts, table, old);
  });
  emitWhereParallel(f, parts.locks.unlock, Control.REGIONS_LOCK);
  f.get(handle);
}

interface Overlap {
  readonly old: Local;
  readonly index: Local;
  readonly count: Local;
  readonly start: Local;
  readonly end: Local;
}

/** Branches to `found` where the entry before or behind the place of a new one reaches into it. */
function emitOverlap(f: FunctionBuilder, { old, index, count, start, end }: Overlap, found: Label): void {
  const before = f.local("i32", "before");
  f.get(index);
  f.if(() => {
    f.get(index).i32.const(1).i32.sub().set(before);
    emitEntryAddress(f, old, before).i32.load(RegionEntry.END).get(start).i32.gtU().brIf(found);
  });
  f.get(index).get(count).i32.ltU();
  f.if(() => emitEntryAddress(f, old, index).i32.load(RegionEntry.START).get(end).i32.ltU().brIf(found));
}

function emitPublish(f: FunctionBuilder, parts: ChangeParts, table: Local, old: Local): void {
  f.i32.const(0).get(table).i32.atomicStore(Control.REGIONS);
  f.get(old).if(() => f.get(old).call(parts.retire).drop());
}

/** `(handle) → 1, or 0 for one that does not exist`. */
function emitRemove(f: FunctionBuilder, parts: ChangeParts): void {
  const [handle] = f.params as [Local];
  const old = f.local("i32", "old");
  const table = f.local("i32", "table");
  const count = f.local("i32", "count");
  const index = f.local("i32", "index");
  const entry = f.local("i32", "entry");
  const result = f.local("i32", "result");
  emitWhereParallel(f, parts.locks.lock, Control.REGIONS_LOCK);
  f.block((done) => {
    f.i32.const(0).i32.load(Control.REGIONS).tee(old).i32.eqz().brIf(done);
    f.get(old).i32.load().set(count);
    f.block((found) => {
      f.loop((again) => {
        emitEntryAddress(f, old, index)
          .tee(entry)
          .i32.load(RegionEntry.HANDLE)
          .get(handle)
          .i32.eq()
          .brIf(found);
        f.get(index).i32.const(1).i32.add().tee(index).get(count).i32.ltU().brIf(again);
      });
      f.br(done);
    });
    f.get(count).i32.const(1).i32.gtU();
    f.if(() => {
      f.get(count).i32.const(ENTRY_SHIFT).i32.shl().i32.const(REGION_TABLE_HEADER).i32.add();
      f.i32.const(8).call(parts.alloc).tee(table).i32.eqz();
      f.if(() => {
        // No memory for a smaller table: the region stays, and allows nothing.
        f.get(entry).i32.const(0).i32.store(RegionEntry.ACCESS);
        f.i32.const(1).set(result).br(done);
      });
      f.get(table).get(count).i32.const(1).i32.sub().i32.store();
      f.get(table).i32.const(REGION_TABLE_HEADER).i32.add();
      f.get(old).i32.const(REGION_TABLE_HEADER).i32.add();
      f.get(index).i32.const(ENTRY_SHIFT).i32.shl().memoryCopy();
      emitEntryAddress(f, table, index);
      f.get(entry).i32.const(REGION_ENTRY_SIZE).i32.add();
      f.get(count).get(index).i32.sub().i32.const(1).i32.sub().i32.const(ENTRY_SHIFT).i32.shl().memoryCopy();
    });
    f.get(entry).i32.load(RegionEntry.OWNS_WHAT);
    f.if(() => f.get(entry).i32.load(RegionEntry.WHAT).call(parts.retire).drop());
    f.i32.const(1).set(result);
    emitPublish(f, parts, table, old);
  });
  emitWhereParallel(f, parts.locks.unlock, Control.REGIONS_LOCK);
  f.get(result);
}
