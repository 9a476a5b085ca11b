import type { Environment } from "../environment/environment.ts";
import type { StageFunction } from "./stage.ts";

/** The functions of a verified program, before any fixup. */
export function verifiedFunctions(env: Environment): StageFunction[] {
  return env.subprograms.map(({ start, stackDepth }, subprogram) => ({
    start,
    depth: stackDepth,
    subprogram,
  }));
}

/** The program throws, and has no function of its own that catches: fixups add one. */
export function needsExceptionCallback(env: Environment): boolean {
  return env.seenException && env.exceptionCallback === 0;
}
