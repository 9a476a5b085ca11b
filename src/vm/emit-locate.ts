import { Control, KERNEL_BASE_HIGH, REGION_TABLE_HEADER, RegionAccess, RegionEntry } from "../mem/index.ts";
import type { Func, FunctionBuilder, Label, Local } from "../wasm/index.ts";
import { FaultCode, State } from "./state.ts";

/**
 * Body of `(address: i64, size: i32, access: i32) → 1 | 0`: finds the live region that allows the access and leaves
 * its accessible range in the state block; where none does, leaves the fault there.
 *
 * The range of a write is given only where the region may be read too, so that it also serves atomic operations; else
 * it is empty.
 */
export function emitLocate(f: FunctionBuilder, stateAt: number, regionCheck: Func): void {
  const [address, size, access] = f.params as [Local, Local, Local];
  const offset = f.local("i32", "offset");
  const entry = f.local("i32", "entry");
  const start = f.local("i32", "start");
  const length = f.local("i32", "length");
  const state = (word: number) => stateAt + word;
  f.block((refused) => {
    f.get(address).i64.const(32).i64.shrU().i32.wrapI64().i32.const(KERNEL_BASE_HIGH).i32.ne().brIf(refused);
    f.get(address).i32.wrapI64().set(offset);
    emitRegionEntry(f, entry, () => f.get(offset).get(size).get(access).call(regionCheck), refused);
    f.get(entry).i32.load(RegionEntry.START).set(start);
    f.get(entry).i32.load(RegionEntry.END).get(start).i32.sub().set(length);
    f.get(entry).i32.load(RegionEntry.STRIDE);
    f.if(() => {
      // The element that holds the offset.
      f.get(offset).get(offset).get(start).i32.sub();
      f.get(entry).i32.load(RegionEntry.STRIDE).i32.remU().i32.sub().set(start);
      f.get(entry).i32.load(RegionEntry.SIZE).set(length);
    });
    f.get(access).i32.const(RegionAccess.WRITE).i32.and();
    f.if(() => {
      f.get(entry).i32.load(RegionEntry.ACCESS).i32.const(RegionAccess.READ_WRITE).i32.and();
      f.i32.const(RegionAccess.READ_WRITE).i32.ne();
      f.if(() => f.i32.const(0).set(length));
    });
    f.i32.const(0).get(start).i64.extendI32U().i64.constPair(0, KERNEL_BASE_HIGH).i64.or();
    f.i64.store(state(State.WINDOW_BASE));
    f.i32.const(0).get(length).i64.extendI32U().i64.store(state(State.WINDOW_LENGTH));
    f.i32.const(1).return();
  });
  f.i32.const(0).i32.const(FaultCode.access).i32.store(state(State.FAULT));
  f.i32.const(0).get(address).i64.store(state(State.FAULT_ADDRESS));
  f.i32.const(0).get(size).i32.store(state(State.FAULT_SIZE));
  f.i32.const(0).get(access).i32.store(state(State.FAULT_ACCESS));
  f.i32.const(0);
}

/**
 * Emits the search of an entry in the table of regions, as an offset in `entry`. Another executor may put a new table in
 * place between the test, which `check` emits, and the look at its entry: then it is made again. A table that was in
 * place stays until every executor has passed a quiescent point.
 */
export function emitRegionEntry(f: FunctionBuilder, entry: Local, check: () => void, refused: Label): void {
  const table = f.local("i32", "regions");
  f.loop((again) => {
    f.i32.const(0).i32.atomicLoad(Control.REGIONS).set(table);
    check();
    f.tee(entry).i32.const(0).i32.ltS().brIf(refused);
    f.i32.const(0).i32.atomicLoad(Control.REGIONS).get(table).i32.ne().brIf(again);
  });
  f.get(entry).i32.const(5).i32.shl().get(table).i32.add();
  f.i32.const(REGION_TABLE_HEADER).i32.add().set(entry);
}
