/**
 * Flags of a {@link HistoryEntry} (`INSN_F_*`).
 *
 * ```text
 *  11   10   9    8     3 2     0
 * +----+----+----+-------+-------+
 * |src |dst |acc | slot  | frame |
 * +----+----+----+-------+-------+
 * ```
 */
export const HistoryFlag = {
  FRAMENO_MASK: 0x7,
  SPI_MASK: 0x3f,
  SPI_SHIFT: 3,
  /** The instruction accesses a stack slot through a pointer. */
  STACK_ACCESS: 1 << 9,
  /** `dst` is a pointer to the stack. */
  DST_REG_STACK: 1 << 10,
  /** `src` is a pointer to the stack. */
  SRC_REG_STACK: 1 << 11,
} as const;

/** A register, or a spilled one, that shares its value up to a constant with others. */
export interface LinkedRegister {
  readonly frameno: number;
  /** Of a register its number, of a stack slot its index. */
  readonly index: number;
  readonly isReg: boolean;
}

/** A step that backtracking cannot guess from the code: `struct bpf_jmp_history_entry`. Immutable: states share it. */
export interface HistoryEntry {
  readonly idx: number;
  readonly prevIdx: number;
  /** {@link HistoryFlag} */
  readonly flags: number;
  /** Registers whose precision goes together at this conditional jump; null for none, at most 6. */
  readonly linkedRegs: readonly LinkedRegister[] | null;
}

/** Most registers that are linked (`LINKED_REGS_MAX`). */
export const LINKED_REGS_MAX = 6;

export function stackAccessFlags(frameno: number, spi: number): number {
  return HistoryFlag.STACK_ACCESS | (spi << HistoryFlag.SPI_SHIFT) | frameno;
}

export function stackAccessSpi(flags: number): number {
  return (flags >> HistoryFlag.SPI_SHIFT) & HistoryFlag.SPI_MASK;
}

export function stackAccessFrameno(flags: number): number {
  return flags & HistoryFlag.FRAMENO_MASK;
}
