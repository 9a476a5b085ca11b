import { SpecialField } from "../../btf/index.ts";
import { RecordField } from "../../maps/index.ts";
import { hostKfunc } from "../define.ts";
import type { HelperCall, Kfunc } from "../helper.ts";
import { dropObject } from "./drop.ts";
import { initListHead } from "./list-nodes.ts";
import { RedBlackTree } from "./red-black.ts";

/** `bpf_obj_new_impl`: zeros but for the fields that begin otherwise (`bpf_obj_init_field`). NULL where memory is exhausted. */
function create(call: HelperCall, size: number, record: number): number {
  const at = call.services.objects?.allocate(size >>> 0) ?? 0;
  if (at === 0 || record === 0) return at;
  const fields = record >>> 0;
  const view = call.memory.view();
  for (let i = 0; i < view.getUint32(fields + RecordField.COUNT, true); i++) {
    const field = fields + RecordField.FIELDS + i * RecordField.STRIDE;
    const place = at + view.getUint32(field + RecordField.OFFSET, true);
    switch (view.getUint32(field + RecordField.TYPE, true)) {
      case SpecialField.REFCOUNT:
        view.setUint32(place, 1, true);
        break;
      case SpecialField.LIST_HEAD:
      case SpecialField.LIST_NODE:
        initListHead(view, place);
        break;
      case SpecialField.RB_NODE:
        RedBlackTree.clear(view, place);
        break;
      default:
        break;
    }
  }
  return at;
}

/** `bpf_refcount_acquire_impl`: NULL for an object that is about to end. */
function acquire(call: HelperCall, object: number, record: number): number {
  const counter = call.memory.view().getInt32((record >>> 0) + RecordField.REFCOUNT, true);
  const words = call.memory.words();
  const word = ((object >>> 0) + counter) >>> 2;
  for (;;) {
    const count = Atomics.load(words, word);
    if (count === 0) return 0;
    if (Atomics.compareExchange(words, word, count, count + 1) === count) return object;
  }
}

/** Objects of the program's own types. */
export const OBJECT_KFUNCS: readonly Kfunc[] = [
  hostKfunc("bpf_obj_new_impl", { args: ["i32", "ptr"], result: "ptr" }, create),
  hostKfunc("bpf_obj_drop_impl", { args: ["ptr", "ptr"], result: "void" }, (call, object, record) => {
    dropObject(call, object! >>> 0, record! >>> 0);
    return 0;
  }),
  hostKfunc("bpf_refcount_acquire_impl", { args: ["ptr", "ptr"], result: "ptr" }, acquire),
];
