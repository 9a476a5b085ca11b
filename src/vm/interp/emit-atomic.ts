import { type InsnRow, Operation } from "../../isa/index.ts";
import { RegionAccess } from "../../mem/index.ts";
import { emitLoadAcquire, emitReadModifyWrite, emitStoreRelease } from "../emit-atomics.ts";
import type { Arms } from "./arms.ts";
import { emitAddress, emitGuard } from "./emit-memory.ts";

const R0 = 0;

/** All read-modify-writes: the old value goes to src where the row fetches it, and of a comparison to r0. */
export function modify(arms: Arms, row: InsnRow): void {
  const { f, address } = arms;
  const wide = row.size === 8;
  const old = wide ? arms.i64A : arms.i32A;
  access(arms, row, () => {
    emitReadModifyWrite(f, {
      operation: row.operation,
      size: row.size,
      address,
      old,
      operand: () => (wide ? arms.src().i64.load() : arms.src().i32.load()),
      expected: () => (wide ? arms.register64(R0) : arms.register32(R0)),
    });
    if (row.operation === Operation.cmpxchg) f.get(arms.base);
    else if (row.fetch) arms.src();
    else return;
    f.get(old);
    // The high half is 0 where the access has 32 bits.
    if (!wide) f.i64.extendI32U();
    f.i64.store();
  });
}

export function loadAcquire(arms: Arms, row: InsnRow): void {
  const { f, address } = arms;
  emitAddress(arms, row, "src", RegionAccess.READ);
  const read = () => emitLoadAcquire(f, row.size, address, arms.i64A);
  if (row.guard === "none") {
    read();
  } else {
    // See the JIT's.
    arms.dst().i64.load().set(arms.i64A);
    emitGuard(arms, row);
    f.if(read);
  }
  arms.dst().get(arms.i64A).i64.store().br(arms.next);
}

export function storeRelease(arms: Arms, row: InsnRow): void {
  const write = () => emitStoreRelease(arms.f, row.size, arms.address, () => arms.src().i64.load());
  access(arms, row, write, RegionAccess.WRITE);
}

/** Emits what happens at *(dst + off), guarded where the row says so. */
function access(arms: Arms, row: InsnRow, body: () => void, rights: number = RegionAccess.READ_WRITE): void {
  const { f } = arms;
  emitAddress(arms, row, "dst", rights);
  if (row.guard === "none") {
    body();
  } else {
    emitGuard(arms, row);
    f.if(body);
  }
  f.br(arms.next);
}
