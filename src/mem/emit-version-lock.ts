import type { FunctionBuilder, Local } from "../wasm/index.ts";
import type { MemoryImports } from "./memory-module.ts";

/**
 * Words that are a lock in their low two bits, as {@link LockFunctions} has it, and a version above them, which changes
 * with the release of the lock: one atomic operation for both.
 */
export const VERSION_STEP = 4;

/**
 * Emits the taking of a lock with a version: `version` becomes the word without the lock's bits. Where it is free, that
 * takes no call.
 */
export function emitLockVersion(
  f: FunctionBuilder,
  memory: MemoryImports,
  { base, plus }: { readonly base: Local; readonly plus: number },
  version: Local,
): void {
  f.get(base);
  f.get(base).i32.load(plus).i32.const(-VERSION_STEP).i32.and().tee(version);
  f.get(version).i32.const(1).i32.or().i32.atomicRmw("cmpxchg", plus).get(version).i32.ne();
  f.if(() => f.get(base).i32.const(plus).i32.add().call(memory.function("lock_version")).set(version));
}

/** Emits the release of a lock with a version, which is what `version` says from then on. */
export function emitUnlockVersion(
  f: FunctionBuilder,
  memory: MemoryImports,
  { base, plus }: { readonly base: Local; readonly plus: number },
  version: Local,
): void {
  f.get(base).get(version).i32.atomicRmw("xchg", plus).i32.const(2).i32.and();
  f.if(() => f.get(base).i32.const(plus).i32.add().call(memory.function("wake")));
}
