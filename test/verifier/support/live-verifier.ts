import { readFileSync } from "node:fs";
import { decode, encode } from "../../../src/isa/index.ts";
import { BpfCommands, Errno, progInfo } from "../../../src/sys/index.ts";
import { BpfAttachType, BpfProgType } from "../../../src/uapi/index.ts";
import { livePort } from "../../support/live-port.ts";
import { KernelTypes } from "./kernel-types.ts";
import type { CaseVerifier, VerifierAnswer, VerifierQuestion } from "./verifier-answer.ts";
import type { CaseMap, CaseOutcome, CaseRun, VerifierCase } from "./verifier-case.ts";

const LONGEST_PROGRAM = 4096;
const FUNC_INFO_SIZE = 8;
const LINE_INFO_SIZE = 16;
/** Types whose test run takes a context alone. */
const CONTEXT_ONLY: ReadonlySet<number> = new Set([
  BpfProgType.RAW_TRACEPOINT,
  BpfProgType.SYSCALL,
  BpfProgType.TRACING,
  BpfProgType.LSM,
]);

/** The running kernel as a verifier of cases. Nothing that it makes outlives a call of `verify`. */
export class LiveVerifier implements CaseVerifier {
  readonly name = "live";
  readonly #sys: BpfCommands;
  readonly #types: KernelTypes;

  private constructor(sys: BpfCommands, types: KernelTypes) {
    this.#sys = sys;
    this.#types = types;
  }

  /** The verifier, or why there is none. */
  static async open(): Promise<LiveVerifier | string> {
    const { port, why } = await livePort();
    if (port === null) return why;
    return new LiveVerifier(
      new BpfCommands(port),
      new KernelTypes(new Uint8Array(readFileSync("/sys/kernel/btf/vmlinux"))),
    );
  }

  get types(): KernelTypes {
    return this.#types;
  }

  verify(test: VerifierCase, question: VerifierQuestion): VerifierAnswer {
    if (test.insns.length / 8 > LONGEST_PROGRAM) throw new Error("too long for the live kernel");
    using objects = new Descriptors(this.#sys);
    const maps: number[] = [];
    for (const map of test.maps) maps.push(this.#map(map, maps, objects));
    let loaded: { readonly fd: number; readonly log: string };
    try {
      loaded = this.#load(test, maps, question.logLevel, objects);
      objects.add(loaded.fd);
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      return { errno: error.errno, log: error.log ?? "", xlated: null, runs: [] };
    }
    const xlated =
      question.xlated === true ? progInfo(this.#sys, loaded.fd, ["xlatedProgInsns"]).xlatedProgInsns : null;
    if (question.runs === true && test.runs.length > 0) this.#fillProgramArrays(test, maps, objects);
    const runs = question.runs === true ? test.runs.map((run) => this.#run(test, loaded.fd, run)) : [];
    return { errno: 0, log: loaded.log, xlated, runs };
  }

  close(): void {}

  #load(test: VerifierCase, maps: readonly number[], logLevel: number, objects: Descriptors) {
    const insns = decode(test.insns).map((insn) => ({ ...insn }));
    for (const reference of test.references) {
      insns[reference.slot]!.imm =
        reference.kind === "map" ? maps[reference.map]! : this.#types.id(reference);
    }
    const attach = test.attach === null ? null : this.#types.attach(test.attach);
    if (attach?.id === 0) throw new Error(`the kernel has no '${test.attach!.name}'`);
    const btf = test.btf === null ? 0 : objects.btf(test.btf);
    return this.#sys.progLoad({
      progType: test.progType,
      insns: encode(insns),
      license: test.license,
      progFlags: test.progFlags,
      expectedAttachType: attach?.member ? attach.member : test.expectedAttachType,
      ...(attach === null ? {} : { attachBtfId: attach.id }),
      ...(btf === 0 ? {} : { progBtfFd: btf }),
      ...(test.funcInfo.length === 0 ? {} : { funcInfo: test.funcInfo, funcInfoRecSize: FUNC_INFO_SIZE }),
      ...(test.lineInfo.length === 0 ? {} : { lineInfo: test.lineInfo, lineInfoRecSize: LINE_INFO_SIZE }),
      logLevel,
    });
  }

  #map(map: CaseMap, made: readonly number[], objects: Descriptors): number {
    const sys = this.#sys;
    const btfFd = map.types === null ? 0 : objects.btf(map.types.btf);
    const fd = objects.add(
      sys.mapCreate({
        mapType: map.type,
        keySize: map.keySize,
        valueSize: map.valueSize,
        maxEntries: map.maxEntries,
        mapFlags: map.flags,
        mapExtra: map.extra,
        mapName: map.name,
        ...(map.inner === null ? {} : { innerMapFd: made[map.inner]! }),
        ...(map.types === null
          ? {}
          : { btfFd, btfKeyTypeId: map.types.keyType, btfValueTypeId: map.types.valueType }),
      }),
    );
    for (const { key, value } of map.elements) sys.mapUpdateElem({ mapFd: fd, key, value });
    if (map.frozen) sys.mapFreeze({ mapFd: fd });
    return fd;
  }

  #fillProgramArrays(test: VerifierCase, maps: readonly number[], objects: Descriptors): void {
    for (const [at, { programs }] of test.maps.entries()) {
      for (const { index, insns, self } of programs) {
        const decoded = decode(insns).map((insn) => ({ ...insn }));
        for (const slot of self) decoded[slot]!.imm = maps[at]!;
        const { fd } = this.#sys.progLoad({
          progType: test.progType,
          expectedAttachType: test.expectedAttachType,
          insns: encode(decoded),
          license: test.license,
        });
        objects.add(fd);
        this.#sys.mapUpdateElem({
          mapFd: maps[at]!,
          key: word(index),
          value: word(fd),
        });
      }
    }
  }

  #run(test: VerifierCase, progFd: number, run: CaseRun): CaseOutcome {
    const contextOnly =
      CONTEXT_ONLY.has(test.progType) && test.expectedAttachType !== BpfAttachType.TRACE_FENTRY;
    try {
      const { retval } = this.#sys.progTestRun({
        progFd,
        ...(run.data === null || contextOnly ? {} : { dataIn: run.data, dataSizeOut: 1 << 12 }),
        ...(run.ctx === null ? {} : { ctxIn: run.ctx }),
        ...(contextOnly ? {} : { repeat: 1 }),
      });
      return { errno: 0, retval };
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      return { errno: error.errno, retval: 0 };
    }
  }
}

/** Closes what was opened, the last first. */
class Descriptors implements Disposable {
  readonly #sys: BpfCommands;
  readonly #open: number[] = [];
  readonly #btfs: { readonly bytes: Uint8Array; readonly fd: number }[] = [];

  constructor(sys: BpfCommands) {
    this.#sys = sys;
  }

  add(fd: number): number {
    this.#open.push(fd);
    return fd;
  }

  /** BTF of the same bytes is the same BTF: a program's objects and its maps' values must share their types. */
  btf(bytes: Uint8Array): number {
    const known = this.#btfs.find((each) => Buffer.compare(each.bytes, bytes) === 0);
    if (known !== undefined) return known.fd;
    const fd = this.add(this.#sys.btfLoad({ btf: bytes }));
    this.#btfs.push({ bytes, fd });
    return fd;
  }

  [Symbol.dispose](): void {
    for (const fd of this.#open.reverse()) this.#sys.close(fd);
  }
}

function word(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
