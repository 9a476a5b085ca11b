import { checkForm, type Insn, isWide, WideKind } from "../isa/index.ts";
import { HELPER_PROTOTYPES, INTERNAL_SYMBOLS, type ProgramType, prototypeOf } from "../platform/index.ts";
import { BpfMapType, BpfProgType, Errno, helperName, mapTypeNames } from "../uapi/index.ts";
import {
  type FixupInput,
  type FixupMap,
  type FixupResult,
  fixup,
  mapFunctions,
  mapLines,
  VerifierError,
} from "../verifier/index.ts";
import { CodeError, type CompiledProgram, type EngineInput } from "../vm/index.ts";
import type { DebugRecords } from "./debug-records.ts";
import type { LoadLog } from "./load-log.ts";
import type { Machine } from "./machine.ts";
import type { KernelMap } from "./objects/map.ts";
import type { ProgramParts, Xlated } from "./objects/program.ts";
import type { TailCallKind } from "./objects/program-array.ts";
import type { Process } from "./process.ts";
import { Refusal, refuse } from "./refusal.ts";
import { programDigest, programTag } from "./tag.ts";

/** A load whose arguments are in order. */
export interface LoadRequest {
  readonly insns: readonly Insn[];
  readonly type: ProgramType;
  readonly name: string;
  readonly expectedAttachType: number;
  readonly sleepable: boolean;
  readonly tailCallKind: TailCallKind;
  /** Address of the caller's array of descriptors; 0 for none. */
  readonly fdArray: bigint;
  /** How many descriptors the array has, where the program keeps all of them; 0: only those that its code names. */
  readonly fdArrayCnt: number;
  readonly gplCompatible: boolean;
  readonly records: DebugRecords | null;
}

type Prepared = Pick<ProgramParts, "tag" | "verifiedInsns" | "code" | "xlated" | "maps" | "maxContextOffset">;

/** Code of a kernel that runs none: test runs are refused before they come here. */
const NO_CODE: CompiledProgram = { entry: 0, codeSize: 0, run: () => 0, close: () => undefined };

/** From slots to code that runs: references resolved, checked, fixed up, compiled. What is refused is in the log. */
export function prepare(process: Process, request: LoadRequest, log: LoadLog): Prepared {
  const { machine } = process;
  const { insns } = request;
  checkSleepable(request, log);
  const problems = checkForm(insns, { limit: 1 });
  if (problems.length > 0) {
    log.write(`${problems[0]!.slot}: ${problems[0]!.reason}\n`);
    refuse(Errno.EINVAL);
  }
  const maps = resolveMaps(process, request, log);
  const input: FixupInput = {
    insns,
    type: request.type,
    expectedAttachType: request.expectedAttachType,
    sleepable: request.sleepable,
    maps: maps.bySlot,
  };
  const fixed = fixupOrRefuse(machine, input, log);
  const mapOfSlot = new Map<number, number>();
  for (const [slot, map] of fixed.maps) mapOfSlot.set(slot, maps.offsetOf(map));
  checkHelpers(machine, request, fixed.helpers, log);
  // bpf_check_tail_call
  for (const { programs } of maps.used) {
    if (programs !== null && !programs.accepts(request.tailCallKind)) refuse(Errno.EINVAL);
  }
  for (const map of machine.executes ? maps.used : []) {
    if (!map.inert) continue;
    log.write(
      `map ${map.parts.name}: maps of type ${mapTypeNames[map.type]} are not supported by this kernel\n`,
    );
    refuse(Errno.EOPNOTSUPP);
  }
  const code = machine.executes
    ? compileOrRefuse(machine, request.name, { insns: fixed.insns, mapOfSlot }, log)
    : NO_CODE;
  for (const map of maps.used) map.get();
  let xlated: Xlated | null = null;
  return {
    tag: programTag(insns),
    // Each instruction once: what the verifier would count where there is but one path.
    verifiedInsns: insns.reduce((count, insn) => (insn.opcode === 0 ? count : count + 1), 0),
    code,
    maps: maps.used,
    maxContextOffset: fixed.maxContextOffset,
    xlated: () => (xlated ??= asLinuxShows(machine, input, request.records)),
  };
}

