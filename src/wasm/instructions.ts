/** What follows the opcode of an instruction. */
export type Immediate =
  | "none"
  | "block"
  | "label"
  | "labels"
  | "func"
  | "indirect"
  | "local"
  | "global"
  | "table"
  | "reftype"
  | "access"
  | "memory"
  | "memory.init"
  | "memory.copy"
  | "data"
  | "table.init"
  | "table.copy"
  | "elem"
  | "i32"
  | "i64"
  | "fence";

/**
 * Opcode (prefixed ones as `prefix << 8 | code`), immediate, stack types (`i` = i32, `l` = i64, `f` = funcref;
 * `*` where they depend on more than the opcode), and the natural alignment of memory accesses in bytes.
 */
type Row = readonly [code: number, immediate: Immediate, stack: string, align?: number];

/** Every instruction that the builder emits, the checker knows and the printer prints. */
const ROWS = {
  // Control (specification 5.4.1) and tail calls (5.4.1, version 3.0).
  unreachable: [0x00, "none", "*"],
  nop: [0x01, "none", ">"],
  block: [0x02, "block", "*"],
  loop: [0x03, "block", "*"],
  if: [0x04, "block", "*"],
  else: [0x05, "none", "*"],
  end: [0x0b, "none", "*"],
  br: [0x0c, "label", "*"],
  br_if: [0x0d, "label", "*"],
  br_table: [0x0e, "labels", "*"],
  return: [0x0f, "none", "*"],
  call: [0x10, "func", "*"],
  call_indirect: [0x11, "indirect", "*"],
  return_call: [0x12, "func", "*"],
  return_call_indirect: [0x13, "indirect", "*"],
  // Parametric, variables, tables, references.
  drop: [0x1a, "none", "*"],
  select: [0x1b, "none", "*"],
  "local.get": [0x20, "local", "*"],
  "local.set": [0x21, "local", "*"],
  "local.tee": [0x22, "local", "*"],
  "global.get": [0x23, "global", "*"],
  "global.set": [0x24, "global", "*"],
  "table.get": [0x25, "table", "*"],
  "table.set": [0x26, "table", "*"],
  "ref.null": [0xd0, "reftype", "*"],
  "ref.is_null": [0xd1, "none", "*"],
  "ref.func": [0xd2, "func", ">f"],
  // Memory (5.4.6); the last column is the natural alignment in bytes.
  "i32.load": [0x28, "access", "i>i", 4],
  "i64.load": [0x29, "access", "i>l", 8],
  "i32.load8_s": [0x2c, "access", "i>i", 1],
  "i32.load8_u": [0x2d, "access", "i>i", 1],
  "i32.load16_s": [0x2e, "access", "i>i", 2],
  "i32.load16_u": [0x2f, "access", "i>i", 2],
  "i64.load8_s": [0x30, "access", "i>l", 1],
  "i64.load8_u": [0x31, "access", "i>l", 1],
  "i64.load16_s": [0x32, "access", "i>l", 2],
  "i64.load16_u": [0x33, "access", "i>l", 2],
  "i64.load32_s": [0x34, "access", "i>l", 4],
  "i64.load32_u": [0x35, "access", "i>l", 4],
  "i32.store": [0x36, "access", "ii>", 4],
  "i64.store": [0x37, "access", "il>", 8],
  "i32.store8": [0x3a, "access", "ii>", 1],
  "i32.store16": [0x3b, "access", "ii>", 2],
  "i64.store8": [0x3c, "access", "il>", 1],
  "i64.store16": [0x3d, "access", "il>", 2],
  "i64.store32": [0x3e, "access", "il>", 4],
  "memory.size": [0x3f, "memory", ">i"],
  "memory.grow": [0x40, "memory", "i>i"],
  // Numbers (5.4.7).
  "i32.const": [0x41, "i32", ">i"],
  "i64.const": [0x42, "i64", ">l"],
  "i32.eqz": [0x45, "none", "i>i"],
  "i32.eq": [0x46, "none", "ii>i"],
  "i32.ne": [0x47, "none", "ii>i"],
  "i32.lt_s": [0x48, "none", "ii>i"],
  "i32.lt_u": [0x49, "none", "ii>i"],
  "i32.gt_s": [0x4a, "none", "ii>i"],
  "i32.gt_u": [0x4b, "none", "ii>i"],
  "i32.le_s": [0x4c, "none", "ii>i"],
  "i32.le_u": [0x4d, "none", "ii>i"],
  "i32.ge_s": [0x4e, "none", "ii>i"],
  "i32.ge_u": [0x4f, "none", "ii>i"],
  "i64.eqz": [0x50, "none", "l>i"],
  "i64.eq": [0x51, "none", "ll>i"],
  "i64.ne": [0x52, "none", "ll>i"],
  "i64.lt_s": [0x53, "none", "ll>i"],
  "i64.lt_u": [0x54, "none", "ll>i"],
  "i64.gt_s": [0x55, "none", "ll>i"],
  "i64.gt_u": [0x56, "none", "ll>i"],
  "i64.le_s": [0x57, "none", "ll>i"],
  "i64.le_u": [0x58, "none", "ll>i"],
  "i64.ge_s": [0x59, "none", "ll>i"],
  "i64.ge_u": [0x5a, "none", "ll>i"],
  "i32.clz": [0x67, "none", "i>i"],
  "i32.ctz": [0x68, "none", "i>i"],
  "i32.popcnt": [0x69, "none", "i>i"],
  "i32.add": [0x6a, "none", "ii>i"],
  "i32.sub": [0x6b, "none", "ii>i"],
  "i32.mul": [0x6c, "none", "ii>i"],
  "i32.div_s": [0x6d, "none", "ii>i"],
  "i32.div_u": [0x6e, "none", "ii>i"],
  "i32.rem_s": [0x6f, "none", "ii>i"],
  "i32.rem_u": [0x70, "none", "ii>i"],
  "i32.and": [0x71, "none", "ii>i"],
  "i32.or": [0x72, "none", "ii>i"],
  "i32.xor": [0x73, "none", "ii>i"],
  "i32.shl": [0x74, "none", "ii>i"],
  "i32.shr_s": [0x75, "none", "ii>i"],
  "i32.shr_u": [0x76, "none", "ii>i"],
  "i32.rotl": [0x77, "none", "ii>i"],
  "i32.rotr": [0x78, "none", "ii>i"],
  "i64.clz": [0x79, "none", "l>l"],
  "i64.ctz": [0x7a, "none", "l>l"],
  "i64.popcnt": [0x7b, "none", "l>l"],
  "i64.add": [0x7c, "none", "ll>l"],
  "i64.sub": [0x7d, "none", "ll>l"],
  "i64.mul": [0x7e, "none", "ll>l"],
  "i64.div_s": [0x7f, "none", "ll>l"],
  "i64.div_u": [0x80, "none", "ll>l"],
  "i64.rem_s": [0x81, "none", "ll>l"],
  "i64.rem_u": [0x82, "none", "ll>l"],
  "i64.and": [0x83, "none", "ll>l"],
  "i64.or": [0x84, "none", "ll>l"],
  "i64.xor": [0x85, "none", "ll>l"],
  "i64.shl": [0x86, "none", "ll>l"],
  "i64.shr_s": [0x87, "none", "ll>l"],
  "i64.shr_u": [0x88, "none", "ll>l"],
  "i64.rotl": [0x89, "none", "ll>l"],
  "i64.rotr": [0x8a, "none", "ll>l"],
  "i32.wrap_i64": [0xa7, "none", "l>i"],
  "i64.extend_i32_s": [0xac, "none", "i>l"],
  "i64.extend_i32_u": [0xad, "none", "i>l"],
  "i32.extend8_s": [0xc0, "none", "i>i"],
  "i32.extend16_s": [0xc1, "none", "i>i"],
  "i64.extend8_s": [0xc2, "none", "l>l"],
  "i64.extend16_s": [0xc3, "none", "l>l"],
  "i64.extend32_s": [0xc4, "none", "l>l"],
  // Bulk memory and tables (prefix 0xfc).
  "memory.init": [0xfc08, "memory.init", "iii>"],
  "data.drop": [0xfc09, "data", ">"],
  "memory.copy": [0xfc0a, "memory.copy", "iii>"],
  "memory.fill": [0xfc0b, "memory", "iii>"],
  "table.init": [0xfc0c, "table.init", "iii>"],
  "elem.drop": [0xfc0d, "elem", ">"],
  "table.copy": [0xfc0e, "table.copy", "iii>"],
  "table.grow": [0xfc0f, "table", "*"],
  "table.size": [0xfc10, "table", ">i"],
  "table.fill": [0xfc11, "table", "*"],
  // Atomics (prefix 0xfe, the threads proposal); aligned naturally, always.
  "memory.atomic.notify": [0xfe00, "access", "ii>i", 4],
  "memory.atomic.wait32": [0xfe01, "access", "iil>i", 4],
  "memory.atomic.wait64": [0xfe02, "access", "ill>i", 8],
  "atomic.fence": [0xfe03, "fence", ">"],
  "i32.atomic.load": [0xfe10, "access", "i>i", 4],
  "i64.atomic.load": [0xfe11, "access", "i>l", 8],
  "i32.atomic.load8_u": [0xfe12, "access", "i>i", 1],
  "i32.atomic.load16_u": [0xfe13, "access", "i>i", 2],
  "i64.atomic.load8_u": [0xfe14, "access", "i>l", 1],
  "i64.atomic.load16_u": [0xfe15, "access", "i>l", 2],
  "i64.atomic.load32_u": [0xfe16, "access", "i>l", 4],
  "i32.atomic.store": [0xfe17, "access", "ii>", 4],
  "i64.atomic.store": [0xfe18, "access", "il>", 8],
  "i32.atomic.store8": [0xfe19, "access", "ii>", 1],
  "i32.atomic.store16": [0xfe1a, "access", "ii>", 2],
  "i64.atomic.store8": [0xfe1b, "access", "il>", 1],
  "i64.atomic.store16": [0xfe1c, "access", "il>", 2],
  "i64.atomic.store32": [0xfe1d, "access", "il>", 4],
  "i32.atomic.rmw.add": [0xfe1e, "access", "ii>i", 4],
  "i64.atomic.rmw.add": [0xfe1f, "access", "il>l", 8],
  "i32.atomic.rmw8.add_u": [0xfe20, "access", "ii>i", 1],
  "i32.atomic.rmw16.add_u": [0xfe21, "access", "ii>i", 2],
  "i64.atomic.rmw8.add_u": [0xfe22, "access", "il>l", 1],
  "i64.atomic.rmw16.add_u": [0xfe23, "access", "il>l", 2],
  "i64.atomic.rmw32.add_u": [0xfe24, "access", "il>l", 4],
  "i32.atomic.rmw.sub": [0xfe25, "access", "ii>i", 4],
  "i64.atomic.rmw.sub": [0xfe26, "access", "il>l", 8],
  "i32.atomic.rmw8.sub_u": [0xfe27, "access", "ii>i", 1],
  "i32.atomic.rmw16.sub_u": [0xfe28, "access", "ii>i", 2],
  "i64.atomic.rmw8.sub_u": [0xfe29, "access", "il>l", 1],
  "i64.atomic.rmw16.sub_u": [0xfe2a, "access", "il>l", 2],
  "i64.atomic.rmw32.sub_u": [0xfe2b, "access", "il>l", 4],
  "i32.atomic.rmw.and": [0xfe2c, "access", "ii>i", 4],
  "i64.atomic.rmw.and": [0xfe2d, "access", "il>l", 8],
  "i32.atomic.rmw8.and_u": [0xfe2e, "access", "ii>i", 1],
  "i32.atomic.rmw16.and_u": [0xfe2f, "access", "ii>i", 2],
  "i64.atomic.rmw8.and_u": [0xfe30, "access", "il>l", 1],
  "i64.atomic.rmw16.and_u": [0xfe31, "access", "il>l", 2],
  "i64.atomic.rmw32.and_u": [0xfe32, "access", "il>l", 4],
  "i32.atomic.rmw.or": [0xfe33, "access", "ii>i", 4],
  "i64.atomic.rmw.or": [0xfe34, "access", "il>l", 8],
  "i32.atomic.rmw8.or_u": [0xfe35, "access", "ii>i", 1],
  "i32.atomic.rmw16.or_u": [0xfe36, "access", "ii>i", 2],
  "i64.atomic.rmw8.or_u": [0xfe37, "access", "il>l", 1],
  "i64.atomic.rmw16.or_u": [0xfe38, "access", "il>l", 2],
  "i64.atomic.rmw32.or_u": [0xfe39, "access", "il>l", 4],
  "i32.atomic.rmw.xor": [0xfe3a, "access", "ii>i", 4],
  "i64.atomic.rmw.xor": [0xfe3b, "access", "il>l", 8],
  "i32.atomic.rmw8.xor_u": [0xfe3c, "access", "ii>i", 1],
  "i32.atomic.rmw16.xor_u": [0xfe3d, "access", "ii>i", 2],
  "i64.atomic.rmw8.xor_u": [0xfe3e, "access", "il>l", 1],
  "i64.atomic.rmw16.xor_u": [0xfe3f, "access", "il>l", 2],
  "i64.atomic.rmw32.xor_u": [0xfe40, "access", "il>l", 4],
  "i32.atomic.rmw.xchg": [0xfe41, "access", "ii>i", 4],
  "i64.atomic.rmw.xchg": [0xfe42, "access", "il>l", 8],
  "i32.atomic.rmw8.xchg_u": [0xfe43, "access", "ii>i", 1],
  "i32.atomic.rmw16.xchg_u": [0xfe44, "access", "ii>i", 2],
  "i64.atomic.rmw8.xchg_u": [0xfe45, "access", "il>l", 1],
  "i64.atomic.rmw16.xchg_u": [0xfe46, "access", "il>l", 2],
  "i64.atomic.rmw32.xchg_u": [0xfe47, "access", "il>l", 4],
  "i32.atomic.rmw.cmpxchg": [0xfe48, "access", "iii>i", 4],
  "i64.atomic.rmw.cmpxchg": [0xfe49, "access", "ill>l", 8],
  "i32.atomic.rmw8.cmpxchg_u": [0xfe4a, "access", "iii>i", 1],
  "i32.atomic.rmw16.cmpxchg_u": [0xfe4b, "access", "iii>i", 2],
  "i64.atomic.rmw8.cmpxchg_u": [0xfe4c, "access", "ill>l", 1],
  "i64.atomic.rmw16.cmpxchg_u": [0xfe4d, "access", "ill>l", 2],
  "i64.atomic.rmw32.cmpxchg_u": [0xfe4e, "access", "ill>l", 4],
} as const satisfies Record<string, Row>;

