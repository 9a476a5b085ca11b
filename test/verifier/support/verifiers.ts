import type { KernelTypes } from "./kernel-types.ts";
import { LiveVerifier } from "./live-verifier.ts";
import type { CaseVerifier } from "./verifier-answer.ts";

/** The verifiers that the harness knows; the first is the default. */
export const VERIFIERS: readonly string[] = ["live"];

export interface OpenVerifier {
  readonly verifier: CaseVerifier;
  /** Where the cases' names of kernel functions are looked up. */
  readonly types: KernelTypes | null;
}

/** A verifier by name, or why there is none. */
export async function openVerifier(name: string): Promise<OpenVerifier | string> {
  if (name !== "live") return `there is no verifier '${name}'`;
  const live = await LiveVerifier.open();
  return typeof live === "string" ? live : { verifier: live, types: live.types };
}
