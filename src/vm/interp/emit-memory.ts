import type { InsnRow } from "../../isa/index.ts";
import { RegionAccess } from "../../mem/index.ts";
import type { FunctionBuilder, Label } from "../../wasm/index.ts";
import { loadCode, storeCode } from "../access-codes.ts";
import { emitProbeTest } from "../emit-probe-test.ts";
import { Frame, State } from "../state.ts";
import type { Arms, Window } from "./arms.ts";
import { Record } from "./record.ts";

/**
 * Leaves the offset of *(base register + off) in `address`. In checked mode the 64-bit address is tested first; in
 * verified mode it is known to be a kernel address, and only its low half matters.
 *
 * @param access bits of `RegionAccess`.
 */
export function emitAddress(arms: Arms, row: InsnRow, base: "dst" | "src", access: number): void {
  const { f } = arms;
  const register = () => (base === "dst" ? arms.dst() : arms.src());
  if (row.guard === "arena") {
    emitArenaAddress(arms, row, register);
    return;
  }
  if (arms.options.checked || row.guard === "probe") {
    register().i64.load().get(arms.pc).i64.load32S(Record.OFF).i64.add().tee(arms.ea);
    f.i32.wrapI64().set(arms.address);
    if (row.guard !== "probe") emitTest(arms, row.size, access);
    return;
  }
  register().i32.load().get(arms.pc).i32.load(Record.OFF).i32.add().set(arms.address);
}

/** Tests the `size` bytes at `ea`: the range found last, then the stack, then all regions. */
function emitTest(arms: Arms, size: number, access: number): void {
  const { f, ea } = arms;
  const last = access === RegionAccess.READ ? arms.readable : arms.writable;
  f.block((ok) => {
    emitWithin(arms, last, size, ok);
    emitWithin(arms, arms.stack, size, ok);
    f.get(ea).i32.const(size).i32.const(access).call(arms.callees.locate).i32.eqz().brIf(arms.fault);
    f.i32
      .const(0)
      .i64.load(arms.options.stateAt + State.WINDOW_BASE)
      .set(last.base);
    f.i32
      .const(0)
      .i64.load(arms.options.stateAt + State.WINDOW_LENGTH)
      .set(last.length);
  });
}

/**
 * Branches where all bytes are in the range. Unsigned distances of first and last byte are compared apart: either
 * sum may wrap, not both comparisons hold.
 */
function emitWithin(arms: Arms, range: Window, size: number, ok: Label): void {
  const { f, ea } = arms;
  f.get(ea).get(range.base).i64.sub();
  if (size === 1) {
    f.get(range.length).i64.ltU().brIf(ok);
    return;
  }
  f.tee(arms.i64A).get(range.length).i64.ltU();
  f.get(arms.i64A)
    .i64.const(size - 1)
    .i64.add()
    .get(range.length)
    .i64.ltU();
  f.i32.and().brIf(ok);
}

/** As Linux's PROBE_MEM32: a 32-bit address plus `off`, in the arena. `address` is 0 where no page is there. */
function emitArenaAddress(arms: Arms, row: InsnRow, register: () => FunctionBuilder): void {
  const { f } = arms;
  arms.frame(Frame.CODE);
  register().i64.load32U().get(arms.pc).i64.load32S(Record.OFF).i64.add();
  f.i32.const(row.size).call(arms.callees.arenaAddress).set(arms.address);
}

export function load(arms: Arms, row: InsnRow): void {
  const { f, address } = arms;
  emitAddress(arms, row, "src", RegionAccess.READ);
  if (row.guard === "none") {
    arms
      .dst()
      .get(address)
      .access(loadCode(row.size, row.extend > 0))
      .i64.store()
      .br(arms.next);
    return;
  }
  emitGuard(arms, row);
  f.if(
    () =>
      arms
        .dst()
        .get(address)
        .access(loadCode(row.size, row.extend > 0))
        .i64.store(),
    () => arms.dst().i64.const(0).i64.store(),
  );
  f.br(arms.next);
}

/** Pushes whether a guarded access goes anywhere: a faulting load gives 0, a faulting store does nothing. */
export function emitGuard(arms: Arms, row: InsnRow): void {
  const { f, address, ea } = arms;
  if (row.guard === "arena") {
    f.get(address);
    return;
  }
  emitProbeTest(f, ea, address, row.size);
}

export function store(arms: Arms, row: InsnRow): void {
  const { f, address } = arms;
  emitAddress(arms, row, "dst", RegionAccess.WRITE);
  const write = () => {
    f.get(address);
    arms.operand64(row.source).access(storeCode(row.size));
  };
  if (row.guard === "none") {
    write();
  } else {
    emitGuard(arms, row);
    f.if(write);
  }
  f.br(arms.next);
}
