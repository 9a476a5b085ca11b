import { parseClassic } from "../asm/index.ts";
import { SourceText, textOf } from "../base/index.ts";
import { decodeClassic, type SockFilter } from "../isa/index.ts";

/** Only what stands in files of text. */
export function isText(bytes: Uint8Array): boolean {
  return bytes.length > 0 && bytes.every((byte) => (byte >= 32 && byte < 127) || (byte >= 9 && byte <= 13));
}

/** Numbers as `tcpdump -ddd` prints them: how many instructions, then four for each. They could be hexadecimal too. */
export function isDecimalFilter(bytes: Uint8Array): boolean {
  if (!isText(bytes)) return false;
  const text = textOf(bytes).trim();
  if (!/^[\d\s,]+$/.test(text)) return false;
  const [count, ...insns] = text.split(/\s*[\n,]\s*/);
  return Number(count) === insns.length && insns.every((line) => /^\d+(\s+\d+){3}$/.test(line));
}

/** A classic program in any of tcpdump's forms, bpf_asm's language, or as `struct sock_filter` records. */
export function classicProgram(bytes: Uint8Array, name: string): readonly SockFilter[] {
  return isText(bytes) ? parseClassic(new SourceText(textOf(bytes), name)) : decodeClassic(bytes);
}
