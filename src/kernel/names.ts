import { textOf } from "../base/index.ts";

/** `BPF_OBJ_NAME_LEN`: bytes of a name with its NUL. */
export const OBJ_NAME_LEN = 16;

/**
 * The name in a fixed field of `union bpf_attr`: letters, digits, `_` and `.` up to a NUL; what stands
 * behind it does not matter. Null where it is none (`bpf_obj_name_cpy`).
 */
export function objectName(bytes: Uint8Array): string | null {
  let length = 0;
  while (length < bytes.length && bytes[length] !== 0) {
    if (!isNameByte(bytes[length]!)) return null;
    length++;
  }
  if (length === bytes.length) return null;
  return textOf(bytes.subarray(0, length));
}

function isNameByte(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x5f ||
    byte === 0x2e
  );
}
