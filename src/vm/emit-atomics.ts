import { Operation, type OperationName } from "../isa/index.ts";
import { Control, emitParallel } from "../mem/index.ts";
import type { AtomicOperation, Bits, FunctionBuilder, I32Ops, I64Ops, Local } from "../wasm/index.ts";

type Ops = I32Ops<FunctionBuilder> | I64Ops<FunctionBuilder>;

const NAMES: { readonly [Name in OperationName]?: AtomicOperation } = {
  atomicAdd: "add",
  atomicOr: "or",
  atomicAnd: "and",
  atomicXor: "xor",
  xchg: "xchg",
  cmpxchg: "cmpxchg",
};

const NAME_OF = Object.keys(Operation).map((name) => NAMES[name as OperationName]);

/** A read-modify-write of memory. */
export interface ReadModifyWrite {
  /** Number of the operation in the instruction table. */
  readonly operation: number;
  readonly size: number;
  /** Offset of the memory. */
  readonly address: Local;
  /** Gets what was there: of the width that is accessed. */
  readonly old: Local;
  /** Pushes the operand, of that width. */
  readonly operand: () => void;
  /** Pushes what `cmpxchg` compares with. */
  readonly expected: () => void;
}

/**
 * Wasm's atomic instructions trap on an address that is not aligned: such an access is a load and a store under a lock
 * of all of them, where x86-64 locks the bus. Programs come to one in an arena, whose addresses no verifier looks at;
 * beside an aligned access to some of the same bytes it is not atomic.
 */
export function emitReadModifyWrite(f: FunctionBuilder, access: ReadModifyWrite): void {
  const { operation, size, address, old, operand, expected } = access;
  const ops: Ops = size === 8 ? f.i64 : f.i32;
  const name = NAME_OF[operation]!;
  whereAligned(
    f,
    size,
    address,
    () => {
      f.get(address);
      if (name === "cmpxchg") expected();
      operand();
      ops.atomicRmw(name);
      f.set(old);
    },
    () => {
      emitParallel(f).if(() => emitTakeUnaligned(f));
      f.get(address);
      ops.load(0, 1);
      f.set(old);
      const store = () => {
        f.get(address);
        if (name !== "xchg" && name !== "cmpxchg") f.get(old);
        operand();
        combine(ops, name);
        ops.store(0, 1);
      };
      if (name === "cmpxchg") {
        f.get(old);
        expected();
        ops.eq();
        f.if(store);
      } else store();
      emitParallel(f).if(() => f.i32.const(0).i32.const(0).i32.atomicStore(Control.UNALIGNED_LOCK));
    },
  );
}

/** It is held for a few instructions: nobody sleeps for it. */
function emitTakeUnaligned(f: FunctionBuilder): void {
  f.loop((again) => {
    f.i32.const(0).i32.const(0).i32.const(1).i32.atomicRmw("cmpxchg", Control.UNALIGNED_LOCK).brIf(again);
  });
}

/** The new value out of the old one and the operand; of an exchange it is the operand. */
function combine(ops: Ops, name: AtomicOperation): void {
  if (name === "add") ops.add();
  else if (name === "or") ops.or();
  else if (name === "and") ops.and();
  else if (name === "xor") ops.xor();
}

/** `load_acquire`: leaves so many bytes, zero-extended, in a local of 64 bits. */
export function emitLoadAcquire(f: FunctionBuilder, size: number, address: Local, value: Local): void {
  whereAligned(
    f,
    size,
    address,
    () => f.get(address).i64.atomicLoad(0, bitsOf(size)).set(value),
    () => {
      f.get(address);
      if (size === 2) f.i64.load16U(0, 1);
      else if (size === 4) f.i64.load32U(0, 1);
      else f.i64.load(0, 1);
      f.set(value);
    },
  );
}

/** `store_release` of the 64 bits that `value` pushes. */
export function emitStoreRelease(f: FunctionBuilder, size: number, address: Local, value: () => void): void {
  whereAligned(
    f,
    size,
    address,
    () => {
      f.get(address);
      value();
      f.i64.atomicStore(0, bitsOf(size));
    },
    () => {
      f.get(address);
      value();
      if (size === 2) f.i64.store16(0, 1);
      else if (size === 4) f.i64.store32(0, 1);
      else f.i64.store(0, 1);
    },
  );
}

function whereAligned(
  f: FunctionBuilder,
  size: number,
  address: Local,
  aligned: () => void,
  otherwise: () => void,
): void {
  if (size === 1) {
    aligned();
    return;
  }
  f.get(address)
    .i32.const(size - 1)
    .i32.and()
    .i32.eqz();
  f.if(aligned, otherwise);
}

function bitsOf(size: number): Bits {
  return (size * 8) as Bits;
}
