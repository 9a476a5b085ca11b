import { type Btf, CoreResolver, writeBtf } from "../btf/index.ts";
import type { Insn } from "../isa/index.ts";
import { type ObjectSpec, type ProgramSpec, relocateCore } from "../object/index.ts";
import { type BpfCommands, Errno } from "../sys/index.ts";
import { BpfMapType, BpfProgType } from "../uapi/index.ts";
import { attachTarget } from "./attach-target.ts";
import { KernelCoreResolver } from "./core-targets.ts";
import { inPart, LoadError } from "./error.ts";
import { KernelFeatures } from "./features.ts";
import { type KconfigOptions, kconfigContents, kernelVersion } from "./kconfig.ts";
import { KernelTypes } from "./kernel-types.ts";
import { type KsymValue, resolveKsyms } from "./ksyms.ts";
import { LoadedMap } from "./loaded-map.ts";
import { LoadedObject } from "./loaded-object.ts";
import { LoadedProgram } from "./loaded-program.ts";
import { createMap, fillMap, pinnedMap } from "./map-create.ts";
import { resolveReferences } from "./program-code.ts";
import { programFacts } from "./program-facts.ts";
import { loadProgram } from "./program-load.ts";
import { sanitizeBtf } from "./sanitize-btf.ts";
import { type KernelStructOps, type StructOpsTarget, structOpsOf } from "./struct-ops.ts";

export interface LoadOptions extends KconfigOptions {
  /** The kernel's types, where the caller has them; otherwise they are read from the kernel when they are needed. */
  readonly kernelBtf?: Btf;
  /** What CO-RE relocations are made for, where that is not the kernel's own types. */
  readonly coreBtf?: Btf;
  /** Which programs are loaded; by default those that are loaded unless asked (`autoload`). */
  readonly autoload?: (program: ProgramSpec) => boolean;
  /** Descriptors of existing maps that stand for maps of the object, by key; the loader duplicates them. */
  readonly maps?: ReadonlyMap<string, number>;
  /** Where maps that are pinned by name are: `/sys/fs/bpf` without it. */
  readonly pinRoot?: string;
  /** The program that a `freplace` (or a tracer of BPF programs) is for: a descriptor, or null for the kernel. */
  readonly targetProgram?: (program: ProgramSpec) => number | null;
  /** Hears of what was left out although the object has it: where the kernel refuses its types, and nothing needs them. */
  readonly warn?: (problem: string) => void;
  /** Of the verifier; 0 without it. */
  readonly logLevel?: number;
  /** Bytes of the verifier's log: of a longer one the end is kept. Without it, as many as it takes, up to 16 MiB. */
  readonly logSize?: number;
}

const PIN_ROOT = "/sys/fs/bpf";

/**
 * Loads an object into a kernel, as libbpf does: its types, its maps with their initial contents, its programs with all
 * references resolved and CO-RE relocations made for that kernel's types.
 *
 * Types that the kernel lacks are left out, as is the object's whole BTF where it is refused and nothing needs it. Throws
 * LoadError, with the log where there is one; then everything is closed, and what was pinned is unpinned.
 *
 * ```ts
 * using object = load(open(bytes, { name: "flow.bpf.o" }), sys);
 * sys.progTestRun({ progFd: object.programs.get("count_flows")!.fd, dataIn: packet });
 * ```
 */
export function load(spec: ObjectSpec, sys: BpfCommands, options: LoadOptions = {}): LoadedObject {
  using loading = new Loading(spec, sys, options);
  return loading.run();
}

/** One load: what it has found out about the kernel, and everything it has opened, to be closed if anything fails. */
class Loading implements Disposable {
  readonly #spec: ObjectSpec;
  readonly #sys: BpfCommands;
  readonly #options: LoadOptions;
  readonly #types: KernelTypes;
  readonly #features: KernelFeatures;
  readonly #fds: number[] = [];
  readonly #pins: string[] = [];
  /** Maps that were made here, and whose slots are empty yet. */
  readonly #unfilled: LoadedMap[] = [];
  readonly #maps = new Map<string, LoadedMap>();
  readonly #programs = new Map<string, LoadedProgram>();
  #done = false;

  constructor(spec: ObjectSpec, sys: BpfCommands, options: LoadOptions) {
    this.#spec = spec;
    this.#sys = sys;
    this.#options = options;
    this.#types = new KernelTypes(sys, options.kernelBtf);
    this.#features = new KernelFeatures(sys);
  }

