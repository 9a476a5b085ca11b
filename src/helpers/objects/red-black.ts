import { pointerAt, setPointer } from "./pointer-word.ts";

/** `struct rb_node`: parent with the colour in its lowest bit, right and left child. */
const PARENT = 0;
const RIGHT = 8;
const LEFT = 16;
const BLACK = 1;

/** `struct rb_root_cached`: the root, and the leftmost node. */
const ROOT = 0;
const LEFTMOST = 8;

/**
 * A red-black tree as Linux has it in memory (`struct rb_root_cached`). The shape after each change is the one that
 * lib/rbtree.c gives: programs can see it.
 */
export class RedBlackTree {
  readonly #view: DataView;
  readonly #root: number;

  constructor(view: DataView, root: number) {
    this.#view = view;
    this.#root = root;
  }

  get root(): number {
    return pointerAt(this.#view, this.#root + ROOT);
  }

  get first(): number {
    return pointerAt(this.#view, this.#root + LEFTMOST);
  }

  left(node: number): number {
    return pointerAt(this.#view, node + LEFT);
  }

  right(node: number): number {
    return pointerAt(this.#view, node + RIGHT);
  }

  /** `RB_CLEAR_NODE`: it is in no tree. */
  static clear(view: DataView, node: number): void {
    setPointer(view, node + PARENT, node);
  }

  /** Enters a node below `parent` (0: as the root), on its left or right; `leftmost`: before all others. */
  insert(node: number, parent: number, onLeft: boolean, leftmost: boolean): void {
    this.#setParent(node, parent, false);
    setPointer(this.#view, node + LEFT, 0);
    setPointer(this.#view, node + RIGHT, 0);
    if (parent === 0) this.#setRoot(node);
    else setPointer(this.#view, parent + (onLeft ? LEFT : RIGHT), node);
    if (leftmost) setPointer(this.#view, this.#root + LEFTMOST, node);
    this.#afterInsertion(node);
  }

  /** Takes a node out (`rb_erase_cached`). */
  remove(node: number): void {
    if (this.first === node) setPointer(this.#view, this.#root + LEFTMOST, this.next(node));
    const unbalanced = this.#unlink(node);
    if (unbalanced !== 0) this.#afterRemoval(unbalanced);
  }

  /** `rb_next` */
  next(node: number): number {
    let at = this.right(node);
    if (at !== 0) {
      while (this.left(at) !== 0) at = this.left(at);
      return at;
    }
    at = node;
    let parent = this.#parent(at);
    while (parent !== 0 && at === this.right(parent)) {
      at = parent;
      parent = this.#parent(at);
    }
    return parent;
  }

  /** All nodes, children before their parents (`rbtree_postorder_for_each_entry_safe`). */
  postorder(): number[] {
    const found: number[] = [];
    const left = this.root === 0 ? [] : [this.root];
    for (let node = left.pop(); node !== undefined; node = left.pop()) {
      found.push(node);
      for (const child of [this.left(node), this.right(node)]) if (child !== 0) left.push(child);
    }
    return found.reverse();
  }

  /** `RB_ROOT_CACHED` */
  empty(): void {
    setPointer(this.#view, this.#root + ROOT, 0);
    setPointer(this.#view, this.#root + LEFTMOST, 0);
  }

  #parent(node: number): number {
    return (this.#view.getUint32(node + PARENT, true) & ~BLACK) >>> 0;
  }

  #isBlack(node: number): boolean {
    return node === 0 || (this.#view.getUint32(node + PARENT, true) & BLACK) !== 0;
  }

  #setParent(node: number, parent: number, black: boolean): void {
    setPointer(this.#view, node + PARENT, parent);
    if (black) this.#view.setUint32(node + PARENT, (parent | BLACK) >>> 0, true);
  }

  #setColour(node: number, black: boolean): void {
    this.#setParent(node, this.#parent(node), black);
  }

  #setRoot(node: number): void {
    setPointer(this.#view, this.#root + ROOT, node);
  }

  #child(node: number, onLeft: boolean): number {
    return onLeft ? this.left(node) : this.right(node);
  }

  #setChild(node: number, onLeft: boolean, child: number): void {
    setPointer(this.#view, node + (onLeft ? LEFT : RIGHT), child);
  }

  /** Puts `other` where `node` is below its parent. */
  #replace(node: number, other: number): void {
    const parent = this.#parent(node);
    if (parent === 0) this.#setRoot(other);
    else this.#setChild(parent, this.left(parent) === node, other);
  }

  /** The child on a side comes up, and the node goes down on the other; colours stay with the nodes. */
  #rotate(node: number, upOnLeft: boolean): void {
    const up = this.#child(node, upOnLeft);
    const inner = this.#child(up, !upOnLeft);
    const parent = this.#parent(node);
    this.#replace(node, up);
    this.#setChild(node, upOnLeft, inner);
    if (inner !== 0) this.#setParent(inner, node, this.#isBlack(inner));
    this.#setChild(up, !upOnLeft, node);
    this.#setParent(up, parent, this.#isBlack(up));
    this.#setParent(node, up, this.#isBlack(node));
  }

  #afterInsertion(inserted: number): void {
    let node = inserted;
    for (;;) {
      const parent = this.#parent(node);
      if (parent === 0) {
        this.#setColour(node, true);
        return;
      }
      if (this.#isBlack(parent)) return;
      // A red parent is not the root.
      const grandparent = this.#parent(parent);
      const parentOnLeft = this.left(grandparent) === parent;
      const uncle = this.#child(grandparent, !parentOnLeft);
      if (!this.#isBlack(uncle)) {
        this.#setColour(uncle, true);
        this.#setColour(parent, true);
        this.#setColour(grandparent, false);
        node = grandparent;
        continue;
      }
      let top = parent;
      if (this.#child(parent, !parentOnLeft) === node) {
        this.#rotate(parent, !parentOnLeft);
        top = node;
      }
      this.#rotate(grandparent, parentOnLeft);
      this.#setColour(top, true);
      this.#setColour(grandparent, false);
      return;
    }
  }

  /** Takes the node out of its place. @returns the parent below which a black node is missing now; 0 for none. */
  #unlink(node: number): number {
    const [left, right] = [this.left(node), this.right(node)];
    const black = this.#isBlack(node);
    const parent = this.#parent(node);
    if (left === 0 || right === 0) {
      const child = left === 0 ? right : left;
      this.#replace(node, child);
      if (child === 0) return black ? parent : 0;
      // An only child is red, and its parent black.
      this.#setParent(child, parent, black);
      return 0;
    }
    let successor = right;
    while (this.left(successor) !== 0) successor = this.left(successor);
    const below = this.right(successor);
    const successorParent = this.#parent(successor);
    const successorBlack = this.#isBlack(successor);
    if (successor !== right) {
      this.#setChild(successorParent, true, below);
      this.#setChild(successor, false, right);
      this.#setParent(right, successor, this.#isBlack(right));
    }
    this.#setChild(successor, true, left);
    this.#setParent(left, successor, this.#isBlack(left));
    this.#replace(node, successor);
    this.#setParent(successor, parent, black);
    const missingBelow = successor === right ? successor : successorParent;
    if (below !== 0) {
      this.#setParent(below, missingBelow, true);
      return 0;
    }
    return successorBlack ? missingBelow : 0;
  }

  /** One black node less below `start`, on the side where there is none: moves the lack up until it can be made good. */
  #afterRemoval(start: number): void {
    let parent = start;
    let node = 0;
    for (;;) {
      const onLeft = this.right(parent) !== node;
      let sibling = this.#child(parent, !onLeft);
      if (!this.#isBlack(sibling)) {
        this.#rotate(parent, !onLeft);
        this.#setColour(sibling, true);
        this.#setColour(parent, false);
        sibling = this.#child(parent, !onLeft);
      }
      let outer = this.#child(sibling, !onLeft);
      if (this.#isBlack(outer)) {
        const inner = this.#child(sibling, onLeft);
        if (this.#isBlack(inner)) {
          this.#setColour(sibling, false);
          if (!this.#isBlack(parent)) {
            this.#setColour(parent, true);
            return;
          }
          node = parent;
          parent = this.#parent(node);
          if (parent === 0) return;
          continue;
        }
        this.#rotate(sibling, onLeft);
        this.#setColour(inner, true);
        this.#setColour(sibling, false);
        outer = sibling;
        sibling = inner;
      }
      const black = this.#isBlack(parent);
      this.#rotate(parent, !onLeft);
      this.#setColour(sibling, black);
      this.#setColour(parent, true);
      this.#setColour(outer, true);
      return;
    }
  }
}
