import { RecordBlocks } from "../maps/index.ts";
import { addressOf } from "../mem/index.ts";
import { BpfMapType, BpfProgFlag, Errno } from "../uapi/index.ts";
import {
  type Environment,
  FixupError,
  type FixupInput,
  type FixupMap,
  type FixupOptions,
  type FixupResult,
  fixup,
  mapFunctions,
  mapLines,
  type StructMetas,
  type TargetProgram,
  type VerifierMap,
} from "../verifier/index.ts";
import { CodeError, type CompiledProgram, type EngineInput } from "../vm/index.ts";
import type { PortableCode } from "./executors/messages.ts";
import type { LoadLog } from "./load-log.ts";
import type { Machine } from "./machine.ts";
import type { KernelMap } from "./objects/map.ts";
import type { ProgramKind } from "./objects/map-owner.ts";
import type { PortableParts, ProgramParts, Xlated } from "./objects/program.ts";
import type { Process } from "./process.ts";
import { programKind } from "./program-kind.ts";
import { refuse } from "./refusal.ts";
import { specialFields } from "./special-fields.ts";
import { programTag } from "./tag.ts";
import { unsupportedHelper, unsupportedKfunc } from "./unsupported.ts";
import { unverifiedMaps } from "./unverified.ts";
import { asTarget, type Judgement, judge, type LoadRequest } from "./verification.ts";

type Prepared = Pick<
  ProgramParts,
  | "tag"
  | "verifiedInsns"
  | "code"
  | "xlated"
  | "maps"
  | "maxContextOffset"
  | "lineSlots"
  | "programKind"
  | "target"
  | "records"
  | "portable"
>;

/** Code of a kernel that runs none: test runs are refused before they come here. */
const NO_CODE: CompiledProgram = {
  entry: 0,
  codeSize: 0,
  image: null,
  owns: () => false,
  run: () => 0,
  runMany: () => 0,
  close: () => undefined,
};

/** A program that fixups can work on. */
interface Checked {
  readonly input: FixupInput;
  /** What a verifier knows of it; null where it was taken unverified. */
  readonly env: Environment | null;
  /** Each once, in the order of first use. */
  readonly maps: readonly KernelMap[];
  readonly offsetOf: (map: FixupMap) => number;
  readonly target: TargetProgram | null;
}

/** From slots to code that runs: verified, fixed up, compiled. What is refused is in the log. */
export function prepare(process: Process, request: LoadRequest, log: LoadLog): Prepared {
  const { machine } = process;
  const checked = check(process, request, log);
  const kind = programKind(request, checked);
  checkOwners(checked.maps, kind);
  const { env, input } = checked;
  const records = new RecordBlocks(machine.memory);
  const code = machine.executes ? compile(machine, request, { ...checked, records }, log) : null;
  for (const map of checked.maps) map.get();
  // What the verifier found out is kept until the code that Linux would show is made of it.
  let shown: Xlated | (() => Xlated) = () => asLinuxShows(machine, checked, request);
  return {
    tag: programTag(request.records.insns),
    verifiedInsns: env?.insnProcessed ?? input.insns.length,
    code: code?.program ?? NO_CODE,
    maps: checked.maps,
    maxContextOffset: code?.maxContextOffset ?? 0,
    lineSlots: code?.lineSlots ?? new Uint32Array(),
    xlated: () => {
      if (typeof shown === "function") shown = shown();
      return shown;
    },
    programKind: kind,
    target: checked.target,
    records,
    portable: code?.portable ?? null,
  };
}

/** `bpf_check_tail_call`: a hash of devices is asked only when a program is put into it. */
function checkOwners(maps: readonly KernelMap[], kind: ProgramKind): void {
  for (const { owner, type } of maps) {
    if (owner !== null && type !== BpfMapType.DEVMAP_HASH && !owner.accepts(kind)) refuse(Errno.EINVAL);
  }
}

/** The verifier's word; a lenient kernel shows what it refuses all the same. */
function check(process: Process, request: LoadRequest, log: LoadLog): Checked {
  const { machine } = process;
  const judgement = judge(process, request, log);
  if (judgement.errno === 0) return verified(request, judgement);
  const maps = machine.lenient ? unverifiedMaps(process, request) : null;
  if (maps === null) return refuse(judgement.errno);
  return {
    input: fixupInput(request, maps.bySlot, new Map()),
    env: null,
    maps: maps.used,
    offsetOf: maps.offsetOf,
    target: null,
  };
}

function verified(request: LoadRequest, judgement: Judgement): Checked {
  const { env, kernelMap } = judgement;
  const maps = new Map<number, VerifierMap>();
  const addresses = new Map<number, bigint>();
  for (let slot = 0; slot < env.aux.length; slot++) {
    const { map, variable } = env.aux[slot]!;
    if (map !== null) maps.set(slot, map);
    if (variable !== null) addresses.set(slot, variable.address);
  }
  return {
    input: fixupInput(request, maps, addresses),
    env,
    maps: env.usedMaps.map(kernelMap),
    offsetOf: (map) => kernelMap(map as VerifierMap).offset,
    target: asTarget(request, judgement),
  };
}

