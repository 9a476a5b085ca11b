import { CAST_TO_USER } from "../../isa/index.ts";
import type { FunctionBuilder, I32Ops, I64Ops } from "../../wasm/index.ts";
import type { FunctionCode, Site } from "./function-code.ts";

type Ops = I32Ops<FunctionBuilder> | I64Ops<FunctionBuilder>;

/** Emits an instruction that is no jump. */
export type InsnEmitter = (code: FunctionCode, site: Site) => void;

function opsOf({ f }: FunctionCode, { row }: Site): Ops {
  return row.width === 64 ? f.i64 : f.i32;
}

function dst(code: FunctionCode, { insn, row }: Site): FunctionBuilder {
  return row.width === 64 ? code.r64(insn.dst) : code.r32(insn.dst);
}

function operand(code: FunctionCode, site: Site): FunctionBuilder {
  return site.row.width === 64 ? code.operand64(site) : code.operand32(site);
}

function setDst(code: FunctionCode, { insn, row }: Site): void {
  if (row.width === 64) code.set64(insn.dst);
  else code.set32(insn.dst);
}

/** dst = dst op operand; 32-bit results are zero-extended (RFC 9669 section 4.1). */
export function binary(operation: (ops: Ops) => void): InsnEmitter {
  return (code, site) => {
    dst(code, site);
    operand(code, site);
    operation(opsOf(code, site));
    setDst(code, site);
  };
}

/** Whether the divisor is known not to be 0. */
function dividesBy({ insn, row }: Site, ...not: readonly number[]): boolean {
  return row.source === "imm" && insn.imm !== 0 && !not.includes(insn.imm);
}

/** An operation that Wasm traps on for some divisors: those have a result of their own. */
function division(
  special: readonly number[],
  isSpecial: (ops: Ops) => void,
  result: (code: FunctionCode, site: Site, ops: Ops) => void,
  operation: (ops: Ops) => void,
): InsnEmitter {
  return (code, site) => {
    const { f } = code;
    const ops = opsOf(code, site);
    const plain = () => {
      dst(code, site);
      operand(code, site);
      operation(ops);
    };
    if (dividesBy(site, ...special)) {
      plain();
    } else {
      operand(code, site);
      isSpecial(ops);
      f.if(() => result(code, site, ops), plain, site.row.width === 64 ? "i64" : "i32");
    }
    setDst(code, site);
  };
}

/** Division by zero gives 0. */
export const div: InsnEmitter = division(
  [],
  (ops) => ops.eqz(),
  (_, __, ops) => ops.const(0),
  (ops) => ops.divU(),
);

/** Division by zero gives 0; the least value by -1 gives itself: for both divisors the product is the quotient. */
export const sdiv: InsnEmitter = division(
  [-1],
  (ops) => {
    ops.const(1);
    ops.add();
    ops.const(1);
    ops.leU();
  },
  (code, site, ops) => {
    dst(code, site);
    operand(code, site);
    ops.mul();
  },
  (ops) => ops.divS(),
);

/** The remainder by zero leaves dst (its low half, zero-extended). */
export const mod: InsnEmitter = division(
  [],
  (ops) => ops.eqz(),
  (code, site) => dst(code, site),
  (ops) => ops.remU(),
);

export const smod: InsnEmitter = division(
  [],
  (ops) => ops.eqz(),
  (code, site) => dst(code, site),
  (ops) => ops.remS(),
);

export const mov: InsnEmitter = (code, site) => {
  operand(code, site);
  setDst(code, site);
};

export const movsx: InsnEmitter = (code, site) => {
  const { f } = code;
  const { insn, row } = site;
  if (row.width === 64) {
    code.r64(insn.src);
    if (row.extend === 8) f.i64.extend8S();
    else if (row.extend === 16) f.i64.extend16S();
    else f.i64.extend32S();
  } else {
    code.r32(insn.src);
    if (row.extend === 8) f.i32.extend8S();
    else f.i32.extend16S();
  }
  setDst(code, site);
};

export const neg: InsnEmitter = (code, site) => {
  const ops = opsOf(code, site);
  ops.const(0);
  dst(code, site);
  ops.sub();
  setDst(code, site);
};

/** The machine is little-endian: its conversions to that order only cut off. */
export const toLe: InsnEmitter = (code, { insn, row }) => {
  if (row.width === 64) return;
  code.r64(insn.dst).i64.constPair(row.width === 16 ? 0xffff : -1, 0);
  code.f.i64.and();
  code.set64(insn.dst);
};

export const swap: InsnEmitter = (code, { insn, row }) => {
  code.r64(insn.dst).call(code.module.swap64);
  if (row.width !== 64) code.f.i64.const(64 - row.width).i64.shrU();
  code.set64(insn.dst);
};

/** See `addrSpaceCast` of the interpreter. */
export const addrSpaceCast: InsnEmitter = (code, { insn }) => {
  code.r64(insn.src).i64.constPair(-1, 0).i64.and();
  if (insn.imm === CAST_TO_USER) code.f.call(code.program.arenaCast);
  code.set64(insn.dst);
};
