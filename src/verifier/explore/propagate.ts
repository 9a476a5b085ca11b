import { FRAME_POINTER } from "../../isa/index.ts";
import type { Environment } from "../environment/environment.ts";
import { REG_SIZE } from "../state/limits.ts";
import { RegType } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";
import type { VerifierState } from "../state/verifier-state.ts";
import { markChainPrecisionBatch } from "./precision.ts";
import { markAllScalarsPrecise } from "./scalar-precision.ts";
import type { SccVisit } from "./scc-visits.ts";

/** `MAX_BACKEDGE_ITERS` */
const MAX_BACKEDGE_ITERATIONS = 64;

/**
 * What is precise in a cached state has to be in one that is equal to it (`propagate_precision`).
 *
 * @returns whether any mark is new
 */
export function propagatePrecision(env: Environment, cached: VerifierState, state: VerifierState): boolean {
  const { log, backtrack } = env;
  for (let fr = cached.curframe; fr >= 0; fr--) {
    const { regs, stack } = cached.frames[fr]!;
    let any = false;
    for (let regno = 0; regno < FRAME_POINTER; regno++) {
      if (!isPreciseScalar(regs[regno]!)) continue;
      if (log.level2) log.write(any ? `,r${regno}` : `frame ${fr}: propagating r${regno}`);
      backtrack.setReg(fr, regno);
      any = true;
    }
    for (let spi = 0; spi < stack.length; spi++) {
      const slot = stack[spi]!;
      if (!slot.isSpill || !isPreciseScalar(slot.spilled)) continue;
      const place = -(spi + 1) * REG_SIZE;
      if (log.level2) log.write(any ? `,fp${place}` : `frame ${fr}: propagating fp${place}`);
      backtrack.setSlot(fr, spi);
      any = true;
    }
    // As the kernel: the line ends even where the log's level is too low for the line.
    if (any) log.write("\n");
  }
  return markChainPrecisionBatch(env, state);
}

function isPreciseScalar(reg: Register): boolean {
  return reg.type === RegType.SCALAR_VALUE && reg.precise;
}

/** Spreads marks over the back edges of a loop until nothing changes, and forgets those (`propagate_backedges`). */
export function propagateBackedges(env: Environment, visit: SccVisit): void {
  const { backedges } = visit;
  let iterations = 0;
  let changed: boolean;
  do {
    if (iterations++ > MAX_BACKEDGE_ITERATIONS) {
      if (env.log.level2) env.log.write("propagate_backedges: too many iterations\n");
      for (let i = backedges.length - 1; i >= 0; i--) markAllScalarsPrecise(env, backedges[i]!);
      break;
    }
    changed = false;
    for (let i = backedges.length - 1; i >= 0; i--) {
      const state = backedges[i]!;
      if (propagatePrecision(env, state.equalState!, state)) changed = true;
    }
  } while (changed);
  visit.backedges = [];
}
