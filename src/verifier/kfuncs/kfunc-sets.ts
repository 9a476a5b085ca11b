import { kfuncFlags as platformFlags } from "../../platform/index.ts";
import { programTraits } from "../calls/helper-signature.ts";
import type { Environment } from "../environment/environment.ts";
import type { KfuncDescription } from "../environment/kfunc-description.ts";

/** What the function asks of its callers, bits of `KfuncFlag`; null: such programs may not call it (`btf_kfunc_id_set_contains`). */
export function kfuncFlags(env: Environment, kfunc: KfuncDescription): number | null {
  const { attach } = env;
  let { verdict } = kfunc;
  // Control flow asks before the target is known, which may have the last word.
  if (verdict === null || verdict.attach !== attach) {
    verdict = { attach, flags: platformFlags(kfunc.name, programTraits(env)) };
    kfunc.verdict = verdict;
  }
  return verdict.flags;
}
