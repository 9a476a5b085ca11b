import { join, NONE, type Pointer } from "./pointer.ts";
import { joinSlots, loadSlot, type StackSlots, storeSlot } from "./stack.ts";

interface View {
  slots: StackSlots;
  /** Blocks that used it. */
  readonly readers: Set<number>;
}

/** Numbers a mix; gets whether the value known before is the context. */
export type MixSource = (firstIsContext: boolean) => number;

/**
 * Frames of callers, as the functions see them that were given pointers into them. Each function has views of its
 * own, so that two callbacks may find different things at the same place of a frame.
 */
export class LentFrames {
  readonly #views: Map<number, View>[];
  /** What other functions wrote into a function's frame. */
  readonly #written: StackSlots[];

  constructor(functions: number) {
    this.#views = Array.from({ length: functions }, () => new Map<number, View>());
    this.#written = new Array<StackSlots>(functions).fill(null);
  }

  /** Reads a slot of `owner`'s frame in function `viewer`; `block` is told of changes. */
  load(viewer: number, owner: number, offset: number, block: number): Pointer {
    const view = this.#view(viewer, owner);
    view.readers.add(block);
    return loadSlot(view.slots, offset);
  }

  /**
   * Function `viewer` is called with pointers into `owner`'s frame, and with what `owner` was lent itself.
   *
   * @returns the blocks that have to be looked at again.
   */
  lend(viewer: number, owner: number, slots: StackSlots, block: number, mix: MixSource): Set<number>[] {
    const changed: Set<number>[] = [];
    this.#merge(viewer, owner, slots, mix, changed);
    for (const [other, view] of this.#views[owner]!) {
      view.readers.add(block);
      if (other !== viewer) this.#merge(viewer, other, view.slots, mix, changed);
    }
    return changed;
  }

  /** Function `viewer` writes into `owner`'s frame. @returns the readers, where that is news; else null. */
  store(viewer: number, owner: number, offset: number, value: Pointer, mix: MixSource): Set<number> | null {
    const before = this.#written[owner]!;
    const known = loadSlot(before, offset);
    const after = storeSlot(before, offset, 8, known === NONE ? value : join(known, value, mix));
    if (after === before) return null;
    this.#written[owner] = after;
    const view = this.#view(viewer, owner);
    view.slots = storeSlot(view.slots, offset, 8, loadSlot(after, offset));
    return view.readers;
  }

  /** A function's own slots after a call: what callees wrote stands in them. */
  afterCall(owner: number, slots: StackSlots): StackSlots {
    const written = this.#written[owner]!;
    if (written === null) return slots;
    for (let i = 0; i < written.length; i += 2) slots = storeSlot(slots, written[i]!, 8, written[i + 1]!);
    return slots;
  }

  #view(viewer: number, owner: number): View {
    const views = this.#views[viewer]!;
    let view = views.get(owner);
    if (view === undefined) {
      view = { slots: null, readers: new Set() };
      views.set(owner, view);
    }
    return view;
  }

  #merge(viewer: number, owner: number, slots: StackSlots, mix: MixSource, changed: Set<number>[]): void {
    if (slots === null) return;
    const view = this.#view(viewer, owner);
    const joined = joinSlots(view.slots, slots, mix);
    if (joined === view.slots) return;
    view.slots = joined;
    changed.push(view.readers);
  }
}
