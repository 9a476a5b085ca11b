import { describe, expect, it } from "vitest";
import { RedBlackTree } from "../../../src/helpers/objects/red-black.ts";

const NODE = 40;
const KEY = 32;

/** A tree of numbers in memory of its own. */
class Numbers {
  readonly view: DataView;
  readonly tree: RedBlackTree;
  readonly nodes = new Map<number, number>();
  #next = 64;

  constructor(most: number) {
    this.view = new DataView(new ArrayBuffer(64 + most * NODE));
    this.tree = new RedBlackTree(this.view, 16);
  }

  add(key: number): void {
    const node = this.#next;
    this.#next += NODE;
    this.view.setUint32(node + KEY, key, true);
    let parent = 0;
    let onLeft = false;
    let leftmost = true;
    for (let at = this.tree.root; at !== 0; at = onLeft ? this.tree.left(at) : this.tree.right(at)) {
      parent = at;
      onLeft = key < this.key(at);
      if (!onLeft) leftmost = false;
    }
    this.tree.insert(node, parent, onLeft, leftmost);
    this.nodes.set(key, node);
  }

  remove(key: number): void {
    this.tree.remove(this.nodes.get(key)!);
    this.nodes.delete(key);
  }

  key(node: number): number {
    return this.view.getUint32(node + KEY, true);
  }

  /** Keys in order. @throws where colours or parents are wrong. */
  check(): number[] {
    const keys: number[] = [];
    const visit = (node: number, parent: number): number => {
      if (node === 0) return 1;
      const word = this.view.getUint32(node, true);
      if ((word & ~3) !== parent) throw new Error(`expected the parent ${parent}, got ${word & ~3}`);
      const black = (word & 1) !== 0;
      const children = [this.tree.left(node), this.tree.right(node)];
      if (!black && children.some((child) => child !== 0 && (this.view.getUint32(child, true) & 1) === 0)) {
        throw new Error("a red node has a red child");
      }
      const left = visit(children[0]!, node);
      keys.push(this.key(node));
      const right = visit(children[1]!, node);
      if (left !== right)
        throw new Error(`expected as many black nodes on both sides, got ${left} and ${right}`);
      return left + (black ? 1 : 0);
    };
    visit(this.tree.root, 0);
    return keys;
  }
}

describe("a red-black tree", () => {
  it.each([1, 2, 3, 4, 5])("keeps order, colours and parents as nodes come and go (%i)", (seed) => {
    let state = seed * 2_654_435_761;
    const random = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state % below;
    };
    const sut = new Numbers(4000);
    const model = new Set<number>();
    for (let step = 0; step < 1500; step++) {
      const key = random(400);
      if (model.delete(key)) sut.remove(key);
      else {
        model.add(key);
        sut.add(key);
      }
      const sorted = [...model].sort((a, b) => a - b);
      expect(sut.check()).toEqual(sorted);
      expect(sut.tree.first === 0 ? undefined : sut.key(sut.tree.first)).toBe(sorted[0]);
    }
    expect(sut.tree.postorder().length).toBe(model.size);
  });
});
