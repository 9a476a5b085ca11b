import type { Environment } from "../environment/environment.ts";
import { subprogEnd } from "./subprograms.ts";

/**
 * The spills and fills around calls that keep registers are taken out of the program, and with them the stack that
 * they use, unless something else uses it too (`remove_fastcall_spills_fills`).
 */
export function releaseFastcallStack(env: Environment): void {
  env.subprograms.forEach((subprogram, i) => {
    if (subprogram.keepFastcallStack) return;
    for (let slot = subprogram.start; slot < subprogEnd(env, i); slot++) {
      if (env.aux[slot]!.fastcallSpillsNum > 0) {
        subprogram.stackDepth = -subprogram.fastcallStackOff;
        return;
      }
    }
  });
}
