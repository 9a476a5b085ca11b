import { BpfFuncId } from "../../../src/uapi/index.ts";
import { type Draft, FRAME, type Pending } from "./draft.ts";
import { type KfuncName, kfuncIndex } from "./kfuncs.ts";
import { CONTEXT_SLOT, load, place, store } from "./memory.ts";
import { MAPS, type MapName, mapIndex } from "./program.ts";

/** Bytes at the pointer that functions are given. */
export const ARGUMENT = 32;
/** Frames below the main function's that calls may have. */
const DEEPEST = 2;
const MOST_FUNCTIONS = 5;

/** A register with a place on the stack that may be passed on: the frame's, or what the function itself was given. */
function pointer(draft: Draft, register: number, size: number): boolean {
  const given = draft.bases.find(({ aligned, alone, to }) => aligned && alone !== true && to >= size);
  if (given !== undefined && (draft.shared < size || draft.random.oneIn(3))) {
    draft.put("mov64_x", register, given.register);
    return true;
  }
  if (draft.shared < size) return false;
  draft.put("mov64_x", register, FRAME);
  draft.put("add64_k", register, 0, 0, draft.sharedPlace(size));
  return true;
}

/** A function of a kind to call: a new one, or one that is known already. */
export function callee(draft: Draft, kind: Pending["kind"]): Pending | null {
  const { pending, depth, random } = draft;
  const known = pending.filter((each) => each.kind === kind && each.depth === depth + 1);
  if (known.length > 0 && random.oneIn(2)) return random.pick(known);
  if (depth >= DEEPEST || pending.length >= MOST_FUNCTIONS) return null;
  const made = { label: draft.code.label(), kind, depth: depth + 1 };
  pending.push(made);
  return made;
}

/** A function of the program, with a pointer and two numbers. */
export function localCall(draft: Draft): void {
  if (draft.shared < ARGUMENT && !draft.bases.some(({ aligned, alone }) => aligned && alone !== true)) return;
  const target = callee(draft, "sub");
  if (target === null) return;
  numbers(draft, [2, 3]);
  pointer(draft, 1, ARGUMENT);
  const values = draft.bases.find(({ register }) => register === 9);
  if (values === undefined || values.to < 64 || draft.random.oneIn(2))
    draft.code.map(4, mapIndex("globals"), 0);
  else draft.put("mov64_x", 4, 9);
  draft.left--;
  draft.code.to(target.label, "call_local");
  draft.called();
}

/** Numbers into registers that arguments are passed in. */
function numbers(draft: Draft, registers: readonly number[]): void {
  for (const register of registers) {
    if (!draft.has(register)) draft.define(register);
    else if (draft.random.oneIn(2)) {
      const source = draft.scalar();
      draft.put("mov64_x", register, source);
    }
  }
}

type EachKind = "each" | "eachHash" | "eachRecent";

/** The map whose elements a function is called for. */
export const EACH: { readonly [kind in EachKind]: MapName } = {
  each: "cells",
  eachHash: "table",
  eachRecent: "recent",
};

function eachKinds({ live, containers }: Draft["features"]): readonly EachKind[] {
  if (live) return ["each"];
  return containers ? ["each", "eachHash", "eachRecent"] : ["each", "eachHash"];
}

/** `bpf_loop`, or `bpf_for_each_map_elem`. */
export function callback(draft: Draft): void {
  const { random, code, features } = draft;
  if (draft.shared < ARGUMENT && !draft.bases.some(({ aligned, alone }) => aligned && alone !== true)) return;
  if (draft.loops > 1) return;
  const kind = random.oneIn(2) ? "loop" : random.pick(eachKinds(features));
  const target = callee(draft, kind);
  if (target === null) return;
  if (kind === "loop") {
    const limit = draft.loops > 0 ? 3 : 15;
    if (random.oneIn(2)) {
      const source = draft.scalar();
      draft.put("mov64_x", 1, source);
      draft.put("and64_k", 1, 0, 0, limit);
    } else {
      draft.put("mov64_k", 1, 0, 0, random.below(limit + 1));
      // More than there may be; and a high half, which counts.
      if (random.oneIn(8)) draft.put("or64_k", 1, 0, 0, random.pick([1 << 24, -(2 ** 31)]));
    }
  } else {
    code.map(1, mapIndex(EACH[kind]));
  }
  pointer(draft, 3, ARGUMENT);
  code.func(2, target.label);
  // There are no flags yet.
  draft.put("mov64_k", 4, 0, 0, random.oneIn(16) ? 1 : 0);
  draft.put("call_helper", 0, 0, 0, kind === "loop" ? BpfFuncId.loop : BpfFuncId.for_each_map_elem);
  draft.called();
}

