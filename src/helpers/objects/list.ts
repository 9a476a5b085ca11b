import { Errno } from "../../uapi/index.ts";
import { hostKfunc } from "../define.ts";
import type { HelperCall, Kfunc } from "../helper.ts";
import { dropObject } from "./drop.ts";
import { initIfUnused, isEmpty, ListField, unlink } from "./list-nodes.ts";
import { pointerAt, setPointer } from "./pointer-word.ts";

/** `__bpf_list_add`: a node that is in a list or tree already is dropped. EINVAL. */
const push =
  (tail: boolean) =>
  (call: HelperCall, listHead: number, newNode: number, record: number, nodeOffset: number): number => {
    const [head, node] = [listHead >>> 0, newNode >>> 0];
    const view = call.memory.view();
    initIfUnused(view, head);
    if (pointerAt(view, node + ListField.OWNER) !== 0) {
      dropObject(call, node - nodeOffset, record >>> 0);
      return -Errno.EINVAL;
    }
    const before = tail ? pointerAt(view, head + ListField.PREVIOUS) : head;
    const after = tail ? head : pointerAt(view, head + ListField.NEXT);
    setPointer(view, node + ListField.NEXT, after);
    setPointer(view, node + ListField.PREVIOUS, before);
    setPointer(view, before + ListField.NEXT, node);
    setPointer(view, after + ListField.PREVIOUS, node);
    setPointer(view, node + ListField.OWNER, head);
    return 0;
  };

/** `__bpf_list_del` */
const pop =
  (tail: boolean) =>
  (call: HelperCall, listHead: number): number => {
    const head = listHead >>> 0;
    const view = call.memory.view();
    initIfUnused(view, head);
    if (isEmpty(view, head)) return 0;
    const node = pointerAt(view, head + (tail ? ListField.PREVIOUS : ListField.NEXT));
    if (pointerAt(view, node + ListField.OWNER) !== head) return 0;
    unlink(view, node);
    setPointer(view, node + ListField.OWNER, 0);
    return node;
  };

const peek =
  (tail: boolean) =>
  (call: HelperCall, listHead: number): number => {
    const head = listHead >>> 0;
    const view = call.memory.view();
    if (isEmpty(view, head)) return 0;
    return pointerAt(view, head + (tail ? ListField.PREVIOUS : ListField.NEXT));
  };

const PUSH = { args: ["ptr", "ptr", "ptr", "i32"], result: "u32" } as const;
const TAKE = { args: ["ptr"], result: "ptr" } as const;

/** Lists of objects in map values and in other objects. */
export const LIST_KFUNCS: readonly Kfunc[] = [
  hostKfunc("bpf_list_push_front_impl", PUSH, push(false)),
  hostKfunc("bpf_list_push_back_impl", PUSH, push(true)),
  hostKfunc("bpf_list_pop_front", TAKE, pop(false)),
  hostKfunc("bpf_list_pop_back", TAKE, pop(true)),
  hostKfunc("bpf_list_front", TAKE, peek(false)),
  hostKfunc("bpf_list_back", TAKE, peek(true)),
];
