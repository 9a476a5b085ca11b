import { ByteWriter, TsbpfError } from "../base/index.ts";
import type { Btf } from "../btf/index.ts";
import { type Insn, lookup, Operation } from "../isa/index.ts";
import type { FuncInfo, LineInfo, ProgramSpec } from "../object/index.ts";
import { type BpfCommands, Errno, type ProgLoadArguments, type ProgLoadResult } from "../sys/index.ts";
import { BpfAttachType, BpfFuncId, BpfProgType, Errno as E } from "../uapi/index.ts";
import { type ProgramFacts, VerifierError } from "../verifier/index.ts";
import type { AttachTarget } from "./attach-target.ts";
import type { KernelFeatures } from "./features.ts";
import type { ProgramCode } from "./program-code.ts";
import { withRelocations } from "./relocation-log.ts";
import type { StructOpsTarget } from "./struct-ops.ts";

export interface ProgramLoad {
  readonly spec: ProgramSpec;
  readonly code: ProgramCode;
  readonly license: string;
  readonly kernelVersion: number;
  /** The object's types; null where it has none. */
  readonly btf: Btf | null;
  /** Descriptor of the object's BTF; 0 where the kernel has none of it. */
  readonly btfFd: number;
  readonly target: AttachTarget | null;
  readonly structOps: StructOpsTarget | null;
  readonly targetFd: number | null;
  readonly logLevel: number;
  readonly logSize: number | undefined;
  /** For explanations. */
  readonly facts: () => ProgramFacts;
}

/** Loads a program with all that the object says of it (`bpf_object_load_prog`). */
export function loadProgram(sys: BpfCommands, features: KernelFeatures, load: ProgramLoad): ProgLoadResult {
  const { spec, code, target, structOps } = load;
  const { type, definition, sectionName } = { ...spec.kind, sectionName: spec.sectionName };
  if (type === BpfProgType.UNSPEC) {
    throw new TsbpfError(`section ${sectionName} says no program type`);
  }
  if (type === BpfProgType.STRUCT_OPS && structOps === null) {
    throw new TsbpfError("no struct_ops map has this program as a member");
  }
  const moduleFd = structOps?.moduleFd ?? target?.moduleFd ?? null;
  const args: ProgLoadArguments = {
    progType: type,
    progName: spec.name,
    insns: withOldHelpers(code.insns, features),
    license: load.license,
    kernVersion: load.kernelVersion,
    progFlags: spec.kind.flags,
    expectedAttachType: structOps?.member ?? attachTypeOf(spec, definition, features),
    attachBtfId: structOps?.attachBtfId ?? target?.attachBtfId ?? 0,
    logLevel: load.logLevel,
    ...(load.logSize === undefined ? {} : { logSize: load.logSize }),
    // One field of the attribute is either of the two.
    ...(load.targetFd !== null
      ? { attachProgFd: load.targetFd }
      : moduleFd === null
        ? {}
        : { attachBtfObjFd: moduleFd }),
    ...(code.fdArray.length === 0 ? {} : { fdArray: code.fdArray }),
    ...(load.btfFd === 0 ? {} : { progBtfFd: load.btfFd, ...records(spec) }),
  };
  try {
    return sys.progLoad(args);
  } catch (error) {
    if (!(error instanceof Errno) || error.log === "") throw error;
    const log = withRelocations(error.log, spec, load.btf);
    const cause = new Errno(error.errno, error.command, log);
    // A log that did not fit says nothing of the verdict.
    if (error.errno === E.ENOSPC) throw cause;
    throw new VerifierError(spec.name, log, { facts: load.facts(), lines: spec.lineInfo, cause });
  }
}

function records(spec: ProgramSpec): Partial<ProgLoadArguments> {
  return {
    ...(spec.funcInfo.length === 0 ? {} : { funcInfo: encodeFuncInfo(spec.funcInfo), funcInfoRecSize: 8 }),
    ...(spec.lineInfo.length === 0 ? {} : { lineInfo: encodeLineInfo(spec.lineInfo), lineInfoRecSize: 16 }),
  };
}

/** `struct bpf_func_info` records. */
function encodeFuncInfo(records: readonly FuncInfo[]): Uint8Array {
  const out = new ByteWriter({ capacity: records.length * 8 });
  for (const { slot, typeId } of records) out.u32(slot).u32(typeId);
  return out.finish();
}

/** `struct bpf_line_info` records; columns above 1023 become 0, as they have 10 bits. */
function encodeLineInfo(records: readonly LineInfo[]): Uint8Array {
  const out = new ByteWriter({ capacity: records.length * 16 });
  for (const { slot, fileOffset, lineOffset, lineNumber, column } of records) {
    out.u32(slot).u32(fileOffset).u32(lineOffset);
    out.u32(((lineNumber << 10) | (column > 1023 ? 0 : column)) >>> 0);
  }
  return out.finish();
}

/** USDT probes are attached by one link for all places, where the kernel has such. */
function attachTypeOf(spec: ProgramSpec, definition: string | null, features: KernelFeatures): number {
  if ((definition === "usdt+" || definition === "usdt.s+") && features.has("uprobeMulti")) {
    return BpfAttachType.TRACE_UPROBE_MULTI;
  }
  return spec.kind.attachType ?? 0;
}

/** Kernels before 5.5 have one helper for reading any memory: calls of the newer ones become calls of it. */
function withOldHelpers(insns: readonly Insn[], features: KernelFeatures): readonly Insn[] {
  const older = new Map<number, number>([
    [BpfFuncId.probe_read_kernel, BpfFuncId.probe_read],
    [BpfFuncId.probe_read_user, BpfFuncId.probe_read],
    [BpfFuncId.probe_read_kernel_str, BpfFuncId.probe_read_str],
    [BpfFuncId.probe_read_user_str, BpfFuncId.probe_read_str],
  ]);
  const isNew = (insn: Insn) => lookup(insn)?.operation === Operation.callHelper && older.has(insn.imm);
  if (!insns.some(isNew) || features.has("probeReadKernel")) return insns;
  return insns.map((insn) => (isNew(insn) ? { ...insn, imm: older.get(insn.imm)! } : insn));
}
