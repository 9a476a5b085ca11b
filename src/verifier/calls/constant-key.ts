import type { Environment } from "../environment/environment.ts";
import { markChainPrecisionBatch } from "../explore/precision.ts";
import { isConstant } from "../ranges/bounds.ts";
import { REG_SIZE } from "../state/limits.ts";
import { RegType } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";
import { SlotType, type StackSlot } from "../state/stack-slot.ts";

/** What {@link getConstantMapKey} gives where it does not know the key. */
export const UNKNOWN_KEY = -1n;

/**
 * The key that a pointer to the stack points to, where it is known (`get_constant_map_key`): it becomes precise.
 * {@link UNKNOWN_KEY} where it is not.
 */
export function getConstantMapKey(env: Environment, key: Register, keySize: number): bigint {
  if (!env.bpfCapable || key.type !== RegType.PTR_TO_STACK || !isConstant(key.bounds)) return UNKNOWN_KEY;
  const byte = -(key.off + Number(BigInt.asIntN(64, key.bounds.value))) - 1;
  const spi = Math.trunc(byte / REG_SIZE);
  const slot = env.current.frames[key.frameno]!.stack[spi]!;
  // Bytes of a slot stand with the lowest address last: a key reads towards entry 0.
  const first = byte % REG_SIZE;
  if (run(slot, first, SlotType.ZERO) >= keySize) return 0n;
  const { spilled } = slot;
  if (!slot.isSpill || spilled.type !== RegType.SCALAR_VALUE) return UNKNOWN_KEY;
  if (run(slot, first, SlotType.SPILL) !== keySize) return UNKNOWN_KEY;
  if (!isConstant(spilled.bounds)) return UNKNOWN_KEY;
  env.backtrack.setSlot(key.frameno, spi);
  markChainPrecisionBatch(env, env.current);
  return BigInt.asIntN(64, spilled.bounds.value);
}

/** Entries of one type from `from` down. */
function run(slot: StackSlot, from: number, type: SlotType): number {
  let count = 0;
  for (let i = from; i >= 0 && slot.typeOf(i) === type; i--) count++;
  return count;
}
