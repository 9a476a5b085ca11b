import { describe, expect, it } from "vitest";
import { type Insn, ProgramBuilder, r1, r2, r10, type SizeName } from "../../../src/isa/index.ts";
import { Errno } from "../../../src/uapi/index.ts";
import { checkStackRangeInitialized } from "../../../src/verifier/access/stack-range.ts";
import type { Environment } from "../../../src/verifier/environment/environment.ts";
import { constantBounds, UNKNOWN, withBounds } from "../../../src/verifier/ranges/bounds.ts";
import { regBoundsSync } from "../../../src/verifier/ranges/sync.ts";
import { stackAccessSpi } from "../../../src/verifier/state/history.ts";
import { RegType } from "../../../src/verifier/state/reg-type.ts";
import type { Register } from "../../../src/verifier/state/register.ts";
import { checkLoadMem, checkStoreImm, checkStoreReg } from "../../../src/verifier/transfer/load-store.ts";
import { type Case, point, refusal, verification } from "../calls/support.ts";

const LOAD = { strictAlignmentOnce: false, isLdsx: false, allowTrustMismatch: true, context: "ldx" };

/** A program of loads and stores that is stepped through: nothing but memory is checked. */
function memory(write: (program: ProgramBuilder) => ProgramBuilder, privileged = true): Case {
  return verification({ insns: write(new ProgramBuilder()).exit().insns(), privileged });
}

/** Executes the next `count` instructions. */
function step(env: Environment, count = 1): void {
  for (let i = 0; i < count; i++) {
    const insn = env.insns[env.insnIdx] as Insn;
    const row = env.rows[env.insnIdx]!;
    env.currentHistory = null;
    env.current.insnIdx = env.insnIdx;
    if (row.kind === "load") checkLoadMem(env, insn, LOAD);
    else if (row.source === "imm") checkStoreImm(env, insn);
    else checkStoreReg(env, insn, false);
    env.prevInsnIdx = env.insnIdx++;
  }
}

function scalar(reg: Register, min: number, max: number): Register {
  reg.markUnknown(false);
  reg.bounds = withBounds(UNKNOWN, { umin: BigInt(min), umax: BigInt(max) });
  regBoundsSync(reg);
  return reg;
}

function types(env: Environment, spi: number): string {
  const slot = env.frame.stack[spi]!;
  return Array.from({ length: 8 }, (_, byte) => "?rm0dif"[slot.typeOf(byte)]).join("");
}

