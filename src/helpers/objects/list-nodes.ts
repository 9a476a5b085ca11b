import { pointerAt, setPointer } from "./pointer-word.ts";

/** `struct list_head`, and behind it in a node (`struct bpf_list_node_kern`) the list that it is in. */
export const ListField = { NEXT: 0, PREVIOUS: 8, OWNER: 16 } as const;

/** `INIT_LIST_HEAD` */
export function initListHead(view: DataView, head: number): void {
  setPointer(view, head + ListField.NEXT, head);
  setPointer(view, head + ListField.PREVIOUS, head);
}

/** The heads in map values are zeros until they are first used. */
export function initIfUnused(view: DataView, head: number): void {
  if (pointerAt(view, head + ListField.NEXT) === 0) initListHead(view, head);
}

export function isEmpty(view: DataView, head: number): boolean {
  return pointerAt(view, head + ListField.NEXT) === head;
}

/** `list_del_init` */
export function unlink(view: DataView, node: number): void {
  const next = pointerAt(view, node + ListField.NEXT);
  const previous = pointerAt(view, node + ListField.PREVIOUS);
  setPointer(view, next + ListField.PREVIOUS, previous);
  setPointer(view, previous + ListField.NEXT, next);
  initListHead(view, node);
}

/** Takes all nodes out of a list (`bpf_list_head_free`). @returns their offsets, the first first. */
export function drainList(view: DataView, head: number): number[] {
  const nodes: number[] = [];
  const first = pointerAt(view, head + ListField.NEXT);
  for (let node = first; node !== 0 && node !== head; node = pointerAt(view, node + ListField.NEXT))
    nodes.push(node);
  initListHead(view, head);
  return nodes;
}
