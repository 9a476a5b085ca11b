import { Operation } from "../../isa/index.ts";
import { RegionAccess } from "../../mem/index.ts";
import type { Local } from "../../wasm/index.ts";
import { emitLoadAcquire, emitReadModifyWrite, emitStoreRelease } from "../emit-atomics.ts";
import type { InsnEmitter } from "./emit-alu.ts";
import { emitAddress, pushGuard } from "./emit-memory.ts";
import type { FunctionCode, Site } from "./function-code.ts";

const R0 = 0;

/** All read-modify-writes: the old value goes to src where the row fetches it, and of a comparison to r0. */
export const modify: InsnEmitter = (code, site) => {
  const { insn, row } = site;
  const wide = row.size === 8;
  const old = wide ? code.temporary("i64", "old64") : code.temporary("i32", "old32");
  access(code, site, RegionAccess.READ_WRITE, (address) => {
    emitReadModifyWrite(code.f, {
      operation: row.operation,
      size: row.size,
      address,
      old,
      operand: () => (wide ? code.r64(insn.src) : code.r32(insn.src)),
      expected: () => (wide ? code.r64(R0) : code.r32(R0)),
    });
    const compares = row.operation === Operation.cmpxchg;
    if (!compares && !row.fetch) return;
    code.f.get(old);
    const register = compares ? R0 : insn.src;
    if (wide) code.set64(register);
    else code.set32(register);
  });
};

export const loadAcquire: InsnEmitter = (code, site) => {
  const { f } = code;
  const { insn, row } = site;
  const address = emitAddress(code, site, "src", RegionAccess.READ);
  const value = code.temporary("i64", "old64");
  const read = () => emitLoadAcquire(f, row.size, address, value);
  if (row.guard === "none") {
    read();
  } else {
    // A faulting one is an atomic operation for Linux: the register stays what it is.
    code.r64(insn.dst).set(value);
    pushGuard(code, row);
    f.if(read);
  }
  f.get(value);
  code.set64(insn.dst);
};

export const storeRelease: InsnEmitter = (code, site) => {
  const { insn, row } = site;
  access(code, site, RegionAccess.WRITE, (address) =>
    emitStoreRelease(code.f, row.size, address, () => code.r64(insn.src)),
  );
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
