import type { ProgramType } from "../../platform/index.ts";
import type { Environment } from "./environment.ts";

/** The type whose rules hold for the program: an extension takes those of what it replaces (`resolve_prog_type`). */
export function resolvedType(env: Environment): ProgramType {
  return env.attach?.resolvedType ?? env.request.type;
}

/** The attach type whose rules hold: an extension takes its target's. */
export function resolvedAttachType(env: Environment): number {
  return env.attach?.expectedAttachType ?? env.request.expectedAttachType;
}
