import type { AttrValues } from "../../sys/index.ts";
import { BpfAttachType as A, BpfAttachFlag, Errno, BpfProgType as T } from "../../uapi/index.ts";
import type { Attr } from "../attr.ts";
import { NetfilterHooks } from "../hooks/netfilter.ts";
import { createIteratorLink } from "../iterators/create-link.ts";
import { CgroupLink } from "../links/cgroup-link.ts";
import { attached, type KernelLink } from "../links/link.ts";
import { NamespaceLink } from "../links/namespace-link.ts";
import { NetfilterLink } from "../links/netfilter-link.ts";
import { PerfLink } from "../links/perf-link.ts";
import { isTcx, TcxLink } from "../links/tcx-link.ts";
import { XdpLink } from "../links/xdp-link.ts";
import { xdpMode } from "../net/xdp-mode.ts";
import type { KernelProgram } from "../objects/program.ts";
import { setProgram } from "../perf/set-program.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";
import { cgroupOf, deviceOf, namedEntry, namespaceOf, perfEventOf, relativeEntry } from "./attach-targets.ts";
import { checkAttachType, isCgroupProgram } from "./attach-types.ts";
import { createKprobeMultiLink, createUprobeMultiLink } from "./multi-links.ts";
import { hookOf } from "./prog-attach.ts";
import { attachRawTracepoint } from "./raw-tracepoint-open.ts";
import { attachTracing } from "./tracing-attach.ts";

type LinkCreateArguments = AttrValues<"LINK_CREATE">;

/** What a link is asked for with. */
interface Request {
  readonly process: Process;
  readonly program: KernelProgram;
  readonly args: LinkCreateArguments;
}

/** `link_create` in kernel/bpf/syscall.c. */
export function linkCreate(process: Process, attr: Attr): number {
  const args = attr.fields("LINK_CREATE");
  // There are no maps of struct_ops that would do anything.
  if (args.attachType === A.STRUCT_OPS) refuse(process.files.find(args.mapFd) ? Errno.EINVAL : Errno.EBADF);
  const program = process.program(args.progFd);
  checkAttachType(process, program, args.attachType);
  return process.files.install(create({ process, program, args }));
}

function create(request: Request): KernelLink {
  const { process, program, args } = request;
  const { type, expectedAttachType } = program.parts;
  if (isCgroupProgram(type)) return cgroupLink(request);
  switch (type) {
    case T.EXT:
      return refuse(Errno.EOPNOTSUPP);
    case T.LSM:
    case T.TRACING:
      if (args.attachType !== expectedAttachType) refuse(Errno.EINVAL);
      if (expectedAttachType === A.TRACE_RAW_TP)
        return attachRawTracepoint(process, program, { name: null, cookie: args.tracingCookie });
      if (expectedAttachType === A.TRACE_ITER) return createIteratorLink(process, program, args);
      if (expectedAttachType === A.LSM_CGROUP) return cgroupLink(request);
      return attachTracing(process, program, {
        targetFd: args.targetFd,
        btfId: args.tracingTargetBtfId,
        cookie: args.tracingCookie,
      });
    case T.FLOW_DISSECTOR:
    case T.SK_LOOKUP:
      return namespaceLink(request);
    case T.XDP:
      return xdpLink(request);
    case T.SCHED_CLS:
      return tcxLink(request);
    case T.NETFILTER:
      return netfilterLink(request);
    case T.PERF_EVENT:
    case T.TRACEPOINT:
      return perfLink(request);
    case T.KPROBE:
      return probeLink(request);
    default:
      return refuse(type === T.SK_MSG || type === T.SK_SKB ? Errno.EOPNOTSUPP : Errno.EINVAL);
  }
}

/** `BPF_F_LINK_ATTACH_MASK` */
const CGROUP_LINK_FLAGS =
  BpfAttachFlag.ID | BpfAttachFlag.BEFORE | BpfAttachFlag.AFTER | BpfAttachFlag.PREORDER | BpfAttachFlag.LINK;

