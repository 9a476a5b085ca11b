import { Control, emitParallel } from "../mem/index.ts";
import { Errno } from "../uapi/index.ts";
import type { FunctionBuilder, Local } from "../wasm/index.ts";
import { emittedKfunc } from "./define.ts";
import type { ArgumentCheck, EmitEnvironment, Kfunc } from "./helper.ts";

/** The interrupt flag, as saved: interrupts were on. */
const SAVED_FLAGS = 0x200n;

/** Looks at a lock that another executor holds before it is given up: about as long as Linux waits (a quarter second). */
const TRIES = 1 << 26;

const LOCK: ArgumentCheck = { kind: "fixedMemory", bytes: 4, write: true };
const FLAGS: ArgumentCheck = { kind: "fixedMemory", bytes: 8, write: true };

/**
 * Emits `res_spin_lock`, which leaves an errno: EDEADLK where this CPU holds the lock already, ETIMEDOUT where another
 * does not give it back. The word holds who has the lock: the CPU and 1.
 */
function emitLock(f: FunctionBuilder, environment: EmitEnvironment, lock: Local, error: Local): void {
  const self = f.local("i32", "self");
  const owner = f.local("i32", "owner");
  const left = f.local("i32", "tries_left");
  environment.cpu(f);
  f.i32.const(1).i32.add().set(self);
  f.i32.const(TRIES).set(left);
  f.block((done) => {
    f.loop((again) => {
      f.get(lock).i32.const(0).get(self).i32.atomicRmw("cmpxchg").tee(owner).i32.eqz().brIf(done);
      f.get(owner).get(self).i32.eq();
      // With one executor nobody else can give it back either.
      emitParallel(f).i32.eqz().i32.or();
      f.if(() => f.i32.const(-Errno.EDEADLK).set(error).br(done));
      f.i32.const(0).i32.load(Control.INTERRUPT).i32.eqz();
      f.get(left).i32.const(1).i32.sub().tee(left).i32.const(0).i32.ne().i32.and().brIf(again);
    });
    f.i32.const(-Errno.ETIMEDOUT).set(error);
  });
}

const lock = emittedKfunc(
  "bpf_res_spin_lock",
  { args: ["ptr"], result: "u32", checks: [LOCK] },
  (f, environment) => {
    const error = f.local("i32", "error");
    emitLock(f, environment, f.params[0]!, error);
    f.get(error);
  },
);

const lockSaving = emittedKfunc(
  "bpf_res_spin_lock_irqsave",
  { args: ["ptr", "ptr"], result: "u32", checks: [LOCK, FLAGS] },
  (f, environment) => {
    const error = f.local("i32", "error");
    emitLock(f, environment, f.params[0]!, error);
    f.get(error).i32.eqz();
    f.if(() => f.get(f.params[1]!).i64.const(SAVED_FLAGS).i64.store());
    f.get(error);
  },
);

const unlock = (f: FunctionBuilder) => f.get(f.params[0]!).i32.const(0).i32.atomicStore();

/** Locks whose taking may fail, so that no program can hang by them. */
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
