import type { Environment } from "../environment/environment.ts";
import { kfuncKey } from "../environment/kfunc-description.ts";
import { isKfuncCall } from "../program/flow-kind.ts";

/** In the comparison that a tree's insertion calls, under the tree's lock (`in_rbtree_lock_required_cb`). */
export function inRbtreeLockRequiredCb(env: Environment): boolean {
  const { frame } = env;
  if (env.current.curframe === 0 || !frame.inCallback) return false;
  const insn = env.insns[frame.callsite]!;
  return isKfuncCall(insn) && env.kfuncs.get(kfuncKey(insn.imm, insn.off))?.name === "bpf_rbtree_add_impl";
}
