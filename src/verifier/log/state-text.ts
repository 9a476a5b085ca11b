import type { Environment } from "../environment/environment.ts";
import { DYNPTR_SLOTS, REG_SIZE } from "../state/limits.ts";
import { RegType } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";
import { SlotType, type StackSlot } from "../state/stack-slot.ts";
import type { VerifierState } from "../state/verifier-state.ts";
import { dynptrTypeStr, iterStateStr, iterTypeStr } from "./reg-type-text.ts";
import { registerText } from "./register-text.ts";

/** By {@link SlotType}. */
const SLOT_LETTERS = "?rm0dif";

/** Column behind which states stand (`BPF_LOG_ALIGNMENT`), and what columns are rounded to. */
const ALIGNMENT = 40;
const MIN_ALIGNMENT = 8;

/**
 * Writes a frame of a state and ends the line (`print_verifier_state`): all of it, or what changed since the last
 * time.
 */
export function printVerifierState(
  env: Environment,
  state: VerifierState,
  frameno: number,
  options: { readonly all: boolean },
): void {
  const { all } = options;
  const frame = state.frames[frameno]!;
  let text = frame.frameno === 0 ? "" : ` frame${frame.frameno}:`;
  frame.regs.forEach((reg, i) => {
    if (reg.type === RegType.NOT_INIT) return;
    if (!all && ((env.scratchedRegs >>> i) & 1) === 0) return;
    text += ` R${i}=${registerText(reg, frame)}`;
  });
  for (let spi = 0; spi < frame.stack.length; spi++) {
    if (!all && !env.isSlotScratched(spi)) continue;
    const slot = frame.stack[spi]!;
    if (slot.isFilled(SlotType.INVALID)) continue;
    if (slot.kind === SlotType.SPILL) {
      text += ` fp${place(spi)}=${lettersAbove(slot)}${registerText(slot.spilled, frame)}`;
    } else if (slot.kind === SlotType.DYNPTR) {
      // Its first slot is the one further down the stack.
      spi += DYNPTR_SLOTS - 1;
      text += ` fp${place(spi)}=${dynptrText(frame.stack[spi]!.spilled)}`;
    } else if (slot.kind === SlotType.ITER) {
      const { spilled } = slot;
      if (spilled.refObjId === 0) continue;
      const type = iterTypeStr(spilled.btf, spilled.btfId);
      text += ` fp${place(spi)}=iter_${type}(ref_id=${spilled.refObjId},state=${iterStateStr(spilled.iterState)},depth=${spilled.iterDepth})`;
    } else {
      text += ` fp${place(spi)}=${letters(slot)}`;
    }
  }
  const references = state.refs.filter((reference) => reference.id !== 0);
  if (state.refs.length > 0 && state.refs[0]!.id !== 0) {
    text += ` refs=${references.map((reference) => reference.id).join(",")}`;
  }
  if (frame.inCallback) text += " cb";
  if (frame.inAsyncCallback) text += " async_cb";
  env.log.write(`${text}\n`);
  if (!all) env.scratchNone();
}

/** Offset of a slot from the frame pointer. */
function place(spi: number): number {
  return (-spi - 1) * REG_SIZE;
}

function letters(slot: StackSlot): string {
  let text = "";
  for (let byte = 0; byte < REG_SIZE; byte++) text += SLOT_LETTERS[slot.typeOf(byte)];
  return text;
}

/** The bytes below a spill that is narrower than its slot. */
function lettersAbove(slot: StackSlot): string {
  const text = letters(slot);
  return text.slice(0, text.indexOf(SLOT_LETTERS[SlotType.SPILL]!));
}

function dynptrText(reg: Register): string {
  const parts: string[] = [];
  if (reg.id !== 0) parts.push(`id=${reg.id}`);
  if (reg.refObjId !== 0) parts.push(`ref_id=${reg.refObjId}`);
  // The kernel prints a word here that in a slot of a dynptr says whether it is the first.
  if (reg.dynptrFirstSlot) parts.push("dynptr_id=1");
  return `dynptr_${dynptrTypeStr(reg.dynptrType)}(${parts.join(",")})`;
}

/** Writes what changed, behind the instruction's own line where nothing came in between (`print_insn_state`). */
export function printInsnState(env: Environment, state: VerifierState, frameno: number): void {
  const { log } = env;
  if (!log.enabled) {
    env.scratchNone();
    return;
  }
  if (log.prevLogPos !== 0 && log.prevLogPos === log.position) {
    log.reset(log.prevLogPos - 1);
    log.write(`${" ".repeat(padding(log.prevInsnPrintPos))};`);
  } else {
    log.write(`${env.insnIdx}:`);
  }
  printVerifierState(env, state, frameno, { all: false });
}

/** `vlog_alignment` */
function padding(width: number): number {
  const column = Math.max(width + MIN_ALIGNMENT / 2, ALIGNMENT);
  return Math.ceil(column / MIN_ALIGNMENT) * MIN_ALIGNMENT - width - 1;
}
