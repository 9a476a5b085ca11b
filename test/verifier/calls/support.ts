import { type Insn, ProgramBuilder, r0 } from "../../../src/isa/index.ts";
import { defaultLayout, programTypeNamed } from "../../../src/platform/index.ts";
import { BpfMapType } from "../../../src/uapi/index.ts";
import { Environment } from "../../../src/verifier/environment/environment.ts";
import type { VerifierMap } from "../../../src/verifier/environment/map.ts";
import { Rejection } from "../../../src/verifier/environment/rejection.ts";
import type { VerifyRequest } from "../../../src/verifier/environment/request.ts";
import { Subprogram } from "../../../src/verifier/environment/subprogram.ts";
import { VerifierLog } from "../../../src/verifier/log/verifier-log.ts";
import { Frame, MAIN_FUNC } from "../../../src/verifier/state/frame.ts";
import type { Register } from "../../../src/verifier/state/register.ts";
import { VerifierState } from "../../../src/verifier/state/verifier-state.ts";

export const layout = defaultLayout();

export const EXIT: readonly Insn[] = new ProgramBuilder().mov64(r0, 0).exit().insns();

export interface Case {
  readonly env: Environment;
  /** What was written to the log. */
  log(): string;
}

export interface CaseOptions {
  readonly type?: string;
  readonly insns?: readonly Insn[];
  readonly expectedAttachType?: number;
  readonly privileged?: boolean;
  /** Of the log; 1 where absent. */
  readonly level?: number;
}

/** A verification that stands before the first instruction of a program. */
export function verification(options: CaseOptions = {}): Case {
  const { type = "sched_cls", insns = EXIT, expectedAttachType = 0, privileged = true, level = 1 } = options;
  let text = "";
  const request: VerifyRequest = {
    insns,
    type: programTypeNamed(type)!,
    expectedAttachType,
    flags: 0,
    gplCompatible: true,
    attach: null,
    capabilities: { bpf: privileged, perfmon: privileged, netAdmin: privileged, sysAdmin: privileged },
    records: null,
    kernel: { release: "6.18", btf: layout.btf, layout, symbolAddress: () => null, cpus: 4 },
    files: { file: () => null, fdArray: null, fdArrayCount: 0 },
    log: {
      level,
      write: (added) => {
        text += added;
      },
      get position() {
        return text.length;
      },
      reset: (position) => {
        text = text.slice(0, position);
      },
    },
  };
  const env = new Environment(request, new VerifierLog(request.log));
  env.subprograms = [new Subprogram(0)];
  const state = new VerifierState();
  state.frames = [Frame.create(MAIN_FUNC, 0, 0, { precise: !privileged })];
  env.current = state;
  return { env, log: () => text };
}

/** The error, and what the log says of it. */
export function refusal(test: Case, act: () => void): [errno: number, log: string] {
  const before = test.log().length;
  try {
    act();
  } catch (error) {
    if (error instanceof Rejection) return [error.errno, test.log().slice(before)];
    throw error;
  }
  throw new Error("nothing was refused");
}

export function exampleMap(rest: Partial<VerifierMap> = {}): VerifierMap {
  const map: VerifierMap = {
    type: BpfMapType.HASH,
    keySize: 4,
    valueSize: 16,
    maxEntries: 8,
    flags: 0,
    id: 1,
    address: 0xffff_8000_0001_0000n,
    valueAddress: 0n,
    name: "numbers",
    btf: null,
    keyTypeId: 0,
    valueTypeId: 0,
    record: null,
    frozen: false,
    reservedForAnother: false,
    extra: 0n,
  };
  return { ...map, ...rest };
}

/** The register becomes a pointer of a type, with offset 0. */
export function point(reg: Register, type: number, fields: Partial<Register> = {}): Register {
  reg.markKnownZero();
  reg.type = type;
  return Object.assign(reg, fields);
}
