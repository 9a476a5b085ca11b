import type { Func, FunctionBuilder, Local, ModuleBuilder } from "../wasm/index.ts";
import { Control } from "./control.ts";

/** Tries of a taken lock before its executor sleeps. */
const SPINS = 128;

/** Emitted locks: words that are 0 free, 1 taken, 2 taken with executors asleep on it. */
export interface LockFunctions {
  /** `(word)`. Takes the lock. */
  readonly lock: Func;
  /** `(word)`. */
  readonly unlock: Func;
}

/** Emits `lock` and `unlock`, exported: Drepper's second mutex ("Futexes are tricky", 2011), spinning first. */
export function emitLocks(m: ModuleBuilder): LockFunctions {
  const sleep = m.function("sleep", { params: ["i32", "i32"] });
  const slow = m.function("lock_slow", { params: ["i32"] });
  const lock = m.function("lock", { params: ["i32"] }, { export: true });
  const unlock = m.function("unlock", { params: ["i32"] }, { export: true });

  // A wait must be the only work of its function: see FunctionBuilder.atomicWait32.
  sleep.get(sleep.params[0]!).get(sleep.params[1]!).i64.const(-1).atomicWait32().drop();

  emitSlowLock(slow, sleep);

  const [word] = lock.params as [Local];
  lock.get(word).i32.const(0).i32.const(1).i32.atomicRmw("cmpxchg");
  lock.if(() => lock.get(word).call(slow));

  const [held] = unlock.params as [Local];
  unlock.get(held).i32.const(0).i32.atomicRmw("xchg").i32.const(2).i32.eq();
  unlock.if(() => unlock.get(held).i32.const(1).atomicNotify().drop());

  emitVersionLock(m.function("lock_version", { params: ["i32"], results: ["i32"] }, { export: true }), sleep);
  const wake = m.function("wake", { params: ["i32"] }, { export: true });
  wake.get(wake.params[0]!).i32.const(1).atomicNotify().drop();
  return { lock, unlock };
}

/** `(word) → version`: takes a lock with a version that was not free at the first try. */
function emitVersionLock(f: FunctionBuilder, sleep: Func): void {
  const [word] = f.params as [Local];
  const spins = f.local("i32", "spins");
  const seen = f.local("i32", "seen");
  const take = (state: number) => {
    f.get(word).i32.atomicLoad().tee(seen).i32.const(3).i32.and().i32.eqz();
    f.if(() => {
      f.get(word).get(seen).get(seen).i32.const(state).i32.or().i32.atomicRmw("cmpxchg").get(seen).i32.eq();
      f.if(() => f.get(seen).return());
    });
  };
  f.i32.const(SPINS).set(spins);
  f.loop((again) => {
    take(1);
    f.get(spins).i32.const(1).i32.sub().tee(spins).brIf(again);
  });
  f.loop((again) => {
    take(2);
    // Whoever has it is told that somebody sleeps. Where the word has changed meanwhile, nobody does.
    f.get(seen).i32.const(1).i32.and();
    f.if(() => {
      f.get(word).get(seen).get(seen).i32.const(3).i32.xor().tee(seen).i32.atomicRmw("cmpxchg").drop();
    });
    f.get(seen).i32.const(2).i32.and();
    f.if(() => f.get(word).get(seen).call(sleep));
    f.br(again);
  });
  f.unreachable();
}

function emitSlowLock(f: FunctionBuilder, sleep: Func): void {
  const [word] = f.params as [Local];
  const spins = f.local("i32", "spins");
  f.i32.const(SPINS).set(spins);
  f.loop((again) => {
    f.get(word).i32.atomicLoad().i32.eqz();
    f.if(() => {
      f.get(word).i32.const(0).i32.const(1).i32.atomicRmw("cmpxchg").i32.eqz();
      f.if(() => f.return());
    });
    f.get(spins).i32.const(1).i32.sub().tee(spins).brIf(again);
  });
  f.loop((again) => {
    f.get(word).i32.const(2).i32.atomicRmw("xchg");
    f.if(() => f.get(word).i32.const(2).call(sleep).br(again));
  });
}

/** Emits a test on the stack: whether several executors may be at work. */
export function emitParallel(f: FunctionBuilder): FunctionBuilder {
  return f.i32.const(0).i32.load(Control.PARALLEL);
}

/** Emits a call with a control word as argument, where several executors may be at work. */
export function emitWhereParallel(f: FunctionBuilder, callee: Func, word: number): void {
  emitParallel(f).if(() => f.i32.const(word).call(callee));
}
