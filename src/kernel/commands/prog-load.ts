import { decode } from "../../isa/index.ts";
import {
  knownFlags,
  needsBpf,
  needsNetAdmin,
  needsPerfmon,
  type ProgramType,
  programFlagSince,
  programType,
} from "../../platform/index.ts";
import { BpfProgFlag, Errno, BpfProgType as T } from "../../uapi/index.ts";
import type { AttachTarget } from "../../verifier/index.ts";
import type { Attr } from "../attr.ts";
import { isGplCompatible } from "../license.ts";
import { LoadLog } from "../load-log.ts";
import { LoadRecords } from "../load-records.ts";
import { objectName } from "../names.ts";
import type { Device } from "../net/device.ts";
import type { KernelBtf } from "../objects/btf.ts";
import { type AttachTargetName, KernelProgram } from "../objects/program.ts";
import { prepare } from "../prepare.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";

const MAX_INSNS = 1_000_000;
/** `BPF_MAXINSNS`: without CAP_BPF. */
const MAX_INSNS_UNPRIVILEGED = 4096;
const LICENSE_MAX = 128;

/** `bpf_prog_load_check_attach`: what the type says of `expected_attach_type`. */
function allowsAttachType(type: ProgramType, attachType: number): boolean {
  if (type.expectedAttachType === "any") return true;
  if (type.expectedAttachType === "zero") return attachType === 0;
  return type.attachTypes.includes(attachType);
}

/** Types of programs that are attached to a function of the kernel or of another program. */
const TARGETED: ReadonlySet<number> = new Set([T.TRACING, T.LSM, T.STRUCT_OPS, T.EXT]);

/** What is said about the function that a program is for (`bpf_prog_load`, `bpf_prog_load_check_attach`). */
function attachTarget(
  process: Process,
  args: { readonly progType: number; readonly attachProgFd: number; readonly attachBtfId: number },
): Target {
  let program: KernelProgram | null = null;
  let btf: KernelBtf | null = null;
  if (args.attachProgFd !== 0) {
    const object = process.files.find(args.attachProgFd)?.object;
    if (object?.kind === "btf") btf = object as KernelBtf;
    else if (object?.kind === "prog") program = object as KernelProgram;
    else refuse(Errno.EINVAL);
    if (btf !== null && !btf.kernelBtf) refuse(Errno.EOPNOTSUPP);
    if (program !== null && args.progType !== T.TRACING && args.progType !== T.EXT) refuse(Errno.EINVAL);
    if (btf !== null && args.attachBtfId === 0) refuse(Errno.EINVAL);
  }
  if (args.attachBtfId !== 0 && !TARGETED.has(args.progType)) refuse(Errno.EINVAL);
  if (args.attachBtfId === 0 && program === null) return { program, attach: null, btf };
  // A program that was taken unverified, only to be shown, can be no target.
  if (program !== null && program.parts.target === null) refuse(Errno.EINVAL);
  return {
    program,
    attach: {
      btf: btf?.types ?? null,
      btfId: args.attachBtfId,
      program: program?.parts.target ?? null,
    },
    btf,
  };
}

/** What a program is for, by name. */
function targetName({ machine }: Process, { attach, btf }: Target): AttachTargetName | null {
  if (attach === null || attach.btfId === 0) return null;
  const types = attach.program === null ? (attach.btf ?? machine.shown.btf) : attach.program.btf;
  return { name: types?.name(attach.btfId) ?? "", btfId: attach.btfId, btf: btf?.id ?? 0 };
}

interface Target {
  /** The program that is attached to, which has to stay as long as this one. */
  readonly program: KernelProgram | null;
  readonly attach: AttachTarget | null;
  /** Of a module's function: the BTF that it is in. */
  readonly btf: KernelBtf | null;
}

/** Flags of programs that are for one device alone. */
const DEVICE_FLAGS = BpfProgFlag.XDP_DEV_BOUND_ONLY | BpfProgFlag.XDP_HAS_FRAGS;

