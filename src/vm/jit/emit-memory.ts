import type { InsnRow } from "../../isa/index.ts";
import { RegionAccess } from "../../mem/index.ts";
import type { FunctionBuilder, Label, Local } from "../../wasm/index.ts";
import { loadCode, storeCode } from "../access-codes.ts";
import { emitProbeTest } from "../emit-probe-test.ts";
import { FRAME_STACK, State } from "../state.ts";
import type { InsnEmitter } from "./emit-alu.ts";
import type { AccessWindow, FunctionCode, Site } from "./function-code.ts";

const R10 = 10;

/** Where an access goes: the i32 on the stack plus a constant. */
export interface Place {
  /** Pushes the i32. */
  readonly push: () => FunctionBuilder;
  /** Added by the access itself. */
  readonly offset: number;
}

/**
 * Emits what comes before an access to *(base register + off). In checked mode the 64-bit address is tested; in
 * verified mode it is known to be a kernel address, and only its low half matters.
 *
 * @param access bits of `RegionAccess`.
 */
export function emitPlace(code: FunctionCode, site: Site, base: "dst" | "src", access: number): Place {
  const { f } = code;
  const { insn, row, slot } = site;
  const register = insn[base];
  const address = code.temporary("i32", "address");
  if (row.guard === "arena") {
    // As Linux's PROBE_MEM32: a 32-bit address plus `off`.
    code.r64(register).i64.constPair(-1, 0).i64.and().i64.const(insn.off).i64.add();
    f.i32.const(row.size).call(code.program.arenaAddress).set(address);
    return { push: () => f.get(address), offset: 0 };
  }
  if (row.guard === "probe" || code.checked) {
    const ea = code.temporary("i64", "ea");
    code.r64(register).i64.const(insn.off).i64.add().tee(ea).i32.wrapI64().set(address);
    if (row.guard !== "probe") emitTest(code, { ea, size: row.size, access, slot });
    return { push: () => f.get(address), offset: 0 };
  }
  if (register === R10 && insn.off >= -FRAME_STACK)
    return { push: () => f.get(code.frame), offset: FRAME_STACK + insn.off };
  // What is accessible begins further up than any `off` reaches: the sum does not wrap.
  if (insn.off >= 0) return { push: () => code.r32(register), offset: insn.off };
  return { push: () => code.r32(register).i32.const(insn.off).i32.add(), offset: 0 };
}

/** As {@link emitPlace}, with all of the address in one local. */
export function emitAddress(code: FunctionCode, site: Site, base: "dst" | "src", access: number): Local {
  const { push, offset } = emitPlace(code, site, base, access);
  const address = code.temporary("i32", "address");
  push();
  if (offset !== 0) code.f.i32.const(offset).i32.add();
  code.f.set(address);
  return address;
}

interface Tested {
  readonly ea: Local;
  readonly size: number;
  readonly access: number;
  readonly slot: number;
}

/** Tests bytes: the range found last, then the stack, then all regions. */
function emitTest(code: FunctionCode, { ea, size, access, slot }: Tested): void {
  const { f } = code;
  const last = access === RegionAccess.READ ? code.readable : code.writable;
  f.block((ok) => {
    emitWithin(f, last, ea, size, ok);
    emitWithin(f, code.onStack, ea, size, ok);
    f.get(ea).i32.const(size).i32.const(access).call(code.module.locate).i32.eqz();
    f.if(() => code.fail(slot));
    f.i32.const(0).i64.load(code.at(State.WINDOW_BASE)).set(last.base);
    f.i32.const(0).i64.load(code.at(State.WINDOW_LENGTH)).set(last.length);
  });
}

/** Branches where all bytes are in the range: either sum may wrap, not both comparisons hold. */
function emitWithin(f: FunctionBuilder, range: AccessWindow, ea: Local, size: number, ok: Label): void {
  f.get(ea).get(range.base).i64.sub().get(range.length).i64.ltU();
  if (size > 1) {
    f.get(ea)
      .i64.const(size - 1)
      .i64.add()
      .get(range.base)
      .i64.sub()
      .get(range.length)
      .i64.ltU();
    f.i32.and();
  }
  f.brIf(ok);
}

export const load: InsnEmitter = (code, site) => {
  const { f } = code;
  const { insn, row } = site;
  const { push, offset } = emitPlace(code, site, "src", RegionAccess.READ);
  if (row.guard === "none") {
    push().access(loadCode(row.size, row.extend > 0), offset);
  } else {
    pushGuard(code, row);
    f.if(
      () => push().access(loadCode(row.size, row.extend > 0), offset),
      () => f.i64.const(0),
      "i64",
    );
  }
  code.set64(insn.dst);
};

/** Pushes whether a guarded access goes anywhere: a faulting load gives 0, a faulting store does nothing. */
export function pushGuard(code: FunctionCode, row: InsnRow): void {
  const { f } = code;
  const address = code.temporary("i32", "address");
  if (row.guard === "arena") {
    f.get(address);
    return;
  }
  const ea = code.temporary("i64", "ea");
  emitProbeTest(f, ea, address, row.size);
}

export const store: InsnEmitter = (code, site) => {
  const { row } = site;
  const { push, offset } = emitPlace(code, site, "dst", RegionAccess.WRITE);
  const write = () => {
    push();
    code.operand64(site).access(storeCode(row.size), offset);
  };
  if (row.guard === "none") {
    write();
  } else {
    pushGuard(code, row);
    code.f.if(write);
  }
};
