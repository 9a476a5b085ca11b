import { Errno } from "../../uapi/index.ts";
import { hostKfunc } from "../define.ts";
import type { HelperCall, Kfunc } from "../helper.ts";
import { dropObject } from "./drop.ts";
import { pointerAt, setPointer } from "./pointer-word.ts";
import { RedBlackTree } from "./red-black.ts";

/** The tree that a node is in, behind its `struct rb_node` (`struct bpf_rb_node_kern`). */
const OWNER = 24;

/** `__bpf_rbtree_add`: the program says which of two nodes comes first. EINVAL for a node that is in use already. */
function add(
  call: HelperCall,
  rootAt: number,
  newNode: number,
  less: number,
  record: number,
  nodeOffset: number,
): number {
  const [root, node] = [rootAt >>> 0, newNode >>> 0];
  if (pointerAt(call.memory.view(), node + OWNER) !== 0) {
    dropObject(call, node - nodeOffset, record >>> 0);
    return -Errno.EINVAL;
  }
  let parent = 0;
  let onLeft = false;
  let leftmost = true;
  // Nothing that the callback may do changes the tree: its lock is held.
  const tree = new RedBlackTree(call.memory.view(), root);
  for (let at = tree.root; at !== 0 && !call.stopped; at = onLeft ? tree.left(at) : tree.right(at)) {
    parent = at;
    onLeft = call.callBack(less, node, at, 0);
    if (!onLeft) leftmost = false;
  }
  if (call.stopped) return 0;
  const view = call.memory.view();
  new RedBlackTree(view, root).insert(node, parent, onLeft, leftmost);
  setPointer(view, node + OWNER, root);
  return 0;
}

/** `bpf_rbtree_remove`: NULL where the node is not in this tree. */
function remove(call: HelperCall, rootAt: number, nodeAt: number): number {
  const [root, node] = [rootAt >>> 0, nodeAt >>> 0];
  const view = call.memory.view();
  if (pointerAt(view, node + OWNER) !== root) return 0;
  new RedBlackTree(view, root).remove(node);
  RedBlackTree.clear(view, node);
  setPointer(view, node + OWNER, 0);
  return node;
}

/** A child of a node of this tree; NULL for one that is not in it. */
const child =
  (side: "left" | "right") =>
  (call: HelperCall, rootAt: number, nodeAt: number): number => {
    const [root, node] = [rootAt >>> 0, nodeAt >>> 0];
    const view = call.memory.view();
    return pointerAt(view, node + OWNER) === root ? new RedBlackTree(view, root)[side](node) : 0;
  };

const ONE = { args: ["ptr"], result: "ptr" } as const;
const TWO = { args: ["ptr", "ptr"], result: "ptr" } as const;

/** Red-black trees of objects in map values and in other objects. */
export const RBTREE_KFUNCS: readonly Kfunc[] = [
  hostKfunc("bpf_rbtree_add_impl", { args: ["ptr", "ptr", "i32", "ptr", "i32"], result: "u32" }, add),
  hostKfunc("bpf_rbtree_remove", TWO, remove),
  hostKfunc("bpf_rbtree_first", ONE, (call, root) => new RedBlackTree(call.memory.view(), root! >>> 0).first),
  hostKfunc("bpf_rbtree_root", ONE, (call, root) => new RedBlackTree(call.memory.view(), root! >>> 0).root),
  hostKfunc("bpf_rbtree_left", TWO, child("left")),
  hostKfunc("bpf_rbtree_right", TWO, child("right")),
];