/** Types of programs that may sleep (`can_be_sleepable`); programs of type syscall always do. */
const SLEEPABLE_TYPES: ReadonlySet<number> = new Set([
  BpfProgType.SYSCALL,
  BpfProgType.TRACING,
  BpfProgType.LSM,
  BpfProgType.STRUCT_OPS,
  BpfProgType.KPROBE,
]);

function checkSleepable({ type, sleepable }: LoadRequest, log: LoadLog): void {
  if (type.type === BpfProgType.SYSCALL && !sleepable) {
    log.write("Syscall programs can only be sleepable\n");
    refuse(Errno.EINVAL);
  }
  if (sleepable && !SLEEPABLE_TYPES.has(type.type)) {
    log.write("Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable\n");
    refuse(Errno.EINVAL);
  }
}

/** What no verifier has refused may still be nothing an engine can run: a call of a function that this kernel lacks. */
function compileOrRefuse(
  machine: Machine,
  name: string,
  code: Pick<EngineInput, "insns" | "mapOfSlot">,
  log: LoadLog,
): CompiledProgram {
  try {
    return machine.engine.compile(
      { ...code, name, helpers: machine.helpers, mode: "checked" },
      machine.executor,
    );
  } catch (error) {
    if (!(error instanceof CodeError)) throw error;
    log.write(`${error.slot}: ${error.problem}\n`);
    return refuse(Errno.EINVAL);
  }
}

function fixupOrRefuse(machine: Machine, input: FixupInput, log: LoadLog): FixupResult {
  try {
    return fixup(input, { target: "tsbpf", layout: machine.layout });
  } catch (error) {
    if (!(error instanceof VerifierError)) throw error;
    log.write(`${error.reason}\n`);
    return refuse(Errno.EACCES);
  }
}

/** Whether programs of this type and licence may call the helpers (`check_helper_call`), and this kernel has them. */
function checkHelpers(machine: Machine, request: LoadRequest, ids: ReadonlySet<number>, log: LoadLog): void {
  for (const id of ids) {
    const prototype = prototypeOf(id, {
      programType: request.type.type,
      expectedAttachType: request.expectedAttachType,
      sleepable: request.sleepable,
    });
    const name = `bpf_${helperName(id) ?? "unknown"}`;
    // Internal helpers come from fixups, not from the program.
    if (INTERNAL_SYMBOLS[id] !== undefined) continue;
    if (prototype === null && HELPER_PROTOTYPES.has(id)) {
      log.write(`program of this type cannot use helper ${name}#${id}\n`);
      refuse(Errno.EINVAL);
    }
    if (prototype?.gplOnly === true && !request.gplCompatible) {
      log.write("cannot call GPL-restricted function from non-GPL compatible program\n");
      refuse(Errno.EINVAL);
    }
    if (machine.executes && !machine.helpers.has(id)) {
      log.write(`helper ${name}#${id} is not supported by this kernel\n`);
      refuse(Errno.EOPNOTSUPP);
    }
  }
}

/** Code and debug records for the target `linux-x86_64`: what info and dumps show. */
function asLinuxShows(machine: Machine, input: FixupInput, records: DebugRecords | null): Xlated {
  const result = fixup(input, {
    target: "linux-x86_64",
    layout: machine.layout,
    symbolAddress: (name) => machine.symbols.address(name),
  });
  return {
    insns: result.insns,
    functions: result.functions,
    funcInfo: mapFunctions(records?.functions ?? [], result),
    lineInfo: mapLines(records?.lines ?? [], result),
  };
}

interface ResolvedMaps {
  readonly bySlot: ReadonlyMap<number, FixupMap>;
  /** Each once, in the order of first use. */
  readonly used: readonly KernelMap[];
  readonly offsetOf: (map: FixupMap) => number;
}