describe("spills and fills", () => {
  it("keep a register whole, its value and its kind", () => {
    const { env } = memory((p) => p.stx("dw", r10, r1, -8).ldx("dw", r2, r10, -8));
    point(env.reg(1), RegType.PTR_TO_CTX);
    step(env, 2);
    expect(types(env, 0)).toBe("rrrrrrrr");
    expect(env.reg(2).type).toBe(RegType.PTR_TO_CTX);
    expect(env.subprograms[0]!.stackDepth).toBe(8);
    // Backtracking has to find both.
    expect(env.current.history.map(({ idx, flags }) => [idx, stackAccessSpi(flags)])).toEqual([
      [0, 0],
      [1, 0],
    ]);
  });

  it("tie a scalar to the register that it was spilled from", () => {
    const { env } = memory((p) => p.stx("dw", r10, r1, -16).ldx("dw", r2, r10, -16));
    scalar(env.reg(1), 3, 7);
    step(env, 2);
    expect(env.reg(1).id).not.toBe(0);
    expect(env.reg(2).id).toBe(env.reg(1).id);
    expect([env.reg(2).bounds.umin, env.reg(2).bounds.umax]).toEqual([3n, 7n]);
  });

  it.each<[SizeName, string]>([
    ["b", "???????r"],
    ["h", "??????rr"],
    ["w", "????rrrr"],
  ])("of %s stand in the lowest bytes of the slot", (size, expected) => {
    const { env } = memory((p) => p.stx(size, r10, r1, -8).ldx(size, r2, r10, -8));
    scalar(env.reg(1), 0, 200);
    step(env, 2);
    expect(types(env, 0)).toBe(expected);
    expect([env.reg(2).bounds.umin, env.reg(2).bounds.umax]).toEqual([0n, 200n]);
    expect(env.reg(2).id).toBe(env.reg(1).id);
  });

  it("of a value that does not fit make another value", () => {
    const { env } = memory((p) => p.stx("b", r10, r1, -8).ldx("b", r2, r10, -8));
    scalar(env.reg(1), 0, 256);
    step(env, 2);
    expect(env.reg(1).id).toBe(0);
    expect([env.reg(2).bounds.umin, env.reg(2).bounds.umax]).toEqual([0n, 255n]);
  });

  it("of part of a spill, from its start, cut the value; from elsewhere they know nothing", () => {
    const { env } = memory((p) =>
      p.stx("dw", r10, r1, -8).ldx("w", r2, r10, -8).ldx("w", r2, r10, -4).ldx("h", r2, r10, -8),
    );
    env.reg(1).markConstant(0x1_0000_0005n, false);
    step(env, 2);
    expect(env.reg(2).bounds.umax).toBe(5n);
    step(env);
    expect(env.reg(2).bounds.umax).toBe(0xffff_ffffn);
    step(env);
    expect(env.reg(2).bounds.umax).toBe(5n);
  });

  it("of a pointer must be whole", () => {
    const write = memory((p) => p.stx("w", r10, r1, -8));
    point(write.env.reg(1), RegType.PTR_TO_CTX);
    expect(refusal(write, () => step(write.env))).toEqual([Errno.EACCES, "invalid size of register spill\n"]);
    const read = memory((p) => p.stx("dw", r10, r1, -8).ldx("w", r2, r10, -8));
    point(read.env.reg(1), RegType.PTR_TO_CTX);
    expect(refusal(read, () => step(read.env, 2))).toEqual([Errno.EACCES, "invalid size of register fill\n"]);
  });

  it("of an immediate know its value", () => {
    const { env } = memory((p) => p.st("dw", r10, -8, -2).ldx("dw", r2, r10, -8).ldx("b", r2, r10, -8));
    step(env, 2);
    expect(env.reg(2).bounds.smin).toBe(-2n);
    expect(env.reg(2).bounds.smax).toBe(-2n);
    step(env);
    expect(env.reg(2).bounds.umin).toBe(0xfen);
  });
});

describe("bytes of the stack", () => {
  it("are zero where zeroes were stored, and a load of them is 0", () => {
    const { env } = memory((p) =>
      p
        .st("w", r10, -4, 0)
        .st("w", r10, -8, 0)
        .ldx("dw", r2, r10, -8)
        .ldx("w", r2, r10, -4)
        .st("w", r10, -8, 0)
        .st("b", r10, -3, 1)
        .ldx("dw", r2, r10, -8),
    );
    step(env, 3);
    expect(types(env, 0)).toBe("0000rrrr");
    // A mixture of zeroes and a spilled 0 is any number, as in the kernel.
    expect(env.reg(2).bounds).toBe(UNKNOWN);
    // Nothing but zeroes.
    step(env, 2);
    expect(types(env, 0)).toBe("0000rrrr");
    expect(env.reg(2).bounds).toBe(constantBounds(0n));
    // What breaks a spill makes the whole slot data.
    step(env, 2);
    expect(types(env, 0)).toBe("mmmmmmmm");
  });

  it("must have been written, unless the loader may read anything", () => {
    const privileged = memory((p) => p.ldx("dw", r2, r10, -8));
    step(privileged.env);
    expect(privileged.env.reg(2).bounds).toBe(UNKNOWN);
    const other = memory((p) => p.st("w", r10, -8, 1).ldx("dw", r2, r10, -8), false);
    expect(refusal(other, () => step(other.env, 2))).toEqual([
      Errno.EACCES,
      "invalid read from stack off -8+4 size 8\n",
    ]);
  });

  it("must be in the frame, and accessed at multiples of the size", () => {
    for (const [off, message] of [
      [0, "invalid write to stack R10 off=0 size=8\n"],
      [-520, "invalid write to stack R10 off=-520 size=8\n"],
      [-4, "misaligned stack access off 0+0+-4 size 8\n"],
    ] as const) {
      const test = memory((p) => p.st("dw", r10, off, 0));
      expect(refusal(test, () => step(test.env))).toEqual([Errno.EACCES, message]);
    }
  });

  it("of a spilled pointer cannot be overwritten in part by who must not see it", () => {
    const test = memory((p) => p.stx("dw", r10, r1, -8).st("b", r10, -8, 0), false);
    point(test.env.reg(1), RegType.PTR_TO_CTX);
    step(test.env);
    expect(refusal(test, () => step(test.env))).toEqual([
      Errno.EACCES,
      "attempt to corrupt spilled pointer on stack\n",
    ]);
    // A CPU may read the slot as it was before the store.
    expect(test.env.aux[0]!.nospecResult).toBe(true);
  });
});

