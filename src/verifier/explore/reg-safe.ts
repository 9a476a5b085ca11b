import type { Environment } from "../environment/environment.ts";
import { type Bounds, UNKNOWN } from "../ranges/bounds.ts";
import { tnumIn } from "../ranges/tnum.ts";
import { below32, below64, less64 } from "../ranges/words.ts";
import { baseType, RegType } from "../state/reg-type.ts";
import { ADD_CONST, ID_MASK, type Register } from "../state/register.ts";
import type { IdMap } from "./id-map.ts";
import { sameKnowledge, sameTarget } from "./same-register.ts";

/** How much two states must have in common to be taken for equal: `enum exact_level`. */
export const ExactLevel = {
  /** What no path from the cached state looked at may differ. */
  NOT_EXACT: 0,
  /** Nothing may. */
  EXACT: 1,
  /** The value may be any of those that the cached state allows, whether one looked at it or not. */
  RANGE_WITHIN: 2,
} as const;
export type ExactLevel = (typeof ExactLevel)[keyof typeof ExactLevel];

/** All values of `current` are values of `old` (`range_within` and `tnum_in`). */
export function boundsWithin(old: Bounds, current: Bounds): boolean {
  if (old === current || old === UNKNOWN) return true;
  return (
    !below32(current.u32minWord, old.u32minWord) &&
    !below32(old.u32maxWord, current.u32maxWord) &&
    old.s32min <= current.s32min &&
    old.s32max >= current.s32max &&
    !below64(current.uminHi, current.uminLo, old.uminHi, old.uminLo) &&
    !below64(old.umaxHi, old.umaxLo, current.umaxHi, current.umaxLo) &&
    !less64(current.sminHi, current.sminLo, old.sminHi, old.sminLo) &&
    !less64(old.smaxHi, old.smaxLo, current.smaxHi, current.smaxLo) &&
    tnumIn(old.tnum, current.tnum)
  );
}

/** All that is known is the same, and ids stand for each other (`regs_exact`). */
export function regsExact(old: Register, current: Register, ids: IdMap): boolean {
  return (
    sameKnowledge(old, current) &&
    ids.matches(old.id, current.id) &&
    ids.matches(old.refObjId, current.refObjId)
  );
}

/** What is safe to do with `old` is safe to do with `current` (`regsafe`). */
export function regSafe(env: Environment, old: Register, current: Register, exact: ExactLevel): boolean {
  const ids = env.idMap;
  if (exact === ExactLevel.EXACT) return regsExact(old, current, ids);
  if (old.type === RegType.NOT_INIT) {
    if (exact === ExactLevel.NOT_EXACT || current.type === RegType.NOT_INIT) return true;
  }
  if (old.type !== current.type) return false;
  switch (baseType(old.type)) {
    case RegType.SCALAR_VALUE:
      return scalarSafe(env, old, current, exact);
    case RegType.PTR_TO_MAP_KEY:
    case RegType.PTR_TO_MAP_VALUE:
    case RegType.PTR_TO_MEM:
    case RegType.PTR_TO_BUF:
    case RegType.PTR_TO_TP_BUFFER:
      return (
        sameTarget(old, current) &&
        boundsWithin(old.bounds, current.bounds) &&
        ids.matches(old.id, current.id) &&
        ids.matches(old.refObjId, current.refObjId)
      );
    case RegType.PTR_TO_PACKET_META:
    case RegType.PTR_TO_PACKET:
      return (
        rangeSafe(old.range, current.range) &&
        old.off === current.off &&
        ids.matches(old.id, current.id) &&
        boundsWithin(old.bounds, current.bounds)
      );
    case RegType.PTR_TO_STACK:
      return regsExact(old, current, ids) && old.frameno === current.frameno;
    case RegType.PTR_TO_ARENA:
      return true;
    default:
      return regsExact(old, current, ids);
  }
}

/** At least as many bytes are there; a pointer at or behind the end of the packet only covers its like. */
function rangeSafe(old: number, current: number): boolean {
  return old < 0 || current < 0 ? old === current : old <= current;
}

function scalarSafe(env: Environment, old: Register, current: Register, exact: ExactLevel): boolean {
  const ids = env.idMap;
  if (env.exploreAluLimits) return sameKnowledge(old, current) && ids.matchesScalar(old.id, current.id);
  if (!old.precise && exact === ExactLevel.NOT_EXACT) return true;
  if (old.id !== 0) {
    if ((old.id & ADD_CONST) !== (current.id & ADD_CONST)) return false;
    if ((old.id & ADD_CONST) !== 0 && old.off !== current.off) return false;
  }
  // Of those at a distance, too, it is the link that is compared (6.18.y).
  return (
    boundsWithin(old.bounds, current.bounds) && ids.matchesScalar(old.id & ID_MASK, current.id & ID_MASK)
  );
}
