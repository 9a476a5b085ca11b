import type { InsnRow } from "../../isa/index.ts";
import { RegionAccess } from "../../mem/index.ts";
import type { FunctionBuilder, I32Ops, I64Ops } from "../../wasm/index.ts";
import { MODIFICATION_OF } from "../atomic-modifications.ts";
import type { Arms } from "./arms.ts";
import { emitAddress, emitGuard } from "./emit-memory.ts";

type Ops = I32Ops<FunctionBuilder> | I64Ops<FunctionBuilder>;

const R0 = 0;

/**
 * Read-modify-write. Wasm's atomic instructions trap on an address that is not aligned: such an access is done as a
 * load and a store. (x86-64 locks the bus for it; nothing that a compiler aligns comes this way.)
 */
export function modify(arms: Arms, row: InsnRow): void {
  const { f, address } = arms;
  const wide = row.size === 8;
  const ops: Ops = wide ? f.i64 : f.i32;
  const old = wide ? arms.i64A : arms.i32A;
  const { name, plain } = MODIFICATION_OF.get(row.operation)!;
  access(arms, row, () => {
    whereAligned(
      arms,
      row,
      () => {
        f.get(address);
        source(arms, wide);
        ops.atomicRmw(name).set(old);
      },
      () => {
        f.get(address).get(address);
        ops.load(0, 1).tee(old);
        source(arms, wide);
        plain(ops);
        ops.store(0, 1);
      },
    );
    if (row.fetch) keep(arms, row);
  });
}

export function exchange(arms: Arms, row: InsnRow): void {
  const { f, address } = arms;
  const wide = row.size === 8;
  const ops: Ops = wide ? f.i64 : f.i32;
  const old = wide ? arms.i64A : arms.i32A;
  access(arms, row, () => {
    whereAligned(
      arms,
      row,
      () => {
        f.get(address);
        source(arms, wide);
        ops.atomicRmw("xchg").set(old);
      },
      () => {
        f.get(address);
        ops.load(0, 1).set(old);
        f.get(address);
        source(arms, wide);
        ops.store(0, 1);
      },
    );
    keep(arms, row);
  });
}

/** r0 is compared with memory, and gets what was there (its high half 0 where the access has 32 bits). */
export function compareExchange(arms: Arms, row: InsnRow): void {
  const { f, address } = arms;
  const wide = row.size === 8;
  const ops: Ops = wide ? f.i64 : f.i32;
  const old = wide ? arms.i64A : arms.i32A;
  const expected = () => (wide ? arms.register64(R0) : arms.register32(R0));
  access(arms, row, () => {
    whereAligned(
      arms,
      row,
      () => {
        f.get(address);
        expected();
        source(arms, wide);
        ops.atomicRmw("cmpxchg").set(old);
      },
      () => {
        f.get(address);
        ops.load(0, 1).tee(old);
        expected();
        ops.eq();
        f.if(() => {
          f.get(address);
          source(arms, wide);
          ops.store(0, 1);
        });
      },
    );
    f.get(arms.base).get(old);
    if (!wide) f.i64.extendI32U();
    f.i64.store(R0);
  });
}

export function loadAcquire(arms: Arms, row: InsnRow): void {
  const { f, address } = arms;
  emitAddress(arms, row, "src", RegionAccess.READ);
  const read = () => {
    whereAligned(
      arms,
      row,
      () => f.get(address).i64.atomicLoad(0, bitsOf(row)).set(arms.i64A),
      () => {
        f.get(address);
        if (row.size === 2) f.i64.load16U(0, 1);
        else if (row.size === 4) f.i64.load32U(0, 1);
        else f.i64.load(0, 1);
        f.set(arms.i64A);
      },
    );
  };
  if (row.guard === "none") {
    read();
  } else {
    f.i64.const(0).set(arms.i64A);
    emitGuard(arms, row);
    f.if(read);
  }
  arms.dst().get(arms.i64A).i64.store().br(arms.next);
}

export function storeRelease(arms: Arms, row: InsnRow): void {
  const { f, address } = arms;
  access(
    arms,
    row,
    () => {
      whereAligned(
        arms,
        row,
        () => {
          f.get(address);
          arms.src().i64.load().i64.atomicStore(0, bitsOf(row));
        },
        () => {
          f.get(address);
          arms.src().i64.load();
          if (row.size === 2) f.i64.store16(0, 1);
          else if (row.size === 4) f.i64.store32(0, 1);
          else f.i64.store(0, 1);
        },
      );
    },
    RegionAccess.WRITE,
  );
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

function whereAligned(arms: Arms, row: InsnRow, aligned: () => void, otherwise: () => void): void {
  if (row.size === 1) {
    aligned();
    return;
  }
  arms.f
    .get(arms.address)
    .i32.const(row.size - 1)
    .i32.and()
    .i32.eqz();
  arms.f.if(aligned, otherwise);
}

function source(arms: Arms, wide: boolean): void {
  if (wide) arms.src().i64.load();
  else arms.src().i32.load();
}

/** src = the old value. */
function keep(arms: Arms, row: InsnRow): void {
  const { f } = arms;
  arms.src();
  if (row.size === 8) f.get(arms.i64A);
  else f.get(arms.i32A).i64.extendI32U();
  f.i64.store();
}

function bitsOf(row: InsnRow): 8 | 16 | 32 | 64 {
  return (row.size * 8) as 8 | 16 | 32 | 64;
}