const LOOKED_UP: readonly MapName[] = ["cells", "table", "counts", "places"];
const LOOKED_UP_TOO: readonly MapName[] = ["recent", "recent", "hot", "hot", "accounts", "accounts"];
/** Bytes of an account that its lock takes. */
const LOCK = 8;

/** A lookup whose value is used, an update or a deletion. */
export function mapCall(draft: Draft, body: (limit: number) => void): void {
  const { random } = draft;
  if (draft.shared < 32) return;
  const name = random.pick(draft.features.containers && random.oneIn(2) ? LOOKED_UP_TOO : LOOKED_UP);
  const { keySize, valueSize, maxEntries } = MAPS[mapIndex(name)]!;
  const key = draft.sharedPlace(8);
  const number = draft.target();
  if (random.oneIn(3)) {
    draft.put("mov64_k", number, 0, 0, random.below(maxEntries + 2));
  } else {
    const source = draft.scalar();
    draft.put("mov64_x", number, source);
    draft.put("and64_k", number, 0, 0, random.oneIn(8) ? -1 : 7);
  }
  draft.sets(number);
  draft.put(keySize === 8 ? "stx_dw" : "stx_w", FRAME, number, key);
  const array = name === "cells" || name === "counts";
  const kind = random.below(array ? 5 : 6);
  draft.put("mov64_x", 2, FRAME);
  draft.put("add64_k", 2, 0, 0, key);
  if (kind === 4 && valueSize <= draft.shared) {
    draft.put("mov64_x", 3, FRAME);
    draft.put("add64_k", 3, 0, 0, draft.sharedPlace(Math.ceil(valueSize / 8) * 8));
    draft.put("mov64_k", 4, 0, 0, random.pick([0, 0, 0, 0, 1, 2, 3, 4, -1]));
    if (random.oneIn(8)) draft.put("lsh64_k", 4, 0, 0, 32);
  }
  draft.code.map(1, mapIndex(name));
  if (kind === 5) {
    draft.put("call_helper", 0, 0, 0, BpfFuncId.map_delete_elem);
    draft.called();
    return;
  }
  if (kind === 4 && valueSize <= draft.shared) {
    draft.put("call_helper", 0, 0, 0, BpfFuncId.map_update_elem);
    draft.called();
    return;
  }
  draft.put("call_helper", 0, 0, 0, BpfFuncId.map_lookup_elem);
  draft.called();
  lookedUp(draft, { size: valueSize, array, locked: name === "accounts" }, body);
}

/** r0 is a value or NULL: used where it is one. Values of arrays stay where they are, whatever is called meanwhile. */
function lookedUp(
  draft: Draft,
  { size, array, locked }: { readonly size: number; readonly array: boolean; readonly locked: boolean },
  body: (limit: number) => void,
): void {
  const { random, code } = draft;
  draft.loses(0);
  const keeper = [7, 8].find((register) => (draft.locked & (1 << register)) === 0);
  const keeps = keeper !== undefined && (locked ? random.oneIn(2) : array && random.oneIn(2));
  const register = keeps ? keeper : 0;
  const missed = code.label();
  draft.left--;
  if (random.oneIn(2)) {
    const found = code.label();
    code.to(found, "jne64_k", 0, 0, 0);
    code.to(missed, "ja");
    code.bind(found);
  } else {
    code.to(missed, "jeq64_k", 0, 0, 0);
  }
  const before = draft.scalars;
  const { busy } = draft;
  if (keeps) draft.put("mov64_x", register, 0);
  draft.holds(register);
  const from = locked ? LOCK : 0;
  draft.bases.push({ register, from, to: size, aligned: false, atomics: true });
  draft.busy = busy || locked || !keeps;
  if (random.oneIn(3)) {
    const at = { register, offset: from + 8 * random.below((size - from) / 8), size: 8 };
    const scalar = draft.scalar();
    draft.put("atomic_add_dw", register, scalar, at.offset);
  }
  if (locked && keeps) {
    const lock = (id: number) => {
      draft.put("mov64_x", 1, register);
      helper(draft, id, "nothing");
    };
    lock(BpfFuncId.spin_lock);
    draft.holding(() => body(3 + random.below(8)));
    lock(BpfFuncId.spin_unlock);
  } else body(3 + random.below(8));
  draft.busy = busy;
  draft.bases.pop();
  draft.frees(register);
  if (keeps) draft.define(register);
  draft.define(0);
  const after = draft.scalars;
  draft.scalars = before | 1;
  code.bind(missed);
  draft.scalars &= after;
}

