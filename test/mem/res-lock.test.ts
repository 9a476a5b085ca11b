import { expect, it } from "vitest";
import { attachKernelMemory, createKernelMemory, memoryHandle } from "../../src/mem/index.ts";
import { Errno } from "../../src/uapi/index.ts";

/** A memory with a second executor, as both have it, and as many locks as are wanted. */
function two(count: number) {
  const memory = createKernelMemory({ maximumPages: 64 });
  const other = attachKernelMemory(memoryHandle(memory), memory.executors.add());
  const locks = Array.from({ length: count }, () => memory.alloc(8));
  return { memory, other, locks };
}

it("is refused where the executor has the lock", () => {
  const memory = createKernelMemory({ maximumPages: 64 });
  const { res_lock, res_unlock } = memory.functions;
  const [one, two] = [memory.alloc(8), memory.alloc(8)];
  expect([res_lock(one), res_lock(two), res_lock(one)]).toEqual([0, 0, -Errno.EDEADLK]);
  res_unlock(two);
  expect([res_lock(two), res_lock(two)]).toEqual([0, -Errno.EDEADLK]);
  res_unlock(two);
  res_unlock(one);
  expect(memory.view().getUint32(one, true)).toBe(0);
  expect(res_lock(one)).toBe(0);
});

it("is no deadlock where nobody is known to have the lock", () => {
  const memory = createKernelMemory({ maximumPages: 64 });
  const lock = memory.alloc(8);
  memory.view().setUint32(lock, 1, true);
  expect(memory.functions.res_lock(lock)).toBe(-Errno.ETIMEDOUT);
});

it("is waited for a quarter of a second", () => {
  const { memory, other, locks } = two(1);
  expect(other.functions.res_lock(locks[0]!)).toBe(0);
  const began = performance.now();
  expect(memory.functions.res_lock(locks[0]!)).toBe(-Errno.ETIMEDOUT);
  expect(performance.now() - began).toBeGreaterThan(245);
  other.functions.res_unlock(locks[0]!);
  expect(memory.functions.res_lock(locks[0]!)).toBe(0);
});

it("all are given back at once, and only one's own", () => {
  const { memory, other, locks } = two(33);
  for (const lock of locks.slice(0, 32)) expect(memory.functions.res_lock(lock)).toBe(0);
  expect(other.functions.res_lock(locks[32]!)).toBe(0);
  expect(memory.functions.res_lock(locks[30]!)).toBe(-Errno.EDEADLK);
  memory.executors.releaseLocks(0);
  const held = locks.filter((lock) => memory.view().getUint32(lock, true) !== 0);
  // The table has place for 31.
  expect(held).toEqual(locks.slice(31));
  other.executors.releaseLocks(1);
  expect(memory.functions.res_lock(locks[32]!)).toBe(0);
});
