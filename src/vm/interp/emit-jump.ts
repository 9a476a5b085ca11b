import type { InsnRow } from "../../isa/index.ts";
import { interruptWord } from "../../mem/index.ts";
import type { FunctionBuilder, I32Ops, I64Ops } from "../../wasm/index.ts";
import { Frame } from "../state.ts";
import type { Arms } from "./arms.ts";
import { Record } from "./record.ts";

type Ops = I32Ops<FunctionBuilder> | I64Ops<FunctionBuilder>;

/** Jumps where the comparison of the two operands on the stack holds. */
export function branch(compare: (ops: Ops) => void) {
  return (arms: Arms, row: InsnRow): void => {
    const { f } = arms;
    arms.dst();
    if (row.width === 64) {
      f.i64.load();
      arms.operand64(row.source);
      compare(f.i64);
    } else {
      f.i32.load();
      arms.operand32(row.source);
      compare(f.i32);
    }
    f.i32.eqz().brIf(arms.next);
    ja(arms);
  };
}

export function ja(arms: Arms): void {
  arms.f.get(arms.pc).i32.load(Record.OFF).set(arms.distance);
  arms.jump();
}

/**
 * Goes on, or jumps once the frame has used up its loops (`may_goto` of Linux 6.9: BPF_MAX_LOOPS). The verifier does
 * not prove that such a loop ends soon, so the interrupt word is looked at here.
 */
export function mayGoto(arms: Arms): void {
  const { f } = arms;
  f.get(arms.base);
  arms.frame(Frame.MAY_GOTO).tee(arms.i32A);
  f.i32.const(1).i32.sub().i32.store(Frame.MAY_GOTO);
  f.get(arms.i32A).i32.eqz();
  f.if(() => {
    f.get(arms.base).i32.const(0).i32.store(Frame.MAY_GOTO);
    ja(arms);
  });
  f.i32.const(0).i32.load(interruptWord(arms.options.executor)).i32.eqz().brIf(arms.next);
  f.get(arms.pc).i32.const(16).i32.add().set(arms.pc);
  f.br(arms.pause);
}
