/** Sizes and limits of Linux's verifier (include/linux/bpf_verifier.h, include/linux/filter.h). */

/** r0 to r10. */
export const MAX_BPF_REG = 11;
/** Bytes of a stack slot. */
export const REG_SIZE = 8;
/** `MAX_BPF_STACK`: bytes of a program's stack. */
export const MAX_STACK = 512;
export const MAX_CALL_FRAMES = 8;
export const MAX_SUBPROGS = 256;
/** `BPF_COMPLEXITY_LIMIT_INSNS`: where the caller sets none of its own (`VerifyRequest.complexityLimit`). */
export const MAX_PROCESSED = 1_000_000;
/** `BPF_COMPLEXITY_LIMIT_JMP_SEQ` */
export const MAX_PENDING_STATES = 8192;
/** `BPF_MAX_VAR_OFF` */
export const MAX_VAR_OFF = 1 << 29;
/** `BPF_MAX_VAR_SIZ` */
export const MAX_VAR_SIZE = 1 << 29;
export const MAX_USED_MAPS = 64;
export const MAX_USED_BTFS = 64;
/** Slots of a dynptr on the stack. */
export const DYNPTR_SLOTS = 2;
export const DYNPTR_SIZE = DYNPTR_SLOTS * REG_SIZE;
