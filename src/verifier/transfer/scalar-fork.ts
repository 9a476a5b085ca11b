import type { Insn } from "../../isa/index.ts";
import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import { pushStack } from "../explore/pending.ts";
import { type Bounds, type BoundsDraft, constantOfWords, draftOf, ZERO } from "../ranges/bounds.ts";
import { setKnown32 } from "../ranges/known.ts";
import { Tnum } from "../ranges/tnum.ts";
import type { Register } from "../state/register.ts";

/**
 * A number that is 0 or -1, as an arithmetic shift by all bits but one leaves it, is about to be used as a mask: both
 * values are followed on their own, 0 by doing the instruction again later (`maybe_fork_scalars`).
 */
export function maybeForkScalars(env: Environment, insn: Insn, dst: Register): void {
  const { bounds } = dst;
  const whole = (bounds.sminHi & bounds.sminLo) === -1 && (bounds.smaxHi | bounds.smaxLo) === 0;
  if (!whole && (bounds.s32min !== -1 || bounds.s32max !== 0)) return;
  const branch = pushStack(env, env.insnIdx, env.insnIdx, false);
  if (branch === null) throw new Rejection(Errno.EFAULT, "");
  const other = branch.regs[insn.dst]!;
  if (whole) {
    known(other, ZERO);
    known(dst, constantOfWords(-1, -1));
  } else {
    other.bounds = withLow(other.bounds, 0);
    dst.bounds = withLow(bounds, -1);
  }
}

function known(reg: Register, value: Bounds): void {
  reg.unlink();
  reg.refObjId = 0;
  reg.bounds = value;
}

/** With a low half that is known (`__mark_reg32_known`). */
function withLow(bounds: Bounds, low: number): Bounds {
  const draft: BoundsDraft = draftOf(bounds);
  draft.tnum = new Tnum(draft.tnum.valueHi, low, draft.tnum.maskHi, 0);
  setKnown32(draft);
  return draft;
}
