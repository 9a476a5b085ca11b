import { Class, classOf, JmpCode, Mode } from "../../isa/index.ts";
import { BpfFuncId, Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { Subprogram } from "../environment/subprogram.ts";
import { MAX_SUBPROGS } from "../state/limits.ts";
import { FlowKind, flowKind, isHelperCall, jmpOffset } from "./flow-kind.ts";

/** Number of the subprogram that the instruction belongs to; -1 outside of the program (`bpf_find_containing_subprog`). */
export function findContainingSubprog(env: Environment, insnIdx: number): number {
  const { subprograms } = env;
  if (insnIdx < 0 || insnIdx >= env.insns.length) return -1;
  let low = 0;
  let high = subprograms.length - 1;
  while (low < high) {
    const middle = low + ((high - low + 1) >> 1);
    if (subprograms[middle]!.start <= insnIdx) low = middle;
    else high = middle - 1;
  }
  return high;
}

/** Number of the subprogram that begins at the instruction; -1 for none (`find_subprog`). */
export function findSubprog(env: Environment, insnIdx: number): number {
  const subprog = findContainingSubprog(env, insnIdx);
  return subprog >= 0 && env.subprograms[subprog]!.start === insnIdx ? subprog : -1;
}

/** The slot behind the subprogram's last. */
export function subprogEnd(env: Environment, subprog: number): number {
  return env.subprograms[subprog + 1]?.start ?? env.insns.length;
}

/** Notes that a subprogram begins at the instruction (`add_subprog`). */
export function addSubprog(env: Environment, insnIdx: number): void {
  if (insnIdx < 0 || insnIdx >= env.insns.length) env.refuse(Errno.EINVAL, "call to invalid destination");
  if (findSubprog(env, insnIdx) >= 0) return;
  const { subprograms } = env;
  if (subprograms.length >= MAX_SUBPROGS) env.refuse(Errno.E2BIG, "too many subprograms");
  const at = findContainingSubprog(env, insnIdx) + 1;
  subprograms.splice(at, 0, new Subprogram(insnIdx));
}

/** Checks that jumps stay, and that execution does not run on, from one subprogram into another (`check_subprogs`). */
export function checkSubprogs(env: Environment): void {
  const { insns } = env;
  let subprog = 0;
  let start = 0;
  let end = subprogEnd(env, 0);
  for (let i = 0; i < insns.length; i++) {
    const insn = insns[i]!;
    const current = env.subprograms[subprog]!;
    if (isHelperCall(insn) && insn.imm === BpfFuncId.tail_call) {
      current.hasTailCall = true;
      current.tailCallReachable = true;
    }
    if (isPacketLoad(insn.opcode)) current.hasLdAbs = true;
    const kind = flowKind(insn);
    if (kind === FlowKind.JUMP || kind === FlowKind.BRANCH) {
      const target = (i + jmpOffset(insn) + 1) | 0;
      if (target < start || target >= end) {
        env.refuse(Errno.EINVAL, `jump out of range from insn ${i} to ${target}`);
      }
    }
    if (i !== end - 1) continue;
    // Not `kind`: a jump through a register, and what no kernel knows, end no subprogram.
    if (!ENDS.has(insn.opcode)) env.refuse(Errno.EINVAL, "last insn is not an exit or jmp");
    start = end;
    subprog++;
    if (subprog < env.subprograms.length) end = subprogEnd(env, subprog);
  }
}

const ENDS: ReadonlySet<number> = new Set([
  Class.jmp | JmpCode.exit,
  Class.jmp | JmpCode.ja,
  Class.jmp32 | JmpCode.ja,
]);

const MODE_MASK = 0xe0;

function isPacketLoad(opcode: number): boolean {
  const mode = opcode & MODE_MASK;
  return classOf(opcode) === Class.ld && (mode === Mode.abs || mode === Mode.ind);
}
