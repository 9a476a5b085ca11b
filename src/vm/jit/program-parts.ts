import type { Func } from "../../wasm/index.ts";
import type { KnownMaps } from "./call-facts.ts";
import type { ProgramCode } from "./program-code.ts";
import type { CallTarget, CallTargets, Reached } from "./targets.ts";

/** What is known of all functions of a program when one is emitted. */
export interface ProgramParts {
  /** For messages. */
  readonly name: string;
  readonly program: ProgramCode;
  readonly targets: Pick<CallTargets, "tailCall" | "callback">;
  /** See `ProgramInput`. */
  readonly counting: boolean;
  /** First slot of the exception callback; 0 for none. */
  readonly catcher: number;
  /** Functions, by first slot, that may return with a fault in the state block. */
  readonly mayStop: ReadonlySet<number>;
  /** What the call of a helper or kfunc in a slot reaches. @throws CodeError where there is nothing. */
  readonly targetOf: (slot: number) => CallTarget;
  /** The main function of a program with a function index, where its code stands in this module or can be put there. */
  readonly linked: (index: number) => Func | null;
  /** First slots of functions that helpers may call back, by function index. */
  readonly callbacks: ReadonlyMap<number, number>;
  /** Maps whose addresses are in the code, where it is optimised. */
  readonly maps: KnownMaps | null;
}

/** The body that a call slot of verified code reaches, which is no `bpf_throw`. */
export function bodyAt({ targetOf }: ProgramParts, slot: number): Reached & { readonly kind: "body" } {
  const target = targetOf(slot);
  if (target.kind === "throw" || target.via.kind !== "body")
    throw new Error(`slot ${slot}: verified code calls bodies, without adapters between`);
  return target.via;
}
