import type { LineStart } from "../statement.ts";

/** `  12: (bf) `: bpftool's and the kernel's. */
const NUMBERED = /[ \t]*([0-9]{1,9}): \([0-9a-f]{2}\) /y;
/** `      12:\t79 12 00 00 00 00 00 00\t`: llvm-objdump's; the second half of a wide load may follow the first. */
const OBJDUMP = /[ \t]*([0-9]{1,9}):\s+(?:[0-9a-f]{2} ){7,15}[0-9a-f]{2}[ \t]+/y;
/** `0000000000000000 <name>:` */
const OBJDUMP_LABEL = /[0-9a-f]{16} <[^\n]*>:/y;
/** The headings of llvm-objdump. */
const OBJDUMP_HEADING = /Disassembly of section |[^\t\n]{1,4096}:\tfile format /y;
/** The bytes that bpftool prints below an instruction. */
const OPCODES = /[ \t]+(?:[0-9a-f]{2} ){7}(?:(?:[0-9a-f]{2} ){8})?[0-9a-f]{2}[ \t\r]*(?=\n|$)/y;
/** The states and remarks of a verifier log. */
const LOG =
  /(?:[0-9]{1,9}: (?:R[0-9]|fp[0-9-])|from [0-9]|mark_precise:|processed [0-9]+ insns|verification time|stack depth|Live regs before insn:|func#[0-9]|last_idx |regs=|parent |propagating |[ \t]*[0-9]{1,9}: [.0-9]{10,} \([0-9a-f]{2}\))/y;
/** Directives around the instructions that a compiler writes. */
const DIRECTIVE =
  /[ \t]*\.(?:text|globl|global|p2align|align|type|size|file|ident|addrsig|addrsig_sym|loc|cfi_[a-z_]+|section[ \t]+\.text|section[ \t]+"?\.note|weak|local|hidden)\b/y;

/** Finds the instruction in a line of a listing, or says that the line holds none. */
export function skipListing(text: string, start: number, end: number): LineStart | null {
  let first = start;
  while (first < end && (text[first] === " " || text[first] === "\t")) first++;
  const char = text.charCodeAt(first);
  // A line of assembly begins with a letter or '*'. Of what else a line may begin with, each form has its own.
  if (char >= 0x30 && char <= 0x39) {
    for (const pattern of [NUMBERED, OBJDUMP]) {
      const match = at(pattern, text, start, end);
      if (match !== null) return { start: start + match[0].length, slot: Number(match[1]) };
    }
    if (at(OBJDUMP_LABEL, text, start, end) !== null) return null;
  } else if (char === 0x2e && at(DIRECTIVE, text, start, end) !== null) {
    return null;
  }
  if (first > start && isHexDigit(char) && at(OPCODES, text, start, end) !== null) return null;
  if (at(LOG, text, start, end) !== null || at(OBJDUMP_HEADING, text, start, end) !== null) return null;
  // The prototype above a function: `int count(struct __sk_buff * skb):`. No instruction ends so.
  const last = trimmedEnd(text, start, end);
  if (text[last - 1] === ":" && text[last - 2] === ")") return null;
  return { start };
}

function isHexDigit(char: number): boolean {
  return (char >= 0x30 && char <= 0x39) || (char >= 0x61 && char <= 0x66);
}

function at(pattern: RegExp, text: string, start: number, end: number): RegExpExecArray | null {
  pattern.lastIndex = start;
  const match = pattern.exec(text);
  return match !== null && start + match[0].length <= end ? match : null;
}

function trimmedEnd(text: string, start: number, end: number): number {
  while (end > start && " \t\r".includes(text[end - 1]!)) end--;
  return end;
}
