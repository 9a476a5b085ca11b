import { u64 } from "../base/index.ts";
import type { UserMemory } from "../sys/index.ts";

/** The user memory of a task: what programs that run in its name read and write. */
export type TaskMemory = Pick<UserMemory, "read" | "write">;

/** Bytes of user memory; null where any of them faults. */
export function userBytes(
  memory: TaskMemory | undefined,
  low: number,
  high: number,
  length: number,
): Uint8Array | null {
  return memory?.read(u64(low, high), length) ?? null;
}

/** Up to `limit` bytes of a string, without its NUL; null where it faults before either. */
export function userString(
  memory: TaskMemory | undefined,
  low: number,
  high: number,
  limit: number,
): Uint8Array | null {
  if (memory === undefined) return null;
  const start = u64(low, high);
  for (let length = 0; length < limit; length++) {
    const byte = memory.read(start + BigInt(length), 1);
    if (byte === null) return null;
    if (byte[0] === 0) return memory.read(start, length) ?? new Uint8Array(0);
  }
  return memory.read(start, limit);
}

/** @returns null where there is no user memory, false where it faults. */
export function writeUser(
  memory: TaskMemory | undefined,
  low: number,
  high: number,
  bytes: Uint8Array,
): boolean | null {
  return memory === undefined ? null : memory.write(u64(low, high), bytes.slice());
}
