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
