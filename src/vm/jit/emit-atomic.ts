import type { InsnRow } from "../../isa/index.ts";
import { RegionAccess } from "../../mem/index.ts";
import type { Bits, FunctionBuilder, I32Ops, I64Ops, Local } from "../../wasm/index.ts";
import { MODIFICATION_OF } from "../atomic-modifications.ts";
import type { InsnEmitter } from "./emit-alu.ts";
import { emitAddress, pushGuard } from "./emit-memory.ts";
import type { FunctionCode, Site } from "./function-code.ts";

type Ops = I32Ops<FunctionBuilder> | I64Ops<FunctionBuilder>;

const R0 = 0;

/** What the atomic operations of one width share. */
interface Width {
  readonly wide: boolean;
  readonly ops: Ops;
  readonly old: Local;
}

function widthOf(code: FunctionCode, row: InsnRow): Width {
  const wide = row.size === 8;
  const old = wide ? code.temporary("i64", "old64") : code.temporary("i32", "old32");
  return { wide, ops: wide ? code.f.i64 : code.f.i32, old };
}

function register(code: FunctionCode, number: number, wide: boolean): FunctionBuilder {
  return wide ? code.r64(number) : code.r32(number);
}

function setOld(code: FunctionCode, number: number, { wide, old }: Width): void {
  code.f.get(old);
  if (wide) code.set64(number);
  else code.set32(number);
}

/**
 * Read-modify-write. Wasm's atomic instructions trap on an address that is not aligned: such an access is done as a
 * load and a store. (x86-64 locks the bus for it; nothing that a compiler aligns comes this way.)
 */
export const modify: InsnEmitter = (code, site) => {
  const { insn, row } = site;
  const width = widthOf(code, row);
  const { ops, old, wide } = width;
  const { name, plain } = MODIFICATION_OF.get(row.operation)!;
  access(code, site, RegionAccess.READ_WRITE, (address) => {
    whereAligned(
      code,
      row,
      address,
      () => {
        code.f.get(address);
        register(code, insn.src, wide);
        ops.atomicRmw(name);
        if (row.fetch) code.f.set(old);
        else code.f.drop();
      },
      () => {
        code.f.get(address).get(address);
        ops.load(0, 1);
        code.f.tee(old);
        register(code, insn.src, wide);
        plain(ops);
        ops.store(0, 1);
      },
    );
    if (row.fetch) setOld(code, insn.src, width);
  });
};

export const exchange: InsnEmitter = (code, site) => {
  const { insn, row } = site;
  const width = widthOf(code, row);
  const { ops, old, wide } = width;
  access(code, site, RegionAccess.READ_WRITE, (address) => {
    whereAligned(
      code,
      row,
      address,
      () => {
        code.f.get(address);
        register(code, insn.src, wide);
        ops.atomicRmw("xchg");
        code.f.set(old);
      },
      () => {
        code.f.get(address);
        ops.load(0, 1);
        code.f.set(old).get(address);
        register(code, insn.src, wide);
        ops.store(0, 1);
      },
    );
    setOld(code, insn.src, width);
  });
};

/** r0 is compared with memory, and gets what was there (its high half 0 where the access has 32 bits). */
export const compareExchange: InsnEmitter = (code, site) => {
  const { insn, row } = site;
  const width = widthOf(code, row);
  const { ops, old, wide } = width;
  access(code, site, RegionAccess.READ_WRITE, (address) => {
    whereAligned(
      code,
      row,
      address,
      () => {
        code.f.get(address);
        register(code, R0, wide);
        register(code, insn.src, wide);
        ops.atomicRmw("cmpxchg");
        code.f.set(old);
      },
      () => {
        code.f.get(address);
        ops.load(0, 1);
        code.f.tee(old);
        register(code, R0, wide);
        ops.eq();
        code.f.if(() => {
          code.f.get(address);
          register(code, insn.src, wide);
          ops.store(0, 1);
        });
      },
    );
    setOld(code, R0, width);
  });
};

export const loadAcquire: InsnEmitter = (code, site) => {
  const { f } = code;
  const { insn, row } = site;
  const address = emitAddress(code, site, "src", RegionAccess.READ);
  const value = code.temporary("i64", "old64");
  const read = () =>
    whereAligned(
      code,
      row,
      address,
      () => f.get(address).i64.atomicLoad(0, bitsOf(row)).set(value),
      () => {
        f.get(address);
        if (row.size === 2) f.i64.load16U(0, 1);
        else if (row.size === 4) f.i64.load32U(0, 1);
        else f.i64.load(0, 1);
        f.set(value);
      },
    );
  if (row.guard === "none") {
    read();
  } else {
    f.i64.const(0).set(value);
    pushGuard(code, row);
    f.if(read);
  }
  f.get(value);
  code.set64(insn.dst);
};

export const storeRelease: InsnEmitter = (code, site) => {
  const { f } = code;
  const { insn, row } = site;
  access(code, site, RegionAccess.WRITE, (address) => {
    whereAligned(
      code,
      row,
      address,
      () => {
        f.get(address);
        code.r64(insn.src).i64.atomicStore(0, bitsOf(row));
      },
      () => {
        f.get(address);
        code.r64(insn.src);
        if (row.size === 2) f.i64.store16(0, 1);
        else if (row.size === 4) f.i64.store32(0, 1);
        else f.i64.store(0, 1);
      },
    );
  });
};

/** Emits what happens at *(dst + off), guarded where the row says so. */
function access(code: FunctionCode, site: Site, rights: number, body: (address: Local) => void): void {
  const address = emitAddress(code, site, "dst", rights);
  if (site.row.guard === "none") {
    body(address);
  } else {
    pushGuard(code, site.row);
    code.f.if(() => body(address));
  }
}

function whereAligned(
  { f }: FunctionCode,
  row: InsnRow,
  address: Local,
  aligned: () => void,
  otherwise: () => void,
): void {
  if (row.size === 1) {
    aligned();
    return;
  }
  f.get(address)
    .i32.const(row.size - 1)
    .i32.and()
    .i32.eqz();
  f.if(aligned, otherwise);
}

function bitsOf(row: InsnRow): Bits {
  return (row.size * 8) as Bits;
}
