import type { AttrValues } from "../../sys/index.ts";
import { BpfAttachFlag, BpfAttachType, Errno, BpfProgType as T } from "../../uapi/index.ts";
import type { Attr } from "../attr.ts";
import { isNamespaceHook, NamespaceHook } from "../hooks/namespace-hook.ts";
import { CHAIN_FLAGS, isTcx } from "../links/tcx-link.ts";
import { chainOf, dropEmptyChain } from "../net/tcx.ts";
import type { KernelProgram } from "../objects/program.ts";
import type { Process } from "../process.ts";
import { Refusal, refuse } from "../refusal.ts";
import { cgroupOf, deviceOf, namedEntry, relativeEntry } from "./attach-targets.ts";
import { checkAttachType, isCgroupProgram, programTypeOf } from "./attach-types.ts";

type AttachArguments = AttrValues<"PROG_ATTACH">;

/** `BPF_F_ATTACH_MASK_BASE` */
const CGROUP_FLAGS =
  BpfAttachFlag.ALLOW_OVERRIDE | BpfAttachFlag.ALLOW_MULTI | BpfAttachFlag.REPLACE | BpfAttachFlag.PREORDER;

/** `bpf_prog_attach` in kernel/bpf/syscall.c, with its checks in its order. */
export function progAttach(process: Process, attr: Attr): number {
  const args = attr.fields("PROG_ATTACH");
  const type = programTypeOf(args.attachType);
  if (type === T.UNSPEC) refuse(Errno.EINVAL);
  const ofCgroup = isCgroupProgram(type) || args.attachType === BpfAttachType.LSM_CGROUP;
  const known = type === T.SCHED_CLS ? CHAIN_FLAGS : CGROUP_FLAGS | (ofCgroup ? CHAIN_FLAGS : 0);
  if ((args.attachFlags & ~known) !== 0) refuse(Errno.EINVAL);
  const plain = type !== T.SCHED_CLS && !ofCgroup;
  if (plain && (args.relativeFd !== 0 || args.expectedRevision !== 0n)) refuse(Errno.EINVAL);
  const program = process.programOf(args.attachBpfFd, type);
  checkKind(process, program, args.attachType);
  if (ofCgroup) return attachToCgroup(process, args, program);
  if (type === T.SCHED_CLS) return attachToTraffic(process, args, program);
  if (type === T.FLOW_DISSECTOR) {
    if (args.targetFd !== 0 || args.attachFlags !== 0 || args.replaceBpfFd !== 0) refuse(Errno.EINVAL);
    const { hooks } = process.task.namespace;
    hookOf(hooks, args.attachType).attachProgram(program);
    return 0;
  }
  return attachToMap(process, type, args);
}

/** Every objection is the same here. */
function checkKind(process: Process, program: KernelProgram, attachType: number): void {
  try {
    checkAttachType(process, program, attachType);
  } catch (error) {
    if (error instanceof Refusal) refuse(Errno.EINVAL);
    throw error;
  }
}

/** `cgroup_bpf_prog_attach` */
function attachToCgroup(process: Process, args: AttachArguments, program: KernelProgram): number {
  const group = cgroupOf(process, args.targetFd);
  const { attachFlags: flags, relativeFd, expectedRevision } = args;
  const replaced = BpfAttachFlag.ALLOW_MULTI | BpfAttachFlag.REPLACE;
  const replaces =
    (flags & replaced) === replaced ? process.programOf(args.replaceBpfFd, program.parts.type) : null;
  process.machine.cgroupHooks.attach(group, args.attachType, {
    program,
    link: null,
    flags,
    replaces,
    relativeTo: relativeFd,
    relative: () => namedEntry(process, flags, relativeFd),
    revision: expectedRevision,
  });
  return 0;
}

