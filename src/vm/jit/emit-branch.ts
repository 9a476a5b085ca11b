import type { OperationName } from "../../isa/index.ts";
import { Operation } from "../../isa/index.ts";
import type { FunctionBuilder, I32Ops, I64Ops } from "../../wasm/index.ts";
import type { FunctionCode, Site } from "./function-code.ts";

type Ops = I32Ops<FunctionBuilder> | I64Ops<FunctionBuilder>;

/** A comparison and its opposite. */
type Comparison = readonly [holds: (ops: Ops) => void, fails: (ops: Ops) => void];

const COMPARISONS: { readonly [Name in OperationName]?: Comparison } = {
  jeq: [(ops) => ops.eq(), (ops) => ops.ne()],
  jne: [(ops) => ops.ne(), (ops) => ops.eq()],
  jgt: [(ops) => ops.gtU(), (ops) => ops.leU()],
  jge: [(ops) => ops.geU(), (ops) => ops.ltU()],
  jlt: [(ops) => ops.ltU(), (ops) => ops.geU()],
  jle: [(ops) => ops.leU(), (ops) => ops.gtU()],
  jsgt: [(ops) => ops.gtS(), (ops) => ops.leS()],
  jsge: [(ops) => ops.geS(), (ops) => ops.ltS()],
  jslt: [(ops) => ops.ltS(), (ops) => ops.geS()],
  jsle: [(ops) => ops.leS(), (ops) => ops.gtS()],
};

const COMPARISON_OF: ReadonlyMap<number, Comparison> = new Map(
  Object.entries(COMPARISONS).map(([name, comparison]) => [Operation[name as OperationName], comparison]),
);

/** Pushes whether the jump is taken, or (`negated`) whether it is not. */
export function emitCondition(code: FunctionCode, site: Site, negated: boolean): void {
  const { f } = code;
  const { insn, row } = site;
  if (row.kind === "mayGoto") {
    emitMayGoto(code);
    if (negated) f.i32.eqz();
    return;
  }
  const wide = row.width === 64;
  const ops: Ops = wide ? f.i64 : f.i32;
  if (wide) code.r64(insn.dst);
  else code.r32(insn.dst);
  const comparison = COMPARISON_OF.get(row.operation);
  // Comparisons with zero have an instruction of their own.
  const zero = row.source === "imm" && insn.imm === 0;
  if (zero && (row.operation === Operation.jeq || row.operation === Operation.jne)) {
    ops.eqz();
    if ((row.operation === Operation.jne) !== negated) f.i32.eqz();
    return;
  }
  if (wide) code.operand64(site);
  else code.operand32(site);
  if (comparison !== undefined) {
    comparison[negated ? 1 : 0](ops);
    return;
  }
  ops.and();
  ops.eqz();
  if (!negated) f.i32.eqz();
}

/** Pushes whether the frame has used up its loops (`may_goto` of Linux 6.9: BPF_MAX_LOOPS); else that is one less. */
export function emitMayGoto(code: FunctionCode): void {
  const { f } = code;
  const left = code.temporary("i32", "may_goto");
  f.get(left).i32.eqz();
  f.if(
    () => f.i32.const(1),
    () => f.get(left).i32.const(1).i32.sub().set(left).i32.const(0),
    "i32",
  );
}