/** A load as fixups take it. */
function fixupInput(
  request: LoadRequest,
  maps: ReadonlyMap<number, FixupMap>,
  addresses: ReadonlyMap<number, bigint>,
): FixupInput {
  return {
    insns: request.records.insns,
    type: request.type,
    expectedAttachType: request.expectedAttachType,
    sleepable: (request.flags & BpfProgFlag.SLEEPABLE) !== 0,
    maps,
    addresses,
  };
}

/** What the verifier knows, as fixups ask for it. */
function facts(env: Environment | null): Pick<FixupOptions, "verified"> {
  return env === null ? {} : { verified: env };
}

interface ToCompile extends Checked {
  /** Where the code finds what the structs of its objects have of special fields. */
  readonly records: RecordBlocks;
}

interface Compiled {
  readonly program: CompiledProgram;
  readonly portable: PortableParts | null;
  readonly maxContextOffset: number;
  /** Slots of the code that is compiled, for each line record that Linux would show. */
  readonly lineSlots: Uint32Array;
}

/** A verified program may still be nothing that this kernel can run: it lacks a helper. */
function compile(machine: Machine, request: LoadRequest, checked: ToCompile, log: LoadLog): Compiled {
  const fixed = fixupOrRefuse(machine, checked, request, log);
  const helpers = machine.helpersFor(request.type.type);
  for (const id of fixed.helpers) {
    if (helpers.has(id)) continue;
    log.write(`${unsupportedHelper(id)}\n`);
    refuse(Errno.EOPNOTSUPP);
  }
  for (const name of fixed.kfuncs.values()) {
    if (machine.kfuncs.has(name)) continue;
    log.write(`${unsupportedKfunc(name)}\n`);
    refuse(Errno.EOPNOTSUPP);
  }
  const mapOfSlot = new Map<number, number>();
  for (const [slot, map] of fixed.maps) mapOfSlot.set(slot, checked.offsetOf(map));
  const portable: PortableCode = {
    name: request.name,
    insns: fixed.insns,
    mapOfSlot,
    kfuncOfSlot: fixed.kfuncs,
    exceptionCallback: fixed.exceptionCallback,
    arena: arenaOf(checked.maps),
    // The interpreter tests what is proven, too: it costs little there, and a hole of the verifier does no harm.
    mode: checked.env !== null && machine.engine.name === "jit" ? "verified" : "checked",
  };
  const { kfuncs } = machine;
  const calls = () => [
    ...[...fixed.helpers].map((id) => helpers.get(id)!),
    ...new Set([...fixed.kfuncs.values()].map((name) => kfuncs.get(name)!)),
  ];
  return {
    program: compileOrRefuse(machine, { ...portable, helpers, kfuncs }, log),
    // Kept only where somebody may want it: instructions are most of what a program takes.
    portable: machine.others === null ? null : { code: portable, calls: calls() },
    maxContextOffset: fixed.maxContextOffset,
    lineSlots: Uint32Array.from(mapLines(request.records.lineRecords, fixed), ({ slot }) => slot),
  };
}

/** Where the code finds the pages of its arena: no program has two. 0 where it has none. */
function arenaOf(maps: readonly KernelMap[]): number {
  return maps.find(({ type }) => type === BpfMapType.ARENA)?.parts.storage.arena?.offset ?? 0;
}

function fixupOrRefuse(
  machine: Machine,
  { input, env, records }: ToCompile,
  request: LoadRequest,
  log: LoadLog,
): FixupResult {
  const metas = (): StructMetas => request.records.btf?.structMetas(machine.kernelTypes) ?? new Map();
  try {
    return fixup(input, {
      target: "tsbpf",
      layout: machine.layout,
      recordAddress: (record) => {
        const at = records.offsetOf(specialFields(record, metas()));
        return at === 0 ? refuse(Errno.ENOMEM) : addressOf(at);
      },
      ...facts(env),
    });
  } catch (error) {
    if (!(error instanceof FixupError)) throw error;
    log.write(`${error.reason}\n`);
    return refuse(Errno.EACCES);
  }
}

function compileOrRefuse(machine: Machine, input: EngineInput, log: LoadLog): CompiledProgram {
  try {
    return machine.engine.compile(input, machine.executor);
  } catch (error) {
    if (!(error instanceof CodeError)) throw error;
    log.write(`${error.slot}: ${error.problem}\n`);
    return refuse(Errno.EINVAL);
  }
}

/** Code and debug records for the target `linux-x86_64`: what info and dumps show. */
function asLinuxShows(machine: Machine, { input, env }: Checked, { records }: LoadRequest): Xlated {
  const result = fixup(input, {
    target: "linux-x86_64",
    layout: machine.layout,
    symbolAddress: (name) => machine.symbols.address(name),
    ...facts(env),
  });
  return {
    insns: result.insns,
    functions: result.functions,
    funcInfo: mapFunctions(records.functionRecords, result),
    lineInfo: mapLines(records.lineRecords, result),
  };
}
