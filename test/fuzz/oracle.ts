import { CompileError, FormatError, TsbpfError } from "../../src/base/index.ts";
import type { Target } from "./target.ts";

/** What one input may take at most. */
export const LIMITS = { milliseconds: 1000, bytes: 512 * 1024 * 1024 } as const;

/** Two answers that should agree and do not, or an error that does not say what it should. */
export class Discrepancy extends Error {
  override name = "Discrepancy";
}

/** How an input went. */
export interface Verdict {
  readonly accepted: boolean;
  readonly milliseconds: number;
  /** What is wrong with the project's behaviour; `undefined` where nothing is. */
  readonly problem: Problem | undefined;
}

export interface Problem {
  /** The same for inputs that show the same bug. */
  readonly signature: string;
  readonly description: string;
}

const LONGEST_MESSAGE = 256 * 1024;

/** Throws a {@link Discrepancy} unless the condition holds. */
export function demand(condition: boolean, problem: string | (() => string)): asserts condition {
  if (!condition) throw new Discrepancy(typeof problem === "string" ? problem : problem());
}

/** Runs a step that may refuse; gives `undefined` where it did, after a look at how it says so. `size` is the input's. */
export function attempt<T>(size: number, step: () => T): T | undefined {
  try {
    return step();
  } catch (error) {
    const complaint = complaintAbout(error, size);
    if (complaint !== undefined) throw complaint;
    return undefined;
  }
}

/** What is wrong with an error as an answer to bad input of `size` bytes: something to throw; else `undefined`. */
export function complaintAbout(error: unknown, size: number): unknown {
  if (error instanceof Discrepancy || !(error instanceof TsbpfError)) return error;
  const { message } = error;
  if (message.trim() === "") return new Discrepancy(`${error.name} has an empty message`);
  if (message.length > LONGEST_MESSAGE) {
    return new Discrepancy(`${error.name} has a message of ${message.length} characters`);
  }
  if (
    /\b(got|expected|of|at) undefined\b|\bNaN\b|\[object /.test(message.replaceAll(/'[^']*'|"[^"]*"/g, ""))
  ) {
    return new Discrepancy(`${error.name} names what it does not know: ${message.slice(0, 300)}`);
  }
  if (error instanceof FormatError) {
    const { offset } = error;
    if (!Number.isInteger(offset) || offset < 0 || offset > size) {
      return new Discrepancy(
        `FormatError is about offset ${offset} of ${size} bytes: ${message.slice(0, 300)}`,
      );
    }
  }
  if (error instanceof CompileError) {
    const length = error.source.text.length;
    if (error.diagnostics.length === 0) return new Discrepancy("CompileError has no diagnostics");
    for (const { span, message: about } of error.diagnostics) {
      if (!(span.start >= 0 && span.start <= span.end && span.end <= length)) {
        return new Discrepancy(`span ${span.start} to ${span.end} of ${length} characters: ${about}`);
      }
    }
  }
  return undefined;
}

/** Runs a target on an input and judges what it does. */
export function judge(target: Target, input: Uint8Array): Verdict {
  const start = performance.now();
  const cpu = process.cpuUsage();
  let accepted = true;
  let bug: unknown;
  try {
    target.run(input);
  } catch (error) {
    accepted = false;
    bug = complaintAbout(error, input.length);
  }
  const { user, system } = process.cpuUsage(cpu);
  // Others use the machine too: their time does not count, nor that of this process' other threads.
  const milliseconds = Math.min(performance.now() - start, (user + system) / 1000);
  const problem = bug === undefined ? undefined : problemOf(bug);
  return { accepted, milliseconds, problem };
}

/** The problem of an input that takes too long, or too much. */
export function resourceProblem(kind: "time" | "memory", detail: string): Problem {
  return { signature: kind, description: detail };
}

function problemOf(bug: unknown): Problem {
  if (!(bug instanceof Error)) {
    return { signature: `thrown: ${typeof bug}`, description: `threw ${String(bug)}, which is no error` };
  }
  const cause = bug.cause instanceof Error ? bug.cause.stack : undefined;
  const stack = cause ?? bug.stack ?? "";
  const frame =
    stack
      .split("\n")
      .find((line) => /[/\\]src[/\\]/.test(line))
      ?.trim() ?? "";
  const line = bug.message.split("\n")[0]!.slice(0, 2000);
  const words = line.replaceAll(/'[^']*'|"[^"]*"|\b-?\d[\da-fx]*|\b[\da-f]{8,}/g, "N").slice(0, 110);
  const place = /at (\S+) /.exec(frame)?.[1] ?? "";
  return {
    signature: `${bug.name}: ${words}${place === "" ? "" : ` in ${place}`}`,
    description: stack.startsWith(`${bug.name}`) ? stack : `${bug.name}: ${bug.message}\n${stack}`,
  };
}
