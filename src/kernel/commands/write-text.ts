import { utf8 } from "../../base/index.ts";
import type { Process } from "../process.ts";

/**
 * Writes a text with its NUL, as much of both as there is room for, to a buffer of the caller; a NUL is the last byte in
 * any case. EFAULT. @returns whether it was cut.
 */
export function writeText(process: Process, address: bigint, room: number, text: string): boolean {
  const bytes = utf8(`${text}\0`);
  const cut = room < bytes.length;
  if (cut) bytes[room - 1] = 0;
  process.write(address, bytes.subarray(0, room));
  return cut;
}
