/**
 * One slot of a BPF program: `struct bpf_insn` of Linux, the basic instruction encoding of RFC 9669 section 3.
 *
 * ```text
 *  byte 0    byte 1        bytes 2-3   bytes 4-7
 * +--------+-----+-----+-----------+-------------+
 * | opcode | dst | src | off (s16) |  imm (s32)  |     dst is the low nibble in little-endian programs
 * +--------+-----+-----+-----------+-------------+
 * ```
 *
 * Programs are arrays of slots, not of instructions: the 64-bit immediate load takes two slots, the second with
 * opcode 0 and the high half of the immediate in `imm`. Jump offsets, line records and every index that the kernel
 * or a tool prints count slots, and so does everything here.
 */
export interface Insn {
  /** 0 to 255. */
  readonly opcode: number;
  /** Destination register, 0 to 15 as encoded (10 is the frame pointer, above 11 is never valid). */
  readonly dst: number;
  /** Source register, or the kind of a call, a 64-bit immediate load … as encoded. */
  readonly src: number;
  /** Signed 16 bits. */
  readonly off: number;
  /** Signed 32 bits. */
  readonly imm: number;
}
