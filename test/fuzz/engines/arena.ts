import { kfunc } from "./calls.ts";
import type { Draft } from "./draft.ts";
import { ARENA_LOW, mapIndex } from "./program.ts";

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

/** Pages of the arena come, go or are reserved: programs that may sleep can do that. */
export function arenaPages(draft: Draft, body: (limit: number) => void): void {
  const { random, code } = draft;
  const kind = random.below(3);
  if (kind === 0 && !random.oneIn(3)) draft.put("mov64_k", 2, 0, 0, 0);
  else {
    const source = draft.scalar();
    draft.put("mov64_x", 2, source);
    draft.put("and64_k", 2, 0, 0, random.oneIn(6) ? 0x3fff : 0x3000);
    draft.put("add64_k", 2, 0, 0, ARENA_LOW);
  }
  draft.loses(2);
  draft.put("mov64_k", 3, 0, 0, random.below(3));
  draft.loses(3);
  if (kind === 0) {
    draft.put("mov64_k", 4, 0, 0, -1);
    draft.put("mov64_k", 5, 0, 0, 0);
  } else draft.put("addr_space_cast", 2, 2, CAST, TO_ARENA);
  code.map(1, mapIndex("arena"));
  if (kind === 1) kfunc(draft, "bpf_arena_free_pages", "nothing");
  else if (kind === 2) kfunc(draft, "bpf_arena_reserve_pages", "number");
  else {
    kfunc(draft, "bpf_arena_alloc_pages", "pointer");
    draft.put("addr_space_cast", 0, 0, CAST, TO_ARENA);
    draft.holds(0);
    draft.bases.push({ register: 0, from: 0, to: NEAR, aligned: false, atomics: true, alone: true });
    const { busy } = draft;
    draft.busy = true;
    body(2 + random.below(6));
    draft.busy = busy;
    draft.bases.pop();
    draft.frees(0);
    draft.define(0);
  }
}
