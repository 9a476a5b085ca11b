import { ITERATOR_TARGETS } from "../../platform/index.ts";
import type { AttrValues } from "../../sys/index.ts";
import { BpfMapType, BpfProgFlag, Errno } from "../../uapi/index.ts";
import { cgroupOf } from "../commands/attach-targets.ts";
import type { KernelMap } from "../objects/map.ts";
import type { KernelProgram } from "../objects/program.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";
import { IteratorLink } from "./iterator-link.ts";
import { WALKS, type WalkOptions } from "./walk.ts";

/** `sizeof(union bpf_iter_link_info)` */
const INFO_SIZE = 16;
/** What functions of iterators are called (`BPF_ITER_FUNC_PREFIX`). */
const PREFIX = "bpf_iter_";

const ELEMENTS: ReadonlySet<number> = new Set([BpfMapType.HASH, BpfMapType.LRU_HASH, BpfMapType.ARRAY]);

/** `BPF_CGROUP_ITER_ANCESTORS_UP` */
const LAST_ORDER = 4;
const DESCENDANTS_PRE = 2;

/** `bpf_iter_link_attach` */
export function createIteratorLink(
  process: Process,
  program: KernelProgram,
  args: AttrValues<"LINK_CREATE">,
): IteratorLink {
  if (args.targetFd !== 0 || args.flags !== 0) refuse(Errno.EINVAL);
  const info = infoOf(process, args.iterInfo, args.iterInfoLen);
  const { attachTarget, flags } = program.parts;
  const name = attachTarget?.name.replace(PREFIX, "") ?? "";
  if (!ITERATOR_TARGETS.has(name)) refuse(Errno.ENOENT);
  if ((flags & BpfProgFlag.SLEEPABLE) !== 0) refuse(Errno.EINVAL);
  const walk = WALKS.get(name) ?? refuse(Errno.EOPNOTSUPP);
  const options = optionsOf(process, name, info);
  return new IteratorLink(process.machine.links, program, { name, walk, options });
}

/** The caller's `union bpf_iter_link_info`, filled up with zeros. EINVAL, E2BIG, EFAULT. */
function infoOf(process: Process, address: bigint, length: number): DataView {
  if ((address === 0n) !== (length === 0)) refuse(Errno.EINVAL);
  const given = process.read(address, length);
  if (given.subarray(INFO_SIZE).some((byte) => byte !== 0)) refuse(Errno.E2BIG);
  const bytes = new Uint8Array(INFO_SIZE);
  bytes.set(given.subarray(0, INFO_SIZE));
  return new DataView(bytes.buffer);
}

function optionsOf(process: Process, name: string, info: DataView): WalkOptions {
  const word = (index: number) => info.getUint32(4 * index, true);
  const none: WalkOptions = { map: null, cgroup: null, task: { tid: 0, pid: 0 } };
  if (name === "bpf_map_elem") return { ...none, map: mapOf(process, word(0)) };
  if (name === "cgroup") return { ...none, cgroup: groupOf(process, info) };
  if (name !== "task") return none;
  // `struct { tid, pid, pid_fd }`: one of them.
  if ([0, 1, 2].filter((index) => word(index) !== 0).length > 1 || word(2) !== 0) refuse(Errno.EINVAL);
  return { ...none, task: { tid: word(0), pid: word(1) } };
}

/** `bpf_iter_attach_map` */
function mapOf(process: Process, fd: number): KernelMap {
  if (fd === 0) refuse(Errno.EBADF);
  const map = process.map(fd, "any");
  return ELEMENTS.has(map.type) ? map : refuse(Errno.EINVAL);
}

/** `bpf_iter_attach_cgroup`: an order, and a group by descriptor or by id; the root where neither is told. */
function groupOf(process: Process, info: DataView): NonNullable<WalkOptions["cgroup"]> {
  const order = info.getUint32(0, true);
  const fd = info.getUint32(4, true);
  const id = info.getBigUint64(8, true);
  if (order > LAST_ORDER) refuse(Errno.EINVAL);
  if (fd !== 0 && id !== 0n) refuse(Errno.EINVAL);
  const { cgroups } = process.machine;
  let group = cgroups.root;
  if (fd !== 0) group = cgroupOf(process, fd);
  else if (id !== 0n) group = cgroups.byId(Number(id)) ?? refuse(Errno.ENOENT);
  return { group, order: order === 0 ? DESCENDANTS_PRE : order };
}
