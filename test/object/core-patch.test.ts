import { describe, expect, it } from "vitest";
import type { CoreResult } from "../../src/btf/index.ts";
import { type Insn, rowNamed } from "../../src/isa/index.ts";
import { POISON_HELPER, patchInsn } from "../../src/object/core-patch.ts";

const result = (fields: Partial<CoreResult>): CoreResult => ({
  kind: 0,
  original: 8n,
  value: 24n,
  poison: false,
  validate: true,
  originalSize: 0,
  size: 0,
  sizeConflict: false,
  match: null,
  failure: "",
  ...fields,
});

const insn = (name: string, fields: Partial<Insn> = {}): Insn => ({
  opcode: rowNamed(name).opcode,
  dst: 1,
  src: 0,
  off: 0,
  imm: 0,
  ...fields,
});

const SECOND: Insn = { opcode: 0, dst: 0, src: 0, off: 0, imm: 0 };
const POISON: Insn = { ...insn("call_helper"), dst: 0, imm: POISON_HELPER };
const LOAD = insn("ldx_w", { src: 2, off: 8 });

describe("patchInsn", () => {
  it.each(["mov64_k", "add64_k", "mov32_k", "add32_k"])("puts the value into the immediate of %s", (name) => {
    const before = insn(name, { imm: 8 });
    expect(patchInsn(before, undefined, result({}))).toEqual({ insns: [{ ...before, imm: 24 }] });
  });

  it("compares and writes immediates as signed 32 bits", () => {
    const before = insn("mov64_k", { imm: -5 });
    const after = patchInsn(
      before,
      undefined,
      result({ original: 0xffff_ffff_ffff_fffbn, value: 0xffff_ffffn }),
    );
    expect(after).toEqual({ insns: [{ ...before, imm: -1 }] });
  });

  it.each(["ldx_b", "ldx_dw", "stx_h", "st_w"])("puts the value into the offset of %s", (name) => {
    const before = insn(name, { off: 8, imm: 7 });
    const same = result({ originalSize: 4, size: 4 });
    expect(patchInsn(before, undefined, same)).toEqual({ insns: [{ ...before, off: 24 }] });
  });

  it.each([
    ["ldx_w", 4, "ldx_dw", 8],
    ["ldx_h", 2, "ldx_b", 1],
    ["stx_dw", 8, "stx_w", 4],
    ["st_w", 4, "st_h", 2],
    ["ldsx_w", 4, "ldsx_b", 1],
  ])("makes %s (%i bytes) a %s (%i bytes) where the field has that size", (from, originalSize, to, size) => {
    const before = insn(from, { off: 8 });
    expect(patchInsn(before, undefined, result({ originalSize, size }))).toEqual({
      insns: [{ ...insn(to), off: 24 }],
    });
  });

  it("puts the value into both halves of a 64-bit immediate", () => {
    const before = insn("ld_imm64_imm", { imm: -2 });
    const found = result({ original: 0x1_ffff_fffen, value: 0x8000_0001_ffff_ffffn });
    expect(patchInsn(before, { ...SECOND, imm: 1 }, found)).toEqual({
      insns: [
        { ...before, imm: -1 },
        { ...SECOND, imm: -0x7fff_ffff },
      ],
    });
  });

  it("poisons what found nothing: one slot, or both of a 64-bit immediate", () => {
    expect(POISON.imm).toBe(195896080);
    const poison = result({ poison: true });
    expect(patchInsn(LOAD, undefined, poison)).toEqual({ insns: [POISON] });
    expect(patchInsn(insn("ld_imm64_imm"), SECOND, poison)).toEqual({ insns: [POISON, POISON] });
    expect(patchInsn(insn("exit"), undefined, poison)).toEqual({ insns: [POISON] });
  });

  it("poisons a load whose size may not change, but not arithmetic with its offset", () => {
    const conflict = result({ originalSize: 4, size: 8, sizeConflict: true });
    expect(patchInsn(LOAD, undefined, conflict)).toEqual({ insns: [POISON] });
    const add = insn("add64_k", { imm: 8 });
    expect(patchInsn(add, undefined, conflict)).toEqual({ insns: [{ ...add, imm: 24 }] });
  });

  it("does not look at the old value where that is not reliable", () => {
    const before = insn("mov64_k", { imm: 99 });
    expect(patchInsn(before, undefined, result({ validate: false }))).toEqual({
      insns: [{ ...before, imm: 24 }],
    });
  });

  it.each<[string, Insn, Insn | undefined, Partial<CoreResult>, RegExp]>([
    [
      "an unexpected immediate",
      insn("mov64_k", { imm: 9 }),
      undefined,
      {},
      /expected the immediate 8 \(to become 24\), got 9/,
    ],
    ["an unexpected offset", insn("ldx_w", { off: -8 }), undefined, {}, /expected the offset 8 .*, got -8/],
    ["an offset of 32768", LOAD, undefined, { value: 32768n }, /expected an offset up to 32767, got 32768/],
    [
      "arithmetic with a register",
      insn("add64_x", { src: 2 }),
      undefined,
      {},
      /with an immediate, got add64_x/,
    ],
    [
      "a jump",
      insn("ja"),
      undefined,
      {},
      /expected arithmetic, a load, a store or a 64-bit immediate, got ja/,
    ],
    ["a slot that is no instruction", { ...SECOND, opcode: 0xff }, undefined, {}, /got opcode 0xff/],
    [
      "an access of another size",
      LOAD,
      undefined,
      { originalSize: 2, size: 4 },
      /expected an access of 2 bytes, got ldx_w/,
    ],
    [
      "a field of 12 bytes",
      LOAD,
      undefined,
      { originalSize: 4, size: 12 },
      /no form of ldx_w accesses 12 bytes/,
    ],
    ["half a wide load", insn("ld_imm64_imm"), undefined, {}, /expected a plain 64-bit immediate load/],
    [
      "a map reference",
      insn("ld_imm64_imm", { src: 1 }),
      SECOND,
      {},
      /expected a plain 64-bit immediate load/,
    ],
  ])("says what is wrong with %s", (_what, before, next, fields, message) => {
    const patched = patchInsn(before, next, result(fields));
    expect(patched).toHaveProperty("problem", expect.stringMatching(message));
  });
});