/** `cgroup_bpf_link_attach` */
function cgroupLink({ process, program, args }: Request): KernelLink {
  const { machine } = process;
  if ((args.flags & ~CGROUP_LINK_FLAGS) !== 0) refuse(Errno.EINVAL);
  const group = cgroupOf(process, args.targetFd);
  const flags = args.flags | BpfAttachFlag.ALLOW_MULTI;
  return attached(new CgroupLink(machine.links, program, machine.cgroupHooks, args.attachType), (link) =>
    link.attach(group, {
      flags,
      relativeTo: args.cgroupRelativeFd,
      relative: () => namedEntry(process, flags, args.cgroupRelativeFd),
      revision: args.cgroupExpectedRevision,
    }),
  );
}

/** `netns_bpf_link_create` */
function namespaceLink({ process, program, args }: Request): KernelLink {
  if (args.flags !== 0) refuse(Errno.EINVAL);
  const namespace = namespaceOf(process, args.targetFd);
  const { attachType } = args;
  const hook = hookOf(namespace.hooks, attachType);
  const link = new NamespaceLink(process.machine.links, program, { namespace, hook, attachType });
  return attached(link, () => link.attach());
}

/** `bpf_xdp_link_attach` */
function xdpLink({ process, program, args }: Request): KernelLink {
  const device = deviceOf(process, args.targetIfindex, Errno.EINVAL);
  const mode = xdpMode(device, program, args.flags);
  return new XdpLink(process.machine.links, program, device, mode);
}

/** `tcx_link_attach`; this is a kernel without CONFIG_NETKIT. */
function tcxLink({ process, program, args }: Request): KernelLink {
  if (!isTcx(args.attachType)) refuse(Errno.EINVAL);
  const device = deviceOf(process, args.targetIfindex, Errno.ENODEV);
  return attached(new TcxLink(process.machine.links, program, device, args.attachType), (link) =>
    link.attach({
      flags: args.flags,
      relative: () => relativeEntry(process, args.flags, args.tcxRelativeFd, program.parts.type),
      revision: args.tcxExpectedRevision,
    }),
  );
}

/** `NFPROTO_IPV4`, `NFPROTO_IPV6` */
const FAMILIES: readonly number[] = [2, 10];
/** `NF_INET_NUMHOOKS` */
const NETFILTER_HOOKS = 5;
const FIRST_PRIORITY = -0x8000_0000;
const LAST_PRIORITY = 0x7fff_ffff;
/** `NF_IP_PRI_CONNTRACK_DEFRAG` */
const AFTER_DEFRAGMENTATION = -400;
const IP_DEFRAG = 1;

/** `bpf_nf_link_attach`, `bpf_nf_check_pf_and_hooks` */
function netfilterLink({ process, program, args }: Request): KernelLink {
  if (args.flags !== 0) refuse(Errno.EINVAL);
  const priority = args.netfilterPriority | 0;
  const { netfilterPf: family, netfilterHooknum: hook, netfilterFlags: flags } = args;
  if (!FAMILIES.includes(family)) refuse(Errno.EAFNOSUPPORT);
  if (hook >= NETFILTER_HOOKS) refuse(Errno.EPROTO);
  if ((flags & ~IP_DEFRAG) !== 0) refuse(Errno.EOPNOTSUPP);
  if (priority === FIRST_PRIORITY || priority === LAST_PRIORITY) refuse(Errno.ERANGE);
  if ((flags & IP_DEFRAG) !== 0 && priority <= AFTER_DEFRAGMENTATION) refuse(Errno.ERANGE);
  const { namespace } = process.task;
  namespace.netfilter ??= new NetfilterHooks();
  const hooks = namespace.netfilter;
  const link = new NetfilterLink(process.machine.links, program, { family, hook, priority, flags });
  return attached(link, () => link.attach(hooks));
}

/** `bpf_perf_link_attach` */
function perfLink({ process, program, args }: Request): KernelLink {
  if (args.flags !== 0) refuse(Errno.EINVAL);
  const event = perfEventOf(process, args.targetFd);
  const { links, symbols } = process.machine;
  const cookie = args.perfEventBpfCookie;
  return attached(new PerfLink(links, program, event, { cookie, symbols }), (link) => {
    setProgram(event, program, cookie);
    link.own();
  });
}

function probeLink(request: Request): KernelLink {
  const { process, program, args } = request;
  switch (args.attachType) {
    case A.PERF_EVENT:
      return perfLink(request);
    case A.TRACE_KPROBE_MULTI:
    case A.TRACE_KPROBE_SESSION:
      return createKprobeMultiLink(process, program, args);
    default:
      return createUprobeMultiLink(process, program, args);
  }
}
