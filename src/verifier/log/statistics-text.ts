import type { Environment } from "../environment/environment.ts";

/** What a verification cost, at the end of the log (`print_verification_stats`). */
export function printVerificationStats(
  env: Environment,
  microseconds: number,
  stackDepths: readonly number[],
): void {
  const { log } = env;
  if (!log.enabled) return;
  if (log.stats) {
    log.write(`verification time ${Math.trunc(microseconds)} usec\nstack depth ${stackDepths.join("+")}\n`);
  }
  log.write(
    `processed ${env.insnProcessed} insns (limit ${env.complexityLimit}) max_states_per_insn ${env.maxStatesPerInsn} ` +
      `total_states ${env.totalStates} peak_states ${env.explored.peak} mark_read ${env.longestMarkReadWalk}\n`,
  );
}
