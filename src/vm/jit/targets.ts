import type { Body } from "../bodies.ts";
import type { Callee } from "../emit-adapter.ts";
import type { ProgramInput } from "./program-input.ts";

/** An adapter of a helper or kfunc, and what it is to be told. */
export interface AdapterTarget {
  /** `(window, argument) → FaultCode or 0` */
  readonly func: unknown;
  /** By which modules tell adapters apart. */
  readonly index: number;
  readonly argument: number;
}

/** What the call of a helper or kfunc in a slot reaches. */
export type CallTarget =
  /** `bpf_throw` */
  | { readonly kind: "throw" }
  /** `bpf_tail_call`, whose adapter or body gives the function to go on with. */
  | { readonly kind: "tailCall"; readonly via: Reached }
  | { readonly kind: "call"; readonly via: Reached };

/** How a body is reached: through an adapter, which tests arguments, or as itself. */
export type Reached =
  | ({ readonly kind: "adapter" } & AdapterTarget)
  | { readonly kind: "body"; readonly callee: Callee; readonly body: Body };

/** A program whose optimised code may stand in the module of another. */
export interface Linkable {
  readonly input: ProgramInput;
  readonly targets: CallTargets;
}

/** What the compiler asks of the rest of the engine. */
export interface CallTargets {
  /** Null where nothing has this number. */
  helper(id: number): CallTarget | null;
  /** Null where this kernel has no body of it. */
  kfunc(slot: number): CallTarget | null;
  /** See `createTailCall`. */
  readonly tailCall: () => unknown;
  /** The program that tail calls reach by a function index, where its code may stand in another module, too. */
  linkable(index: number): Linkable | null;
  /** Function index of a function that a helper may call back, by its first slot. */
  callback(entry: number): number;
}
