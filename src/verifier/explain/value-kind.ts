import { exactOf } from "./value-range.ts";

/** Whether a log's word for a value means a pointer. */
export function isPointer(value: string | null): boolean {
  return value !== null && /^[a-z_]/.test(value) && !/^(?:P?scalar|inv|imm|unknown|refs)/.test(value);
}

/** Whether it means a number, known or not. */
export function isNumber(value: string | null): boolean {
  return value !== null && (exactOf(value) !== null || /^(?:P?scalar|inv|imm|unknown)/.test(value));
}