describe("the stack at a variable offset", () => {
  function variable(write: (program: ProgramBuilder) => ProgramBuilder, privileged = true): Case {
    const test = memory(write, privileged);
    const reg = point(test.env.reg(1), RegType.PTR_TO_STACK, { off: -16 });
    reg.bounds = withBounds(UNKNOWN, { umin: 0n, umax: 8n, mask: 8n, value: 0n });
    regBoundsSync(reg);
    return test;
  }

  it("forgets what may have been overwritten", () => {
    const { env } = variable((p) => p.st("dw", r10, -8, 5).st("dw", r1, 0, 7).ldx("dw", r2, r10, -8));
    step(env, 3);
    expect(types(env, 0)).toBe("mmmmmmmm");
    expect(types(env, 1)).toBe("mmmmmmmm");
    expect(env.reg(2).bounds).toBe(UNKNOWN);
  });

  it("stays zero where a zero is stored over zeroes", () => {
    const { env } = variable((p) => p.st("dw", r10, -8, 0).st("dw", r10, -16, 0).st("dw", r1, 0, 0));
    step(env, 3);
    expect(types(env, 0)).toBe("rrrrrrrr");
    expect(env.frame.stack[1]!.spilled.bounds).toBe(constantBounds(0n));
  });

  it("is read as any number of what is initialised", () => {
    const { env } = variable((p) => p.st("dw", r10, -8, 5).st("dw", r10, -16, 5).ldx("dw", r2, r1, 0));
    step(env, 3);
    expect(env.reg(2).type).toBe(RegType.SCALAR_VALUE);
    expect(env.reg(2).bounds).toBe(UNKNOWN);
  });

  it("is closed to who may be lied to by a speculating CPU", () => {
    const test = variable((p) => p.st("dw", r10, -8, 5).st("dw", r10, -16, 5).ldx("dw", r2, r1, 0), false);
    step(test.env, 2);
    expect(refusal(test, () => step(test.env))).toEqual([
      Errno.EACCES,
      "R1 variable offset stack access prohibited for !root, var_off=(0x0; 0x8)\n",
    ]);
  });
});

describe("a range that is lent to a callee", () => {
  it("is initialised, or the callee does it", () => {
    const test = memory((p) => p.st("dw", r10, -8, 5), false);
    const { env } = test;
    step(env);
    point(env.reg(2), RegType.PTR_TO_STACK, { off: -16 });
    expect(refusal(test, () => checkStackRangeInitialized(env, 2, -16, 16, false, "write", null))).toEqual([
      Errno.EACCES,
      "invalid read from stack R2 off -16+0 size 16\n",
    ]);
    const meta = { rawMode: true, pktAccess: false, regno: 0, accessSize: 0, msizeMaxValue: 0n };
    checkStackRangeInitialized(env, 2, -16, 16, false, "write", meta);
    expect([meta.regno, meta.accessSize]).toEqual([2, 16]);
  });

  it("may hold anything afterwards, if the callee may write it", () => {
    const { env } = memory((p) => p.st("dw", r10, -8, 5));
    step(env);
    point(env.reg(2), RegType.PTR_TO_STACK, { off: -8 });
    checkStackRangeInitialized(env, 2, -8, 8, false, "read", null);
    expect(types(env, 0)).toBe("rrrrrrrr");
    checkStackRangeInitialized(env, 2, -8, 8, false, "write", null);
    expect(types(env, 0)).toBe("mmmmmmmm");
  });

  it("has to have a size, unless none will do", () => {
    const test = memory((p) => p);
    point(test.env.reg(2), RegType.PTR_TO_STACK, { off: -8 });
    const range = (zeroSizeAllowed: boolean) =>
      checkStackRangeInitialized(test.env, 2, -8, 0, zeroSizeAllowed, "read", null);
    expect(refusal(test, () => range(false))).toEqual([Errno.EACCES, "invalid zero-sized read\n"]);
    range(true);
  });
});
