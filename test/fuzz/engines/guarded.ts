import { BpfFuncId } from "../../../src/uapi/index.ts";
import { callee, helper, kfunc } from "./calls.ts";
import type { Draft } from "./draft.ts";
import { mapIndex } from "./program.ts";
import { GUARDED_LIST, GUARDED_LOCK, GUARDED_TREE, NODE_ID, NODE_LIST, NODE_TREE } from "./types.ts";

/** Bytes of what the lock guards that are words. */
const WORDS = 32;

/** Something happens while the lock of the map `guarded` is held. */
function locked(draft: Draft, act: () => void): void {
  const lock = (id: number) => {
    draft.code.map(1, mapIndex("guarded"), GUARDED_LOCK);
    helper(draft, id, "nothing");
  };
  lock(BpfFuncId.spin_lock);
  draft.holding(act);
  lock(BpfFuncId.spin_unlock);
}

/** Words change under a lock, or something goes into a list or a tree, or comes out. */
export function guarded(draft: Draft, body: (limit: number) => void): void {
  switch (draft.random.below(5)) {
    case 0:
      locked(draft, () => words(draft, body));
      return;
    case 1:
    case 2:
      takeOut(draft);
      return;
    default:
      putIn(draft, body);
  }
}

function words(draft: Draft, body: (limit: number) => void): void {
  const register = draft.target();
  draft.code.map(register, mapIndex("guarded"), 0);
  draft.holds(register);
  draft.bases.push({ register, from: 0, to: WORDS, aligned: false, atomics: true });
  body(2 + draft.random.below(8));
  draft.bases.pop();
  draft.frees(register);
}

/** A new object, in the list, in the tree or in both; or it ends at once. */
function putIn(draft: Draft, body: (limit: number) => void): void {
  const { random, code } = draft;
  const keeper = draft.keeper();
  if (keeper === undefined) return;
  draft.put("mov64_k", 1, 0, 0, NODE_ID);
  draft.put("mov64_k", 2, 0, 0, 0);
  kfunc(draft, "bpf_obj_new_impl", "pointer");
  draft.loses(keeper);
  const before = draft.scalars;
  const out = code.label();
  draft.left--;
  code.to(out, "jeq64_k", 0, 0, 0);
  draft.put("mov64_x", keeper, 0);
  draft.holds(keeper);
  // What has a type is accessed member by member: the first one.
  draft.bases.push({ register: keeper, from: 0, to: 8, aligned: true, atomics: false, alone: true });
  draft.put("stx_dw", keeper, draft.scalar(), 0);
  if (random.oneIn(2)) draft.holding(() => body(3));
  draft.bases.pop();
  give(draft, keeper);
  draft.frees(keeper);
  draft.define(0);
  const after = draft.scalars;
  code.bind(out);
  draft.scalars = (before | 1) & after;
}

/** What becomes of an object. */
function give(draft: Draft, keeper: number): void {
  const { random } = draft;
  const other = draft.keeper();
  const kind = random.below(other === undefined ? 3 : 4);
  if (kind === 0) {
    drop(draft, keeper);
    return;
  }
  if (kind < 3) {
    locked(draft, () => (kind === 1 ? push(draft, keeper) : add(draft, keeper)));
    return;
  }
  // One reference for each.
  draft.put("mov64_x", 1, keeper);
  draft.put("mov64_k", 2, 0, 0, 0);
  kfunc(draft, "bpf_refcount_acquire_impl", "pointer");
  draft.put("mov64_x", other!, 0);
  draft.holds(other!);
  locked(draft, () => {
    push(draft, keeper);
    if (!random.oneIn(3)) add(draft, other!);
    else push(draft, other!);
  });
  draft.frees(other!);
}

function drop(draft: Draft, object: number): void {
  draft.put("mov64_x", 1, object);
  draft.put("mov64_k", 2, 0, 0, 0);
  kfunc(draft, "bpf_obj_drop_impl", "nothing");
}

function push(draft: Draft, object: number): void {
  const { random, code } = draft;
  code.map(1, mapIndex("guarded"), GUARDED_LIST);
  draft.put("mov64_x", 2, object);
  draft.put("add64_k", 2, 0, 0, NODE_LIST);
  draft.put("mov64_k", 3, 0, 0, 0);
  draft.put("mov64_k", 4, 0, 0, 0);
  kfunc(draft, random.oneIn(2) ? "bpf_list_push_front_impl" : "bpf_list_push_back_impl", "number");
}

function add(draft: Draft, object: number): void {
  const less = callee(draft, "less");
  if (less === null) {
    push(draft, object);
    return;
  }
  draft.code.map(1, mapIndex("guarded"), GUARDED_TREE);
  draft.put("mov64_x", 2, object);
  draft.put("add64_k", 2, 0, 0, NODE_TREE);
  draft.code.func(3, less.label);
  draft.put("mov64_k", 4, 0, 0, 0);
  draft.put("mov64_k", 5, 0, 0, 0);
  kfunc(draft, "bpf_rbtree_add_impl", "number");
}

/** An object comes out of the list or the tree: it is read, and goes elsewhere or ends. */
function takeOut(draft: Draft): void {
  const { random, code } = draft;
  const keeper = draft.keeper();
  if (keeper === undefined) return;
  const tree = random.oneIn(2);
  locked(draft, () => {
    if (tree) first(draft);
    else {
      code.map(1, mapIndex("guarded"), GUARDED_LIST);
      kfunc(draft, random.oneIn(2) ? "bpf_list_pop_front" : "bpf_list_pop_back", "pointer");
    }
    draft.put("mov64_x", keeper, 0);
    draft.holds(keeper);
  });
  const before = draft.scalars;
  const out = code.label();
  draft.left--;
  code.to(out, "jeq64_k", keeper, 0, 0);
  draft.put("add64_k", keeper, 0, 0, -(tree ? NODE_TREE : NODE_LIST));
  const value = draft.target();
  draft.put("ldx_dw", value, keeper, 8 * random.below(2));
  draft.sets(value);
  if (random.oneIn(2)) draft.put("stx_dw", keeper, value, 8);
  give(draft, keeper);
  const after = draft.scalars;
  code.bind(out);
  draft.frees(keeper);
  draft.scalars = before & after;
}

/** r0 = the first object of the tree, taken out; NULL where there is none. */
function first(draft: Draft): void {
  const { code } = draft;
  const none = code.label();
  code.map(1, mapIndex("guarded"), GUARDED_TREE);
  kfunc(draft, "bpf_rbtree_first", "pointer");
  draft.left--;
  code.to(none, "jeq64_k", 0, 0, 0);
  code.map(1, mapIndex("guarded"), GUARDED_TREE);
  draft.put("mov64_x", 2, 0);
  kfunc(draft, "bpf_rbtree_remove", "pointer");
  code.bind(none);
}

const COMPARISONS = ["jlt64_x", "jslt64_x", "jlt32_x", "jgt64_x"] as const;

/** The function that compares two nodes of the tree by what they hold. */
export function writeLess(draft: Draft): void {
  const { random, code } = draft;
  const at = 8 * random.below(2) - NODE_TREE;
  const isLess = code.label();
  code.put("ldx_dw", 1, 1, at);
  code.put("ldx_dw", 2, 2, at);
  code.put("mov64_k", 0, 0, 0, 1);
  code.to(isLess, random.pick(COMPARISONS), 1, 2);
  code.put("mov64_k", 0, 0, 0, 0);
  code.bind(isLess);
  code.put("exit");
}
