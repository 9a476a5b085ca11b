import { BpfAttachType, Errno, BpfProgType as T } from "../../uapi/index.ts";
import type { Attr } from "../attr.ts";
import type { KernelLink } from "../links/link.ts";
import { RawTracepointLink } from "../links/raw-tracepoint-link.ts";
import type { KernelProgram } from "../objects/program.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";
import { attachTracing } from "./tracing-attach.ts";

/** Bytes that a tracepoint's name may have, with its NUL. */
const NAME_SIZE = 128;

const WORD = 8;

/** `bpf_raw_tracepoint_open` */
export function rawTracepointOpen(process: Process, attr: Attr): number {
  const { progFd, name, cookie } = attr.fields("RAW_TRACEPOINT_OPEN");
  const program = process.program(progFd);
  return process.files.install(
    attachRawTracepoint(process, program, { name: name === 0n ? null : name, cookie }),
  );
}

/** `bpf_raw_tp_link_attach`. @param name address of the tracepoint's name; null: the program names it. */
export function attachRawTracepoint(
  process: Process,
  program: KernelProgram,
  { name, cookie }: { readonly name: bigint | null; readonly cookie: bigint },
): KernelLink {
  const { machine } = process;
  const { type, expectedAttachType, maxContextOffset } = program.parts;
  let found: string;
  switch (type) {
    case T.TRACING:
    case T.EXT:
    case T.LSM:
      // The program says what it is for.
      if (name !== null) refuse(Errno.EINVAL);
      if (type !== T.TRACING || expectedAttachType !== BpfAttachType.TRACE_RAW_TP)
        return attachTracing(process, program, { targetFd: 0, btfId: 0, cookie });
      found = tracepointOf(program);
      break;
    case T.RAW_TRACEPOINT:
    case T.RAW_TRACEPOINT_WRITABLE:
      found = process.prefix(name ?? 0n, NAME_SIZE);
      break;
    default:
      return refuse(Errno.EINVAL);
  }
  const point = machine.tracepoints.find(found) ?? refuse(Errno.ENOENT);
  if (maxContextOffset > WORD * point.args) refuse(Errno.EINVAL);
  return new RawTracepointLink(machine.links, program, point, cookie);
}

/** BTF programs name the type of the tracepoint's probes. */
const PREFIX = "btf_trace_";

function tracepointOf({ parts }: KernelProgram): string {
  const name = parts.attachTarget?.name ?? "";
  return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name;
}
