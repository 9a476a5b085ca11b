import type { Program } from "./program.ts";

export interface Insn {
  readonly program: Program;
}
