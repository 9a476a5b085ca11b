import type { AttrValues } from "../../sys/index.ts";
import { BpfAttachType as A, Errno } from "../../uapi/index.ts";
import type { KernelLink } from "../links/link.ts";
import { KprobeMultiLink, type KprobeTarget, UprobeMultiLink } from "../links/multi-link.ts";
import type { KernelProgram } from "../objects/program.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";

type LinkCreateArguments = AttrValues<"LINK_CREATE">;

/** `MAX_KPROBE_MULTI_CNT`, `MAX_UPROBE_MULTI_CNT` */
const MOST_TARGETS = 1 << 20;
/** `BPF_F_KPROBE_MULTI_RETURN`, `BPF_F_UPROBE_MULTI_RETURN` */
const ON_RETURN = 1;
const NAME_MAX = 512;
const PATH_MAX = 4096;

/** What such a link of a program may be asked for. */
function check(program: KernelProgram, args: LinkCreateArguments, kinds: readonly number[]): void {
  if (args.flags !== 0) refuse(Errno.EINVAL);
  if (!kinds.includes(program.parts.expectedAttachType)) refuse(Errno.EINVAL);
}

function checkCount(count: number): void {
  if (count === 0) refuse(Errno.EINVAL);
  if (count > MOST_TARGETS) refuse(Errno.E2BIG);
}

/** `bpf_kprobe_multi_link_attach`: functions by name or by address. */
export function createKprobeMultiLink(
  process: Process,
  program: KernelProgram,
  args: LinkCreateArguments,
): KernelLink {
  check(program, args, [A.TRACE_KPROBE_MULTI, A.TRACE_KPROBE_SESSION]);
  const { kprobeMultiFlags: flags, kprobeMultiSyms: syms, kprobeMultiAddrs: addrs } = args;
  if ((flags & ~ON_RETURN) !== 0) refuse(Errno.EINVAL);
  if ((addrs !== 0n) === (syms !== 0n)) refuse(Errno.EINVAL);
  checkCount(args.kprobeMultiCnt);
  const count = args.kprobeMultiCnt;
  const { machine } = process;
  const words = wordsAt(process, syms === 0n ? addrs : syms, count);
  const names =
    syms === 0n ? words.map((at) => nameAt(process, at)) : words.map((at) => process.string(at, NAME_MAX));
  if (names.some((name) => !machine.functions.has(name))) refuse(Errno.ESRCH);
  const cookies = args.kprobeMultiCookies;
  const given = cookies === 0n ? null : wordsAt(process, cookies, count);
  const targets = names.map((name, index): KprobeTarget => {
    const address = machine.symbols.address(name);
    return { site: machine.functions.site(name), address, cookie: given?.[index] ?? 0n };
  });
  targets.sort((one, other) => (one.address < other.address ? -1 : 1));
  return new KprobeMultiLink(machine.links, program, targets, {
    onReturn: (flags & ON_RETURN) !== 0,
    session: program.parts.expectedAttachType === A.TRACE_KPROBE_SESSION,
    cookies: given !== null,
  });
}

/** The function that begins at an address. */
function nameAt({ machine }: Process, address: bigint): string {
  const found = machine.symbols.find(address);
  return found?.offset === 0 ? found.name : refuse(Errno.EINVAL);
}

/** `bpf_uprobe_multi_link_attach` */
export function createUprobeMultiLink(
  process: Process,
  program: KernelProgram,
  args: LinkCreateArguments,
): KernelLink {
  check(program, args, [A.TRACE_UPROBE_MULTI, A.TRACE_UPROBE_SESSION]);
  // Entry and return are told each by itself: nothing says which belong together.
  if (program.parts.expectedAttachType === A.TRACE_UPROBE_SESSION) refuse(Errno.EOPNOTSUPP);
  const { uprobeMultiFlags: flags, uprobeMultiPath: path, uprobeMultiOffsets: offsets } = args;
  if ((flags & ~ON_RETURN) !== 0) refuse(Errno.EINVAL);
  const pid = args.uprobeMultiPid | 0;
  const count = args.uprobeMultiCnt;
  if (path === 0n || offsets === 0n || count === 0 || pid < 0) refuse(Errno.EINVAL);
  checkCount(count);
  const name = process.string(path, PATH_MAX);
  if (name === "") refuse(Errno.ENOENT);
  const { machine } = process;
  if (pid !== 0 && machine.tasks.find(pid)?.tgid !== pid) refuse(Errno.ESRCH);
  const optional = (at: bigint) => (at === 0n ? null : wordsAt(process, at, count));
  const cookies = optional(args.uprobeMultiCookies);
  const references = optional(args.uprobeMultiRefCtrOffsets);
  const targets = wordsAt(process, offsets, count).map((offset, index) => {
    if (BigInt.asIntN(64, offset) < 0n) refuse(Errno.EINVAL);
    return { offset, reference: references?.[index] ?? 0n, cookie: cookies?.[index] ?? 0n };
  });
  return new UprobeMultiLink(machine.links, program, {
    probes: machine.userProbes,
    path: name,
    targets,
    onReturn: (flags & ON_RETURN) !== 0,
    pid,
  });
}

function wordsAt(process: Process, address: bigint, count: number): bigint[] {
  const bytes = process.read(address, 8 * count).slice();
  return [...new BigUint64Array(bytes.buffer)];
}
