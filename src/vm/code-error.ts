import { TsbpfError } from "../base/index.ts";

/** Code that an engine cannot take: what a verifier, or a check of the form, refuses earlier. */
export class CodeError extends TsbpfError {
  override name = "CodeError";
  /** The program's name. */
  readonly program: string;
  /** The first slot of the instruction. */
  readonly slot: number;
  readonly problem: string;

  constructor(program: string, slot: number, problem: string) {
    super(`program ${program}: slot ${slot}: ${problem}`);
    this.program = program;
    this.slot = slot;
    this.problem = problem;
  }
}
