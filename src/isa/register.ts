/** A register of the machine. Builder calls take registers as objects so that `add(r1, r2)` and `add(r1, 2)` differ. */
export interface Register {
  /** As encoded: 0 to 10. */
  readonly number: number;
  readonly name: string;
}

function named(number: number): Register {
  return { number, name: `r${number}` };
}

/** The return value of calls and of the program. */
export const r0: Register = named(0);
/** The first argument; the context at the program's start. r1 to r5 do not survive a call. */
export const r1: Register = named(1);
export const r2: Register = named(2);
export const r3: Register = named(3);
export const r4: Register = named(4);
export const r5: Register = named(5);
/** The first of the registers that survive a call. */
export const r6: Register = named(6);
export const r7: Register = named(7);
export const r8: Register = named(8);
export const r9: Register = named(9);
/** The frame pointer: read-only, one past the top of the frame's stack. */
export const r10: Register = named(10);
export const fp: Register = r10;

/** r0 to r10, by number. */
export const REGISTERS: readonly Register[] = [r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10];

export const FRAME_POINTER = 10;

/** Linux's internal auxiliary register `BPF_REG_AX`: xlated dumps may show it, no program may use it. */
export const AUXILIARY_REGISTER = 11;
