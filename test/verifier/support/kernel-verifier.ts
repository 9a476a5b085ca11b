import { readFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";
import { decode, encode } from "../../../src/isa/index.ts";
import { EmbeddedKernel, type KernelOptions } from "../../../src/kernel/index.ts";
import type { KernelRelease } from "../../../src/platform/index.ts";
import { BpfCommands, Errno } from "../../../src/sys/index.ts";
import { BpfAttachType, BpfProgType, Errno as E } from "../../../src/uapi/index.ts";
import { livePort } from "../../support/live-port.ts";
import { type CaseLoaders, embeddedLoaders, liveLoaders } from "./case-loader.ts";
import { KernelTypes } from "./kernel-types.ts";
import type { CaseVerifier, VerifierAnswer, VerifierQuestion } from "./verifier-answer.ts";
import type { CaseMap, CaseOutcome, CaseRun, VerifierCase } from "./verifier-case.ts";

const LONGEST_PROGRAM = 4096;
const ATTEMPTS = 8;
const FUNC_INFO_SIZE = 8;
const LINE_INFO_SIZE = 16;
/** Types whose test run takes a context alone. */
const CONTEXT_ONLY: ReadonlySet<number> = new Set([
  BpfProgType.RAW_TRACEPOINT,
  BpfProgType.SYSCALL,
  BpfProgType.TRACING,
  BpfProgType.LSM,
]);

/** A kernel as a verifier of cases. Nothing that it makes outlives a call of `verify`. */
export class KernelVerifier implements CaseVerifier {
  readonly name: string;
  readonly #judge: BpfCommands;
  /** The same kernel, as those load on it who may not do all. */
  readonly #loaders: CaseLoaders;
  /** Where programs run: a kernel that judges may have no bodies for all that programs call. */
  readonly #runner: BpfCommands;
  readonly #types: KernelTypes;
  /** In instructions. */
  readonly #longest: number;

  private constructor(
    name: string,
    judge: BpfCommands,
    loaders: CaseLoaders,
    runner: BpfCommands,
    types: KernelTypes,
    longest = Infinity,
  ) {
    this.name = name;
    this.#judge = judge;
    this.#loaders = loaders;
    this.#runner = runner;
    this.#types = types;
    this.#longest = longest;
  }

  /**
   * The running kernel, or why it is not to be had. Long programs are only for one that may be lost: other things run on
   * most.
   */
  static async live(options: { readonly long?: boolean } = {}): Promise<KernelVerifier | string> {
    const { port, withCapabilities, why } = await livePort();
    if (port === null) return why;
    const sys = new BpfCommands(port);
    const longest = options.long === true ? Infinity : LONGEST_PROGRAM;
    return new KernelVerifier("live", sys, liveLoaders(sys, withCapabilities), sys, kernelTypes(), longest);
  }

  /**
   * The embedded kernel as one release, with the types that come with the package, like the machine that answers were
   * recorded on.
   */
  static embedded(
    release: KernelRelease = "6.18",
    limits: Pick<KernelOptions, "complexityLimit" | "engine" | "jit"> = {},
  ): KernelVerifier {
    const packed = readFileSync(`assets/linux-${release}-x86_64.btf.br`);
    const types = new KernelTypes(new Uint8Array(brotliDecompressSync(packed)));
    const options = {
      ...limits,
      btf: types.btf,
      release,
      cpus: 2,
      lockdown: release === "6.18" ? "integrity" : "none",
      unprivilegedBpfDisabled: 0,
    } as const;
    const judge = new EmbeddedKernel({ ...options, execute: false });
    return new KernelVerifier("embedded", judge, embeddedLoaders(judge), new EmbeddedKernel(options), types);
  }

  get types(): KernelTypes {
    return this.#types;
  }

  takes({ rights, insns }: VerifierCase): boolean {
    return insns.length / 8 <= this.#longest && this.#loaders.with(rights) !== null;
  }

  verify(test: VerifierCase, question: VerifierQuestion): VerifierAnswer {
    if (test.insns.length / 8 > this.#longest) throw new Error("too long for the live kernel");
    const loader = this.#loaders.with(test.rights);
    if (loader === null) throw new Error("kernel.unprivileged_bpf_disabled is not 0");
    const made = loader.act(() => caseOn(loader.sys, this.#types, test));
    if (typeof made === "number") return { errno: made, log: "", xlated: null, runs: [] };
    using judged = made;
    const answer = loader.act(() => judged.load(question.logLevel, question.logSize));
    if (answer.fd === null) return { errno: answer.errno, log: answer.log, xlated: null, runs: [] };
    const xlated = question.xlated === true ? loader.xlated(answer.fd) : null;
    if (question.runs !== true || test.runs.length === 0) {
      return { errno: 0, log: answer.log, xlated, runs: [] };
    }
    return { errno: 0, log: answer.log, xlated, ...this.#runs(test, judged, answer.fd) };
  }

  #runs(test: VerifierCase, judged: CaseOnKernel, fd: number): Pick<VerifierAnswer, "runs" | "notRun"> {
    if (this.#runner === this.#judge) return { runs: judged.runs(fd) };
    using running = new CaseOnKernel(this.#runner, this.#types, test);
    const answer = running.load(1);
    if (answer.fd === null) return { runs: [], notRun: lastLine(answer.log) };
    return { runs: running.runs(answer.fd) };
  }

  close(): void {}
}

/** A case on a kernel; the errno of a map that its loader has no right to. */
function caseOn(sys: BpfCommands, types: KernelTypes, test: VerifierCase): CaseOnKernel | number {
  try {
    return new CaseOnKernel(sys, types, test);
  } catch (error) {
    if (error instanceof Errno && error.errno === E.EPERM && test.rights !== "all") return error.errno;
    throw error;
  }
}

type Loaded =
  | { readonly fd: number; readonly log: string }
  | { readonly fd: null; readonly errno: number; readonly log: string };

/** A case with all that it needs on a kernel, until it is disposed of. */
export class CaseOnKernel implements Disposable {
  readonly #sys: BpfCommands;
  readonly #types: KernelTypes;
  readonly #test: VerifierCase;
  readonly #objects: Descriptors;
  readonly #maps: number[] = [];

  constructor(sys: BpfCommands, types: KernelTypes, test: VerifierCase) {
    this.#sys = sys;
    this.#types = types;
    this.#test = test;
    this.#objects = new Descriptors(sys);
    try {
      for (const map of test.maps) this.#maps.push(this.#map(map));
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#objects[Symbol.dispose]();
  }

  load(logLevel: number, logSize?: number): Loaded {
    for (let attempt = 0; ; attempt++) {
      try {
        const { fd, log } = this.#load(logLevel, logSize);
        this.#objects.add(fd);
        return { fd, log };
      } catch (error) {
        if (!(error instanceof Errno)) throw error;
        // A signal interrupts the live verifier: it asks to be called again.
        if (error.errno === E.EAGAIN && attempt < ATTEMPTS) continue;
        return { fd: null, errno: error.errno, log: error.log ?? "" };
      }
    }
  }

  /** The descriptors of the case's maps, in its order. */
  get maps(): readonly number[] {
    return this.#maps;
  }

  runs(fd: number): CaseOutcome[] {
    this.#fillProgramArrays();
    return this.#test.runs.map((run) => this.#run(fd, run));
  }

  #load(logLevel: number, logSize: number | undefined) {
    const test = this.#test;
    const maps = this.#maps;
    const objects = this.#objects;
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
      ...(logSize === undefined ? {} : { logSize }),
    });
  }

  #map(map: CaseMap): number {
    const sys = this.#sys;
    const made = this.#maps;
    const objects = this.#objects;
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

  #fillProgramArrays(): void {
    const test = this.#test;
    const maps = this.#maps;
    const objects = this.#objects;
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

  #run(progFd: number, run: CaseRun): CaseOutcome {
    const test = this.#test;
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

function kernelTypes(): KernelTypes {
  return new KernelTypes(new Uint8Array(readFileSync("/sys/kernel/btf/vmlinux")));
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

function lastLine(log: string): string {
  return log.trimEnd().split("\n").at(-1) ?? "";
}

function word(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
