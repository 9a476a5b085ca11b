import { emitSpinLock, emitSpinUnlock } from "../maps/index.ts";
import { emitParallel } from "../mem/index.ts";
import { BpfFuncId } from "../uapi/index.ts";
import { emittedHelper } from "./define.ts";
import type { Helper } from "./helper.ts";

const PASSING = { args: ["ptr"], result: "void" } as const;

/** `struct bpf_spin_lock`: the verifier sees to it that who holds one gives it back, and takes no other. */
export const SPIN_LOCK_HELPERS: readonly Helper[] = [
  emittedHelper(BpfFuncId.spin_lock, PASSING, (f, { memory, holdLock }) => {
    emitSpinLock(f, memory, () => f.get(f.params[0]!));
    emitParallel(f).if(() => holdLock(f, () => f.get(f.params[0]!)));
  }),
  emittedHelper(BpfFuncId.spin_unlock, PASSING, (f, { memory, holdLock }) => {
    emitParallel(f).if(() => holdLock(f, () => f.i32.const(0)));
    emitSpinUnlock(f, memory, () => f.get(f.params[0]!));
  }),
];
