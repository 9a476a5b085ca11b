import type { ProgramType } from "../platform/index.ts";
import {
  type AttachTarget,
  type ProgramFile,
  type TargetProgram,
  type Verification,
  type VerifierMap,
  verify,
} from "../verifier/index.ts";
import type { LoadLog } from "./load-log.ts";
import type { LoadRecords } from "./load-records.ts";
import type { KernelBtf } from "./objects/btf.ts";
import type { KernelMap } from "./objects/map.ts";
import type { Process } from "./process.ts";
import { Refusal } from "./refusal.ts";
import { programDigest } from "./tag.ts";
import { verifierMap } from "./verifier-map.ts";

/** A load whose arguments are in order. */
export interface LoadRequest {
  readonly type: ProgramType;
  readonly name: string;
  readonly expectedAttachType: number;
  /** `prog_flags` */
  readonly flags: number;
  /** Address of the caller's array of descriptors; 0 for none. */
  readonly fdArray: bigint;
  /** How many descriptors the array has, where the program keeps all of them; 0: only those that its code names. */
  readonly fdArrayCnt: number;
  readonly gplCompatible: boolean;
  /** The program's slots, and its records, which are read while it is verified. */
  readonly records: LoadRecords;
  readonly attach: AttachTarget | null;
  /** Whether it is for one device alone. */
  readonly devBound: boolean;
}

/** What the verifier says, and the kernel's own maps behind those that it speaks of. */
export interface Judgement extends Verification {
  readonly kernelMap: (map: VerifierMap) => KernelMap;
}

/** Lets the verifier look at a program with the eyes of the process that loads it. */
export function judge(process: Process, request: LoadRequest, log: LoadLog): Judgement {
  const { machine } = process;
  const { records, fdArray } = request;
  let digest: Uint8Array | undefined;
  const views = new Map<KernelMap, VerifierMap>();
  const maps = new Map<VerifierMap, KernelMap>();
  const view = (map: KernelMap): VerifierMap => {
    let known = views.get(map);
    if (known === undefined) {
      known = verifierMap(machine, map, () => (digest ??= programDigest(records.insns)));
      views.set(map, known);
      maps.set(known, map);
    }
    return known;
  };
  const file = (fd: number): ProgramFile | null => {
    const object = process.files.find(fd)?.object;
    // Every process has its standard streams, which are no objects of this kernel.
    if (object === undefined) return fd >= 0 && fd <= 2 ? { kind: "other" } : null;
    if (object.kind === "map") return { kind: "map", map: view(object as KernelMap) };
    if (object.kind !== "btf") return { kind: "other" };
    const btf = object as KernelBtf;
    return { kind: "btf", btf: btf.types, kernel: btf.kernelBtf, module: false };
  };
  const verification = verify({
    insns: records.insns,
    type: request.type,
    expectedAttachType: request.expectedAttachType,
    flags: request.flags,
    gplCompatible: request.gplCompatible,
    attach: request.attach,
    devBound: request.devBound,
    capabilities: {
      bpf: process.may("BPF"),
      perfmon: process.may("PERFMON"),
      netAdmin: process.may("NET_ADMIN"),
      sysAdmin: process.may("SYS_ADMIN"),
    },
    records,
    kernel: {
      release: machine.release,
      btf: machine.shown.btf,
      layout: machine.shown,
      symbolAddress: (name) => machine.perCpuVariables.address(name) ?? machine.symbols.address(name),
      cpus: machine.cpus,
      lockdown: machine.lockdown,
      missingOptions: machine.missingOptions,
    },
    files: {
      file,
      fdArray: fdArray === 0n ? null : (index) => descriptorAt(process, fdArray + BigInt(index) * 4n),
      fdArrayCount: request.fdArrayCnt,
    },
    log,
    ...(machine.complexityLimit === undefined ? {} : { complexityLimit: machine.complexityLimit }),
    clock: () => machine.clock() / 1e6,
  });
  return { ...verification, kernelMap: (map) => maps.get(map)! };
}

function descriptorAt(process: Process, address: bigint): number | null {
  try {
    return process.u32(address) | 0;
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

/** What another program that attaches to this one has to know of it. */
export function asTarget(request: LoadRequest, { env }: Verification): TargetProgram {
  return {
    type: request.type,
    expectedAttachType: request.expectedAttachType,
    btf: request.records.btf?.types ?? null,
    functions: request.records.functionRecords,
    subprograms: env.subprograms.map((subprogram) => ({
      global: subprogram.global,
      unreliable: subprogram.unreliable,
      exceptionCallback: subprogram.isExceptionCallback,
      changesPacket: subprogram.changesPacket,
      mightSleep: subprogram.mightSleep,
    })),
    jited: true,
    tailCallReachable: env.subprograms[0]?.tailCallReachable ?? false,
    attachedToProgram: request.attach?.program !== null && request.attach !== null,
    devBound: request.devBound,
  };
}
