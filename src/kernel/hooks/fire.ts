import type { KernelTask } from "../tasks/task.ts";

/** What an event has in it: numbers, texts, bytes, and objects of the kernel, which stand for their address. */
export type FireValue = number | bigint | string | Uint8Array | { readonly offset: number };

/** Registers of x86-64 by the names of `struct pt_regs`. */
export type Registers = Readonly<Record<string, FireValue>>;

/** What happened, as far as programs can see it. */
export interface FireFacts {
  /** Of a tracepoint or a function, in its order. */
  readonly args?: readonly FireValue[];
  /** Of the record of a trace event, by name. */
  readonly fields?: Readonly<Record<string, FireValue>>;
  /** What a function returns: a value, or what it does to get it, which does not happen where a program overrides it. */
  readonly result?: FireValue | (() => FireValue);
  /** Of the probed task; arguments and results are in theirs already. */
  readonly registers?: Registers;
  /** How often a counter is counted up; 1 unless told. */
  readonly count?: number | bigint;
  /** What a sample of a counter is about, as the address of a page fault. */
  readonly address?: bigint;
}

/** Where it happened. */
export interface FirePlace {
  /** CPU 0 unless told. */
  readonly cpu?: number;
  /** What runs there unless told. */
  readonly task?: KernelTask;
  /** Addresses of the functions that led there, the innermost first; none unless told. */
  readonly stack?: { readonly kernel?: readonly bigint[]; readonly user?: readonly bigint[] };
}

/** What came of it. */
export interface FireResult {
  /** Programs that ran. */
  readonly runs: number;
  /** What a function returned in the end; 0n of everything else. */
  readonly result: bigint;
}
