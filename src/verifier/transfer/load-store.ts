import type { Insn } from "../../isa/index.ts";
import { Errno } from "../../uapi/index.ts";
import { checkMemAccess } from "../access/mem-access.ts";
import { saveAuxPtrType } from "../access/pointer-kind.ts";
import type { Environment } from "../environment/environment.ts";
import { regTypeStr } from "../log/reg-type-text.ts";
import { regBoundsSanityCheck } from "../ranges/sanity.ts";
import { checkRegArg } from "../registers/check-reg-arg.ts";
import { RegType } from "../state/reg-type.ts";

/** Bytes by the size bits of an opcode: w, h, b, dw. */
const ACCESS_BYTES: readonly number[] = [4, 2, 1, 8];

/** Bytes that a load or a store accesses. */
export function accessSize(insn: Insn): number {
  return ACCESS_BYTES[(insn.opcode >> 3) & 3]!;
}

/** What tells loads from each other. */
export interface LoadOptions {
  /** Must be aligned even where alignment is not strict. */
  readonly strictAlignmentOnce: boolean;
  readonly isLdsx: boolean;
  /** Pointers that are trusted on one path may be not on another. */
  readonly allowTrustMismatch: boolean;
  /** What the log calls it, where ranges contradict each other. */
  readonly context: string;
}

/** `dst = *(size *)(src + off)` (`check_load_mem`) */
export function checkLoadMem(env: Environment, insn: Insn, options: LoadOptions): void {
  checkRegArg(env, insn.src, "src");
  checkRegArg(env, insn.dst, "dstNoMark");
  // dst may be src.
  const { type } = env.reg(insn.src);
  const { strictAlignmentOnce, isLdsx, allowTrustMismatch, context } = options;
  checkMemAccess(
    env,
    env.insnIdx,
    insn.src,
    insn.off,
    accessSize(insn),
    "read",
    insn.dst,
    strictAlignmentOnce,
    isLdsx,
  );
  saveAuxPtrType(env, type, allowTrustMismatch);
  regBoundsSanityCheck(env, env.reg(insn.dst), context);
}

/** `*(size *)(dst + off) = src` (`check_store_reg`) */
export function checkStoreReg(env: Environment, insn: Insn, strictAlignmentOnce: boolean): void {
  checkRegArg(env, insn.src, "src");
  checkRegArg(env, insn.dst, "src");
  const { type } = env.reg(insn.dst);
  checkMemAccess(
    env,
    env.insnIdx,
    insn.dst,
    insn.off,
    accessSize(insn),
    "write",
    insn.src,
    strictAlignmentOnce,
    false,
  );
  saveAuxPtrType(env, type, false);
}

/** `*(size *)(dst + off) = imm` */
export function checkStoreImm(env: Environment, insn: Insn): void {
  checkRegArg(env, insn.dst, "src");
  const { type } = env.reg(insn.dst);
  if (type === RegType.PTR_TO_CTX && env.release === "6.1") {
    env.refuse(Errno.EACCES, `BPF_ST stores into R${insn.dst} ${regTypeStr(type)} is not allowed`);
  }
  checkMemAccess(env, env.insnIdx, insn.dst, insn.off, accessSize(insn), "write", -1, false, false);
  saveAuxPtrType(env, type, false);
}
