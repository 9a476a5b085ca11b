import { SourceText } from "../../base/index.ts";
import type { SockFilter } from "../../isa/index.ts";
import { Cursor } from "./cursor.ts";
import { readCArray, readDecimal } from "./read-numeric.ts";
import { readSymbolic } from "./read-symbolic.ts";

/**
 * Reads a classic program from text: the output of `tcpdump -d`, `-dd` or `-ddd`, or the language of the kernel's
 * bpf_asm. Which of these it is shows in its first character. The program is not checked: that is `checkClassic`'s
 * part.
 *
 * ```ts
 * parseClassic("ldh [12]\njeq #0x800, ip, drop\nip: ret #-1\ndrop: ret #0")
 * ```
 *
 * @throws CompileError with all errors found.
 */
export function parseClassic(text: string | SourceText): SockFilter[] {
  const cursor = new Cursor(typeof text === "string" ? new SourceText(text) : text);
  const program = readProgram(cursor);
  cursor.finish();
  return program;
}

function readProgram(cursor: Cursor): SockFilter[] {
  if (cursor.is("{")) return readCArray(cursor);
  if (cursor.token.kind === "number") return readDecimal(cursor);
  return readSymbolic(cursor);
}