/** `resolve_pseudo_ldimm64`: descriptors, or indexes into the array of them, become maps. */
function resolveMaps(process: Process, request: LoadRequest, log: LoadLog): ResolvedMaps {
  const { insns, fdArray } = request;
  const views = new Map<KernelMap, FixupMap>();
  const offsets = new Map<FixupMap, number>();
  const bySlot = new Map<number, FixupMap>();
  const view = (map: KernelMap): FixupMap => {
    let known = views.get(map);
    if (known === undefined) {
      if (map.parts.exclusiveTo !== null && !sameBytes(map.parts.exclusiveTo, programDigest(insns))) {
        log.write("program's hash doesn't match map's excl_prog_hash\n");
        refuse(Errno.EACCES);
      }
      known = process.machine.fixupMap(map);
      views.set(map, known);
      offsets.set(known, map.offset);
    }
    return known;
  };
  for (const map of arrayMaps(process, request, log)) view(map);
  for (let slot = 0; slot < insns.length; slot++) {
    const insn = insns[slot]!;
    if (!isWide(insn)) continue;
    const kind = insn.src as WideKind;
    const next = insns[slot + 1];
    slot++;
    if (kind === WideKind.imm || kind === WideKind.func) continue;
    if (kind === WideKind.btfId && !process.machine.executes) continue;
    if (kind === WideKind.btfId) {
      log.write("kernel variables are not supported by this kernel\n");
      refuse(Errno.EOPNOTSUPP);
    }
    if ((kind === WideKind.mapFd || kind === WideKind.mapIdx) && next!.imm !== 0) {
      log.write("unrecognized bpf_ld_imm64 insn\n");
      refuse(Errno.EINVAL);
    }
    const byIndex = kind === WideKind.mapIdx || kind === WideKind.mapIdxValue;
    if (byIndex && fdArray === 0n) {
      log.write("fd_idx without fd_array is invalid\n");
      refuse(Errno.EPROTO);
    }
    const fd = byIndex ? process.u32(fdArray + BigInt(insn.imm * 4)) | 0 : insn.imm;
    const map = mapOf(process, fd, log);
    if (kind === WideKind.mapValue || kind === WideKind.mapIdxValue)
      checkValueAccess(map, next!.imm >>> 0, log);
    bySlot.set(slot - 1, view(map));
  }
  return { bySlot, used: [...views.keys()], offsetOf: (map) => offsets.get(map)! };
}

/** The maps among the descriptors of an array whose length is told (`process_fd_array`); the others are BTFs. */
function arrayMaps(process: Process, { fdArray, fdArrayCnt }: LoadRequest, log: LoadLog): KernelMap[] {
  if (fdArrayCnt === 0) return [];
  if (fdArrayCnt >= 0xffff_ffff / 4) {
    log.write(`fd_array_cnt is too big (${fdArrayCnt})\n`);
    refuse(Errno.EINVAL);
  }
  const maps: KernelMap[] = [];
  for (let i = 0; i < fdArrayCnt; i++) {
    const fd = process.u32(fdArray + BigInt(4 * i)) | 0;
    const object = process.files.find(fd)?.object;
    if (object?.kind === "map") maps.push(object as KernelMap);
    else if (object?.kind !== "btf") {
      log.write(`fd ${fd} is not pointing to valid bpf_map or btf\n`);
      refuse(object === undefined && fd > 2 ? Errno.EBADF : Errno.EINVAL);
    }
  }
  return maps;
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}

function mapOf(process: Process, fd: number, log: LoadLog): KernelMap {
  try {
    return process.map(fd, "any");
  } catch (error) {
    if (error instanceof Refusal) log.write(`fd ${fd} is not pointing to valid bpf_map\n`);
    throw error;
  }
}

function checkValueAccess(map: KernelMap, offset: number, log: LoadLog): void {
  if (map.type !== BpfMapType.ARRAY || map.parts.maxEntries !== 1) {
    log.write("no direct value access support for this map type\n");
    refuse(Errno.EINVAL);
  }
  if (offset >= map.valueSize) {
    log.write(`invalid access to map value pointer, value_size=${map.valueSize} off=${offset}\n`);
    refuse(Errno.EINVAL);
  }
}
