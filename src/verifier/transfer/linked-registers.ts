import type { Environment } from "../environment/environment.ts";
import { frameInsnIdx } from "../explore/explored-states.ts";
import { addUnsynced } from "../ranges/arithmetic.ts";
import { constantOfWords, draftOf, isConstant } from "../ranges/bounds.ts";
import { synced } from "../ranges/sync.ts";
import { zeroExtend } from "../ranges/truncate.ts";
import { LINKED_REGS_MAX, type LinkedRegister } from "../state/history.ts";
import { RegType } from "../state/reg-type.ts";
import { ADD_CONST, ADD_CONST32, ID_MASK, type Register } from "../state/register.ts";
import type { VerifierState } from "../state/verifier-state.ts";

const FRAME_POINTER = 10;

/** Gives a number that is about to be copied an id, by which what is learnt of one is known of the other. */
export function assignScalarIdBeforeMov(env: Environment, src: Register): void {
  if (src.type !== RegType.SCALAR_VALUE) return;
  if ((src.id & ADD_CONST) !== 0) {
    // At a distance from others already: a copy at another distance cannot be expressed.
    src.unlink();
  }
  if (src.id === 0 && !isConstant(src.bounds)) src.id = ++env.idGen;
}

function collect(
  linked: LinkedRegister[],
  reg: Register,
  id: number,
  frameno: number,
  index: number,
  isReg: boolean,
): void {
  if (reg.type !== RegType.SCALAR_VALUE || (reg.id & ID_MASK) !== id) return;
  if (linked.length < LINKED_REGS_MAX) linked.push({ frameno, index, isReg });
  // No room to remember that it goes with them: so it does not any more.
  else reg.unlink();
}

/**
 * Adds the registers and spilled registers with this id, in all frames, to `linked` (`collect_linked_regs`; registers
 * that nobody reads any more are left out since 6.18.y).
 */
export function collectLinkedRegs(
  env: Environment,
  state: VerifierState,
  id: number,
  linked: LinkedRegister[],
): void {
  const base = id & ID_MASK;
  for (let frameno = state.curframe; frameno >= 0; frameno--) {
    const { regs, stack } = state.frames[frameno]!;
    const live = env.aux[frameInsnIdx(state, frameno)]!.liveRegsBefore;
    for (let i = 0; i < FRAME_POINTER; i++) {
      if ((live & (1 << i)) !== 0) collect(linked, regs[i]!, base, frameno, i, true);
    }
    for (let spi = 0; spi < stack.length; spi++) {
      const slot = stack[spi]!;
      if (slot.isSpill) collect(linked, slot.spilled, base, frameno, spi, false);
    }
  }
}

/** Gives the linked registers that share the id of `known` its range, moved by the distance (`sync_linked_regs`). */
export function syncLinkedRegs(
  state: VerifierState,
  known: Register,
  linked: readonly LinkedRegister[],
): void {
  for (const { frameno, index, isReg } of linked) {
    const frame = state.frames[frameno]!;
    const reg = isReg ? frame.regs[index]! : frame.stack[index]!.spilled;
    if (reg.type !== RegType.SCALAR_VALUE || reg === known) continue;
    if ((reg.id & ID_MASK) !== (known.id & ID_MASK)) continue;
    // A distance by 32 bits from one and a distance by 64 bits from the other say nothing of each other.
    if (((reg.id ^ known.id) & ADD_CONST) >>> 0 === ADD_CONST) continue;
    const { subregDef, off, id } = reg;
    const atDistance = ((id | known.id) & ADD_CONST) !== 0 && off !== known.off;
    const distance = off - known.off;
    reg.copyFrom(known);
    reg.subregDef = subregDef;
    if (!atDistance) continue;
    reg.off = off;
    reg.id = id;
    const draft = draftOf(known.bounds);
    addUnsynced(draft, constantOfWords(Math.floor(distance / 2 ** 32), distance | 0));
    if (((id | known.id) & ADD_CONST32) !== 0) zeroExtend(draft);
    reg.bounds = synced(draft);
  }
}
