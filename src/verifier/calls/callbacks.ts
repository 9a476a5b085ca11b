import { BtfKind } from "../../btf/index.ts";
import { Errno, BpfMapType as M } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import type { VerifierMap } from "../environment/map.ts";
import { FieldType } from "../environment/record.ts";
import { Rejection } from "../environment/rejection.ts";
import { markDynptrCbReg } from "../objects/dynptr.ts";
import { markRegGraphNode, refSetNonOwning, regFindFieldOffset } from "../objects/graph-node.ts";
import { S32_MAX, S32_MIN } from "../ranges/bounds.ts";
import type { Frame, ReturnRange } from "../state/frame.ts";
import { RegType } from "../state/reg-type.ts";
import { DynptrType } from "../state/register.ts";

/** Gives a function that is called its arguments (`set_callee_state_fn`). `insnIdx`: the call. */
export type SetCalleeState = (env: Environment, caller: Frame, callee: Frame, insnIdx: number) => void;

const STOP_OR_GO_ON: ReturnRange = { min: 0, max: 1 };
const ZERO: ReturnRange = { min: 0, max: 0 };
const ANY_INT: ReturnRange = { min: S32_MIN, max: S32_MAX };

/** A function of the program that is called directly gets r1 to r5 (`set_callee_state`). */
export const setCalleeState: SetCalleeState = (_env, caller, callee) => {
  for (let regno = 1; regno <= 5; regno++) callee.regs[regno]!.copyFrom(caller.regs[regno]!);
};

function forgetFrom(env: Environment, callee: Frame, first: number): void {
  for (let regno = first; regno <= 5; regno++) callee.regs[regno]!.markNotInit(env.unknownIsPrecise);
}

function setMapPointer(callee: Frame, regno: number, type: number, map: VerifierMap | null): void {
  const reg = callee.regs[regno]!;
  reg.markKnownZero();
  reg.type = type;
  reg.map = map;
}

const HAVE_FOR_EACH: ReadonlySet<number> = new Set([
  M.ARRAY,
  M.PERCPU_ARRAY,
  M.HASH,
  M.LRU_HASH,
  M.PERCPU_HASH,
  M.LRU_PERCPU_HASH,
]);

/** `callback(map, key, value, ctx)` of `bpf_for_each_map_elem(map, callback, ctx, flags)`. */
export const setMapElemCallbackState: SetCalleeState = (env, caller, callee, insnIdx) => {
  const { map } = env.aux[insnIdx]!.mapPointer!;
  if (!HAVE_FOR_EACH.has(map.type)) env.refuse(Errno.ENOTSUPP, "callback function not allowed for map");
  callee.regs[1]!.copyFrom(caller.regs[1]!);
  setMapPointer(callee, 2, RegType.PTR_TO_MAP_KEY, caller.regs[1]!.map);
  setMapPointer(callee, 3, RegType.PTR_TO_MAP_VALUE, caller.regs[1]!.map);
  callee.regs[4]!.copyFrom(caller.regs[3]!);
  forgetFrom(env, callee, 5);
  callee.inCallback = true;
  callee.callbackReturn = STOP_OR_GO_ON;
};

/** `callback(index, ctx)` of `bpf_loop(count, callback, ctx, flags)`. */
export const setLoopCallbackState: SetCalleeState = (env, caller, callee) => {
  callee.regs[1]!.type = RegType.SCALAR_VALUE;
  callee.regs[2]!.copyFrom(caller.regs[3]!);
  forgetFrom(env, callee, 3);
  callee.inCallback = true;
  callee.callbackReturn = STOP_OR_GO_ON;
};

function setElementCallbackState(env: Environment, callee: Frame, map: VerifierMap | null): void {
  setMapPointer(callee, 1, RegType.CONST_PTR_TO_MAP, map);
  setMapPointer(callee, 2, RegType.PTR_TO_MAP_KEY, map);
  setMapPointer(callee, 3, RegType.PTR_TO_MAP_VALUE, map);
  forgetFrom(env, callee, 4);
  callee.inAsyncCallback = true;
}

/** `callback(map, key, value)` of `bpf_timer_set_callback(timer, callback)`. */
export const setTimerCallbackState: SetCalleeState = (env, caller, callee) => {
  setElementCallbackState(env, callee, caller.regs[1]!.map);
  callee.callbackReturn = ZERO;
};

/** `callback(map, key, value)` of `bpf_task_work_schedule_…(task, work, map, callback, aux)`. */
export const setTaskWorkScheduleCallbackState: SetCalleeState = (env, caller, callee) => {
  setElementCallbackState(env, callee, caller.regs[3]!.map);
  callee.callbackReturn = ANY_INT;
};

/** `callback(task, vma, ctx)` of `bpf_find_vma(task, address, callback, ctx, flags)`. */
export const setFindVmaCallbackState: SetCalleeState = (env, caller, callee) => {
  const kernel = env.request.kernel.btf!;
  callee.regs[1]!.copyFrom(caller.regs[1]!);
  const vma = callee.regs[2]!;
  vma.markKnownZero();
  vma.type = RegType.PTR_TO_BTF_ID;
  vma.btf = kernel;
  vma.btfId = kernel.findByName("vm_area_struct", BtfKind.STRUCT);
  callee.regs[3]!.copyFrom(caller.regs[4]!);
  forgetFrom(env, callee, 4);
  callee.inCallback = true;
  callee.callbackReturn = STOP_OR_GO_ON;
};

/** `callback(dynptr, ctx)` of `bpf_user_ringbuf_drain(map, callback, ctx, flags)`. */
export const setUserRingbufCallbackState: SetCalleeState = (env, caller, callee) => {
  callee.regs[0]!.markNotInit(env.unknownIsPrecise);
  markDynptrCbReg(env, callee.regs[1]!, DynptrType.LOCAL);
  callee.regs[2]!.copyFrom(caller.regs[3]!);
  forgetFrom(env, callee, 3);
  callee.inCallback = true;
  callee.callbackReturn = STOP_OR_GO_ON;
};

/** `less(a, b)` of `bpf_rbtree_add_impl(root, node, less, …)`. */
export const setRbtreeAddCallbackState: SetCalleeState = (env, caller, callee) => {
  // The node was given away before: what the tree holds is known from its root.
  const root = caller.regs[1]!;
  const field = regFindFieldOffset(env, root, root.off, FieldType.RB_ROOT);
  if (field === null || field.root === null) throw new Rejection(Errno.EFAULT, "");
  for (const regno of [1, 2]) {
    markRegGraphNode(callee.regs[regno]!, field.root);
    refSetNonOwning(env, callee.regs[regno]!);
  }
  forgetFrom(env, callee, 3);
  callee.inCallback = true;
  callee.callbackReturn = STOP_OR_GO_ON;
};
