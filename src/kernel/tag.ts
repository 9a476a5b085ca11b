import { encode, type Insn, isWide, WideKind } from "../isa/index.ts";
import { sha256 } from "./sha256.ts";

/** The tag of a program: the first eight bytes of its digest. */
export function programTag(insns: readonly Insn[]): Uint8Array {
  return programDigest(insns).subarray(0, 8);
}

/**
 * The digest of a program (`bpf_prog_calc_tag`): the SHA-256 of its slots as loaded, with the references to maps
 * zeroed, since their descriptors say nothing of the program. (Up to Linux 6.17 it was a SHA-1.)
 */
export function programDigest(insns: readonly Insn[]): Uint8Array {
  const masked = [...insns];
  for (let i = 0; i + 1 < masked.length; i++) {
    const insn = masked[i]!;
    if (!isWide(insn)) continue;
    if (insn.src === WideKind.mapFd || insn.src === WideKind.mapValue) {
      masked[i] = { ...insn, imm: 0 };
      masked[i + 1] = { ...masked[i + 1]!, imm: 0 };
    }
    i++;
  }
  return sha256(encode(masked));
}
