import type { AttrValues } from "../../sys/index.ts";
import { BpfAttachType, BpfQueryFlag, Errno, BpfProgType as T } from "../../uapi/index.ts";
import type { Attr } from "../attr.ts";
import { isNamespaceHook } from "../hooks/namespace-hook.ts";
import { isTcx } from "../links/tcx-link.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";
import { cgroupOf, deviceOf, namespaceOf } from "./attach-targets.ts";
import { isCgroupProgram, programTypeOf } from "./attach-types.ts";
import { ofSocketMaps } from "./prog-attach.ts";

type QueryArguments = AttrValues<"PROG_QUERY">;

/** `bpf_prog_query` in kernel/bpf/syscall.c. */
export function progQuery(process: Process, attr: Attr): number {
  if (!process.may("NET_ADMIN")) refuse(Errno.EPERM);
  const args = attr.fields("PROG_QUERY");
  if ((args.queryFlags & ~BpfQueryFlag.EFFECTIVE) !== 0) refuse(Errno.EINVAL);
  const { attachType } = args;
  if (isCgroupProgram(programTypeOf(attachType)) || attachType === BpfAttachType.LSM_CGROUP)
    return queryCgroup(process, attr, args);
  if (isNamespaceHook(attachType)) return queryNamespace(process, attr, args);
  if (programTypeOf(attachType) === T.SCHED_CLS) return queryTraffic(process, attr, args);
  if (!ofSocketMaps(programTypeOf(attachType)) || args.queryFlags !== 0) refuse(Errno.EINVAL);
  process.mapFile(args.targetFd);
  // sock_map_bpf_prog_query: none, before it is found out that the map takes none.
  attr.put("PROG_QUERY", "progCnt", 0);
  return refuse(Errno.EOPNOTSUPP);
}

/** `__cgroup_bpf_query` */
function queryCgroup(process: Process, attr: Attr, args: QueryArguments): number {
  const group = cgroupOf(process, args.targetFd);
  const { cgroupHooks } = process.machine;
  const effective = (args.queryFlags & BpfQueryFlag.EFFECTIVE) !== 0;
  if (effective && args.progAttachFlags !== 0n) refuse(Errno.EINVAL);
  const hook = cgroupHooks.at(group, args.attachType);
  const entries = effective ? cgroupHooks.effective(group, args.attachType) : hook.entries;
  attr.put("PROG_QUERY", "attachFlags", effective ? 0 : hook.flags);
  attr.put("PROG_QUERY", "progCnt", entries.length);
  if (!effective) attr.put64("PROG_QUERY", "revision", hook.revision);
  return give(process, args, entries, [
    [args.progIds, ({ program }) => program.id],
    [args.progAttachFlags, () => hook.flags],
  ]);
}

/** `netns_bpf_prog_query` */
function queryNamespace(process: Process, attr: Attr, args: QueryArguments): number {
  if (args.queryFlags !== 0) refuse(Errno.EINVAL);
  const { hooks } = namespaceOf(process, args.targetFd);
  const programs = hooks.get(args.attachType)?.programs ?? [];
  attr.put("PROG_QUERY", "attachFlags", 0);
  attr.put("PROG_QUERY", "progCnt", programs.length);
  return give(process, args, programs, [[args.progIds, ({ id }) => id]]);
}

/** `tcx_prog_query`, `bpf_mprog_query` */
function queryTraffic(process: Process, attr: Attr, args: QueryArguments): number {
  if (!isTcx(args.attachType)) refuse(Errno.EINVAL);
  const device = deviceOf(process, args.targetIfindex, Errno.ENODEV);
  const chain = device.tcx.get(args.attachType);
  if (args.queryFlags !== 0 || args.attachFlags !== 0) refuse(Errno.EINVAL);
  const entries = chain?.entries ?? [];
  attr.put("PROG_QUERY", "attachFlags", 0);
  attr.put64("PROG_QUERY", "revision", chain?.revision ?? 1n);
  attr.put("PROG_QUERY", "progCnt", entries.length);
  return give(process, args, entries, [
    [args.progIds, ({ program }) => program.id],
    [args.progAttachFlags, () => 0],
    [args.linkIds, ({ link }) => link?.id ?? 0],
    [args.linkAttachFlags, () => 0],
  ]);
}

/**
 * Writes words of each entry to the caller's buffers, to those that there are, if it asks for ids. ENOSPC where not all
 * entries have room; EFAULT.
 */
function give<E>(
  process: Process,
  { progCnt, progIds }: QueryArguments,
  entries: readonly E[],
  buffers: readonly (readonly [address: bigint, word: (entry: E) => number])[],
): number {
  if (progCnt === 0 || progIds === 0n || entries.length === 0) return 0;
  const given = entries.slice(0, progCnt);
  for (const [address, word] of buffers)
    if (address !== 0n) process.write(address, new Uint8Array(Uint32Array.from(given, word).buffer));
  return given.length < entries.length ? refuse(Errno.ENOSPC) : 0;
}
