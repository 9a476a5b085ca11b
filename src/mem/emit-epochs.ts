import type { Func, FunctionBuilder, Local, ModuleBuilder } from "../wasm/index.ts";
import { BlockFlag, SEAL_AT } from "./block.ts";
import {
  Control,
  EXECUTOR_STRIDE,
  ExecutorState,
  FIRST_EPOCH,
  LAST_EPOCH,
  MAX_EXECUTORS,
  RETIRE_LISTS,
} from "./control.ts";
import type { AllocatorFunctions } from "./emit-allocator.ts";
import { emitWhereParallel, type LockFunctions } from "./emit-lock.ts";

/**
 * Emits epoch-based reclamation: `retire`, `quiesce`, `online`, `offline`, exported.
 *
 * A block retired in epoch e may be held by executors that have announced e or an earlier epoch. The epoch moves on
 * when all executors that are online have announced it; so when it becomes e + 2, each has passed a quiescent point
 * since the block was retired. An executor that is alone announces and moves on twice in one call.
 */
export function emitEpochs(m: ModuleBuilder, locks: LockFunctions, allocator: AllocatorFunctions): Func {
  const advance = m.function("advance", { results: ["i32"] });
  const announce = m.function("announce", { params: ["i32"] });
  const retire = m.function("retire", { params: ["i32"], results: ["i32"] }, { export: true });
  const quiesce = m.function("quiesce", { params: ["i32"] }, { export: true });
  const online = m.function("online", { params: ["i32"] }, { export: true });
  const offline = m.function("offline", { params: ["i32"] }, { export: true });
  emitAdvance(advance, allocator.release);
  emitRetire(retire, locks, allocator.headerOf);

  // (executor): the lock is held.
  const [at] = announce.params as [Local];
  announce.get(at).i32.const(0).i32.load(Control.EPOCH).i32.atomicStore(Control.EXECUTORS);

  const [executor] = quiesce.params as [Local];
  const word = quiesce.local("i32", "word");
  quiesce.i32
    .const(0)
    .i32.atomicLoad(Control.PENDING)
    .i32.eqz()
    .if(() => quiesce.return());
  quiesce.get(executor).i32.const(EXECUTOR_STRIDE).i32.mul().set(word);
  emitWhereParallel(quiesce, locks.lock, Control.LOCK);
  for (let step = 0; step < RETIRE_LISTS - 1; step++) {
    quiesce.get(word).i32.load(Control.EXECUTORS).i32.const(ExecutorState.OFFLINE).i32.gtU();
    quiesce.if(() => quiesce.get(word).call(announce));
    quiesce.call(advance).drop();
  }
  emitWhereParallel(quiesce, locks.unlock, Control.LOCK);

  const [arriving] = online.params as [Local];
  emitWhereParallel(online, locks.lock, Control.LOCK);
  online.get(arriving).i32.const(EXECUTOR_STRIDE).i32.mul().call(announce);
  emitWhereParallel(online, locks.unlock, Control.LOCK);

  const [leaving] = offline.params as [Local];
  emitWhereParallel(offline, locks.lock, Control.LOCK);
  offline.get(leaving).i32.const(EXECUTOR_STRIDE).i32.mul().i32.const(ExecutorState.OFFLINE);
  offline.i32.atomicStore(Control.EXECUTORS);
  offline.call(advance).if(() => offline.call(advance).drop());
  emitWhereParallel(offline, locks.unlock, Control.LOCK);
  return retire;
}

/** Emits the epoch onto the stack: a stamp for what is taken out of use now. */
export function emitEpoch(f: FunctionBuilder): FunctionBuilder {
  return f.i32.const(0).i32.atomicLoad(Control.EPOCH);
}

/** Emits whether every executor has passed a quiescent point since a stamp was taken, onto the stack. */
export function emitPassed(f: FunctionBuilder, stamp: Local): FunctionBuilder {
  const epoch = f.local("i32", "epoch");
  emitEpoch(f).tee(epoch).get(stamp).i32.ne();
  f.i32.const(LAST_EPOCH).get(epoch).i32.const(1).i32.sub();
  f.get(epoch).i32.const(FIRST_EPOCH).i32.eq().select();
  return f.get(stamp).i32.ne().i32.and();
}

/** `() → whether the epoch moved on`; what was retired two epochs ago is freed then. */
function emitAdvance(f: FunctionBuilder, release: Func): void {
  const epoch = f.local("i32", "epoch");
  const at = f.local("i32", "at");
  const said = f.local("i32", "said");
  const list = f.local("i32", "list");
  const block = f.local("i32", "block");
  f.i32.const(0).i32.load(Control.EPOCH).set(epoch);
  f.loop((again) => {
    f.get(at).i32.atomicLoad(Control.EXECUTORS).tee(said).i32.const(ExecutorState.OFFLINE).i32.gtU();
    f.get(said).get(epoch).i32.ne().i32.and();
    f.if(() => f.i32.const(0).return());
    f.get(at).i32.const(EXECUTOR_STRIDE).i32.add().tee(at);
    f.i32
      .const(MAX_EXECUTORS * EXECUTOR_STRIDE)
      .i32.ltU()
      .brIf(again);
  });
  f.i32.const(FIRST_EPOCH).get(epoch).i32.const(1).i32.add();
  f.get(epoch).i32.const(LAST_EPOCH).i32.eq().select().set(epoch);
  f.i32.const(0).get(epoch).i32.store(Control.EPOCH);
  f.get(epoch).i32.const(1).i32.add().i32.const(RETIRE_LISTS).i32.remU().i32.const(2).i32.shl().tee(list);
  f.i32.load(Control.RETIRED).set(block);
  f.get(list).i32.const(0).i32.store(Control.RETIRED);
  f.block((done) => {
    f.loop((again) => {
      f.get(block).i32.eqz().brIf(done);
      f.get(block).i32.load(SEAL_AT);
      f.get(block).get(block).i32.load().i32.const(~BlockFlag.RETIRED).i32.and().i32.store();
      f.get(block).call(release).set(block);
      f.i32.const(0).i32.const(0).i32.load(Control.PENDING).i32.const(1).i32.sub().i32.store(Control.PENDING);
      f.br(again);
    });
  });
  f.i32.const(1);
}

/** `(offset) → 0 | -1`: -1 for what is no block that is handed out. */
function emitRetire(f: FunctionBuilder, locks: LockFunctions, headerOf: Func): void {
  const [offset] = f.params as [Local];
  const header = f.local("i32", "header");
  const list = f.local("i32", "list");
  emitWhereParallel(f, locks.lock, Control.LOCK);
  f.get(offset).call(headerOf).tee(header);
  f.if(() => {
    f.get(header).get(header).i32.load().i32.const(BlockFlag.RETIRED).i32.or().i32.store();
    f.i32
      .const(0)
      .i32.load(Control.EPOCH)
      .i32.const(RETIRE_LISTS)
      .i32.remU()
      .i32.const(2)
      .i32.shl()
      .set(list);
    f.get(header).get(list).i32.load(Control.RETIRED).i32.store(SEAL_AT);
    f.get(list).get(header).i32.store(Control.RETIRED);
    f.i32.const(0).i32.const(0).i32.load(Control.PENDING).i32.const(1).i32.add().i32.store(Control.PENDING);
  });
  emitWhereParallel(f, locks.unlock, Control.LOCK);
  f.i32.const(0).i32.const(-1).get(header).select();
}
