import { isConstant } from "../ranges/bounds.ts";
import { Condition, opposite, swapped } from "../ranges/condition.ts";
import { isPacketPointer, RegType } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";
import type { VerifierState } from "../state/verifier-state.ts";

/** `range` of a packet pointer that is known to be at the packet's end or behind it. */
export const AT_PKT_END = -1;
/** `range` of one that is known to be behind it. */
export const BEYOND_PKT_END = -2;

/** `MAX_PACKET_OFF` */
const MAX_PACKET_OFF = 0xffff;

/** `reg_is_pkt_pointer_any` */
export function isPacketPointerOrEnd(reg: Register): boolean {
  return isPacketPointer(reg.type) || reg.type === RegType.PTR_TO_PACKET_END;
}

/** A pointer to the packet's start, as the context gives it (`reg_is_init_pkt_pointer`). */
function isPacketStart(reg: Register): boolean {
  const { bounds } = reg;
  return (
    reg.type === RegType.PTR_TO_PACKET &&
    reg.id === 0 &&
    reg.off === 0 &&
    isConstant(bounds) &&
    (bounds.tnum.valueHi | bounds.tnum.valueLo) === 0
  );
}

/**
 * Which way a comparison of a packet pointer with the packet's end goes, where an earlier one told; else null
 * (`is_pkt_ptr_branch_taken`).
 */
export function predictPacketBranch(condition: Condition, dst: Register, src: Register): boolean | null {
  let packet = dst;
  if (src.type !== RegType.PTR_TO_PACKET_END) {
    if (dst.type !== RegType.PTR_TO_PACKET_END) return null;
    packet = src;
    condition = swapped(condition);
  }
  if (packet.range >= 0) return null;
  switch (condition) {
    case Condition.gt:
    case Condition.le:
      return packet.range === BEYOND_PKT_END ? condition === Condition.gt : null;
    case Condition.ge:
    case Condition.lt:
      return condition === Condition.ge;
    default:
      return null;
  }
}

/**
 * All packet pointers of the same origin may reach as far as `pointer`, which is at most the end; `below` it: one byte
 * further (`find_good_pkt_pointers`).
 */
function findGoodPktPointers(state: VerifierState, pointer: Register, type: number, below: boolean): void {
  const { off, id, bounds } = pointer;
  if (off < 0 || (off === 0 && below)) return;
  // A sum that may have wrapped around says nothing.
  if (bounds.umaxHi !== 0 || (bounds.umaxLo >>> 0) + off > MAX_PACKET_OFF) return;
  const range = below ? off + 1 : off;
  state.forEachRegister((reg) => {
    if (reg.type === type && reg.id === id && reg.range < range) reg.range = range;
  });
}

/** The pointer is behind the packet's end, or (not `beyond`) may be at it (`mark_pkt_end`). */
function markPktEnd(state: VerifierState, regno: number, beyond: boolean): void {
  const reg = state.regs[regno]!;
  if (reg.type === RegType.PTR_TO_PACKET) reg.range = beyond ? BEYOND_PKT_END : AT_PKT_END;
}

/** Operands of a comparison: numbers of the registers, and the registers of the falling-through branch. */
export interface PacketComparison {
  readonly condition: Condition;
  readonly dst: number;
  readonly src: number;
  readonly dstReg: Register;
  readonly srcReg: Register;
}

/**
 * Learns from the comparison of a packet pointer with the packet's end, or of a pointer to metadata with the packet's
 * start, how far may be read (`try_match_pkt_pointers`).
 *
 * @returns whether it was one
 */
export function tryMatchPktPointers(
  { condition, dst, src, dstReg, srcReg }: PacketComparison,
  thisBranch: VerifierState,
  otherBranch: VerifierState,
): boolean {
  if (
    condition !== Condition.gt &&
    condition !== Condition.lt &&
    condition !== Condition.ge &&
    condition !== Condition.le
  ) {
    return false;
  }
  let pointer = dstReg;
  let regno = dst;
  let holds: Condition = condition;
  if (!comparesWithEnd(dstReg, srcReg)) {
    if (!comparesWithEnd(srcReg, dstReg)) return false;
    pointer = srcReg;
    regno = src;
    holds = swapped(condition);
  }
  // `holds` is about "pointer … end" in the branch that jumps; its opposite in the one that does not.
  learn(otherBranch, pointer, regno, holds);
  learn(thisBranch, pointer, regno, opposite(holds));
  return true;
}

function comparesWithEnd(pointer: Register, end: Register): boolean {
  return (
    (pointer.type === RegType.PTR_TO_PACKET && end.type === RegType.PTR_TO_PACKET_END) ||
    (pointer.type === RegType.PTR_TO_PACKET_META && isPacketStart(end))
  );
}

function learn(state: VerifierState, pointer: Register, regno: number, holds: Condition): void {
  switch (holds) {
    case Condition.le:
      findGoodPktPointers(state, pointer, pointer.type, false);
      break;
    case Condition.lt:
      findGoodPktPointers(state, pointer, pointer.type, true);
      break;
    case Condition.gt:
      markPktEnd(state, regno, true);
      break;
    default:
      markPktEnd(state, regno, false);
  }
}
