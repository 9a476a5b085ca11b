/**
 * The form in which the interpreter reads code: one record for each slot, position independent.
 *
 * ```text
 *    0          2       3       4                  8
 *   +----------+-------+-------+------------------+------------------------------------+
 *   | arm: u16 | dst*8 | src*8 | off: i32         | imm: i64                           |
 *   +----------+-------+-------+------------------+------------------------------------+
 * ```
 *
 * `off` of a jump or local call is the distance in bytes from this record to its target; `imm` is sign-extended, of a
 * wide load all 64 bits, of a helper call the adapter's function index and (high half) what it is to be told.
 */
export const Record = { ARM: 0, DST: 2, SRC: 3, OFF: 4, IMM: 8, IMM_HIGH: 12 } as const;

export const RECORD_SIZE = 16;

/** In front of the first record: what all code of a program shares. */
export const CODE_HEADER_SIZE = 16;

/** Distance of the header's word from the first record: offset of the arena that accesses go to, or 0. */
export const CODE_ARENA: number = -CODE_HEADER_SIZE;
