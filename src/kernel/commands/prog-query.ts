import type { AttrValues } from "../../sys/index.ts";
import { BpfAttachType, BpfQueryFlag, Errno, BpfProgType as T } from "../../uapi/index.ts";
import type { Attr } from "../attr.ts";
import { isNamespaceHook } from "../hooks/namespace-hook.ts";
import { isTcx } from "../links/tcx-link.ts";
import { findChain } from "../net/tcx.ts";
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
  if (args.progCnt === 0 || args.progIds === 0n || entries.length === 0) return 0;
  const given = entries.slice(0, args.progCnt);
  give(
    process,
    args.progIds,
    given.map(({ program }) => program.id),
  );
  give(
    process,
    args.progAttachFlags,
    given.map(() => hook.flags),
  );
  return given.length < entries.length ? refuse(Errno.ENOSPC) : 0;
}

/** `netns_bpf_prog_query` */
function queryNamespace(process: Process, attr: Attr, args: QueryArguments): number {
  if (args.queryFlags !== 0) refuse(Errno.EINVAL);
  const { hooks } = namespaceOf(process, args.targetFd);
  const programs = hooks.get(args.attachType)?.programs ?? [];
  attr.put("PROG_QUERY", "attachFlags", 0);
  attr.put("PROG_QUERY", "progCnt", programs.length);
  if (args.progCnt === 0 || args.progIds === 0n || programs.length === 0) return 0;
  const ids = programs.slice(0, args.progCnt).map(({ id }) => id);
  give(process, args.progIds, ids);
  return ids.length < programs.length ? refuse(Errno.ENOSPC) : 0;
}

/** `tcx_prog_query`, `bpf_mprog_query` */
function queryTraffic(process: Process, attr: Attr, args: QueryArguments): number {
  if (!isTcx(args.attachType)) refuse(Errno.EINVAL);
  const device = deviceOf(process, args.targetIfindex, Errno.ENODEV);
  const chain = findChain(device, args.attachType);
  if (args.queryFlags !== 0 || args.attachFlags !== 0) refuse(Errno.EINVAL);
  const entries = chain?.entries ?? [];
  attr.put("PROG_QUERY", "attachFlags", 0);
  attr.put64("PROG_QUERY", "revision", chain?.revision ?? 1n);
  attr.put("PROG_QUERY", "progCnt", entries.length);
  if (args.progCnt === 0 || args.progIds === 0n || entries.length === 0) return 0;
  const given = entries.slice(0, args.progCnt);
  give(
    process,
    args.progIds,
    given.map(({ program }) => program.id),
  );
  const zeros = given.map(() => 0);
  give(process, args.progAttachFlags, zeros);
  give(
    process,
    args.linkIds,
    given.map(({ link }) => link?.id ?? 0),
  );
  give(process, args.linkAttachFlags, zeros);
  return given.length < entries.length ? refuse(Errno.ENOSPC) : 0;
}

/** Writes words to a buffer of the caller, if there is one. EFAULT. */
function give(process: Process, address: bigint, words: readonly number[]): void {
  if (address !== 0n) process.write(address, new Uint8Array(Uint32Array.from(words).buffer));
}
