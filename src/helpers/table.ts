import type { KernelLayout } from "../platform/index.ts";
import { STACK_HELPERS } from "./call-stack.ts";
import { cgroupArrayHelpers } from "./cgroup-array.ts";
import { checkMtuHelpers } from "./check-mtu.ts";
import { CHECKSUM_HELPERS } from "./checksum.ts";
import { cloneRedirectHelpers } from "./clone-redirect.ts";
import type { ContextKind } from "./context-kind.ts";
import { DynptrData } from "./dynptr.ts";
import { dynptrHelpers } from "./dynptr-helpers.ts";
import { FIB_HELPERS } from "./fib-lookup.ts";
import { VMA_HELPERS } from "./find-vma.ts";
import { FOR_EACH_HELPERS } from "./for-each.ts";
import type { Helper } from "./helper.ts";
import { KPTR_HELPERS } from "./kptr.ts";
import { localStorageHelpers } from "./local-storage.ts";
import { LOOP_HELPERS } from "./loop.ts";
import { MAP_HELPERS } from "./maps.ts";
import { PER_CPU_HELPERS } from "./per-cpu.ts";
import { perfEventHelpers } from "./perf-event.ts";
import { PROBE_HELPERS } from "./probe-read.ts";
import { redirectHelpers } from "./redirect.ts";
import { RINGBUF_HELPERS } from "./ringbuf.ts";
import { RUN_HELPERS } from "./run.ts";
import { seqFileHelpers } from "./seq-file.ts";
import { skbHelpers } from "./skb.ts";
import { skbChecksumHelpers } from "./skb-checksum.ts";
import { skbHashHelpers } from "./skb-hash.ts";
import { skbMarkHelpers } from "./skb-marks.ts";
import { skbNetworkHelpers } from "./skb-network.ts";
import { skbRoomHelpers } from "./skb-room.ts";
import { skbTunnelHelpers } from "./skb-tunnel.ts";
import { skbVlanHelpers } from "./skb-vlan.ts";
import { SNPRINTF_BTF_HELPERS } from "./snprintf-btf.ts";
import { socketAssignHelpers } from "./socket-assign.ts";
import { socketCgroupHelpers } from "./socket-cgroups.ts";
import { socketCookieHelpers } from "./socket-cookie.ts";
import { socketLookupHelpers } from "./socket-lookup.ts";
import { SOCKET_MAP_HELPERS } from "./socket-maps.ts";
import { socketOptionHelpers } from "./socket-options/socket-option-helpers.ts";
import { socketHelpers } from "./sockets.ts";
import { SPIN_LOCK_HELPERS } from "./spin-lock.ts";
import { STRING_HELPERS } from "./strings.ts";
import { synCookieHelpers } from "./syn-cookies.ts";
import { SYSTEM_HELPERS } from "./system.ts";
import { SYSTEM_CALL_HELPERS } from "./system-calls.ts";
import { TASK_HELPERS } from "./task.ts";
import { TIMER_HELPERS } from "./timer.ts";
import { TRACE_HELPERS } from "./trace.ts";
import { USER_COPY_HELPERS } from "./user-copies.ts";
import { USER_RINGBUF_HELPERS } from "./user-ringbuf.ts";
import { xdpHelpers } from "./xdp.ts";

/**
 * All helpers that there are bodies of, by id, for a kernel whose structs lie as `layout` says and programs whose context
 * is of a kind.
 */
export function createHelpers(
  layout: KernelLayout,
  context: ContextKind = "other",
): ReadonlyMap<number, Helper> {
  const families = [
    MAP_HELPERS,
    RINGBUF_HELPERS,
    USER_RINGBUF_HELPERS,
    SYSTEM_HELPERS,
    SYSTEM_CALL_HELPERS,
    TRACE_HELPERS,
    LOOP_HELPERS,
    CHECKSUM_HELPERS,
    PROBE_HELPERS,
    STRING_HELPERS,
    TASK_HELPERS,
    RUN_HELPERS,
    SPIN_LOCK_HELPERS,
    FOR_EACH_HELPERS,
    TIMER_HELPERS,
    STACK_HELPERS,
    FIB_HELPERS,
    SOCKET_MAP_HELPERS,
    KPTR_HELPERS,
    SNPRINTF_BTF_HELPERS,
    VMA_HELPERS,
    PER_CPU_HELPERS,
    USER_COPY_HELPERS,
    dynptrHelpers(new DynptrData(layout)),
    perfEventHelpers(layout, context),
    seqFileHelpers(layout),
    skbHelpers(layout),
    skbChecksumHelpers(layout),
    skbHashHelpers(layout),
    skbRoomHelpers(layout),
    skbNetworkHelpers(layout),
    skbVlanHelpers(layout),
    socketHelpers(layout),
    socketOptionHelpers(layout, context),
    socketLookupHelpers(layout, context),
    socketCookieHelpers(layout, context),
    localStorageHelpers(layout),
    cgroupArrayHelpers(layout),
    xdpHelpers(layout),
    redirectHelpers(context),
    cloneRedirectHelpers(layout),
    checkMtuHelpers(layout, context),
    skbMarkHelpers(layout),
    skbTunnelHelpers(layout),
    socketAssignHelpers(layout, context),
    socketCgroupHelpers(layout),
    synCookieHelpers(layout),
  ];
  return new Map(families.flat().map((helper) => [helper.id, helper]));
}
