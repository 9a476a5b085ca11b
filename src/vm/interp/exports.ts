/** What the emitted interpreter offers. */
export interface InterpreterExports {
  readonly start: (code: number, r1: number, r1High: number, r2: number, outermost: number) => number;
  readonly enter: unknown;
  readonly callback: unknown;
  readonly host: unknown;
}
