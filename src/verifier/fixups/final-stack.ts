import { lookup } from "../../isa/index.ts";
import type { Environment } from "../environment/environment.ts";
import { inlineLoops } from "./loop-inline.ts";
import { MAY_GOTO_STACK } from "./may-goto.ts";
import { Stage } from "./stage.ts";
import { needsExceptionCallback, verifiedFunctions } from "./verified-functions.ts";

/** Bytes of stack of each function once fixups are done, as the statistics of the log have them. */
export function finalStackDepths(env: Environment): number[] {
  const stage = new Stage(env.insns, env.aux, verifiedFunctions(env));
  inlineLoops(stage);
  if (env.bpfCapable) stage.prune();
  const depths = stage.functions.map(({ start, depth }, i) => {
    for (let slot = start; slot < stage.end(i); slot++) {
      if (lookup(stage.insns[slot]!)?.kind === "mayGoto") return depth + MAY_GOTO_STACK;
    }
    return depth;
  });
  return needsExceptionCallback(env) ? [...depths, 0] : depths;
}
