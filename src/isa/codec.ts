import { type Endian, FormatError } from "../base/index.ts";
import type { Insn } from "./insn.ts";
import { isWide } from "./wide.ts";

/** Bytes of a slot. */
export const INSN_SIZE = 8;

/**
 * The slots of a program in bytes.
 *
 * @param options.torn the last slot may be the first half of a wide load: who checks the program says so
 * @throws FormatError where the size is no multiple of 8, or the last slot is the first half of a wide load.
 */
export function decode(
  bytes: Uint8Array,
  options: { endian?: Endian; what?: string; torn?: boolean } = {},
): Insn[] {
  const what = options.what ?? "instructions";
  const count = Math.floor(bytes.length / INSN_SIZE);
  if (count * INSN_SIZE !== bytes.length) {
    throw new FormatError(what, count * INSN_SIZE, `expected a multiple of 8 bytes, got ${bytes.length}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = options.endian !== "big";
  const insns: Insn[] = [];
  let wide = false;
  for (let at = 0; at < bytes.length; at += INSN_SIZE) {
    const registers = bytes[at + 1]!;
    const insn: Insn = {
      opcode: bytes[at]!,
      dst: little ? registers & 15 : registers >> 4,
      src: little ? registers >> 4 : registers & 15,
      off: view.getInt16(at + 2, little),
      imm: view.getInt32(at + 4, little),
    };
    insns.push(insn);
    wide = !wide && isWide(insn);
  }
  if (wide && options.torn !== true) {
    throw new FormatError(
      what,
      bytes.length,
      "expected the second slot of a 64-bit immediate load, got the end",
    );
  }
  return insns;
}

/** The bytes of slots; fields wider than theirs are cut to size. */
export function encode(insns: readonly Insn[], options: { endian?: Endian } = {}): Uint8Array {
  const bytes = new Uint8Array(insns.length * INSN_SIZE);
  const view = new DataView(bytes.buffer);
  const little = options.endian !== "big";
  let at = 0;
  for (const insn of insns) {
    bytes[at] = insn.opcode;
    bytes[at + 1] = little ? (insn.src << 4) | (insn.dst & 15) : (insn.dst << 4) | (insn.src & 15);
    view.setInt16(at + 2, insn.off, little);
    view.setInt32(at + 4, insn.imm, little);
    at += INSN_SIZE;
  }
  return bytes;
}
