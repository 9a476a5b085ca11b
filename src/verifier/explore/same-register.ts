import { sameBounds } from "../ranges/bounds.ts";
import { RegType } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";

/** Type, fixed offset and what belongs to certain types are the same: the bytes before `var_off`. */
export function sameTarget(a: Register, b: Register): boolean {
  if (a.type !== b.type || a.off !== b.off) return false;
  if (a.type === RegType.SCALAR_VALUE || a.type === RegType.NOT_INIT) return true;
  return a.range === b.range && a.target.equals(b.target);
}

/** Also what is known of the value: the bytes before `id`. */
export function sameKnowledge(a: Register, b: Register): boolean {
  return sameTarget(a, b) && sameBounds(a.bounds, b.bounds);
}
