import { fp, type Insn, ProgramBuilder, r0, r1, r2, r3, r6, r7, r8 } from "../../isa/index.ts";
import { BpfFuncId, Errno } from "../../uapi/index.ts";
import { isHelperCall } from "../program/flow-kind.ts";
import { REG_SIZE } from "../state/limits.ts";
import type { Patch } from "./patch.ts";
import type { Stage, StageFunction } from "./stage.ts";

/** `BPF_MAX_LOOPS` */
const MAX_LOOPS = 1 << 23;
/** Registers that the loop needs, and whose values it keeps on the stack. */
const KEPT = [r6, r7, r8];
/** Where the call of the callback stands in the loop. */
const CALL = 12;

/** Calls of bpf_loop whose callback is known become loops (`optimize_bpf_loop`). */
export function inlineLoops(stage: Stage): void {
  const patches: (Patch | undefined)[] = [];
  stage.functions.forEach((func, i) => {
    const room = KEPT.length * REG_SIZE + Math.ceil(func.depth / REG_SIZE) * REG_SIZE - func.depth;
    let inlined = false;
    for (let slot = func.start; slot < stage.end(i); slot++) {
      const insn = stage.insns[slot]!;
      const { loop } = stage.aux[slot]!;
      if (!isHelperCall(insn) || insn.imm !== BpfFuncId.loop || loop?.fits !== true) continue;
      const callback = stage.functions.find((each) => each.subprogram === loop.callback);
      if (callback === undefined) continue;
      patches[slot] = loopPatch(-(func.depth + room), callback);
      inlined = true;
    }
    if (inlined) func.depth += room;
  });
  stage.apply(patches);
}

/** @param base where the kept registers lie, from the frame pointer */
function loopPatch(base: number, callback: StageFunction): Patch {
  const [max, count, context] = [r6, r7, r8];
  const out = new ProgramBuilder();
  out.branch("jle", r1, MAX_LOOPS, 2).mov32(r0, -Errno.E2BIG).ja(16);
  KEPT.forEach((register, i) => {
    out.stx("dw", fp, register, base + i * REG_SIZE);
  });
  out.mov64(max, r1).mov32(count, 0).mov64(context, r3);
  out.branch("jge", count, max, 5);
  out.mov64(r1, count).mov64(r2, context).callLocal(0);
  out.alu64("add", count, 1).branch("jeq", r0, 0, -6);
  out.mov64(r0, count);
  KEPT.forEach((register, i) => {
    out.ldx("dw", register, fp, base + i * REG_SIZE);
  });
  const body: Insn[] = out.insns();
  return { body, calls: [{ index: CALL, target: callback.start }] };
}
