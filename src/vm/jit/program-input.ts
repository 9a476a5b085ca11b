import type { Insn } from "../../isa/index.ts";
import type { KnownMaps } from "./call-facts.ts";

/** A program to emit. */
export interface ProgramInput {
  readonly name: string;
  readonly insns: readonly Insn[];
  readonly checked: boolean;
  /** Slots of calls of `bpf_throw`. */
  readonly throws: ReadonlySet<number>;
  /** See `EngineInput`. */
  readonly exceptionCallback: number;
  readonly arena: number;
  /** Offset that names the program where callbacks are looked up. */
  readonly codeAt: number;
  /** Whether verified code, straight from instructions, counts them in the state block. */
  readonly counting: boolean;
  /** Maps whose addresses are in the code: functions go through the SSA form then. Null: straight from instructions. */
  readonly optimised: KnownMaps | null;
}
