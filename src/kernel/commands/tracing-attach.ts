import { BpfAttachType as A, Errno, BpfProgType as T } from "../../uapi/index.ts";
import type { TrampolineKind } from "../hooks/functions.ts";
import { attached, type KernelLink } from "../links/link.ts";
import { TracingLink } from "../links/tracing-link.ts";
import type { KernelProgram } from "../objects/program.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";

const KINDS: ReadonlyMap<number, TrampolineKind> = new Map([
  [A.TRACE_FENTRY, "entry"],
  [A.TRACE_FEXIT, "exit"],
  [A.MODIFY_RETURN, "modify"],
  // Hooks of LSM are functions that are there to be replaced.
  [A.LSM_MAC, "modify"],
]);

/** `bpf_tracing_prog_attach`: to the function that the program was loaded for. EINVAL, EBUSY, E2BIG. */
export function attachTracing(
  process: Process,
  program: KernelProgram,
  { targetFd, btfId, cookie }: { readonly targetFd: number; readonly btfId: number; readonly cookie: bigint },
): KernelLink {
  const { machine } = process;
  const { type, expectedAttachType, attachTarget, attachProgram } = program.parts;
  const kind = KINDS.get(expectedAttachType);
  if (type === T.EXT) refuse(Errno.EOPNOTSUPP);
  if (kind === undefined || (type === T.LSM) !== (expectedAttachType === A.LSM_MAC))
    return refuse(Errno.EINVAL);
  // Another target may only be named for programs that replace functions of others.
  if ((targetFd !== 0) !== (btfId !== 0) || targetFd !== 0) refuse(Errno.EINVAL);
  if (attachTarget === null) return refuse(Errno.EINVAL);
  // Functions of other programs are not passed as those of the kernel are.
  if (attachProgram !== null) refuse(Errno.EOPNOTSUPP);
  const site = machine.functions.site(attachTarget.name);
  const target = { site, kind, btf: attachTarget.btf, btfId: attachTarget.btfId };
  return attached(new TracingLink(machine.links, program, target, cookie), (link) =>
    site.link(kind, { link, cookie }),
  );
}