/** `bpf_prog_dev_bound_init`: EINVAL, also for devices that were to run the program themselves: none does; EOPNOTSUPP. */
function boundDevice(
  process: Process,
  args: { readonly progType: number; readonly progFlags: number; readonly progIfindex: number },
): Device {
  const isBound = (args.progFlags & BpfProgFlag.XDP_DEV_BOUND_ONLY) !== 0;
  if (args.progType !== T.SCHED_CLS && args.progType !== T.XDP) refuse(Errno.EINVAL);
  if ((args.progFlags & ~DEVICE_FLAGS) !== 0) refuse(Errno.EINVAL);
  if (!isBound && (args.progFlags & BpfProgFlag.XDP_HAS_FRAGS) !== 0) refuse(Errno.EINVAL);
  if (isBound && args.progType === T.SCHED_CLS) refuse(Errno.EINVAL);
  const device = process.task.namespace.devices.get(args.progIfindex) ?? refuse(Errno.EINVAL);
  if (!device.nativeXdp) refuse(Errno.EOPNOTSUPP);
  return isBound ? device : refuse(Errno.EINVAL);
}

/** `bpf_prog_load` in kernel/bpf/syscall.c, with its checks in its order. */
export function progLoad(process: Process, attr: Attr): number {
  const machine = process.machine;
  const args = attr.fields("PROG_LOAD");
  if ((args.progFlags & ~knownFlags(BpfProgFlag, programFlagSince, machine.release)) !== 0)
    refuse(Errno.EINVAL);
  if ((args.progFlags & BpfProgFlag.TOKEN_FD) !== 0) {
    // Descriptors there may be, but none is a token.
    process.files.get(args.progTokenFd);
    refuse(Errno.EINVAL);
  }
  const type = programType(args.progType, machine.release);
  const expectedAttachType = args.expectedAttachType || (type?.defaultAttachType ?? 0);
  const capable = process.may("BPF");
  if (!capable && !machine.unprivilegedBpf) refuse(Errno.EPERM);
  const longest = capable ? MAX_INSNS : MAX_INSNS_UNPRIVILEGED;
  if (args.insnCnt === 0 || args.insnCnt > longest) refuse(Errno.E2BIG);
  if (!capable && needsBpf(args.progType)) refuse(Errno.EPERM);
  if (type !== undefined && needsNetAdmin(args.progType) && !process.may("NET_ADMIN")) refuse(Errno.EPERM);
  if (needsPerfmon(args.progType) && !process.may("PERFMON")) refuse(Errno.EPERM);
  const target = attachTarget(process, args);
  if (type !== undefined && !allowsAttachType(type, expectedAttachType)) refuse(Errno.EINVAL);
  const insns = decode(process.read(args.insns, args.insnCnt * 8), { torn: true });
  const license = process.prefix(args.license, LICENSE_MAX);
  const device = args.progIfindex === 0 ? null : boundDevice(process, args);
  if (type === undefined || args.progType === T.UNSPEC) return refuse(Errno.EINVAL);
  const name = objectName(args.progName) ?? refuse(Errno.EINVAL);
  const log = new LoadLog(args.logLevel, args.logBuf, args.logSize);

  using records = new LoadRecords(process, {
    args,
    insns,
    log,
    expect: (field, size) => attr.put("PROG_LOAD", field, size),
  });
  try {
    const prepared = prepare(
      process,
      {
        type,
        name,
        expectedAttachType,
        flags: args.progFlags,
        attach: target.attach,
        fdArray: args.fdArray,
        fdArrayCnt: args.fdArrayCnt,
        gplCompatible: isGplCompatible(license),
        devBound: device !== null,
        records,
      },
      log,
    );
    const program = new KernelProgram(machine.programs, {
      type: args.progType,
      name,
      expectedAttachType,
      flags: args.progFlags,
      gplCompatible: isGplCompatible(license),
      uid: process.uid,
      loadTime: BigInt(machine.clock()),
      insns: records.insns,
      btf: records.btf?.get() ?? null,
      attachTarget: targetName(process, target),
      attachProgram: target.program?.get() ?? null,
      device,
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
  }
}
