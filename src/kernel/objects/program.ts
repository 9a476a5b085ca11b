import type { Callable, Kfunc } from "../../helpers/index.ts";
import type { Insn } from "../../isa/index.ts";
import type { RecordBlocks } from "../../maps/index.ts";
import type { TargetProgram } from "../../verifier/index.ts";
import type { CodeImage, CompiledProgram } from "../../vm/index.ts";
import type { PortableCode } from "../executors/messages.ts";
import type { IdTable } from "../id-table.ts";
import type { KernelBtf } from "./btf.ts";
import { type Jited, jitedOf } from "./jited.ts";
import { KernelObject } from "./kernel-object.ts";
import type { KernelMap } from "./map.ts";
import type { ProgramKind } from "./map-owner.ts";
import type { TailCallTarget } from "./program-array.ts";
import { TextStream } from "./text-stream.ts";

/** A device that a program is for: the same object as its `Device`. */
export interface BoundDevice {
  readonly ifindex: number;
}

/** What a program is made of. */
export interface ProgramParts {
  readonly type: number;
  readonly name: string;
  readonly expectedAttachType: number;
  readonly flags: number;
  /** What maps of programs ask of it. */
  readonly programKind: ProgramKind;
  /** Eight bytes (`bpf_prog_calc_tag`). */
  readonly tag: Uint8Array;
  readonly gplCompatible: boolean;
  readonly uid: number;
  /** Nanoseconds since boot when it was loaded. */
  readonly loadTime: bigint;
  /** Slots as loaded, with the references to maps still as descriptors. */
  readonly insns: readonly Insn[];
  /** How many instructions the verifier processed. */
  readonly verifiedInsns: number;
  /** End of the furthest access to the context, in bytes: how large a caller's context has to be. */
  readonly maxContextOffset: number;
  readonly code: CompiledProgram;
  /** Slots of that code, for each line record of {@link xlated}. */
  readonly lineSlots: Uint32Array;
  /** Code as the tools show it, for the target `linux-x86_64`: made when first asked for. */
  readonly xlated: () => Xlated;
  /** In the order in which the code first names them. Each is referenced by the program. */
  readonly maps: readonly KernelMap[];
  readonly btf: KernelBtf | null;
  /** The function or type of the kernel that it was loaded for; null for none. */
  readonly attachTarget: AttachTargetName | null;
  /** The only device that it may be attached to, whose metadata of packets it may ask for; null where any. */
  readonly device: BoundDevice | null;
  /** The program that this one attaches to. Referenced. */
  readonly attachProgram: KernelProgram | null;
  /** What helpers are told of the structs of its objects; they end with it. */
  readonly records: RecordBlocks;
  /** What other executors compile of it; null of a kernel that has none. */
  readonly portable: PortableParts | null;
  /** What those have to know that attach to this one; null of a program that no verifier has seen. */
  readonly target: TargetProgram | null;
}

/** A program as other executors take it, and the helpers and kfuncs that it calls. */
export interface PortableParts {
  readonly code: PortableCode;
  readonly calls: readonly (Callable | Kfunc)[];
}

/** A function or type that a program is for. */
export interface AttachTargetName {
  readonly name: string;
  readonly btfId: number;
  /** Id of the BTF that it is in; 0: the kernel's own, which has none here. */
  readonly btf: number;
}

/** Fixed-up code with the debug records that belong to its slots. */
export interface Xlated {
  readonly insns: readonly Insn[];
  /** Functions: start slot and type id. */
  readonly funcInfo: readonly { readonly slot: number; readonly typeId: number }[];
  readonly lineInfo: readonly LineRecord[];
  /** First slot of each function, the main one first. */
  readonly functions: readonly number[];
}

/** `struct bpf_line_info`. */
export interface LineRecord {
  readonly slot: number;
  readonly fileNameOff: number;
  readonly lineOff: number;
  /** Line in the upper 22 bits, column in the lower 10. */
  readonly lineCol: number;
}

/** A loaded program. */
export class KernelProgram extends KernelObject implements TailCallTarget {
  readonly kind = "prog";
  readonly parts: ProgramParts;
  readonly #table: IdTable<KernelProgram>;
  readonly #bound: KernelMap[] = [];
  #isTailCalled = false;
  /** Times that it could not run because it, or another of its kind, ran on the CPU already (`recursion_misses`). */
  misses = 0;
  /** Runs, and nanoseconds that they took, while statistics were enabled. */
  runs = 0;
  runTime = 0;
  /** What it has written: output, and errors. */
  readonly streams = [new TextStream(), new TextStream()] as const;
  /** See {@link jited}. */
  #jited: { readonly image: CodeImage; readonly told: Jited } | null = null;
  /** What is to be done when it ends. */
  readonly whenGone: (() => void)[] = [];
  /** CPUs on which it runs for an event that does not run it twice at a time. */
  readonly activeOn = new Set<number>();

  constructor(table: IdTable<KernelProgram>, parts: ProgramParts) {
    super(table.allocate());
    this.#table = table;
    this.parts = parts;
    table.add(this);
  }

  get entry(): number {
    this.#isTailCalled = true;
    return this.parts.code.entry;
  }

  /** {@link entry}, where somebody has asked for it: by which tail calls reach it; else 0. */
  get tailCallIndex(): number {
    return this.#isTailCalled ? this.parts.code.entry : 0;
  }

  /** What info tells of its compiled code, as long as that is the same; null where it is interpreted. */
  get jited(): Jited | null {
    const { code, lineSlots } = this.parts;
    const { image } = code;
    if (image === null) return null;
    if (this.#jited?.image !== image) this.#jited = { image, told: jitedOf(image, lineSlots) };
    return this.#jited.told;
  }

  /** Maps that the code uses, then those bound to it. */
  get maps(): readonly KernelMap[] {
    return [...this.parts.maps, ...this.#bound];
  }

  /** BPF_PROG_BIND_MAP: nothing happens where the program uses the map already. */
  bind(map: KernelMap): void {
    if (!this.maps.includes(map)) this.#bound.push(map.get());
  }

  protected override destroy(): void {
    this.#table.remove(this.id);
    for (const act of this.whenGone) act();
    this.parts.code.close();
    this.parts.records.close();
    for (const map of this.maps) map.put();
    this.parts.btf?.put();
    this.parts.attachProgram?.put();
  }
}
