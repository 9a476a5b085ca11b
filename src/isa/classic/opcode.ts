/**
 * The one table of classic BPF: every instruction of McCanne and Jacobson's machine (The BSD Packet Filter, 1993,
 * section 3.3) with the additions of Linux and libpcap (MOD, XOR). Checker, interpreter, translation, printer and
 * reader all derive from it or are tested for exhaustiveness against it.
 *
 * ```text
 * code of LD, LDX, ST, STX     code of ALU, JMP             code of RET, MISC
 * +------+------+-------+      +-----------+---+-------+    +-----------+-------+
 * | mode | size | class |      | operation | X | class |    | rval / op | class |
 * |  7-5 |  4-3 |  2-0  |      |    7-4    | 3 |  2-0  |    |    7-3    |  2-0  |
 * +------+------+-------+      +-----------+---+-------+    +-----------+-------+
 * ```
 */

/** How an instruction uses its `k`, and hence how the operand is written. */
export type ClassicOperand =
  /** Packet bytes at `k`, or ancillary data: `[12]`, `[vlan_tci]`. */
  | "abs"
  /** Packet bytes at X + `k`. */
  | "ind"
  /** The length of the packet. */
  | "len"
  /** The constant `k`, written in hexadecimal. */
  | "hex"
  /** The constant `k`, written as a signed decimal number. */
  | "dec"
  /** Scratch memory word `k`. */
  | "mem"
  /** Four times the low nibble of the packet byte at `k`: the length of an IPv4 header. */
  | "msh"
  /** Register X. */
  | "x"
  /** Register A. */
  | "a"
  /** The index of the next instruction, relative to the following one. */
  | "target"
  | "none";

export interface ClassicOp {
  readonly code: number;
  /** The mnemonic of libpcap and of bpf_asm. */
  readonly mnemonic: string;
  readonly operand: ClassicOperand;
  /** Bytes that a packet load reads. */
  readonly size: 0 | 1 | 2 | 4;
  /** Branches by `jt` and `jf`. */
  readonly conditional: boolean;
  /** Linux's checker and libpcap's printer know it. Only `ret x` of bpf_asm is unknown to both. */
  readonly known: boolean;
}

/** `BPF_CLASS(code)`. */
export const ClassicClass = { LD: 0, LDX: 1, ST: 2, STX: 3, ALU: 4, JMP: 5, RET: 6, MISC: 7 } as const;

/** `BPF_MODE(code)` of loads. */
export const ClassicMode = { IMM: 0x00, ABS: 0x20, IND: 0x40, MEM: 0x60, LEN: 0x80, MSH: 0xa0 } as const;

/** `BPF_SIZE(code)` of loads. */
export const ClassicSize = { W: 0x00, H: 0x08, B: 0x10 } as const;

/** The bit of ALU and JMP codes that takes X instead of `k`. */
export const CLASSIC_X = 0x08;

const { LD, LDX, ST, STX, ALU, JMP, RET, MISC } = ClassicClass;
const { IMM, ABS, IND, MEM, LEN, MSH } = ClassicMode;
const { W, H, B } = ClassicSize;

interface Traits {
  readonly size?: 1 | 2 | 4;
  readonly conditional?: boolean;
  readonly known?: boolean;
}

function op(code: number, mnemonic: string, operand: ClassicOperand, traits: Traits = {}): ClassicOp {
  const { size = 0, conditional = false, known = true } = traits;
  return { code, mnemonic, operand, size, conditional, known };
}

function alu(operation: number, mnemonic: string, constant: "dec" | "hex"): ClassicOp[] {
  return [op(ALU | operation, mnemonic, constant), op(ALU | operation | CLASSIC_X, mnemonic, "x")];
}

function jump(operation: number, mnemonic: string): ClassicOp[] {
  const traits = { conditional: true };
  return [
    op(JMP | operation, mnemonic, "hex", traits),
    op(JMP | operation | CLASSIC_X, mnemonic, "x", traits),
  ];
}

/** Every instruction, in the order of its code's class. */
export const CLASSIC_OPS: readonly ClassicOp[] = [
  op(LD | IMM, "ld", "hex"),
  op(LD | W | ABS, "ld", "abs", { size: 4 }),
  op(LD | H | ABS, "ldh", "abs", { size: 2 }),
  op(LD | B | ABS, "ldb", "abs", { size: 1 }),
  op(LD | W | IND, "ld", "ind", { size: 4 }),
  op(LD | H | IND, "ldh", "ind", { size: 2 }),
  op(LD | B | IND, "ldb", "ind", { size: 1 }),
  op(LD | MEM, "ld", "mem"),
  op(LD | W | LEN, "ld", "len"),
  op(LDX | IMM, "ldx", "hex"),
  op(LDX | MEM, "ldx", "mem"),
  op(LDX | W | LEN, "ldx", "len"),
  op(LDX | B | MSH, "ldxb", "msh", { size: 1 }),
  op(ST, "st", "mem"),
  op(STX, "stx", "mem"),
  ...alu(0x00, "add", "dec"),
  ...alu(0x10, "sub", "dec"),
  ...alu(0x20, "mul", "dec"),
  ...alu(0x30, "div", "dec"),
  ...alu(0x40, "or", "hex"),
  ...alu(0x50, "and", "hex"),
  ...alu(0x60, "lsh", "dec"),
  ...alu(0x70, "rsh", "dec"),
  op(ALU | 0x80, "neg", "none"),
  ...alu(0x90, "mod", "dec"),
  ...alu(0xa0, "xor", "hex"),
  op(JMP, "ja", "target"),
  ...jump(0x10, "jeq"),
  ...jump(0x20, "jgt"),
  ...jump(0x30, "jge"),
  ...jump(0x40, "jset"),
  op(RET, "ret", "dec"),
  op(RET | CLASSIC_X, "ret", "x", { known: false }),
  op(RET | 0x10, "ret", "a"),
  op(MISC, "tax", "none"),
  op(MISC | 0x80, "txa", "none"),
];

const byCode: readonly (ClassicOp | undefined)[] = CLASSIC_OPS.reduce<(ClassicOp | undefined)[]>(
  (table, row) => {
    table[row.code] = row;
    return table;
  },
  new Array(0x100).fill(undefined),
);

/** The table's row for a code (16 bits), or `undefined` where there is no such instruction. */
export function classicOp(code: number): ClassicOp | undefined {
  return byCode[code];
}
