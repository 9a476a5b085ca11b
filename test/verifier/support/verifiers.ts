import type { KernelOptions } from "../../../src/kernel/index.ts";
import type { KernelTypes } from "./kernel-types.ts";
import { KernelVerifier } from "./kernel-verifier.ts";
import { LoneVerifier } from "./lone-verifier.ts";
import type { CaseVerifier } from "./verifier-answer.ts";

/** The verifiers that the harness knows; the first is the default. */
export const VERIFIERS: readonly string[] = ["embedded", "alone", "live"];

export interface OpenVerifier {
  readonly verifier: CaseVerifier;
  /** Where the cases' names of kernel functions are looked up. */
  readonly types: KernelTypes | null;
}

/** A verifier by name, or why there is none. `limits` are the embedded kernel's. */
export async function openVerifier(
  name: string,
  limits: Pick<KernelOptions, "complexityLimit" | "engine" | "jit"> = {},
): Promise<OpenVerifier | string> {
  if (!VERIFIERS.includes(name)) return `there is no verifier '${name}'`;
  if (name === "alone") {
    const verifier = LoneVerifier.open();
    return { verifier, types: verifier.types };
  }
  const verifier = name === "live" ? await KernelVerifier.live() : KernelVerifier.embedded("6.18", limits);
  return typeof verifier === "string" ? verifier : { verifier, types: verifier.types };
}
