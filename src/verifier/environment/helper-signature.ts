import type { HelperPrototype } from "../../platform/index.ts";

/** An argument of a helper in numbers. */
export interface ArgumentSignature {
  /** A base of `ArgType`, with flags. */
  readonly type: number;
  /** Bytes of a memory of fixed size; else 0. */
  readonly size: number;
  /** The struct in the kernel's BTF that it asks for; 0 for none. */
  readonly btfId: number;
}

/** A helper as the program under verification gets it, in numbers. */
export interface HelperSignature {
  readonly prototype: HelperPrototype;
  readonly args: readonly ArgumentSignature[];
  /** A base of `RetType`, with flags. */
  readonly returns: number;
  /** The struct in the kernel's BTF that it returns; 0 for none. */
  readonly returnBtfId: number;
  /** The program meets the prototype's own condition. */
  readonly allowed: boolean;
}
