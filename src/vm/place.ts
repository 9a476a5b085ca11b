import type { BpfExecutor } from "./executor.ts";

/** Where an executor keeps what its modules use: offsets in the one memory, which they hold as constants. */
export interface ExecutorPlace {
  readonly stateAt: number;
  readonly stackLow: number;
  readonly stackEnd: number;
  readonly framesAt: number;
  readonly framesEnd: number;
  /** As the memory's epochs know it. */
  readonly executor: number;
}

export function placeOf(executor: BpfExecutor): ExecutorPlace {
  const { stateAt, stackLow, stackEnd, framesAt, framesEnd, id } = executor;
  return { stateAt, stackLow, stackEnd, framesAt, framesEnd, executor: id };
}
