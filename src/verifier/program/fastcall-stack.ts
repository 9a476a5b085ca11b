import type { Environment } from "../environment/environment.ts";
import { subprogEnd } from "./subprograms.ts";

/**
 * Functions whose fastcall spills are dropped need less stack (the part of `remove_fastcall_spills_fills` that does not
 * change the code).
 */
export function releaseFastcallStack(env: Environment): void {
  for (const [i, subprogram] of env.subprograms.entries()) {
    if (subprogram.keepFastcallStack) continue;
    const end = subprogEnd(env, i);
    for (let at = subprogram.start; at < end; at++) {
      if (env.aux[at]!.fastcallSpillsNum === 0) continue;
      subprogram.stackDepth = -subprogram.fastcallStackOff;
      break;
    }
  }
}
