import type { FunctionBuilder } from "../wasm/index.ts";
import { emittedKfunc } from "./define.ts";
import type { ArgumentCheck, EmitEnvironment, Kfunc } from "./helper.ts";

/** The interrupt flag, as saved: interrupts were on. */
const SAVED_FLAGS = 0x200n;

const LOCK: ArgumentCheck = { kind: "fixedMemory", bytes: 4, write: true };
const FLAGS: ArgumentCheck = { kind: "fixedMemory", bytes: 8, write: true };

const lock = emittedKfunc(
  "bpf_res_spin_lock",
  { args: ["ptr"], result: "u32", checks: [LOCK] },
  (f, { memory }) => f.get(f.params[0]!).call(memory.function("res_lock")),
);

const lockSaving = emittedKfunc(
  "bpf_res_spin_lock_irqsave",
  { args: ["ptr", "ptr"], result: "u32", checks: [LOCK, FLAGS] },
  (f, { memory }) => {
    const error = f.local("i32", "error");
    f.get(f.params[0]!).call(memory.function("res_lock")).tee(error).i32.eqz();
    f.if(() => f.get(f.params[1]!).i64.const(SAVED_FLAGS).i64.store());
    f.get(error);
  },
);

const unlock = (f: FunctionBuilder, { memory }: EmitEnvironment) =>
  f.get(f.params[0]!).call(memory.function("res_unlock"));

/**
 * Locks whose taking may fail, so that no program can hang by them: EDEADLK where it would wait for itself, or for
 * another that waits for it, ETIMEDOUT after a quarter of a second. A run that ends with a fault gives them back.
 */
export const RES_SPIN_LOCK_KFUNCS: readonly Kfunc[] = [
  lock,
  lockSaving,
  emittedKfunc("bpf_res_spin_unlock", { args: ["ptr"], result: "void", checks: [LOCK] }, unlock),
  emittedKfunc(
    "bpf_res_spin_unlock_irqrestore",
    { args: ["ptr", "ptr"], result: "void", checks: [LOCK, FLAGS] },
    unlock,
  ),
];
