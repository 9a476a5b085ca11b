import { TsbpfError } from "../base/index.ts";

/** A module that is built wrongly: a mistake of the code that emits it. */
export class WasmError extends TsbpfError {
  override name = "WasmError";
  /** Name of the function whose body is wrong; `undefined` where the module itself is. */
  readonly function: string | undefined;
  /** Number of the instruction in the body, from 0; known while checking only. */
  readonly instruction: number | undefined;
  /** Offset of the instruction in the body's code, in bytes. */
  readonly offset: number | undefined;
  readonly problem: string;

  constructor(
    problem: string,
    where: { function?: string | undefined; instruction?: number | undefined; offset?: number } = {},
  ) {
    const path: string[] = [];
    if (where.function !== undefined) path.push(`function ${where.function}`);
    if (where.instruction !== undefined) path.push(`instruction ${where.instruction}`);
    if (where.offset !== undefined) path.push(`offset ${where.offset}`);
    super(`wasm: ${[...path, problem].join(": ")}`);
    this.function = where.function;
    this.instruction = where.instruction;
    this.offset = where.offset;
    this.problem = problem;
  }
}

/** A module that is right but larger than engines accept: emit less, or split the function. */
export class WasmLimitError extends TsbpfError {
  override name = "WasmLimitError";
  /** What is too large: `"function main: body bytes"`. */
  readonly what: string;
  readonly limit: number;
  readonly actual: number;

  constructor(what: string, limit: number, actual: number) {
    super(`wasm: ${what}: expected at most ${limit}, got ${actual}`);
    this.what = what;
    this.limit = limit;
    this.actual = actual;
  }
}

/** Throws a {@link WasmLimitError} where `actual` exceeds `limit`. */
export function checkLimit(what: string, limit: number, actual: number): void {
  if (actual > limit) throw new WasmLimitError(what, limit, actual);
}
