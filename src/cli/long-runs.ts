import { type Insn, lookup } from "../isa/index.ts";
import type { ObjectSpec } from "../object/index.ts";
import { BpfFuncId } from "../uapi/index.ts";

/** Helpers that call back as often as they are told. */
const LOOPS: ReadonlySet<number> = new Set([
  BpfFuncId.loop,
  BpfFuncId.for_each_map_elem,
  BpfFuncId.user_ringbuf_drain,
]);

/**
 * Whether one run of an object's programs may take longer than people wait. Loops without any of these are walked by
 * the verifier round by round: they end within a million instructions.
 */
export function mayRunLong({ programs }: ObjectSpec): boolean {
  return [...programs.values()].some(({ insns }) => insns.some(loops));
}

function loops(insn: Insn): boolean {
  const row = lookup(insn);
  if (row?.kind === "mayGoto" || row?.name === "call_kfunc") return true;
  return row?.name === "call_helper" && LOOPS.has(insn.imm);
}
