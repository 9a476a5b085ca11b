import { SpecialField } from "../../btf/index.ts";
import { MAP_HEADER_SIZE, MapField, Pointee, RecordField } from "../../maps/index.ts";
import { releaseCpumask } from "../cpumask-bits.ts";
import type { HelperCall } from "../helper.ts";
import { drainList } from "./list-nodes.ts";
import { dropPerCpu } from "./per-cpu-object.ts";
import { pointerAt, setPointer } from "./pointer-word.ts";
import { RedBlackTree } from "./red-black.ts";

/** An object, and the offset of the record of its special fields; 0 where it has none. */
interface Held {
  readonly at: number;
  readonly record: number;
}

/** Special fields, as they are in the one memory. */
interface FieldAt {
  readonly type: number;
  /** Of the field itself. */
  readonly at: number;
  readonly nodeOffset: number;
  readonly valueRecord: number;
  /** One of {@link Pointee}. */
  readonly pointee: number;
}

/**
 * Gives up a reference to an object (`__bpf_obj_drop_impl`): the last one ends it, and what it owns.
 *
 * @param record offset of the record of its special fields; 0 for none.
 */
export function dropObject(call: HelperCall, at: number, record: number): void {
  drop(call, [{ at, record }]);
}

/** Ends what a value of a map owns (`bpf_obj_free_fields`); `onlyTimers`: its timers and work queues. */
export function freeValue(call: HelperCall, map: number, value: number, onlyTimers = false): void {
  const record = call.memory.view().getUint32(map - MAP_HEADER_SIZE + MapField.RECORD, true);
  if (record === 0) return;
  drop(call, freeFields(call, { at: value, record }, onlyTimers));
}

/** One after the other: an object may own a chain of any length. */
function drop(call: HelperCall, objects: Held[]): void {
  for (let object = objects.pop(); object !== undefined; object = objects.pop()) {
    if (!isLast(call, object)) continue;
    if (object.record !== 0) objects.push(...freeFields(call, object, false));
    call.services.objects?.release(object.at);
  }
}

/** `refcount_dec_and_test`, where the object is counted. */
function isLast(call: HelperCall, { at, record }: Held): boolean {
  if (record === 0) return true;
  const view = call.memory.view();
  const counter = view.getInt32(record + RecordField.REFCOUNT, true);
  if (counter < 0) return true;
  return Atomics.sub(call.memory.words(), (at + counter) >>> 2, 1) === 1;
}

/** Empties the fields. @returns the objects that were in them. */
function freeFields(call: HelperCall, object: Held, onlyTimers: boolean): Held[] {
  const held: Held[] = [];
  for (const field of fieldsOf(call, object)) {
    const view = call.memory.view();
    const hold = (node: number) => held.push({ at: node - field.nodeOffset, record: field.valueRecord });
    switch (field.type) {
      case SpecialField.TIMER:
      case SpecialField.WORKQUEUE:
      case SpecialField.TASK_WORK:
        call.services.timers?.free(field.at);
        break;
      case SpecialField.LIST_HEAD:
        if (!onlyTimers) drainList(view, field.at).forEach(hold);
        break;
      case SpecialField.RB_ROOT: {
        if (onlyTimers) break;
        const tree = new RedBlackTree(view, field.at);
        tree.postorder().forEach(hold);
        tree.empty();
        break;
      }
      case SpecialField.KPTR_UNREF:
        if (!onlyTimers) setPointer(view, field.at, 0);
        break;
      case SpecialField.KPTR_REF: {
        if (onlyTimers) break;
        const pointee = pointerAt(view, field.at);
        setPointer(view, field.at, 0);
        if (pointee === 0) break;
        if (field.pointee === Pointee.OWN) hold(pointee);
        else dropKernelObject(call, field, pointee);
        break;
      }
      case SpecialField.KPTR_PERCPU: {
        if (onlyTimers) break;
        const pointee = pointerAt(view, field.at);
        setPointer(view, field.at, 0);
        if (pointee !== 0) dropPerCpu(call, pointee);
        break;
      }
      default:
        break;
    }
  }
  return held;
}

function fieldsOf(call: HelperCall, { at, record }: Held): FieldAt[] {
  const view = call.memory.view();
  return Array.from({ length: view.getUint32(record + RecordField.COUNT, true) }, (_, i) => {
    const field = record + RecordField.FIELDS + i * RecordField.STRIDE;
    return {
      type: view.getUint32(field + RecordField.TYPE, true),
      at: at + view.getUint32(field + RecordField.OFFSET, true),
      nodeOffset: view.getUint32(field + RecordField.NODE_OFFSET, true),
      valueRecord: view.getUint32(field + RecordField.VALUE_RECORD, true),
      pointee: view.getUint32(field + RecordField.POINTEE, true),
    };
  });
}

/** The destructors of `btf_id_dtor_kfunc`s: a reference that a value held is given back. */
function dropKernelObject(call: HelperCall, { pointee, nodeOffset }: FieldAt, at: number): void {
  switch (pointee) {
    case Pointee.TASK:
      call.services.tasks?.drop(at);
      break;
    case Pointee.CGROUP:
      call.services.cgroups?.drop(at);
      break;
    case Pointee.CPUMASK:
      releaseCpumask(call, at, nodeOffset);
      break;
    default:
      break;
  }
}
