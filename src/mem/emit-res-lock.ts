import { Errno } from "../uapi/index.ts";
import type { Func, FunctionBuilder, Global, Local, ModuleBuilder } from "../wasm/index.ts";
import { Control, EXECUTOR_STRIDE, HELD_LOCKS, HELD_STRIDE, MAX_EXECUTORS } from "./control.ts";

/** Milliseconds that an executor waits for a lock at most (`RES_DEF_TIMEOUT`). */
const TIMEOUT = 250;

/** Looks at a taken lock between two looks at the clock. */
const SPINS = 1024;

/**
 * Emits `res_lock` and `res_unlock`, exported: locks whose taking fails rather than to wait for ever. The word holds who
 * has the lock: the executor's number and 1. Each executor has a table of what it holds, and of what it waits for on
 * top of that, as Linux has one for each CPU (`struct rqspinlock_held`): by these a deadlock is seen at once, of an
 * executor with itself (AA), and within a millisecond of two executors (ABBA). What does not fit into a table is held,
 * but no deadlock by it is seen.
 *
 * @param now `() → milliseconds`, whatever they count from.
 */
export function emitResLocks(m: ModuleBuilder, executor: Global, now: Func): void {
  const signature = { params: ["i32"], results: ["i32"] } as const;
  const holds = m.function("res_holds", { params: ["i32", "i32", "i32"], results: ["i32"] });
  const crossed = m.function("res_crossed", signature);
  const wait = m.function("res_wait", signature);
  const lock = m.function("res_lock", signature, { export: true });
  const unlock = m.function("res_unlock", { params: ["i32"] }, { export: true });
  emitHolds(holds);
  emitCrossed(crossed, executor, holds);
  emitWait(wait, { executor, now, crossed });

  const [word] = lock.params as [Local];
  const table = ownTable(lock, executor);
  const count = lock.local("i32", "count");
  lock.get(table).i32.load(Control.HELD).set(count);
  emitTake(lock, word, executor).i32.eqz();
  lock.if(() => {
    emitNote(lock, table, count, word);
    lock.i32.const(0).return();
  });
  lock.get(table).get(count).get(word).call(holds);
  lock.if(() => lock.i32.const(-Errno.EDEADLK).return());
  // With one executor nobody gives it back while this one waits.
  lock.i32.const(0).i32.load(Control.PARALLEL).i32.eqz();
  lock.if(() => lock.i32.const(-Errno.ETIMEDOUT).return());
  emitNote(lock, table, count, word);
  lock.get(word).call(wait).tee(count);
  lock.if(() => emitForget(lock, table));
  lock.get(count);

  const [held] = unlock.params as [Local];
  const own = ownTable(unlock, executor);
  // The entry goes first: nobody else finds the lock in two tables.
  emitForget(unlock, own);
  unlock.get(held).i32.const(0).i32.atomicStore();
}

/** A local with where the table of the executor is, relative to the first. */
function ownTable(f: FunctionBuilder, executor: Global): Local {
  const table = f.local("i32", "table");
  f.globalGet(executor).i32.const(HELD_STRIDE).i32.mul().set(table);
  return table;
}

/** Takes a lock that is free; pushes who has had it. */
function emitTake(f: FunctionBuilder, word: Local, executor: Global): FunctionBuilder {
  f.get(word).i32.const(0).globalGet(executor).i32.const(1).i32.add();
  return f.i32.atomicRmw("cmpxchg");
}

/** Pushes where an entry of a table is, relative to the first entry of the first. */
function emitEntry(f: FunctionBuilder, table: Local, index: Local): FunctionBuilder {
  return f.get(index).i32.const(2).i32.shl().get(table).i32.add();
}

/** The lock becomes the last of a table of `count` entries. */
function emitNote(f: FunctionBuilder, table: Local, count: Local, word: Local): void {
  f.get(count).i32.const(HELD_LOCKS).i32.ltU();
  f.if(() => {
    emitEntry(f, table, count)
      .get(word)
      .i32.atomicStore(Control.HELD + 4);
  });
  f.get(table).get(count).i32.const(1).i32.add().i32.atomicStore(Control.HELD);
}

