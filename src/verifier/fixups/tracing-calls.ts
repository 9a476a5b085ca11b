import { type Insn, ProgramBuilder, r0, r1, r2, r3 } from "../../isa/index.ts";
import { BpfAttachType, Errno, BpfFuncId as Func } from "../../uapi/index.ts";

/** Helpers that read what a trampoline keeps in front of the context, written out; null for all others. */
export function tracingCall(helper: number, attachType: number): Insn[] | null {
  const out = new ProgramBuilder();
  switch (helper) {
    case Func.get_func_arg:
      out.ldx("dw", r0, r1, -8).branch32("jge", r2, r0, 6);
      out.alu64("lsh", r2, 3).alu64("add", r2, r1).ldx("dw", r0, r2, 0).stx("dw", r3, r0, 0);
      return out.mov64(r0, 0).ja(1).mov64(r0, -Errno.EINVAL).insns();
    case Func.get_func_ret:
      if (attachType !== BpfAttachType.TRACE_FEXIT && attachType !== BpfAttachType.MODIFY_RETURN) {
        return out.mov64(r0, -Errno.EOPNOTSUPP).insns();
      }
      out.ldx("dw", r0, r1, -8).alu64("lsh", r0, 3).alu64("add", r0, r1);
      return out.ldx("dw", r3, r0, 0).stx("dw", r2, r3, 0).mov64(r0, 0).insns();
    case Func.get_func_arg_cnt:
      return out.ldx("dw", r0, r1, -8).insns();
    case Func.get_func_ip:
      return out.ldx("dw", r0, r1, -16).insns();
    default:
      return null;
  }
}

const BRANCH_ENTRY_SIZE = 24;

/** bpf_get_branch_snapshot, written out: a division by 24 as a multiplication. */
export function branchSnapshot(call: number): Insn[] {
  return new ProgramBuilder()
    .branch("jne", r3, 0, 7)
    .mov32(r0, 0xaaaa_aaab | 0)
    .alu64("mul", r2, r0)
    .alu64("rsh", r2, 36)
    .call(call)
    .branch("jeq", r0, 0, 4)
    .alu32("mul", r0, BRANCH_ENTRY_SIZE)
    .ja(3)
    .mov64(r0, -Errno.EINVAL)
    .ja(1)
    .mov64(r0, -Errno.ENOENT)
    .insns();
}
