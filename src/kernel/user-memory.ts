import type { UserMemory } from "../sys/index.ts";

/** A task, as far as programs that run in its name see it. A thread of the kernel has no user memory. */
export interface Task {
  readonly pid: number;
  readonly comm: string;
  readonly memory?: UserMemory;
}

function addressOf(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

/** Bytes of user memory; null where any of them faults. */
export function userBytes(
  memory: UserMemory | undefined,
  low: number,
  high: number,
  length: number,
): Uint8Array | null {
  return memory?.read(addressOf(low, high), length) ?? null;
}

/** Up to `limit` bytes of a string, without its NUL; null where it faults before either. */
export function userString(
  memory: UserMemory | undefined,
  low: number,
  high: number,
  limit: number,
): Uint8Array | null {
  if (memory === undefined) return null;
  const start = addressOf(low, high);
  for (let length = 0; length < limit; length++) {
    const byte = memory.read(start + BigInt(length), 1);
    if (byte === null) return null;
    if (byte[0] === 0) return memory.read(start, length) ?? new Uint8Array(0);
  }
  return memory.read(start, limit);
}

/** @returns null where there is no user memory, false where it faults. */
export function writeUser(
  memory: UserMemory | undefined,
  low: number,
  high: number,
  bytes: Uint8Array,
): boolean | null {
  return memory === undefined ? null : memory.write(addressOf(low, high), bytes.slice());
}
