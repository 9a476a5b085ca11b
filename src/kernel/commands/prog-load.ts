import { decode, type Insn } from "../../isa/index.ts";
import { BpfProgType, Errno } from "../../uapi/index.ts";
import type { Attr } from "../attr.ts";
import { isGplCompatible } from "../license.ts";
import { LoadLog } from "../load-log.ts";
import { type DebugRecords, debugRecords } from "../debug-records.ts";
import { objectName } from "../names.ts";
import { prepare } from "../prepare.ts";
import { KernelProgram } from "../objects/program.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";

const MAX_INSNS_PRIVILEGED = 1_000_000;
const MAX_INSNS = 4096;
const LICENSE_MAX = 128;
const KNOWN_FLAGS = 0x1ff;

/** `bpf_prog_load` in kernel/bpf/syscall.c, with its checks in its order. */
export function progLoad(process: Process, attr: Attr): number {
  const machine = process.machine;
  const args = attr.fields("PROG_LOAD");
  if ((args.progFlags & ~KNOWN_FLAGS) !== 0) refuse(Errno.EINVAL);
  const privileged = process.may("BPF");
  if (!privileged) refuse(Errno.EPERM);
  if (args.insnCnt === 0 || args.insnCnt > (privileged ? MAX_INSNS_PRIVILEGED : MAX_INSNS)) refuse(Errno.E2BIG);
  const type = machine.programTypes.get(args.progType);
  if (type !== undefined && type.needs.some((capability) => !process.may(capability))) refuse(Errno.EPERM);
  if (args.progType === BpfProgType.UNSPEC || type === undefined) refuse(Errno.EINVAL);
  if (!type.allowsAttachType(args.expectedAttachType)) refuse(Errno.EINVAL);
  const insns: readonly Insn[] = decode(process.read(args.insns, args.insnCnt * 8));
  const license = process.string(args.license, LICENSE_MAX);
  const name = objectName(args.progName) ?? refuse(Errno.EINVAL);
  const log = new LoadLog(args.logLevel, args.logBuf, args.logSize);

  let records: DebugRecords | null = null;
  try {
    records = debugRecords(process, args, insns);
    const prepared = prepare(
      process,
      {
        insns,
        type,
        name,
        expectedAttachType: args.expectedAttachType,
        fdArray: args.fdArray,
        gplCompatible: isGplCompatible(license),
        records,
      },
      log,
    );
    const program = new KernelProgram(machine.programs, {
      type: args.progType,
      name,
      expectedAttachType: args.expectedAttachType,
      flags: args.progFlags,
      gplCompatible: isGplCompatible(license),
      uid: process.uid,
      loadTime: machine.clock(),
      insns,
      btf: records === null ? null : records.btf.get(),
      ...prepared,
    });
    const full = log.finish(process);
    attr.put("PROG_LOAD", "logTrueSize", log.trueSize);
    if (full < 0) {
      program.put();
      return full;
    }
    return process.files.install(program);
  } catch (error) {
    // The reason has to reach the caller with the refusal.
    const full = log.finish(process);
    attr.put("PROG_LOAD", "logTrueSize", log.trueSize);
    if (full < 0) return full;
    throw error;
  } finally {
    records?.btf.put();
  }
}