/** The last entry of a table goes; of an empty one nothing does: programs that nobody has verified give back anything. */
function emitForget(f: FunctionBuilder, table: Local): void {
  const last = f.local("i32", "last");
  f.get(table).i32.load(Control.HELD).tee(last);
  f.if(() => {
    f.get(last).i32.const(1).i32.sub().tee(last).i32.const(HELD_LOCKS).i32.ltU();
    f.if(() => {
      emitEntry(f, table, last)
        .i32.const(0)
        .i32.atomicStore(Control.HELD + 4);
    });
    f.get(table).get(last).i32.atomicStore(Control.HELD);
  });
}

/** `(table, count, word) → whether the lock is among the first entries`. */
function emitHolds(f: FunctionBuilder): void {
  const [table, count, word] = f.params as [Local, Local, Local];
  const end = f.local("i32", "end");
  f.get(count).i32.const(HELD_LOCKS).get(count).i32.const(HELD_LOCKS).i32.ltU().select();
  f.i32.const(2).i32.shl().get(table).i32.add().set(end);
  f.block((done) => {
    f.loop((again) => {
      f.get(table).get(end).i32.eq().brIf(done);
      f.get(table)
        .i32.atomicLoad(Control.HELD + 4)
        .get(word)
        .i32.eq();
      f.if(() => f.i32.const(1).return());
      f.get(table).i32.const(4).i32.add().set(table);
      f.br(again);
    });
  });
  f.i32.const(0);
}

/** `(word) → whether another executor holds the lock and waits for one that this executor holds`. */
function emitCrossed(f: FunctionBuilder, executor: Global, holds: Func): void {
  const [word] = f.params as [Local];
  const own = ownTable(f, executor);
  const other = f.local("i32", "other");
  const count = f.local("i32", "count");
  const wanted = f.local("i32", "wanted");
  f.loop((again) => {
    // Who waits has an entry for that; where the table is full, it is not there.
    f.get(other).i32.atomicLoad(Control.HELD).i32.const(1).i32.sub().tee(count);
    f.i32
      .const(1)
      .i32.sub()
      .i32.const(HELD_LOCKS - 1)
      .i32.ltU();
    f.get(other).get(own).i32.ne().i32.and();
    f.if(() => {
      emitEntry(f, other, count)
        .i32.atomicLoad(Control.HELD + 4)
        .set(wanted);
      f.get(other).get(count).get(word).call(holds);
      f.if(() => {
        // The last of the own entries is what this executor waits for.
        f.get(own).get(own).i32.load(Control.HELD).i32.const(1).i32.sub().get(wanted).call(holds);
        f.if(() => f.i32.const(1).return());
      });
    });
    f.get(other).i32.const(HELD_STRIDE).i32.add().tee(other);
    f.i32
      .const(MAX_EXECUTORS * HELD_STRIDE)
      .i32.ltU()
      .brIf(again);
  });
  f.i32.const(0);
}

interface Waiting {
  readonly executor: Global;
  readonly now: Func;
  readonly crossed: Func;
}

/** `(word) → 0 or an error`: takes a lock that another executor holds, which is noted as wanted. */
function emitWait(f: FunctionBuilder, { executor, now, crossed }: Waiting): void {
  const [word] = f.params as [Local];
  const began = f.local("i32", "began");
  const looked = f.local("i32", "looked");
  const time = f.local("i32", "time");
  const spins = f.local("i32", "spins");
  f.call(now).tee(began).set(looked);
  f.loop((again) => {
    f.i32.const(SPINS).set(spins);
    f.loop((spin) => {
      f.get(word).i32.atomicLoad().i32.eqz();
      f.if(() => {
        emitTake(f, word, executor).i32.eqz();
        f.if(() => f.i32.const(0).return());
      });
      f.get(spins).i32.const(1).i32.sub().tee(spins).brIf(spin);
    });
    f.call(now).tee(time).get(looked).i32.ne();
    f.if(() => {
      f.get(time).set(looked);
      f.get(word).call(crossed);
      f.if(() => f.i32.const(-Errno.EDEADLK).return());
    });
    f.get(time).get(began).i32.sub().i32.const(TIMEOUT).i32.ltU();
    f.globalGet(executor).i32.const(EXECUTOR_STRIDE).i32.mul().i32.load(Control.INTERRUPT);
    f.i32.eqz().i32.and().brIf(again);
  });
  f.i32.const(-Errno.ETIMEDOUT);
}
