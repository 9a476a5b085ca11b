import {
  MAP_HEADER_SIZE,
  MAX_STACK_DEPTH,
  MapField,
  StackBuildId,
  StackTraces,
  writeBuildId,
} from "../maps/index.ts";
import { BpfFuncId, BpfMapFlag, BpfMapType, BpfStackFlag, Errno } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";

const ADDRESS_SIZE = 8;

const SKIP = BpfStackFlag.SKIP_FIELD_MASK;
const KNOWN = SKIP | BpfStackFlag.USER_STACK | BpfStackFlag.USER_BUILD_ID;
const KNOWN_OF_ID = SKIP | BpfStackFlag.USER_STACK | BpfStackFlag.FAST_STACK_CMP | BpfStackFlag.REUSE_STACKID;

/** Where the stacks of a call come from: addresses with the innermost first, or why there are none. */
type Frames = (user: boolean) => readonly bigint[] | number;

/** Memory for a stack, and the flags' halves. */
interface Request {
  readonly at: number;
  readonly size: number;
  readonly flags: number;
  readonly flagsHigh: number;
}

/** How many frames are looked at for `size` bytes of them (`stack_map_calculate_max_depth`). */
function depthOf(size: number, stride: number, skip: number): number {
  return Math.min(Math.floor(size / stride) + skip, MAX_STACK_DEPTH);
}

/** `__bpf_get_stack`: what is not filled is zeros, and all of it where the call fails. */
function getStack(call: HelperCall, { at, size, flags, flagsHigh }: Request, frames: Frames): number {
  call.memory.bytes().fill(0, at, at + size);
  const user = (flags & BpfStackFlag.USER_STACK) !== 0;
  const byFile = (flags & BpfStackFlag.USER_BUILD_ID) !== 0;
  if ((flags & ~KNOWN) !== 0 || flagsHigh !== 0 || (byFile && !user)) return -Errno.EINVAL;
  const stride = byFile ? StackBuildId.SIZE : ADDRESS_SIZE;
  if (size % stride !== 0) return -Errno.EINVAL;
  const skip = flags & SKIP;
  const found = frames(user);
  if (typeof found === "number") return found;
  const chain = found.slice(0, depthOf(size, stride, skip));
  if (chain.length < skip) return -Errno.EFAULT;
  const view = call.memory.view();
  chain.slice(skip).forEach((address, i) => {
    const place = at + i * stride;
    if (byFile) writeBuildId(call.memory, place, address, call.services.filePlace?.(address) ?? null);
    else view.setBigUint64(place, address, true);
  });
  return (chain.length - skip) * stride;
}

function ownFrames(call: HelperCall): Frames {
  return (user) => call.services.callChain?.(user) ?? [];
}

/** `bpf_get_task_stack`: of the user's stacks only that of the task that runs can be had. */
function taskFrames(call: HelperCall, task: number): Frames {
  const stacks = call.services.taskStacks;
  return (user) => {
    const chain = stacks?.chain(task, user) ?? null;
    if (chain === null) return -Errno.EFAULT;
    return user && !stacks!.isCurrent(task) ? -Errno.EOPNOTSUPP : chain;
  };
}

/** `bpf_get_stackid` */
function getStackId(call: HelperCall, map: number, flags: number, flagsHigh: number): number {
  if ((flags & ~KNOWN_OF_ID) !== 0 || flagsHigh !== 0) return -Errno.EINVAL;
  const view = call.memory.view();
  const field = (at: number) => view.getUint32(map - MAP_HEADER_SIZE + at, true);
  // Programs that no verifier has seen may pass any map.
  if (field(MapField.TYPE) !== BpfMapType.STACK_TRACE) return -Errno.EINVAL;
  const user = (flags & BpfStackFlag.USER_STACK) !== 0;
  const skip = flags & SKIP;
  const byFile = (field(MapField.FLAGS) & BpfMapFlag.STACK_BUILD_ID) !== 0;
  const depth = depthOf(field(MapField.VALUE_SIZE), byFile ? StackBuildId.SIZE : ADDRESS_SIZE, skip);
  const frames = (call.services.callChain?.(user) ?? []).slice(0, depth).slice(skip);
  const placeOf = (address: bigint) => (user ? (call.services.filePlace?.(address) ?? null) : null);
  return new StackTraces(call.memory).idOf(map, frames, flags, placeOf);
}

/** The functions that led to where a program runs, or a task stands. */
export const STACK_HELPERS: readonly Helper[] = [
  hostHelper(
    BpfFuncId.get_stack,
    { args: ["ptr", "ptr", "i32", "i64"], result: "i32" },
    (call, _context, to, size, flags, flagsHigh) =>
      getStack(
        call,
        { at: to! >>> 0, size: size! >>> 0, flags: flags!, flagsHigh: flagsHigh! },
        ownFrames(call),
      ),
  ),
  hostHelper(
    BpfFuncId.get_task_stack,
    { args: ["ptr", "ptr", "i32", "i64"], result: "i32" },
    (call, task, to, size, flags, flagsHigh) =>
      getStack(
        call,
        { at: to! >>> 0, size: size! >>> 0, flags: flags!, flagsHigh: flagsHigh! },
        taskFrames(call, task! >>> 0),
      ),
  ),
  hostHelper(
    BpfFuncId.get_stackid,
    { args: ["ptr", "ptr", "i64"], result: "i32" },
    (call, _context, map, flags, flagsHigh) => getStackId(call, map! >>> 0, flags!, flagsHigh!),
  ),
];