/** `tcx_prog_attach`; this is a kernel without CONFIG_NETKIT. */
function attachToTraffic(process: Process, args: AttachArguments, program: KernelProgram): number {
  if (!isTcx(args.attachType)) refuse(Errno.EINVAL);
  const device = deviceOf(process, args.targetIfindex, Errno.ENODEV);
  const { attachFlags: flags, attachType } = args;
  const old =
    (flags & BpfAttachFlag.REPLACE) !== 0 ? process.programOf(args.replaceBpfFd, program.parts.type) : null;
  const chain = chainOf(device, attachType);
  try {
    const place = {
      flags,
      relative: () => relativeEntry(process, flags, args.relativeFd, program.parts.type),
      revision: args.expectedRevision,
    };
    chain.attach({ program, link: null }, place, old);
  } finally {
    dropEmptyChain(device, attachType);
  }
  return 0;
}

export function hookOf(hooks: Map<number, NamespaceHook>, attachType: number): NamespaceHook {
  let hook = hooks.get(attachType);
  if (hook === undefined) {
    hook = new NamespaceHook(attachType);
    hooks.set(attachType, hook);
  }
  return hook;
}

/**
 * `sock_map_get_from_fd`, `sock_map_prog_detach`: programs for what comes through the sockets of a map, which is nothing
 * here. There are no infrared receivers either.
 */
function attachToMap(process: Process, type: number, args: AttachArguments): number {
  if (!ofSocketMaps(type)) refuse(Errno.EINVAL);
  if (args.attachFlags !== 0 || args.replaceBpfFd !== 0) refuse(Errno.EINVAL);
  process.mapFile(args.targetFd);
  return refuse(Errno.EOPNOTSUPP);
}

/** Whether programs of a type are attached to maps of sockets. */
export function ofSocketMaps(type: number): boolean {
  return type === T.SK_SKB || type === T.SK_MSG;
}

/** `bpf_prog_detach` */
export function progDetach(process: Process, attr: Attr): number {
  const args = attr.fields("PROG_DETACH");
  const type = programTypeOf(args.attachType);
  const { attachFlags: flags, attachType } = args;
  if (type === T.SCHED_CLS) return detachFromTraffic(process, args);
  if (isCgroupProgram(type) || type === T.LSM) {
    if (flags !== 0 || args.relativeFd !== 0) refuse(Errno.EINVAL);
    const group = cgroupOf(process, args.targetFd);
    // Hooks of LSM that are for all groups have none.
    if (attachType === BpfAttachType.LSM_MAC) refuse(Errno.EINVAL);
    const object = process.files.find(args.attachBpfFd)?.object;
    const named = object?.kind === "prog" ? (object as KernelProgram) : null;
    process.machine.cgroupHooks.detach(group, attachType, {
      program: named?.parts.type === type ? named : null,
      link: null,
      revision: args.expectedRevision,
    });
    return 0;
  }
  if (flags !== 0 || args.relativeFd !== 0 || args.expectedRevision !== 0n) refuse(Errno.EINVAL);
  if (type === T.FLOW_DISSECTOR && isNamespaceHook(attachType)) {
    if (args.targetFd !== 0) refuse(Errno.EINVAL);
    const program = process.programOf(args.attachBpfFd, type);
    hookOf(process.task.namespace.hooks, attachType).detachProgram(program);
    return 0;
  }
  if (ofSocketMaps(type)) {
    process.mapFile(args.targetFd);
    process.programOf(args.attachBpfFd, type);
  }
  return attachToMap(process, type, args);
}

/** `tcx_prog_detach` */
function detachFromTraffic(process: Process, args: AttachArguments): number {
  const { attachFlags: flags, attachType } = args;
  if ((flags & ~CHAIN_FLAGS) !== 0) refuse(Errno.EINVAL);
  let program: KernelProgram | null = null;
  if (args.attachBpfFd !== 0) program = process.programOf(args.attachBpfFd, T.SCHED_CLS);
  else if (!process.may("NET_ADMIN")) refuse(Errno.EPERM);
  if (!isTcx(attachType)) refuse(Errno.EINVAL);
  const device = deviceOf(process, args.targetIfindex, Errno.ENODEV);
  const chain = device.tcx.get(attachType) ?? refuse(Errno.ENOENT);
  const type = program?.parts.type ?? null;
  chain.detach(program, null, {
    flags,
    relative: () => relativeEntry(process, flags, args.relativeFd, type),
    revision: args.expectedRevision,
  });
  dropEmptyChain(device, attachType);
  return 0;
}