/** The text name of an instruction: `"i64.add"`. */
export type InstructionName = keyof typeof ROWS;

/** Opcodes by text name: `OP["i64.add"]`. Prefixed ones are `prefix << 8 | code`. */
export const OP: { readonly [Name in InstructionName]: (typeof ROWS)[Name][0] } = Object.fromEntries(
  Object.entries(ROWS).map(([name, row]) => [name, row[0]]),
) as never;

/** One row of the instruction table. */
export interface Instruction {
  readonly name: InstructionName;
  readonly code: number;
  readonly immediate: Immediate;
  /** Types popped (last on top), one letter each: `i` = i32, `l` = i64; `undefined` where they vary. */
  readonly takes: string | undefined;
  /** Types pushed. */
  readonly gives: string;
  /** Natural alignment of a memory access in bytes; 0 for others. */
  readonly align: number;
}

/** The instruction table, in opcode order. */
export const INSTRUCTIONS: readonly Instruction[] = Object.entries(ROWS as Record<string, Row>)
  .map(([name, [code, immediate, stack, align = 0]]) => {
    const [takes, gives] = stack === "*" ? [undefined, ""] : (stack.split(">") as [string, string]);
    return { name: name as InstructionName, code, immediate, takes, gives, align };
  })
  .sort((a, b) => a.code - b.code);

const BY_CODE: ReadonlyMap<number, Instruction> = new Map(INSTRUCTIONS.map((row) => [row.code, row]));

/** The row of an opcode; `undefined` for one that is not in the table. */
export function instructionOf(code: number): Instruction | undefined {
  return BY_CODE.get(code);
}

/** log2 of the natural alignment, by opcode: one-byte ones at their code, atomics (0xfe) from 0x100 on. */
const ALIGN_LOG2: Uint8Array = (() => {
  const table = new Uint8Array(0x200);
  for (const row of INSTRUCTIONS) {
    if (row.immediate === "access") table[alignSlot(row.code)] = 31 - Math.clz32(row.align);
  }
  return table;
})();

function alignSlot(code: number): number {
  return code < 0x100 ? code : 0x100 | (code & 0xff);
}

/** log2 of the natural alignment of a memory access. */
export function naturalAlign(code: number): number {
  return ALIGN_LOG2[alignSlot(code)]!;
}