/** The CPU's number, or a sum over bytes of the stack. */
export function simpleHelper(draft: Draft): void {
  const { random } = draft;
  if (draft.shared < 16 || draft.features.type === "syscall" || random.oneIn(2)) {
    draft.put("call_helper", 0, 0, 0, BpfFuncId.get_smp_processor_id);
    draft.called();
    return;
  }
  const seed = draft.scalar();
  draft.put("mov64_x", 5, seed);
  draft.put("mov64_x", 3, FRAME);
  draft.put("add64_k", 3, 0, 0, draft.sharedPlace(16));
  draft.put("mov64_k", 4, 0, 0, 4 * (1 + random.below(4)));
  draft.put("mov64_x", 1, FRAME);
  draft.put("add64_k", 1, 0, 0, draft.sharedPlace(16));
  draft.put("mov64_k", 2, 0, 0, 4 * random.below(5));
  draft.put("call_helper", 0, 0, 0, BpfFuncId.csum_diff);
  draft.called();
}

/** Copies something, by one register: what programs that copy structs do. */
export function aggregate(draft: Draft): void {
  const { random } = draft;
  const size = random.pick([4, 8]);
  const through = draft.target();
  for (let count = 1 + random.below(4); count > 0; count--) {
    load(draft, place(draft, { size }), through);
    const to = place(draft, { size });
    if (random.oneIn(3)) store(draft, to);
    else draft.put(size === 8 ? "stx_dw" : "stx_w", to.register, through, to.offset);
  }
}

/** On to another program, if there is one. The packet is out of reach afterwards. */
export function tailCall(draft: Draft): void {
  const { random, code } = draft;
  const source = draft.scalar();
  if (random.oneIn(3)) {
    draft.put("mov64_k", 3, 0, 0, random.below(5));
  } else {
    draft.put("mov64_x", 3, source);
    if (random.oneIn(3)) {
      // Its low half counts.
      draft.put("lsh64_k", 3, 0, 0, 32);
      draft.put("or64_k", 3, 0, 0, random.below(4));
    } else {
      draft.put("and64_k", 3, 0, 0, 3);
    }
  }
  draft.put("ldx_dw", 1, FRAME, CONTEXT_SLOT);
  code.map(2, mapIndex("jumps"));
  draft.put("call_helper", 0, 0, 0, BpfFuncId.tail_call);
  draft.called();
  draft.loses(0);
}

/** A function that goes on to another program, or comes back. The packet is out of reach afterwards. */
export function hop(draft: Draft): void {
  const target = callee(draft, "hop");
  if (target === null) return;
  numbers(draft, [2, 3]);
  draft.put("ldx_dw", 1, FRAME, CONTEXT_SLOT);
  draft.left--;
  draft.code.to(target.label, "call_local");
  draft.called();
}

/** Throws a number, under a condition. */
export function throwing(draft: Draft, condition: (draft: Draft, label: number) => void): void {
  if (draft.sealed || draft.busy) return;
  const { code } = draft;
  const past = code.label();
  condition(draft, past);
  const { scalars } = draft;
  const cookie = draft.scalar();
  draft.put("mov64_x", 1, cookie);
  kfunc(draft, "bpf_throw", "nothing");
  code.bind(past);
  draft.scalars = scalars;
}

/** Calls a kfunc with what r1 to r5 hold. r0 holds a number afterwards, where that is what it gives. */
export function kfunc(draft: Draft, name: KfuncName, result: "number" | "nothing" | "pointer"): void {
  draft.put("call_kfunc", 0, 0, 0, kfuncIndex(name));
  draft.called();
  if (result !== "number") draft.loses(0);
}

/** Calls a helper likewise. */
export function helper(draft: Draft, id: number, result: "number" | "nothing" | "pointer"): void {
  draft.put("call_helper", 0, 0, 0, id);
  draft.called();
  if (result !== "number") draft.loses(0);
}

/** A register = an address on the own stack. */
export function onStack(draft: Draft, register: number, offset: number): void {
  draft.put("mov64_x", register, FRAME);
  draft.put("add64_k", register, 0, 0, offset);
  draft.loses(register);
}
