import type { Draft } from "./draft.ts";
import { ARENA_LOW } from "./program.ts";

/** Which cast: `imm` of the instruction has the two address spaces. */
const TO_ARENA = 1;
const TO_USER = 1 << 16;
const CAST = 1;
/** Bytes that are accessed at an address. */
const NEAR = 64;

/** A number becomes an address in the arena; things happen there, and it is a number again. */
export function arena(draft: Draft, body: (limit: number) => void): void {
  const { random } = draft;
  const at = draft.target();
  const source = draft.scalar();
  draft.put("mov64_x", at, source);
  if (!random.oneIn(12)) {
    draft.put("and64_k", at, 0, 0, random.pick([0, 56, 63, 0xff8, 0x1fff, 0x3ff8]));
    draft.put("add64_k", at, 0, 0, ARENA_LOW);
  }
  draft.put("addr_space_cast", at, at, CAST, TO_ARENA);
  draft.holds(at);
  if (random.oneIn(3)) draft.put("add64_k", at, 0, 0, random.pick([8, -8, 4096, 1, -4096]));
  draft.bases.push({ register: at, from: 0, to: NEAR, aligned: false, atomics: true, alone: true });
  const { busy } = draft;
  draft.busy ||= at < 6;
  body(2 + random.below(10));
  draft.busy = busy;
  draft.bases.pop();
  draft.frees(at);
  if (random.oneIn(2)) draft.put("addr_space_cast", at, at, CAST, TO_USER);
  else draft.put("mov32_x", at, at);
  draft.sets(at);
}
