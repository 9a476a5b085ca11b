import { assemble, disassemble } from "../../../src/asm/index.ts";
import { allOf, type FuzzCode, type FuzzProgram } from "./program.ts";

/** A program and where its inputs come from: what a finding is kept as. */
export interface EngineCase {
  /** What it found, for people. */
  readonly note: string;
  readonly program: FuzzProgram;
  /** Of `inputsOf`. */
  readonly seed: number;
  readonly index: number;
  readonly runs: number;
}

/**
 * The case as text:
 *
 * ```text
 * # what it found
 * inputs: 1 5 10
 * type: syscall
 * main:
 *   r2 = *(u32 *)(r1 + 0)
 * …
 * tail:
 * …
 * ```
 *
 * The numbers are seed, index and count of `inputsOf`. The type is left out where it is XDP. Jumps count slots, maps are named by their index in `MAPS`, kfuncs
 * by theirs in `KFUNCS`. `main, caught at 12:` has the function that catches what is thrown in slot 12.
 */
export function caseText({ note, program, seed, index, runs }: EngineCase): string {
  const lines = note.split("\n").map((line) => `# ${line}`.trimEnd());
  lines.push(`inputs: ${seed} ${index} ${runs}`);
  if (program.type !== "xdp") lines.push(`type: ${program.type}`);
  for (const [number, { insns, catcher }] of allOf(program).entries()) {
    const name = number === 0 ? "main" : "tail";
    lines.push(catcher === 0 ? `${name}:` : `${name}, caught at ${catcher}:`, disassemble(insns).trimEnd());
  }
  return `${lines.join("\n")}\n`;
}

/** @throws Error for a text that is none. */
export function readCase(text: string): EngineCase {
  const note = text.split("\n").flatMap((line) => (line.startsWith("#") ? [line.slice(2)] : []));
  const body = text.split("\n").filter((line) => !line.startsWith("#"));
  const numbers = /^inputs: (\d+) (\d+) (\d+)$/.exec(body.find((line) => line.startsWith("inputs:")) ?? "");
  if (numbers === null) throw new Error("expected a line 'inputs: SEED INDEX RUNS'");
  const parts: { readonly catcher: number; readonly lines: string[] }[] = [];
  for (const line of body) {
    const start = /^(?:main|tail)(?:, caught at (\d+))?:$/.exec(line);
    if (start !== null) parts.push({ catcher: Number(start[1] ?? 0), lines: [] });
    else parts.at(-1)?.lines.push(line);
  }
  const [main, ...tails] = parts.map(
    ({ catcher, lines }): FuzzCode => ({ insns: assemble(lines.join("\n")).insns, catcher }),
  );
  if (main === undefined) throw new Error("expected a line 'main:'");
  const [seed, index, runs] = numbers.slice(1).map(Number) as [number, number, number];
  const type = body.includes("type: syscall") ? "syscall" : "xdp";
  return { note: note.join("\n"), program: { type, main, tails }, seed, index, runs };
}
