import type { IrFunction, Value } from "../../ir/index.ts";
import type { FunctionBuilder } from "../../wasm/index.ts";
import type { FunctionCode } from "./function-code.ts";
import type { ProgramParts } from "./program-parts.ts";

/** The code of a function in SSA form, as those who emit one kind of its values see it. */
export interface IrEmission {
  readonly f: FunctionBuilder;
  readonly func: IrFunction;
  readonly code: FunctionCode;
  readonly parts: ProgramParts;
  /** Pushes a value. */
  push(value: Value): void;
  /** Pops what an effect gave: into its local, or away where nobody uses it. */
  keep(value: Value): void;
}