  run(): LoadedObject {
    const spec = this.#spec;
    if (spec.endian !== "little")
      throw this.#error("expected a little-endian object, as the kernel is, got a big-endian one");
    const kconfig = this.#kconfig();
    const ksyms = this.#part(() => resolveKsyms(spec, this.#sys, this.#types));
    const structOps = this.#part(() => structOpsOf(spec, this.#types));
    const programs = this.#wanted(structOps.programs, structOps.unused);
    const relocated = this.#relocate(programs);
    const btfFd = this.#loadBtf();
    for (const key of spec.maps.keys()) this.#createMap(key, btfFd, kconfig, structOps.maps.get(key));
    this.#fillMapsOfMaps();
    for (const program of programs) {
      this.#loadProgram(
        program,
        relocated.get(program)!,
        btfFd,
        ksyms,
        structOps.programs.get(program.name) ?? null,
      );
    }
    this.#fillProgramArrays();
    this.#fillStructOps(structOps.maps);
    this.#done = true;
    return new LoadedObject(this.#sys, {
      spec,
      programs: this.#programs,
      maps: this.#maps,
      btfFd: btfFd === 0 ? null : btfFd,
    });
  }

  [Symbol.dispose](): void {
    this.#types[Symbol.dispose]();
    if (this.#done) return;
    for (const path of this.#pins) this.#sys.port.remove(path);
    for (const map of this.#maps.values()) map.unmap();
    for (const fd of this.#fds) this.#sys.port.close(fd);
  }

  /** Remembers a descriptor, to be closed if anything fails. */
  #own(fd: number): number {
    this.#fds.push(fd);
    return fd;
  }

  #kconfig(): Uint8Array | null {
    const size = this.#spec.maps.get(".kconfig")?.valueSize ?? 0;
    if (size === 0) return null;
    return this.#part(() =>
      kconfigContents(this.#spec.externs, size, this.#sys, this.#features, this.#options),
    );
  }

  /** Programs to load; those of struct_ops where a map that is created has them, or no map at all. */
  #wanted(structOps: ReadonlyMap<string, StructOpsTarget>, unused: ReadonlySet<string>): ProgramSpec[] {
    const { autoload } = this.#options;
    return [...this.#spec.programs.values()].filter((program) => {
      if (autoload !== undefined && !autoload(program)) return false;
      if (program.kind.type === BpfProgType.STRUCT_OPS) {
        if (structOps.has(program.name)) return true;
        if (unused.has(program.name)) return false;
      }
      return autoload !== undefined || program.autoload;
    });
  }

  #relocate(programs: readonly ProgramSpec[]): Map<ProgramSpec, readonly Insn[]> {
    const relocated = new Map<ProgramSpec, readonly Insn[]>();
    let resolver: Pick<CoreResolver, "resolve"> | undefined;
    for (const program of programs) {
      if (program.coreRelocations.length === 0) {
        relocated.set(program, program.insns);
        continue;
      }
      const insns = this.#inProgram(program, () => {
        resolver ??= this.#resolver();
        return relocateCore(program, resolver);
      });
      relocated.set(program, insns);
    }
    return relocated;
  }

  #resolver(): Pick<CoreResolver, "resolve"> {
    const local = this.#spec.btf!;
    const { coreBtf } = this.#options;
    if (coreBtf === undefined) return new KernelCoreResolver(local, this.#types);
    return new CoreResolver(local, { kernel: { name: "target BTF", btf: coreBtf } });
  }

  /** @returns the descriptor, or 0 where the kernel does not take it and nothing needs it. */
  #loadBtf(): number {
    const { btf } = this.#spec;
    if (btf === null) return 0;
    const bytes = writeBtf(btf);
    try {
      return this.#own(this.#sys.btfLoad({ btf: bytes }));
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      const sane = sanitizeBtf(btf, this.#features);
      if (sane !== null) {
        try {
          return this.#own(this.#sys.btfLoad({ btf: sane }));
        } catch (again) {
          if (!(again instanceof Errno)) throw again;
        }
      }
      // Only the kernel's side of struct_ops cannot do without.
      if ([...this.#spec.maps.values()].every((map) => map.structOps === null)) {
        this.#options.warn?.(
          `the kernel refuses its BTF (${reasonOf(error)}): maps, functions and lines are loaded without types`,
        );
        return 0;
      }
      throw new LoadError(this.#spec.name, { kind: "btf" }, error.message, error);
    }
  }

  #createMap(
    key: string,
    btfFd: number,
    kconfig: Uint8Array | null,
    structOps: KernelStructOps | undefined,
  ): void {
    const spec = this.#spec.maps.get(key)!;
    const given = this.#options.maps?.get(key);
    if (!spec.autocreate && given === undefined) return;
    inPart(this.#spec.name, { kind: "map", name: key }, () => {
      const pinPath = spec.pinning === 0 ? null : `${this.#options.pinRoot ?? PIN_ROOT}/${spec.name}`;
      let reused = given === undefined ? null : this.#duplicate(given);
      if (reused === null && pinPath !== null) reused = pinnedMap(this.#sys, spec, pinPath);
      const fd = this.#own(
        reused ?? createMap(this.#sys, { spec, btfFd, ...(structOps === undefined ? {} : { structOps }) }),
      );
      const map = new LoadedMap(this.#sys, fd, {
        name: key,
        spec,
        btf: this.#spec.btf,
        pinPath,
        ...(structOps === undefined ? {} : { structOpsValue: structOps.value }),
      });
      this.#maps.set(key, map);
      if (reused !== null) return;
      if (spec.type === BpfMapType.ARENA) map.settle();
      const contents = key === ".kconfig" ? kconfig : spec.contents;
      if (contents !== null && spec.structOps === null) fillMap(this.#sys, fd, spec, contents);
      if (spec.type !== BpfMapType.PROG_ARRAY) this.#unfilled.push(map);
      if (pinPath === null || given !== undefined) return;
      this.#sys.objPin({ pathname: pinPath, bpfFd: fd });
      this.#pins.push(pinPath);
    });
  }

  #duplicate(fd: number): number {
    const copy = this.#sys.port.dup(fd);
    if (copy < 0) throw new Errno(-copy, "dup");
    return copy;
  }

  #loadProgram(
    program: ProgramSpec,
    insns: readonly Insn[],
    btfFd: number,
    ksyms: ReadonlyMap<number, KsymValue>,
    structOps: StructOpsTarget | null,
  ): void {
    const spec = this.#spec;
    this.#inProgram(program, () => {
      const targetFd = this.#options.targetProgram?.(program) ?? null;
      const needsTarget = program.kind.needsAttachBtf;
      const { fd, log } = loadProgram(this.#sys, this.#features, {
        spec: program,
        code: resolveReferences(program, insns, {
          maps: new Map([...this.#maps].map(([key, map]) => [key, map.fd])),
          mapKeys: [...spec.maps.keys()],
          externs: spec.externs,
          ksyms,
          kconfig: this.#maps.get(".kconfig")?.fd,
        }),
        license: spec.license,
        kernelVersion:
          spec.kernelVersion || (program.kind.type === BpfProgType.KPROBE ? kernelVersion(this.#sys) : 0),
        btf: spec.btf,
        btfFd,
        target: needsTarget ? attachTarget(program, this.#sys, this.#types, targetFd) : null,
        structOps,
        targetFd: needsTarget ? targetFd : null,
        logLevel: this.#options.logLevel ?? 0,
        logSize: this.#options.logSize,
        facts: () => programFacts(this.#spec, program),
      });
      this.#own(fd);
      this.#programs.set(program.name, new LoadedProgram(this.#sys, fd, { spec: program, log }));
      this.#bindConstants(fd);
    });
  }

  /** Keeps constants alive with programs that do not use them: tools read formats and settings there. */
  #bindConstants(progFd: number): void {
    for (const { spec, fd } of this.#maps.values()) {
      if (spec.section === null || !spec.section.startsWith(".rodata")) continue;
      try {
        this.#sys.progBindMap({ progFd, mapFd: fd });
      } catch (error) {
        // Since Linux 5.10; nothing depends on it.
        if (!(error instanceof Errno)) throw error;
      }
    }
  }

  /** A slot may name a map that comes later. */
  #fillMapsOfMaps(): void {
    for (const map of this.#unfilled) {
      inPart(this.#spec.name, { kind: "map", name: map.name }, () => {
        this.#fillSlots(map, (target) => this.#maps.get(target)?.fd);
      });
    }
  }

  #fillProgramArrays(): void {
    for (const map of this.#maps.values()) {
      if (map.spec.type !== BpfMapType.PROG_ARRAY) continue;
      inPart(this.#spec.name, { kind: "map", name: map.name }, () => {
        this.#fillSlots(map, (target) => this.#programs.get(target)?.fd);
      });
    }
  }

  #fillSlots(map: LoadedMap, fdOf: (target: string) => number | undefined): void {
    for (const { index, target } of map.spec.slots) {
      const fd = fdOf(target);
      if (fd === undefined) throw this.#error(`map ${map.name}: slot ${index}: ${target} was not loaded`);
      const words = new Uint32Array([index, fd]);
      const key = new Uint8Array(words.buffer, 0, 4);
      this.#sys.mapUpdateElem({ mapFd: map.fd, key, value: new Uint8Array(words.buffer, 4, 4) });
    }
  }

  /** Puts descriptors of programs into what struct_ops maps are attached with. */
  #fillStructOps(maps: ReadonlyMap<string, KernelStructOps>): void {
    for (const { value, programs } of maps.values()) {
      const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
      for (const { program, offset } of programs) {
        const fd = this.#programs.get(program)?.fd;
        if (fd !== undefined) view.setBigUint64(offset, BigInt(fd), true);
      }
    }
  }

  #part<T>(act: () => T): T {
    return inPart(this.#spec.name, { kind: "object" }, act);
  }

  #inProgram<T>(program: ProgramSpec, act: () => T): T {
    return inPart(this.#spec.name, { kind: "program", name: program.name }, act);
  }

  #error(problem: string): LoadError {
    return new LoadError(this.#spec.name, { kind: "object" }, problem);
  }
}

/** The last line of the log, which says why; the error number where there is none. */
function reasonOf({ log, message }: Errno): string {
  return log.trimEnd().split("\n").at(-1) || message;
}
